"""Retrieval and requests of the fake API: their state, and their endpoints as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.types import Job, Judgement, new_id
from tests.ui import scenes

if TYPE_CHECKING:
    from tests.ui.fake_api import FakeApi

Reply = tuple[int, Any]
NOT_LEARNED = {
    "weight": 0.8, "shipped": 0.8, "found": 0.8, "adopted": False, "cases": {"development": 12, "click": 3}, "left_out": [],
    "said": "15 judged cases, and 40 are the fewest to learn from: the shipped weight 0.80 stays", "curve": {},
}  # fmt: skip
LEARNED = {
    **NOT_LEARNED, "weight": 0.65, "found": 0.65, "adopted": True, "cases": {"development": 160, "judgement": 21},
    "said": "0.65 in place of 0.80: nDCG@10 0.712 in place of 0.690 on 181 cases", "curve": {"0.65": 0.712, "0.80": 0.69},
    "left_out": ["478 look-ups that the pack's searcher learned from"],
}  # fmt: skip


class FakeRetrieval:
    """`choices`: what a search can be restricted to; `learned`: what the next learning comes to."""

    def __init__(self) -> None:
        self.choices = {
            "documents": 4,
            "sources": ["data-rules.md", "deployment-and-monitoring.pdf", "gpu-quota.md", "handbook/lora.md"],
            "folders": {"handbook": 1},
            "kinds": {"md": 3, "pdf": 1},
        }
        self.shipped, self.learned = 0.8, NOT_LEARNED
        self.kept: dict[str, Any] | None = None
        self.asked: list[dict[str, list[str]]] = []
        self.place: int | None = 1

    @property
    def serving(self) -> float:
        return self.kept["weight"] if self.kept else self.shipped


def placed(
    id: str, source: str, text: str, ranks: tuple[int, int | None, int], words: dict[str, float]
) -> dict[str, Any]:
    bm25 = sum(words.values())
    held = [{"word": word, "weight": weight} for word, weight in words.items()]
    passage = {"id": id, "source": source, "text": text, "heading": "GPU quota > The quota", "page": None, "also": []}
    return {
        "passage": passage, "dense": 0.71, "bm25": bm25, "from_dense": 0.6, "from_bm25": 0.2, "score": 0.8, "words": held,
        "dense_rank": ranks[0], "bm25_rank": ranks[1], "rank": ranks[2],
        "why": f"{ranks[0]}st by meaning (likeness 0.71), by words: 0.60 + 0.20 = 0.80",
    }  # fmt: skip


def rankings(fake: FakeApi, query: dict[str, list[str]], **_: Any) -> Reply:
    state = fake.retrieval
    state.asked.append(query)
    weight = float(query["weight"][0]) if "weight" in query else state.serving
    quota = placed("q", "gpu-quota.md", scenes.QUOTA, (1, 1, 1), {"quota": 2.5, "team": 0.5})
    quota["passage"]["also"] = ["handbook/lora.md"]
    cards = placed("c", "gpu-fleet.xlsx", "![x](http://127.0.0.1:9/c.png) Cards.", (2, None, 2), {})
    passages = {"q": quota, "c": cards}
    return 200, {
        "query": query["query"][0], "weight": weight, "serving": state.serving, "shipped": state.shipped, "searched": 4,
        "missing": ["zeppelins"], "passages": passages, "rankings": {"dense": ["q", "c"], "bm25": ["q"], "fused": ["q", "c"]},
    }  # fmt: skip


def weight(fake: FakeApi, **_: Any) -> Reply:
    state = fake.retrieval
    return 200, {"collection": "desk", "serving": state.serving, "shipped": state.shipped, "learned": state.kept}


def forget(fake: FakeApi, **_: Any) -> Reply:
    fake.retrieval.kept = None
    return weight(fake)


def tune(fake: FakeApi, **_: Any) -> Reply:
    job = Job(id=new_id(), kind="tune", state="success", done=1, total=1)
    fake.jobs[job.id] = job
    fake.retrieval.kept = fake.retrieval.learned
    return 202, job


def passage(fake: FakeApi, id: str, **_: Any) -> Reply:
    if "gone" in id:
        return 404, {"title": "Not found", "detail": "its document was changed or removed since"}
    one = {"id": id, "source": "gpu-quota.md", "heading": "GPU quota > Weekly hours"}
    return 200, {
        "passage": {**one, "text": scenes.QUOTA},
        "before": {**one, "text": "The rules hold for all six teams."},
        "after": {**one, "text": "The night queue runs from 20:00."},
        "section": [one, one],
        "parents": [{"heading": "GPU quota", "passages": 5}, {"heading": "GPU quota > Weekly hours", "passages": 2}],
    }


def wish(fake: FakeApi, body: Any, **_: Any) -> Reply:
    value = {"fact": "", "source": "", "markdown": "", "note": body["note"], "requested": True}
    made = Judgement(
        kind="document", query=body["query"], value=value, answer_id=body["answer_id"], author=body["user"]
    )
    fake.loop.judgements.append(made.model_dump(mode="json"))
    return 201, made


def requests(fake: FakeApi, **_: Any) -> Reply:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in fake.loop.judgements:
        if not row["done"]:
            groups.setdefault(row["query"].lower(), []).append(row)
    made = [
        {"id": rows[0]["id"], "query": rows[0]["query"], "asked": len(rows), "last": rows[-1]["created_at"],
         "queries": list(dict.fromkeys(row["query"] for row in rows)), "requests": rows}
        for rows in groups.values()
    ]  # fmt: skip
    closed = [row for row in fake.loop.judgements if row["done"]]
    return 200, {"groups": sorted(made, key=lambda group: -group["asked"]), "closed": closed}


def close(fake: FakeApi, id: str, body: Any, **_: Any) -> Reply:
    for row in fake.loop.judgements:
        if row["id"] in [id, *body["also"]]:
            row["done"], row["value"] = True, {**row["value"], "closed_with": body["document"]}
    return 200, {"closed": [], "place": fake.retrieval.place if body["document"] else None}


def of_conversation(fake: FakeApi, id: str, **_: Any) -> Reply:
    ids = {answer.id for answer in fake.answers.values() if answer.conversation == id}
    return 200, [row for row in fake.loop.judgements if row["answer_id"] in ids]


ENDPOINTS: list[tuple[str, str, Any]] = [
    ("GET", "/api/retrieval", rankings),
    ("GET", "/api/retrieval/choices", lambda fake, **_: (200, fake.retrieval.choices)),
    ("GET", "/api/retrieval/weight", weight),
    ("DELETE", "/api/retrieval/weight", forget),
    ("POST", "/api/retrieval/tune", tune),
    ("GET", "/api/passages/([^/]+)", passage),
    ("POST", "/api/answers/([^/]+)/opened", lambda fake, *_, **__: (204, None)),
    ("POST", "/api/requests", wish),
    ("GET", "/api/requests", requests),
    ("POST", "/api/requests/([^/]+)/close", close),
    ("GET", "/api/conversations/([^/]+)/requests", of_conversation),
]

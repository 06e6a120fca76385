"""What the fake desk has learned so far: answers to review, examples, datasets, runs, adapters and a report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from core.types import Answer, Correction, Example, Passage, Rating, Registered, Report, Review
from tests.ui import scenes

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
QUOTA = "What is our GPU quota per team?"
VERSIONS = ("3f9ac1d27b604e15", "91d0c77e5ab8f264")


def answered(id: str, query: str, strategy: str | None = None, **changes: Any) -> Answer:
    answer = Answer(id=id, query=query, created_at=NOON)
    return scenes.finished(answer, scenes.whole(query, strategy)).model_copy(update=changes)


def queue() -> list[dict[str, Any]]:
    """Rated down with a correction and two near-duplicates; a doubtful refusal; text that would like to be a page."""
    found = Passage(id="hours-1", source="gpu-hours.md", heading="Extra hours", text="Extra hours need a ticket.")
    first = answered("a1", QUOTA, passages=(found,))
    rating = Rating(
        id="r1",
        answer_id="a1",
        score=-1,
        reasons=("Wrong", "Incomplete"),
        correction="Each team may use 140 GPU hours a week since October.",
        user="bo",
        created_at=NOON,
    )
    refused = answered("a4", "What does an H200 cost per hour?")
    hostile = answered("a5", "hostile question ![q](http://127.0.0.1:9/q.png)")
    comment = Rating(id="r5", answer_id="a5", score=-1, correction=scenes.HOSTILE, created_at=NOON)
    other = Review(subject="a4", reviewer="cy", verdict="reject", created_at=NOON)
    return [
        item(first, [rating], [], ["rated down", "a correction waits"], 0.9, ["a2", "a3"]),
        item(refused, [], [other], ["refused", "thin margin"], 0.6, []),
        item(hostile, [comment], [], ["rated down"], 0.4, []),
    ]


def item(answer: Answer, ratings: list, reviews: list, why: list[str], priority: float, alike: list[str]) -> dict:
    fields = {"answer": answer, "ratings": ratings, "reviews": reviews}
    return {**fields, "why": why, "priority": priority, "alike": alike}


def alike() -> list[Answer]:
    return [
        answered("a2", "What's the GPU quota of a team?"),
        answered("a3", "What was our GPU quota per team in 2025?"),
    ]


def corrections() -> list[Correction]:
    first = Correction(
        id="c1",
        query=QUOTA,
        answer="Each team may use 140 GPU hours a week since October.",
        task="lookup",
        author="ann",
        document="gpu-quota.md",
        created_at=NOON,
    )
    learned: dict[str, Any] = {"id": "c2", "query": "Label: no space left on device", "answer": "storage/quota"}
    return [
        first,
        Correction(
            **learned, state="learned", task="label", author="ann", learned_by="ml-desk-5e1f09c2", created_at=NOON
        ),
    ]


def judgements() -> list[dict[str, Any]]:
    fields = {"kind": "document", "answer_id": "a4", "author": "ann", "created_at": NOON.isoformat()}
    return [
        {
            "id": "7",
            "query": "What does an H200 cost per hour?",
            "value": {"fact": "It costs 4 EUR.", "source": "note-h200.md", "markdown": "# H200\n\nIt costs 4 EUR.\n"},
            "done": False,
            **fields,
        }
    ]


def examples() -> list[Example]:
    """60 approved seeds and imports, and three drafts of which one is hostile."""
    tasks = ("label", "recipe")
    approved = [
        Example(
            id=f"seed{n}",
            task=tasks[n % 2],
            query=f"Ticket {n}: CUDA out of memory",
            answer="gpu/memory",
            tags=("edge",) if n % 5 == 0 else (),
            origin="import" if n % 3 == 0 else "seed",
            author="bo" if n % 3 == 0 else "",
            created_at=NOON - timedelta(minutes=n),
        )
        for n in range(60)
    ]
    about: dict[str, Any] = {"state": "draft", "origin": "draft", "document": "gpu-quota.md"}
    drafts = [
        Example(id="d1", task="label", query="Label: we need 40 more GPU hours", answer="gpu/quota", **about),
        Example(id="d2", task="label", query="Label: job killed", answer="gpu/memory?", tags=("edge",), **about),
        Example(id="d3", task="label", query=scenes.HOSTILE, answer=scenes.HOSTILE, **about),
    ]
    return [*approved, *drafts]


TASKS = [
    {
        "task": "label",
        "edge": 6,
        "refusal": 3,
        "score": 0.71,
        "curve": [[50, 0.52], [100, 0.64], [200, 0.71]],
        "next": True,
    },
    {
        "task": "recipe",
        "edge": 6,
        "refusal": 0,
        "score": 0.92,
        "curve": [[50, 0.8], [100, 0.9], [200, 0.92]],
        "next": False,
    },
]


def manifest(rows: int) -> dict[str, Any]:
    return {
        "pack": "ml-desk",
        "pairs": 2,
        "edge_share": 0.2,
        "refusal_share": 0.05,
        "tasks": {"label": rows // 2, "recipe": rows - rows // 2},
        "lengths": {"label": {"query": [40, 90, 212], "answer": [9, 12, 14]}},
        "dropped": {"near-duplicate": 2, "held out": 1},
        "warnings": ["bo gave 40% of the rows"],
    }


PLOT = '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40"><rect width="120" height="40" fill="#3a8f7b"/></svg>'


def whole(version: str) -> dict[str, Any]:
    dropped = [
        {"example": "seed7", "task": "label", "reason": "near-duplicate", "why": "says what seed3 says"},
        {
            "example": "x1",
            "task": "label",
            "reason": "held out",
            "why": "a golden case asks it ![d](http://127.0.0.1:9/d.png)",
        },
    ]
    found = {"version": version, "rows": 57, "created_at": "2026-11-21T12:00:00Z", "plots": {"tasks.svg": PLOT}}
    return {**found, "manifest": {**manifest(57), "dropped_rows": dropped}, "card": "# Dataset"}


def datasets() -> list[dict[str, Any]]:
    return [
        {"version": VERSIONS[0], "rows": 57, "manifest": manifest(57), "created_at": "2026-11-21T12:00:00Z"},
        {"version": VERSIONS[1], "rows": 41, "manifest": {"dropped": {}}, "created_at": "2026-11-14T12:00:00Z"},
    ]


def losses(upto: int) -> list[list[float]]:
    return [[step, round(2.4 / (1 + step / 25) + 0.06 * (step % 3), 4)] for step in range(1, upto + 1)]


def runs() -> list[dict[str, Any]]:
    common = {"dataset": VERSIONS[0], "name": "ml-desk", "steps": 120, "error": "", "note": "", "adapter": ""}
    return [
        {**common, "id": "run3aaaa", "state": "pending", "step": 48, "seconds_left": 412.0, "losses": losses(48)},
        {
            **common,
            "id": "run2bbbb",
            "state": "error",
            "step": 3,
            "seconds_left": None,
            "losses": losses(3),
            "error": "The gradient is not a number at step 3: lower the learning rate.",
        },
        {
            **common,
            "id": "run1cccc",
            "state": "success",
            "step": 120,
            "seconds_left": 0,
            "losses": losses(120),
            "adapter": "ml-desk-77aa01be",
        },
    ]


def adapter(id: str, state: str, report: str = "", hours: int = 0) -> Registered:
    fields: dict[str, Any] = {"id": id, "name": id.rpartition("-")[0], "sha256": id[-8:] * 8, "state": state}
    card = {"base": "smollm2", "r": 16, "seed": 7, "template": "5d0c"}
    when = NOON - timedelta(hours=hours)
    return Registered(**fields, dataset=VERSIONS[0], report_id=report, card=card, created_at=when)


def registry() -> list[Registered]:
    return [
        adapter("ml-desk-77aa01be", "candidate"),
        adapter("ml-desk-c0ffee12", "candidate", "rep-better", 2),
        adapter("ml-desk-5e1f09c2", "live", "rep-old", 30),
        adapter("ml-desk-0badf00d", "refused", "rep-worse", 40),
        adapter("ml-desk-11112222", "former", "rep-old", 90),
        adapter("ml-desk-33334444", "retired", "", 200),
    ]


def task_row(task: str, n: int, was: float, now: float, better: int, worse: int, verdict: str, why: str = "") -> dict:
    gain = round(now - was, 3)
    return {
        "task": task,
        "n": n,
        "candidate": now,
        "incumbent": was,
        "difference": gain,
        "low": gain - 0.06,
        "high": gain + 0.06,
        "better": better,
        "worse": worse,
        "verdict": verdict,
        "why": why,
    }


def flipped(better: int, worse: int) -> list[dict[str, Any]]:
    cases = []
    for n in range(better + worse):
        good = n < better
        right, wrong = '{"label": "gpu/quota"}', '{"label": "gpu/memory"}'
        cases.append(
            {
                "case": f"label-{n:03}",
                "task": "label",
                "query": f"Label this ticket: we need {10 * n + 10} more hours",
                "candidate": right if good else wrong,
                "incumbent": wrong if good else right,
                "better": good,
            }
        )
    return cases


def report(id: str, verdict: str, tasks: list[dict], cases: list[dict], reasons: list[str]) -> Report:
    body = {
        "tasks": tasks,
        "flipped": cases,
        "reasons": reasons,
        "shown_wrong": {"candidate": 0.021, "incumbent": 0.034, "candidate_shown": 190, "limit": 0.034, "ok": True},
        "format": {"candidate": 1.0, "incumbent": 0.98, "n": 260, "ok": True},
        "refusals": {"candidate": 0.0, "incumbent": 0.0, "n": 0, "ok": True},
        "safety": {"candidate": 0.95, "incumbent": 1.0, "n": 40, "fell": ["probe-7"], "ok": verdict != "refuse"},
        "lessons": {"candidate": 0.9, "incumbent": 0.2, "n": 10, "ok": True},
    }
    fields: dict[str, Any] = {"id": id, "verdict": verdict, "body": body, "created_at": NOON}
    return Report(candidate="ml-desk-c0ffee12", incumbent="ml-desk-5e1f09c2", **fields)


def reports() -> dict[str, Report]:
    label = task_row("label", 140, 0.71, 0.86, 24, 3, "better")
    recipe = task_row("recipe", 120, 0.92, 0.93, 2, 1, "no difference")
    bad = task_row("label", 140, 0.71, 0.52, 2, 29, "worse", "29 cases got worse, and the limit is 5")
    few = task_row("rewrite", 12, 0.5, 0.6, 2, 1, "not_enough_cases", "12 cases, and a verdict takes 100")
    found = [
        report(
            "rep-better", "promote", [label, recipe, few], flipped(24, 3), ["label is better by 15 points (9 to 21)"]
        ),
        report("rep-worse", "refuse", [bad, recipe], flipped(2, 29), ["label is worse by 19 points (-25 to -13)"]),
        report("rep-old", "promote", [recipe], [], ["recipe is better by 8 points"]),
    ]
    return {each.id: each for each in found}

"""Drafts from documents as a job: over HTTP with a scripted model, and through a kill."""

from __future__ import annotations

import itertools
import json
import re
import threading

import httpx
import pytest

from app.draft_jobs import MOST_FAULTS, shortened
from app.drafting import Asked, Drafting, reading
from core.domain import load_domain
from core.errors import DocumentError, ModelError
from core.llm import ScriptedModels
from core.settings import load_settings
from core.store import open_store
from core.types import Passage
from finetune.examples import Examples
from tests.app.conftest import office, served
from tests.app.test_documents import upload, wait
from tests.app.test_kill import api, kill, until
from tests.waiting import PATIENCE

PARTS = 6


def manual(parts: int = PARTS) -> str:
    """A document of which every heading becomes a passage of its own."""
    told = "stays open from May on, and everybody is glad of the fresh air that comes in; in winter it is shut at noon."
    return "# Lids\n\n" + "\n\n".join(f"## Lid {n}\n\nThe lid of hall {n} {told}" for n in range(1, parts + 1))


def hall(text: str) -> str:
    found = re.search(r"lid of hall (\d+) stays", text)
    assert found is not None
    return found[1]


class Author:
    """Writes two drafts of each passage, other ones each time it is asked. `hold`: it waits before the next."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self._numbers = itertools.count()

    def __call__(self, text: str) -> str:
        self.go_on.wait(PATIENCE)
        self.asked.append(hall(text))
        words = [
            f"Q: Label this note: lid {hall(text)} once more, {'i' * next(self._numbers)}x\nA: open/now" for _ in "ab"
        ]
        return "\n\n".join(words)


# Which passages, and what is kept


def test_passages_that_were_not_read_yet_come_first_and_then_those_that_gave_least():
    found = reading(["a", "b", "c", "d"], {"a": 3, "c": 0}, 6)
    assert found.passages == ("b", "d", "c", "a")
    assert found.each == 2
    assert reading(["a"], {}, 50).each == 20
    assert len(reading([str(n) for n in range(500)], {}, 50).passages) == 50


@pytest.fixture
def drafting(tmp_path):
    author = Author()
    models = ScriptedModels({"base": author})
    store = open_store(f"sqlite:///{tmp_path / 'trivium.db'}")
    passages = [
        Passage(id=f"p{n}", source="lids.md", text=text) for n, text in enumerate(manual().split("\n\n")[2::2], 1)
    ]
    store.replace_chunks("lids.md", passages, state="indexed")
    store.replace_chunks("short.md", [Passage(id="s1", source="short.md", text="Too short.")], state="indexed")
    made = Drafting(store, load_domain(office(tmp_path)), models.chat)
    yield made, author, Examples(store)
    store.engine.dispose()


ASKED = Asked(source="lids.md", task="label", count=12)


def test_a_passage_is_drafted_from_once_in_a_job_however_often_its_step_runs(drafting):
    made, author, kept = drafting
    first = made.one(ASKED, "p1", 2, "job-1")
    assert (first.drafts, first.faults) == (2, ())
    assert made.one(ASKED, "p1", 2, "job-1") == first
    assert author.asked == ["1"]
    assert kept.total(state="draft") == 2


def test_another_job_reads_other_passages_first(drafting):
    made, _, _ = drafting
    made.one(ASKED, "p1", 2, "job-1")
    assert made.plan(ASKED).passages == ("p2", "p3", "p4", "p5", "p6", "p1")
    assert made.plan(ASKED.model_copy(update={"task": "rewrite"})).passages[0] == "p1"


def test_a_document_that_gives_nothing_to_read_says_so(drafting):
    made, _, _ = drafting
    with pytest.raises(DocumentError, match="no passage has 80 characters"):
        made.plan(ASKED.model_copy(update={"source": "short.md"}))
    assert "start again" in made.one(ASKED, "gone", 2, "job-1").faults[0]


def test_what_was_left_out_is_told_in_a_few_lines():
    faults = [f"fault {n}" for n in range(MOST_FAULTS + 3)]
    assert shortened(faults)[-1] == "and 3 more were left out"
    assert shortened([*faults[:2], *faults[:2]]) == faults[:2]


# Over HTTP


@pytest.fixture(scope="module")
def author():
    return Author()


@pytest.fixture(scope="module")
def desk(tmp_path_factory, author):
    def fails(text):
        raise ModelError("the server is gone")

    folder = tmp_path_factory.mktemp("served")
    settings = load_settings(data_dir=folder / "data", domain=office(folder), serve_unmeasured=True)
    models = ScriptedModels({"base": author, "office": {"*": "open/now"}, "server/broken": fails})
    with served(settings, models) as client:
        wait(client, upload(client, "lids.md", manual().encode()).json()["job"])
        yield client


def draft(client, **body):
    return client.post("/api/examples/draft", json={"source": "lids.md", "task": "label", "count": 5, **body})


def test_a_job_writes_drafts_from_a_document_and_counts_them(desk, author):
    author.asked.clear()
    reply = draft(desk)
    assert reply.status_code == 202
    assert reply.json()["kind"] == "draft"
    job = wait(desk, reply.json())
    assert (job["state"], job["done"], job["total"], job["error"]) == ("success", 5, 5, "")
    assert job["note"] == "5 drafts from lids.md"
    found = desk.get("/api/examples", params={"state": "draft", "origin": "draft"}).json()["examples"]
    assert len(found) == 5
    assert {(one["document"], one["task"], one["state"]) for one in found} == {("lids.md", "label", "draft")}
    assert author.asked == ["1", "2", "3", "4", "5"], "one draft from each passage, not many from the first"


def test_a_second_job_goes_on_with_the_passages_that_were_not_read(desk, author):
    wait(desk, upload(desk, "more.md", manual().encode()).json()["job"])
    author.asked.clear()
    for _ in range(2):
        assert wait(desk, draft(desk, source="more.md", count=3).json())["done"] == 3
    assert author.asked == ["1", "2", "3", "4", "5", "6"]


def test_a_job_is_cancelled_between_two_passages(desk, author):
    author.asked.clear()
    author.go_on.clear()
    job = draft(desk, count=6).json()
    until(lambda: desk.get(f"/api/jobs/{job['id']}").json()["total"] == 6)
    assert desk.post(f"/api/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    author.go_on.set()
    until(lambda: author.asked)
    # The queue is free for the next one, and the cancelled one reads nothing more.
    wait(desk, draft(desk, count=1).json())
    assert len(author.asked) == 2


def test_a_model_that_fails_is_told_with_the_job(desk):
    job = wait(desk, draft(desk, model="server/broken", count=2).json())
    assert (job["state"], job["done"]) == ("success", 0)
    assert "the server is gone" in job["error"]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"source": "gone.md"}, 422, "there is no indexed document 'gone.md'"),
        ({"task": "gone"}, 422, "there is no task type 'gone'"),
        ({"model": "gone"}, 404, "There is no model 'gone'"),
        ({"count": 0}, 422, "count"),
        ({"count": 51}, 422, "count"),
        ({"source": ""}, 422, "source"),
        ({"colour": "red"}, 422, "colour"),
    ],
)
def test_an_order_that_cannot_be_carried_out_says_why(desk, body, status, word):
    reply = draft(desk, **body)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert word in reply.json()["detail"]


# Through a kill


def test_killed_in_the_middle_a_job_goes_on_and_drafts_from_no_passage_twice(tmp_path):
    pack, data = office(tmp_path), tmp_path / "data"
    (pack / "documents" / "lids.md").write_text(manual(12))
    order = {"source": "lids.md", "task": "label", "count": 12}
    with api(pack, data, 0.05, "serve_drafts") as (process, client):
        until(lambda: client.get("/readyz").status_code == 200)
        id = client.post("/api/examples/draft", json=order).json()["id"]
        until(lambda: 3 <= client.get(f"/api/jobs/{id}").json()["done"] < 12)
        kill(process)
    with api(pack, data, 0.0, "serve_drafts") as (_, client):
        job = until(lambda: ended(client, id))
        found = client.get("/api/examples", params={"state": "draft", "limit": 100}).json()["examples"]
    assert (job["state"], job["done"], job["note"]) == ("success", 12, "12 drafts from lids.md")
    halls = [hall_of(one) for one in found]
    assert sorted(halls) == sorted(str(n) for n in range(1, 13)), "each passage once"
    asked = [json.loads(line) for line in (data / "drafted.jsonl").read_text().splitlines()]
    assert len(asked) <= 13, "at most the passage that the kill cut off was read again"


def ended(client: httpx.Client, id: str) -> dict | None:
    reply = client.get(f"/api/jobs/{id}")
    job = reply.json() if reply.status_code == 200 else {"state": "pending"}
    return job if job["state"] in ("success", "error") else None


def hall_of(example: dict) -> str:
    found = re.search(r"lid (\d+)", example["query"])
    assert found is not None
    return found[1]

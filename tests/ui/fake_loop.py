"""The learning loop of the fake API: its state, and its endpoints as functions."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from core.types import Answer, Correction, Example, Job, Review, new_id
from tests.ui import loop_scenes as scenes

if TYPE_CHECKING:
    from tests.ui.fake_api import FakeApi

Reply = tuple[int, Any]


class FakeLoop:
    """All that reviews, training and promotions change. `quorum`: how many reviewers must agree."""

    def __init__(self) -> None:
        self.queue = scenes.queue()
        self.answers: dict[str, Answer] = {answer.id: answer for answer in scenes.alike()}
        self.reviews: list[Review] = []
        self.quorum, self.agreement = 1, {"reviews": 34, "agreement": 0.88, "kappa": 0.71}
        self.outcomes: dict[str, dict[str, Any]] = {}
        self.corrections = {each.id: each for each in scenes.corrections()}
        self.judgements = scenes.judgements()
        self.examples = {each.id: each for each in scenes.examples()}
        self.approvals: dict[str, dict[str, Any]] = {}
        self.tasks = scenes.TASKS
        self.datasets = scenes.datasets()
        self.runs = scenes.runs()
        self.registry = {each.id: each for each in scenes.registry()}
        self.reports = scenes.reports()


def review_queue(fake: FakeApi, query: dict[str, list[str]], **_: Any) -> Reply:
    reviewer, loop = query.get("reviewer", [""])[0], fake.loop
    judged = {review.subject for review in loop.reviews if review.reviewer == reviewer}
    items = [item for item in loop.queue if item["answer"].id not in judged]
    agreement = {"reviewer": reviewer, **loop.agreement}
    limit = int(query.get("limit", ["20"])[0])
    return 200, {"items": items[:limit], "left": len(items), "agreement": agreement, "quorum": loop.quorum}


def review(fake: FakeApi, body: Any, **_: Any) -> Reply:
    given, loop = Review.model_validate(body), fake.loop
    loop.reviews = [each for each in loop.reviews if (each.subject, each.reviewer) != (given.subject, given.reviewer)]
    loop.reviews.append(given)
    effects = {
        "approve": ["it becomes an example"],
        "correct": ["the correction answers this query from now on", "it becomes an example"],
        "reject": ["the query no longer gets this answer"],
        "skip": [],
    }[given.verdict]
    if given.verdict == "correct":
        found = next((item["answer"].query for item in loop.queue if item["answer"].id == given.subject), "")
        made = Correction(query=found, answer=given.correction, author=given.reviewer, answer_id=given.subject)
        loop.corrections[made.id] = made
    waiting = loop.quorum - 1 if given.verdict != "skip" else 0
    return 201, {"review": given, "effects": [] if waiting else effects, "waiting_for": waiting}


def outcome(fake: FakeApi, id: str, **_: Any) -> Reply:
    return 200, fake.loop.outcomes.get(id, {"state": "waiting", "effects": [], "learned_by": ""})


def withdraw(fake: FakeApi, id: str, **_: Any) -> Reply:
    changed = fake.loop.corrections[id].model_copy(update={"state": "withdrawn"})
    fake.loop.corrections[id] = changed
    return 200, changed


def add_note(fake: FakeApi, id: str, body: Any, **_: Any) -> Reply:
    for row in fake.loop.judgements:
        row["done"] = row["done"] or row["id"] in [id, *body["also"]]
    return 202, {"source": "note-h200.md"}


def examples(fake: FakeApi, query: dict[str, list[str]], **_: Any) -> Reply:
    wanted = {name: query[name][0] for name in ("state", "task", "origin") if name in query}
    limit, offset = (int(query.get(name, [default])[0]) for name, default in (("limit", "20"), ("offset", "0")))
    known = fake.loop.examples.values()
    found = [each for each in known if all(getattr(each, name) == value for name, value in wanted.items())]
    if (name := query.get("reviewer", [""])[0]) and fake.loop.quorum > 1:
        done = {id for id, said in fake.loop.approvals.items() if name in (said["editor"], *said["names"])}
        found = [each for each in found if each.id not in done and each.author != name]
    counts = Counter((each.task, each.state) for each in known)
    states = ("approved", "draft", "rejected")
    tasks = [row | {state: counts[row["task"], state] for state in states} for row in fake.loop.tasks]
    told = {"quorum": fake.loop.quorum, "approvals": {id: standing_of(fake, id) for id in fake.loop.approvals}}
    return 200, {"examples": found[offset : offset + limit], "total": len(found), "tasks": tasks, **told}


def add_example(fake: FakeApi, body: Any, **_: Any) -> Reply:
    made = Example.model_validate({**body, "id": body.get("id") or new_id()})
    fake.loop.examples[made.id] = made
    return 201, made


def set_example(fake: FakeApi, id: str, body: Any, **_: Any) -> Reply:
    loop, known = fake.loop, fake.loop.examples[id]
    answer, name = body.get("answer") or known.answer, body.get("reviewer", "")
    change = {"state": body["state"], "answer": answer}
    told: dict[str, Any] = {}
    if body["state"] == "approved" and loop.quorum > 1:
        if name in ("", known.author):
            return 409, {"title": "Others must approve it", "detail": f"{name or 'nobody'} cannot approve it"}
        said = loop.approvals.setdefault(id, {"answer": known.answer, "editor": "", "names": []})
        if answer != said["answer"]:
            said.update(answer=answer, editor=name, names=[])
        elif name not in (said["editor"], *said["names"]):
            said["names"].append(name)
        told = standing_of(fake, id)
        change = change if not told["waiting_for"] else {}
        told |= {"proposed": answer}
    loop.examples[id] = known.model_copy(update=change)
    return 200, {**loop.examples[id].model_dump(mode="json"), **told}


def standing_of(fake: FakeApi, id: str) -> dict[str, Any]:
    said = fake.loop.approvals[id]
    missing = max(0, fake.loop.quorum - len(said["names"]))
    return {"answer": said["answer"], "approved_by": said["names"], "waiting_for": missing}


def draft(fake: FakeApi, body: Any, **_: Any) -> Reply:
    if body["source"] == "data-rules.md":
        return 422, {"title": "The document cannot be read", "detail": f"{body['source']}: no passage is long enough"}
    job = Job(id=new_id(), kind="draft", state="pending", total=body["count"], note="passage 1 of 4")
    fake.jobs[job.id] = job
    return 202, job


def import_examples(fake: FakeApi, body: Any, **_: Any) -> Reply:
    name = re.search(rb'filename="([^"]+)"', body)
    task = re.search(rb'name="task"\r\n\r\n([^\r]*)', body)
    if name and name[1].endswith(b"broken.csv"):
        return 422, {"title": "The file cannot be read", "detail": "line 1 names no column called query"}
    made = Example(id=new_id(), task=task[1].decode() if task else "", query="q", answer="a", state="draft")
    fake.loop.examples[made.id] = made
    return 200, {"added": 1, "skipped": 2, "faults": ["row 4: the answer is empty"]}


def build(fake: FakeApi, body: Any, **_: Any) -> Reply:
    if body.get("tasks") == ["lookup"]:
        return 422, {"title": "There is no dataset to build", "detail": "no approved example is of the task lookup"}
    row = {**scenes.datasets()[0], "version": "77" * 8, "created_at": "2026-11-22T09:00:00Z"}
    if all(known["version"] != row["version"] for known in fake.loop.datasets):
        fake.loop.datasets.insert(0, row)
    return 201, row


def compare(fake: FakeApi, a: str, b: str, **_: Any) -> Reply:
    return 200, {"only_a": 2, "only_b": 18, "both": 39, "tasks": {"label": {"only_a": 1, "only_b": 10, "both": 20}}}


def rows(fake: FakeApi, version: str, **_: Any) -> Reply:
    return 200, b"\n".join(json.dumps({"task": "label", "row": n}).encode() for n in range(3))


def train(fake: FakeApi, body: Any, **_: Any) -> Reply:
    job = Job(id=new_id(), kind="train", state="pending", total=120)
    fake.jobs[job.id] = job
    fields = {"name": body.get("name") or "ml-desk", "dataset": body.get("dataset") or "", "losses": []}
    run = {**scenes.runs()[0], **fields, "id": job.id, "step": 0, "steps": 0, "seconds_left": None}
    fake.loop.runs.insert(0, run)
    return 202, job


def ended(fake: FakeApi, id: str) -> None:
    """A cancelled job ends its training run too."""
    for run in fake.loop.runs:
        if run["id"] == id:
            run["state"] = "cancelled"


def evaluate(fake: FakeApi, id: str, **_: Any) -> Reply:
    job = Job(id=new_id(), kind="gate", state="pending", done=12, total=280, note=id)
    fake.jobs[job.id] = job
    return 202, job


def promote(fake: FakeApi, id: str, **_: Any) -> Reply:
    known = fake.loop.registry
    verdict = fake.loop.reports[known[id].report_id].verdict if known[id].report_id else "none"
    if verdict != "promote":
        return 409, {"title": "Not promoted", "detail": "the gate refused it: label is worse"}
    return 200, _go_live(fake, id)


def _go_live(fake: FakeApi, id: str) -> Any:
    known = fake.loop.registry
    for other in known.values():
        if other.state == "live":
            known[other.id] = other.model_copy(update={"state": "former"})
    known[id] = known[id].model_copy(update={"state": "live"})
    return known[id]


def roll_back(fake: FakeApi, name: str, **_: Any) -> Reply:
    former = [each for each in fake.loop.registry.values() if each.name == name and each.state == "former"]
    if not former:
        return 409, {"title": "Not rolled back", "detail": f"{name} was never anything else"}
    return 200, _go_live(fake, former[0].id)


def retire(fake: FakeApi, id: str, **_: Any) -> Reply:
    fake.loop.registry[id] = fake.loop.registry[id].model_copy(update={"state": "retired"})
    return 200, fake.loop.registry[id]


def get_report(fake: FakeApi, id: str, **_: Any) -> Reply:
    found = fake.loop.reports.get(id)
    return (200, found) if found else (404, {"title": "Not found", "detail": f"there is no report {id}"})


ENDPOINTS: list[tuple[str, str, Any]] = [
    ("GET", "/api/review", review_queue),
    ("POST", "/api/review", review),
    ("GET", "/api/ratings/([^/]+)/outcome", outcome),
    ("GET", "/api/corrections", lambda fake, **_: (200, list(fake.loop.corrections.values()))),
    ("POST", "/api/corrections/([^/]+)/withdraw", withdraw),
    ("POST", "/api/judgements/([^/]+)/add", add_note),
    ("GET", "/api/examples", examples),
    ("POST", "/api/examples", add_example),
    ("POST", "/api/examples/import", import_examples),
    ("POST", "/api/examples/draft", draft),
    ("POST", "/api/examples/([^/]+)/state", set_example),
    ("GET", "/api/datasets", lambda fake, **_: (200, fake.loop.datasets)),
    ("POST", "/api/datasets", build),
    ("GET", "/api/datasets/([^/]+)", lambda fake, version, **_: (200, scenes.whole(version))),
    ("GET", "/api/datasets/([^/]+)/compare/([^/]+)", compare),
    ("GET", "/api/datasets/([^/]+)/rows", rows),
    ("POST", "/api/training", train),
    ("GET", "/api/training", lambda fake, **_: (200, fake.loop.runs)),
    ("GET", "/api/registry", lambda fake, **_: (200, list(fake.loop.registry.values()))),
    ("POST", "/api/registry/([^/]+)/evaluate", evaluate),
    ("POST", "/api/registry/([^/]+)/promote", promote),
    ("POST", "/api/registry/([^/]+)/rollback", roll_back),
    ("POST", "/api/registry/([^/]+)/retire", retire),
    ("GET", "/api/reports/([^/]+)", get_report),
]

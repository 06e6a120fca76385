"""Examples and datasets over HTTP: real store, real embeddings."""

from __future__ import annotations

import json

import pytest

from core.tables import AdapterRow, ReportRow
from core.types import now


@pytest.fixture(scope="module", autouse=True)
def seeds(client):
    """Something to train on beside the one seed of a new pack."""
    rows = [{"task": "label", "query": f"Label this note: door {n}", "answer": "open/now"} for n in range(30)]
    found = send(client, "seed.jsonl", rows)
    assert found["added"] == 30
    for one in client.get("/api/examples", params={"state": "draft"}).json()["examples"]:
        decide(client, one["id"], "approved")


def send(client, name, rows, **fields):
    content = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()
    reply = client.post("/api/examples/import", files={"file": (name, content)}, data=fields)
    assert reply.status_code == 200, reply.text
    return reply.json()


def decide(client, id, state, **more):
    return client.post(f"/api/examples/{id}/state", json={"state": state, **more})


def shelf(client, **wanted):
    return client.get("/api/examples", params=wanted).json()


def example(**about):
    return {"task": "label", "query": "Label this note: a cup", "answer": "open/now", **about}


def test_the_seeds_of_the_pack_are_there_approved(client):
    found = shelf(client, origin="seed")
    assert found["total"] == 1
    assert found["examples"][0]["state"] == "approved"


def test_an_import_keeps_good_rows_names_the_others_and_adds_nothing_twice(client):
    rows = [example(query="Label this note: a lamp"), "{oops", example(task="gone")]
    found = send(client, "log.jsonl", rows)
    assert (found["added"], found["skipped"]) == (1, 0)
    assert [fault[:7] for fault in found["faults"]] == ["line 2:", "line 3:"]
    assert send(client, "log.jsonl", rows)["skipped"] == 1


def test_rows_without_a_task_take_the_one_that_is_given(client):
    row = {"query": "Label this note: a lamp post", "answer": "shut/now"}
    assert send(client, "log.jsonl", [row])["added"] == 0
    assert send(client, "log.jsonl", [row], task="label")["added"] == 1
    wrong = client.post(
        "/api/examples/import", files={"file": ("a.csv", b"query,answer\nq,a\n")}, data={"task": "gone"}
    )
    assert wrong.status_code == 422
    assert "label" in wrong.json()["detail"]


def test_what_is_posted_is_a_draft_whatever_it_claims(client):
    claimed = example(origin="seed", state="approved", id="chosen-by-me", query="Label this note: a claim")
    reply = client.post("/api/examples", json=claimed)
    assert reply.status_code == 201
    assert (reply.json()["state"], reply.json()["origin"]) == ("draft", "import")
    assert reply.json()["id"] != "chosen-by-me"


@pytest.mark.parametrize("fault", [{"task": "gone"}, {"query": " "}, {"answer": ""}, {"query": "x" * 30_000}])
def test_an_example_with_a_fault_is_refused_with_a_sentence(client, fault):
    reply = client.post("/api/examples", json=example(**fault))
    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_draft_is_approved_with_its_answer_mended(client):
    id = client.post("/api/examples", json=example(query="Label this note: mend me")).json()["id"]
    reply = decide(client, id, "approved", answer="shut/now")
    assert (reply.json()["state"], reply.json()["answer"]) == ("approved", "shut/now")
    assert decide(client, id, "sold").status_code == 422
    assert decide(client, "nobody", "approved").status_code == 404
    decide(client, id, "rejected")


def test_the_shelf_filters_and_says_how_each_task_stands(client):
    found = shelf(client, state="approved", task="label", limit=5)
    assert len(found["examples"]) == 5
    assert found["total"] >= 30
    tasks = {row["task"]: row for row in found["tasks"]}
    assert tasks["label"]["approved"] == found["total"]
    assert (tasks["label"]["next"], tasks["label"]["score"], tasks["label"]["curve"]) == (True, None, [])
    # A task that no tuned model may answer is never what needs examples most.
    assert tasks["rewrite"]["next"] is False
    assert "lookup" not in tasks


def build(client, **order):
    reply = client.post("/api/datasets", json=order)
    assert reply.status_code == 201, reply.text
    return reply.json()


def test_a_version_is_built_listed_shown_compared_and_downloaded(client):
    small = build(client, tasks=["label"], rows=10)
    large = build(client)
    assert small["rows"] == 10
    assert large["manifest"]["tasks"]["label"] >= 30
    versions = [row["version"] for row in client.get("/api/datasets").json()]
    assert {small["version"], large["version"]} <= set(versions)
    shown = client.get(f"/api/datasets/{small['version']}").json()
    assert len(shown["manifest"]["provenance"]) == 10
    assert shown["card"].startswith(f"# Dataset version {small['version']}")
    assert shown["plots"]["tasks.svg"].startswith("<svg")
    found = client.get(f"/api/datasets/{small['version']}/compare/{large['version']}").json()
    assert (found["only_a"], found["both"]) == (0, 10)
    reply = client.get(f"/api/datasets/{small['version']}/rows")
    assert len([json.loads(line) for line in reply.text.splitlines()]) == 10
    assert small["version"] in reply.headers["content-disposition"]


def test_the_same_examples_give_the_same_version(client):
    assert build(client)["version"] == build(client)["version"]


def test_real_embeddings_find_a_near_duplicate_and_let_another_number_be(client):
    ids = []
    for query in ("Label this note: the window of room 4 is broken", "label this note: the window of room 4 is broken!!",
                  "Label this note: the window of room 5 is broken"):  # fmt: skip
        ids.append(client.post("/api/examples", json=example(query=query)).json()["id"])
        decide(client, ids[-1], "approved")
    version = build(client)["version"]
    whole = client.get(f"/api/datasets/{version}").json()["manifest"]
    dropped = {drop["example"]: drop for drop in whole["dropped_rows"]}
    assert len(dropped.keys() & set(ids[:2])) == 1
    assert dropped.keys() & set(ids) <= set(ids[:2])
    gone = next(iter(dropped.keys() & set(ids)))
    assert dropped[gone]["reason"] == "near-duplicate"
    assert {gone, dropped[gone]["kept"]} == set(ids[:2])
    for id in ids:
        decide(client, id, "withdrawn")


@pytest.mark.parametrize(
    ("order", "word"),
    [
        ({"tasks": ["gone"]}, "label"),
        ({"tasks": ["lookup"]}, "no example is approved"),
        ({"recipe": "../../secret"}, "no name of a recipe"),
        ({"recipe": "nobodys"}, "no recipe"),
        ({"rows": 0}, "rows"),
    ],
)
def test_a_version_that_cannot_be_built_says_why(client, order, word):
    reply = client.post("/api/datasets", json=order)
    assert reply.status_code == 422
    assert word in reply.json()["detail"]


def test_a_version_that_is_not_there_is_not_found(client):
    for path in ("deadbeefdeadbeef", "deadbeefdeadbeef/rows", "deadbeefdeadbeef/compare/deadbeefdeadbeef"):
        assert client.get(f"/api/datasets/{path}").status_code == 404


def test_the_learning_curve_comes_from_the_reports_of_what_was_trained(client):
    store = client.app.state.service.store
    version = build(client, tasks=["label"], rows=20)["version"]
    with store.session() as session:
        session.add(
            AdapterRow(id="office-1", name="office", sha256="1", state="candidate", dataset=version, created_at=now())
        )
        body = {"tasks": [{"task": "label", "candidate": 0.6}, {"task": "rewrite", "candidate": None}]}
        session.add(ReportRow(id="r1", candidate="office-1", verdict="refuse", body=body, created_at=now()))
    (label,) = [row for row in shelf(client)["tasks"] if row["task"] == "label"]
    assert label["curve"] == [[20, 0.6]]

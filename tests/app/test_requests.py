"""When nothing is found: what was searched is said, a document can be asked for, and who asked learns what came of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.document_requests import grouped, refusals
from core.corrections import query_key
from core.types import Answer, Judgement
from tests.app.conftest import ask
from tests.app.test_documents import upload, wait

LOST = "Which code opens the bicycle cellar?"
BEGAN = datetime(2026, 11, 22, tzinfo=UTC)


def request(query: str, minute: int = 0) -> Judgement:
    return Judgement(
        kind="document", query=query, value={"requested": True}, created_at=BEGAN + timedelta(minutes=minute)
    )


def test_the_most_often_asked_comes_first_and_refusals_elsewhere_count():
    found = grouped(
        [request("What does a T4 cost?"), request("Who cooks?", 1), request("who cooks", 2)],
        {query_key("What does a T4 cost?"): 4},
        lambda a, b: False,
    )
    assert [(group.query, group.asked) for group in found] == [("What does a T4 cost?", 5), ("Who cooks?", 2)]
    assert found[1].queries == ("Who cooks?", "who cooks")


def test_only_what_is_alike_is_one_group():
    asked = [
        request("What does a T4 cost?"),
        request("What's the price of a T4?", 1),
        request("What does an A100 cost?", 2),
    ]
    found = grouped(asked, {}, lambda a, b: "T4" in a and "T4" in b)
    assert [[one.query for one in group.requests] for group in found] == [
        [asked[0].query, asked[1].query],
        [asked[2].query],
    ]


def test_a_refusal_at_which_a_request_was_filed_is_not_counted_twice():
    answers = [Answer(query=LOST, refused=True), Answer(query=LOST, refused=True)]
    assert refusals(answers, {answers[0].id}) == {query_key(LOST): 1}


def test_the_refusal_says_what_was_searched_and_what_came_nearest(client):
    answer = ask(client, LOST, strategy="rag")
    assert answer["refused"]
    count = client.get("/api/retrieval/choices").json()["documents"]
    assert f"I searched {count} documents; nearest" in answer["text"]
    assert "file a request" in answer["text"]


def test_a_request_waits_is_answered_by_a_document_and_who_asked_is_told(client):
    answer = ask(client, LOST, strategy="rag")
    body = {"query": LOST, "note": "for the new lock", "answer_id": answer["id"]}
    filed = client.post("/api/requests", json=body)
    assert filed.status_code == 201
    assert client.post("/api/requests", json=body).json()["id"] == filed.json()["id"]
    here = f"/api/conversations/{answer['conversation']}/requests"
    assert [one["done"] for one in client.get(here).json()] == [False]
    group = next(one for one in client.get("/api/requests").json()["groups"] if one["query"] == LOST)
    close = f"/api/requests/{group['id']}/close"
    assert client.post(close, json={"document": "cellar.md"}).status_code == 422
    wait(client, upload(client, "cellar.md", b"# Cellar\n\nThe code 3391 opens the bicycle cellar.\n").json()["job"])
    done = client.post(close, json={"document": "cellar.md"}).json()
    assert done["place"] == 1
    told = client.get(here).json()[0]
    assert (told["done"], told["value"]["closed_with"]) == (True, "cellar.md")
    rows = {row["id"]: row for row in client.get("/api/conversations").json()}
    assert rows[answer["conversation"]]["answered"]
    again = ask(client, LOST, conversation=answer["conversation"], strategy="rag")
    assert "3391" in again["text"]
    rows = {row["id"]: row for row in client.get("/api/conversations").json()}
    assert not rows[answer["conversation"]]["answered"]
    assert LOST not in [one["query"] for one in client.get("/api/requests").json()["groups"]]
    assert [one["query"] for one in client.get("/api/requests").json()["closed"]] == [LOST]
    client.delete("/api/documents/cellar.md")


def test_requests_in_other_words_are_grouped_and_those_for_another_thing_are_not(client):
    for query in (
        "What does an H200 cost per hour?",
        "what's the price per hour of an H200",
        "What does an A100 cost per hour?",
    ):
        assert client.post("/api/requests", json={"query": query, "user": "ann"}).status_code == 201
    groups = {one["query"]: one for one in client.get("/api/requests").json()["groups"]}
    assert groups["What does an H200 cost per hour?"]["asked"] == 2
    assert groups["What does an A100 cost per hour?"]["asked"] == 1
    whole = groups["What does an H200 cost per hour?"]
    ids = [one["id"] for one in whole["requests"]]
    closed = client.post(f"/api/requests/{ids[0]}/close", json={"also": ids[1:]}).json()["closed"]
    assert [one["value"]["closed_with"] for one in closed] == ["", ""]


def test_a_review_of_the_answer_does_not_take_a_request_back(client):
    answer = ask(client, "Where is the ladder?", strategy="rag")
    filed = client.post("/api/requests", json={"answer_id": answer["id"]}).json()
    assert filed["query"] == "Where is the ladder?"
    review = {"subject": answer["id"], "reviewer": "ann", "verdict": "approve"}
    assert client.post("/api/review", json=review).status_code == 201
    kept = client.get(f"/api/conversations/{answer['conversation']}/requests").json()
    assert [one["id"] for one in kept] == [filed["id"]]


def test_a_reviewers_to_do_joins_the_requests_that_ask_the_same(client):
    answer = ask(client, "Who repairs the printer?", strategy="rag")
    client.post("/api/requests", json={"answer_id": answer["id"]})
    review = {"subject": answer["id"], "reviewer": "bo", "verdict": "correct", "correction": "Ida does.", "fact": True}
    assert client.post("/api/review", json=review).status_code == 201
    group = next(one for one in client.get("/api/requests").json()["groups"] if "printer" in one["query"])
    assert sorted(one["value"]["fact"] for one in group["requests"]) == ["", "Ida does."]
    assert group["asked"] == 2


def test_a_request_says_what_it_is_for(client):
    assert client.post("/api/requests", json={"query": "  "}).status_code == 422
    assert client.post("/api/requests", json={"answer_id": "none"}).status_code == 404
    assert client.post("/api/requests/none/close", json={}).status_code == 404

"""Retrieval over HTTP: rankings, filters, what stands around a passage, openings and the learned weight."""

from __future__ import annotations

import pytest

from core.corrections import query_key
from core.openings import Openings
from tests.app.conftest import ask
from tests.app.test_documents import wait

APPROVES = "Who approves a purchase over 500 euros?"
KEYS = "Who keeps the spare keys?"


def test_three_rankings_come_with_what_placed_each_passage(client):
    seen = client.get("/api/retrieval", params={"query": APPROVES}).json()
    assert set(seen["rankings"]) == {"dense", "bm25", "fused"}
    best = seen["passages"][seen["rankings"]["fused"][0]]
    assert best["passage"]["source"] == "approvals.md"
    assert {word["word"] for word in best["words"]} >= {"approves", "purchase", "500"}
    assert "by meaning" in best["why"]
    assert seen["weight"] == seen["serving"] == seen["shipped"]


def test_a_weight_to_try_is_not_kept(client):
    tried = client.get("/api/retrieval", params={"query": APPROVES, "weight": 1}).json()
    assert tried["rankings"]["fused"] == tried["rankings"]["dense"]
    assert client.get("/api/retrieval/weight").json()["serving"] == tried["serving"] != 1
    assert client.get("/api/retrieval", params={"query": APPROVES, "weight": 2}).status_code == 422
    assert client.get("/api/retrieval", params={"query": " "}).status_code == 422


def test_a_query_is_answered_from_the_documents_that_were_chosen(client):
    names = client.get("/api/retrieval/choices").json()["sources"]
    other = next(name for name in names if name != "approvals.md")
    here = ask(client, APPROVES, strategy="rag", filters={"sources": ["approvals.md"]})
    assert {passage["source"] for passage in here["passages"]} == {"approvals.md"}
    assert here["filters"]["sources"] == ["approvals.md"]
    there = ask(client, APPROVES, strategy="rag", filters={"sources": [other]})
    assert {passage["source"] for passage in there["passages"]} == {other}
    seen = client.get("/api/retrieval", params={"query": APPROVES, "sources": [other]}).json()
    assert seen["searched"] == 1


def test_a_chat_client_sends_filters_beside_its_messages(client):
    body = {"model": "rag", "messages": [{"role": "user", "content": KEYS}], "filters": {"kinds": ["md"]}}
    reply = client.post("/v1/chat/completions", json=body)
    assert reply.json()["trivium"]["filters"]["kinds"] == ["md"]
    assert client.post("/v1/chat/completions", json={**body, "filters": {"kinds": ["pdf"]}}).status_code == 422


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"sources": ["nowhere.md"]}, "there is no document 'nowhere.md'"),
        ({"folders": ["attic"]}, "there is no folder 'attic'"),
        ({"pages": [3, 2]}, "the first is not after the last"),
        ({"source": "approvals.md"}, "filters.source"),
    ],
)
def test_filters_that_mean_nothing_are_refused_with_a_sentence(client, filters: dict, says: str):
    reply = client.post("/api/answers", json={"query": KEYS, "filters": filters})
    assert reply.status_code == 422
    assert says in reply.json()["detail"]


def test_a_reviewers_answer_does_not_stand_in_for_documents_that_were_chosen(client):
    first = ask(client, "Who waters the plants?", strategy="rag")
    review = {"subject": first["id"], "reviewer": "ann", "verdict": "correct", "correction": "Rosa does.", "fact": True}
    assert client.post("/api/review", json=review).status_code == 201
    assert ask(client, "Who waters the plants?")["reviewed"]
    assert not ask(client, "Who waters the plants?", filters={"sources": ["approvals.md"]})["reviewed"]


def test_a_follow_up_is_routed_and_answered_as_the_question_that_it_stands_for(client):
    first = ask(client, "Who approves a purchase?")
    again = ask(client, "And over 500 euros?", conversation=first["conversation"])
    assert again["standalone"].startswith("Who approves a purchase?")
    assert (again["query"], again["route"]["strategy"]) == ("And over 500 euros?", "rag")
    assert "treasurer" in again["text"]


def test_a_passage_is_shown_with_what_stands_around_it(client):
    answer = ask(client, KEYS, strategy="rag")
    seen = client.get(f"/api/passages/{answer['citations'][0]['passage_id']}").json()
    assert seen["passage"]["source"] == "approvals.md"
    assert seen["parents"][0]["heading"] == "Approvals"
    assert seen["section"]
    assert client.get("/api/passages/none").status_code == 404


def test_an_opened_source_is_kept_once_and_only_of_its_own_answer(client):
    answer = ask(client, KEYS, strategy="rag")
    body = {"passage_id": answer["citations"][0]["passage_id"]}
    for _ in range(2):
        assert client.post(f"/api/answers/{answer['id']}/opened", json=body).status_code == 204
    kept = Openings(client.app.state.service.store).all()
    assert kept.count((KEYS, body["passage_id"])) == 1
    assert client.post(f"/api/answers/{answer['id']}/opened", json={"passage_id": "none"}).status_code == 404
    assert client.post("/api/answers/none/opened", json=body).status_code == 404


def test_reviews_and_openings_become_cases_and_golden_queries_do_not(client):
    from app.tuning import judged_cases

    service = client.app.state.service
    answer = ask(client, KEYS, strategy="rag")
    id = answer["citations"][0]["passage_id"]
    client.post(f"/api/answers/{answer['id']}/opened", json={"passage_id": id})
    mine = {query_key(case.query): case for case in judged_cases(service)[0]}[query_key(KEYS)]
    assert (mine.origin, mine.counts, mine.relevant) == ("click", 0.5, {id})
    review = {"subject": answer["id"], "reviewer": "ann", "verdict": "approve", "passages": {id: True}}
    assert client.post("/api/review", json=review).status_code == 201
    mine = {query_key(case.query): case for case in judged_cases(service)[0]}[query_key(KEYS)]
    assert (mine.origin, mine.counts) == ("judgement", 1.0)
    golden = service.domain.golden()[0]
    asked = ask(client, golden.query, strategy="rag")
    client.post(f"/api/answers/{asked['id']}/opened", json={"passage_id": asked["passages"][0]["id"]})
    cases, left_out = judged_cases(service)
    assert query_key(golden.query) not in {query_key(case.query) for case in cases}
    assert any("golden" in why for why in left_out)


def test_a_job_learns_the_weight_or_says_why_it_stays(client):
    job = wait(client, client.post("/api/retrieval/tune").json())
    assert job["state"] == "success"
    assert "are the fewest to learn from" in job["note"]
    kept = client.get("/api/retrieval/weight").json()
    assert kept["learned"]["adopted"] is False
    assert kept["serving"] == kept["shipped"]


def test_a_learned_weight_serves_from_the_next_query_on_until_it_is_forgotten(client):
    from app.tuning import collection_of
    from retrieval.fusion import Learned

    service = client.app.state.service
    service.fusion.keep(collection_of(service), Learned(0.9, 0.5, 0.9, True, "0.90 in place of 0.50"))
    seen = client.get("/api/retrieval", params={"query": KEYS}).json()
    assert (seen["weight"], seen["serving"], seen["shipped"]) == (0.9, 0.9, 0.5)
    assert client.delete("/api/retrieval/weight").json()["serving"] == 0.5

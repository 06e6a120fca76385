from __future__ import annotations

import time

from core.llm import ScriptedModels
from core.settings import load_settings
from tests.app.conftest import ask, events_of, finished, office, served


def test_each_road_is_taken(client):
    assert ask(client, "Who approves a purchase over 500 euros?")["route"]["strategy"] == "rag"
    assert ask(client, 'Make this polite: "Close the door"')["route"]["strategy"] == "prompt"
    assert ask(client, 'Label this note: "the shop is open"')["route"]["strategy"] == "tuned"
    refused = ask(client, "Who won the match yesterday?")
    assert refused["route"]["strategy"] == "refuse"
    assert refused["refused"]
    assert refused["text"]


def test_rag_quotes_verbatim_and_marks_the_place(client):
    answer = ask(client, "Who approves a purchase over 500 euros?")
    citation = answer["citations"][0]
    assert citation["source"] == "approvals.md"
    assert citation["sentence"] == citation["passage"][citation["start"] : citation["end"]]
    assert citation["sentence"] in answer["text"]
    assert "[1]" in answer["text"]


def test_an_unmeasured_answer_carries_a_warning(client):
    answer = ask(client, 'Make this polite: "Close the door"')
    assert any("has not been tested" in warning for warning in answer["warnings"])


def test_a_failed_check_is_a_warning(client):
    answer = ask(client, "Which label do I give?", strategy="prompt", task="label")
    assert "not one of the labels" in answer["warnings"]


def test_a_person_may_override_the_road(client):
    answer = ask(client, "Who approves a purchase over 500 euros?", strategy="prompt")
    assert answer["route"]["strategy"] == "prompt"
    assert answer["route"]["overridden"]


def test_events_come_in_order_and_can_be_picked_up_again(client):
    id = client.post("/api/answers", json={"query": 'Make this polite: "Close the door"'}).json()["id"]
    events = events_of(client, id)
    names = [name for name, _ in events]
    assert names[0] == "routed"
    assert names[-2:] == ["finished", "end"]
    text = "".join(body["text"] for name, body in events if name == "text")
    assert text.strip() == events[-1][1]["text"]
    assert events_of(client, id, after=3) == events[3:]


def test_an_answer_is_stored_with_all_that_led_to_it(client):
    answer = ask(client, "Who approves a purchase over 500 euros?")
    route = answer["route"]
    assert route["scores"]
    assert route["tasks"]
    assert route["reason"]
    assert answer["passages"]
    assert {"route", "first_token", "total"} <= set(answer["timings"])
    assert answer["left_machine"] is False


def test_a_conversation_is_kept(client):
    first = client.post("/api/answers", json={"query": "Who approves a purchase over 500 euros?"}).json()
    finished(client, first["id"])
    second = ask(client, "Who keeps the spare keys?", conversation=first["conversation"])
    kept = client.get(f"/api/conversations/{first['conversation']}").json()
    assert [answer["id"] for answer in kept] == [first["id"], second["id"]]
    assert client.get("/api/conversations").json()[0]["id"] == first["conversation"]


def test_ratings_need_a_score_or_a_preference(client):
    answer = ask(client, "Who keeps the spare keys?")
    body = {"answer_id": answer["id"], "score": -1, "reasons": ["wrong source"], "correction": "Rosa does."}
    rating = client.post("/api/ratings", json=body)
    assert rating.status_code == 201
    kept = client.get("/api/ratings", params={"answer_id": answer["id"]}).json()
    assert kept[0]["correction"] == "Rosa does."
    assert client.post("/api/ratings", json={"answer_id": answer["id"]}).status_code == 422
    assert client.post("/api/ratings", json={"answer_id": "none", "score": 1}).status_code == 404


def test_compare_answers_by_every_road_and_takes_a_preference(client):
    reply = client.post("/api/compare", json={"query": "Who keeps the spare keys?"}).json()
    answers = [finished(client, row["answer_id"]) for row in reply["answers"]]
    assert [row["letter"] for row in reply["answers"]] == ["A", "B", "C"]
    assert {answer["route"]["strategy"] for answer in answers} == {"prompt", "rag", "tuned"}
    body = {"answer_id": answers[0]["id"], "preferred_over": answers[1]["id"]}
    assert client.post("/api/ratings", json=body).status_code == 201


def test_a_full_queue_answers_429_with_retry_after_and_stop_frees_it(tmp_path):
    settings = load_settings(data_dir=tmp_path / "data", domain=office(tmp_path), serve_unmeasured=True, queue_limit=2)
    slow = ScriptedModels({"base": {"*": "word " * 400}, "office": {"*": "open/now"}}, delay=0.05)
    query = {"query": 'Make this polite: "Close the door"'}
    with served(settings, slow) as client:
        ids = [client.post("/api/answers", json=query).json()["id"] for _ in range(2)]
        busy = client.post("/api/answers", json=query)
        assert busy.status_code == 429
        assert int(busy.headers["retry-after"]) > 0
        assert client.post("/api/compare", json={"query": "x"}).status_code == 429
        while not client.get(f"/api/answers/{ids[0]}").json()["text"]:
            time.sleep(0.02)
        for id in ids:
            client.post(f"/api/answers/{id}/stop")
        stopped = finished(client, ids[0])
        assert stopped["status"] == "stopped"
        assert 0 < len(stopped["text"]) < 400 * 5
        assert client.post("/api/answers", json=query).status_code == 202

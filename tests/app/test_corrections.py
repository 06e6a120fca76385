"""A correction from rating to answer, through HTTP: real store, real index, real embeddings, scripted models."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import delete

from app.corrections import Reviewed, suggestion
from core.llm import ScriptedModels
from core.llm.scripted import ScriptedChat
from core.settings import load_settings
from core.tables import AnswerRow, CorrectionRow, ExampleRow, JudgementRow, RatingRow, ReviewRow
from core.types import Correction, Example, Query
from tests.app.conftest import REPLIES, ask, events_of, finished, office, served

POLITE = 'Make this polite: "Bring the {} chairs to room {}"'
FIXED = "Could you please bring the 3,000 chairs to room B?"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    settings = load_settings(data_dir=folder / "data", domain=office(folder), serve_unmeasured=True)
    with served(settings, ScriptedModels(REPLIES)) as client:
        yield client


@pytest.fixture
def desk(shared):
    """The API with nothing asked, rated or reviewed: corrections change what everybody gets."""
    with shared.app.state.service.store.session() as session:
        for table in (RatingRow, ReviewRow, CorrectionRow, ExampleRow, JudgementRow, AnswerRow):
            session.execute(delete(table))
    return shared


def take(client, answer: dict, status: int = 201, **review) -> dict:
    body = {"subject": answer["id"], "reviewer": "bob", "verdict": "correct", **review}
    reply = client.post("/api/review", json=body)
    assert reply.status_code == status, reply.text
    return reply.json()


def test_a_rated_correction_answers_the_same_question_from_its_review_on(desk):
    question = POLITE.format("3,000", "B")
    first = ask(desk, question)
    body = {"answer_id": first["id"], "score": -1, "correction": FIXED, "user": "ann"}
    rating = desk.post("/api/ratings", json=body).json()
    assert desk.get(f"/api/ratings/{rating['id']}/outcome").json()["state"] == "waiting"
    (item,) = desk.get("/api/review", params={"reviewer": "bob"}).json()["items"]
    assert item["answer"]["id"] == first["id"]
    assert item["why"][0] == "corrected by the person who rated it"

    taken = take(desk, first, correction=FIXED, fault="generation")
    assert taken["waiting_for"] == 0
    assert "the correction answers this query from now on" in taken["effects"]

    again = ask(desk, f"  {question.upper()} ")
    assert again["text"] == FIXED
    assert again["reviewed"]
    assert (again["route"]["strategy"], again["route"]["task"]) == ("prompt", "rewrite")
    assert again["warnings"] == []
    assert again["model"] == ""
    outcome = desk.get(f"/api/ratings/{rating['id']}/outcome").json()
    assert outcome["state"] == "corrected"
    assert desk.get("/api/review").json()["left"] == 0


def test_a_reviewed_answer_streams_and_ends_like_any_other(desk):
    first = ask(desk, POLITE.format(3, "B"))
    take(desk, first, correction=FIXED)
    id = desk.post("/api/answers", json={"query": POLITE.format(3, "B")}).json()["id"]
    events = events_of(desk, id)
    names = [name for name, _ in events]
    assert names[0] == "routed"
    assert names[-2:] == ["finished", "end"]
    assert names.count("text") > 3
    assert "".join(body["text"] for name, body in events if name == "text") == FIXED
    reply = desk.post(
        "/v1/chat/completions",
        json={"model": "auto", "messages": [{"role": "user", "content": POLITE.format(3, "B")}]},
    ).json()
    assert reply["choices"][0]["message"]["content"] == FIXED
    assert reply["trivium"]["reviewed"]


def test_a_chosen_road_and_a_comparison_get_what_that_road_says(desk):
    question = POLITE.format(3, "B")
    take(desk, ask(desk, question), correction=FIXED)
    assert not ask(desk, question, strategy="prompt")["reviewed"]
    assert ask(desk, question, strategy="prompt")["text"] != FIXED
    compared = desk.post("/api/compare", json={"query": question}).json()
    answers = [finished(desk, row["answer_id"]) for row in compared["answers"]]
    assert not any(answer["reviewed"] or answer["suggestion"] for answer in answers)


@pytest.mark.parametrize(
    "near",
    [
        "Please make this polite: “Bring the 3000 chairs to room B”",
        "Make this polite: 'Bring the 3000 chairs to room B'",
    ],
)
def test_a_near_question_gets_it_where_nothing_that_matters_differs(desk, near):
    take(desk, ask(desk, POLITE.format("3,000", "B")), correction=FIXED)
    found = ask(desk, near)
    assert found["reviewed"]
    assert found["text"] == FIXED
    assert "asked as" in found["route"]["reason"]


@pytest.mark.parametrize(
    "other",
    [
        POLITE.format("300", "B"),
        POLITE.format("3,000", "C"),
        'Make this polite: "Do not bring the 3,000 chairs to room B"',
    ],
)
def test_where_a_number_a_name_or_a_negation_differs_it_is_only_a_suggestion(desk, other):
    take(desk, ask(desk, POLITE.format("3,000", "B")), correction=FIXED)
    found = ask(desk, other)
    assert not found["reviewed"]
    assert found["text"] != FIXED
    assert FIXED in found["suggestion"]


def test_the_model_is_shown_a_similar_correction_as_an_example(desk, monkeypatch):
    models, seen = desk.app.state.service.models, []
    chat = models.chat

    class Listening(ScriptedChat):
        def _stream(self, messages, *args, **kwargs):
            seen.append([str(message.content) for message in messages])
            return super()._stream(messages, *args, **kwargs)

    monkeypatch.setattr(models, "chat", lambda name: Listening(replies=chat(name).replies, model_name=name))
    take(desk, ask(desk, POLITE.format("3,000", "B")), correction=FIXED)
    ask(desk, POLITE.format("300", "B"))
    assert seen[-1][-3:] == [POLITE.format("3,000", "B"), FIXED, POLITE.format("300", "B")]
    ask(desk, POLITE.format("300", "B"), strategy="prompt")
    assert FIXED not in seen[-1]


def test_a_withdrawn_correction_answers_no_more(desk):
    question = POLITE.format(3, "B")
    take(desk, ask(desk, question), correction=FIXED)
    (correction,) = desk.get("/api/corrections").json()
    assert desk.post(f"/api/corrections/{correction['id']}/withdraw").json()["state"] == "withdrawn"
    assert not ask(desk, question)["reviewed"]
    assert desk.post("/api/corrections/none/withdraw").status_code == 404


def test_a_correction_is_stale_once_its_document_changes_and_comes_up_for_review(desk):
    service = desk.app.state.service
    first = ask(desk, "Who approves a purchase over 500 euros?")
    take(desk, first, correction="The treasurer, Rosa Lind.")
    assert ask(desk, "Who approves a purchase over 500 euros?")["text"] == "The treasurer, Rosa Lind."
    (service.domain.documents / "approvals.md").write_text(
        "# Approvals\n\nThe cook approves every purchase over 500 euros.\n"
    )
    service.sync()
    now = ask(desk, "Who approves a purchase over 500 euros?")
    assert not now["reviewed"]
    assert "cook" in now["text"]
    assert desk.get("/api/corrections").json()[0]["state"] == "stale"
    (item,) = desk.get("/api/review", params={"reviewer": "bob"}).json()["items"]
    assert "its document changed" in item["why"]


def test_a_fact_becomes_a_to_do_and_then_a_document_that_answers(desk):
    question = "What is the code of the alarm?"
    first = ask(desk, question)
    take(desk, first, correction="The code of the alarm is 4711.", fact=True, fault="document")
    (todo,) = desk.get("/api/judgements", params={"kind": "document"}).json()
    assert not todo["done"]
    assert "4711" in desk.get(f"/api/judgements/{todo['id']}/note").text
    service = desk.app.state.service
    added = desk.post(f"/api/judgements/{todo['id']}/add").json()
    assert desk.app.state.jobs.wait(added["job"]["id"]).error == ""
    assert service.store.document(added["source"]).state == "indexed"
    assert desk.get("/api/judgements", params={"kind": "document"}).json()[0]["done"]
    assert "4711" in ask(desk, "What is the alarm's code called?", strategy="rag")["text"]
    assert ask(desk, question)["reviewed"]
    assert desk.delete(f"/api/documents/{added['source']}").status_code == 204
    assert not ask(desk, question)["reviewed"], "the fact is gone from the documents"


def test_a_route_label_decides_its_query_at_once_and_teaches_the_router(desk):
    question = "Front door is closed again, which one?"
    first = ask(desk, question, strategy="prompt")
    wrong = next(t for t in ("rewrite", "label", "lookup") if t != first["route"]["task"])
    taken = take(desk, first, task=wrong, fault="route")
    assert any("counts as" in effect for effect in taken["effects"])
    again = ask(desk, question)
    assert again["route"]["task"] == wrong
    assert "A reviewer said" in again["route"]["reason"]
    service = desk.app.state.service
    assert question in service.answering.router.likeness._queries


def test_a_follow_up_is_corrected_for_its_own_conversation_only(desk):
    first = ask(desk, "Who approves a purchase over 500 euros?")
    follow = ask(desk, "And who keeps it?", conversation=first["conversation"])
    assert follow["standalone"] == "Who approves a purchase over 500 euros? And who keeps it?"
    take(desk, follow, correction="The archive.", fact=True)
    again = ask(desk, "Who approves a purchase over 500 euros?")
    assert ask(desk, "And who keeps it?", conversation=again["conversation"])["text"] == "The archive."
    other = ask(desk, "Who keeps the spare keys?")
    assert not ask(desk, "And who keeps it?", conversation=other["conversation"])["reviewed"]


def test_a_quorum_waits_for_others_than_the_author(desk, monkeypatch):
    service, question = desk.app.state.service, POLITE.format(3, "B")
    monkeypatch.setattr(service, "settings", service.settings.model_copy(update={"review_quorum": 2}))
    first = ask(desk, question)
    desk.post("/api/ratings", json={"answer_id": first["id"], "score": -1, "correction": FIXED, "user": "bob"})
    assert take(desk, first, correction=FIXED)["waiting_for"] == 2
    assert take(desk, first, correction=FIXED, reviewer="cem")["waiting_for"] == 1
    assert not ask(desk, question)["reviewed"]
    page = desk.get("/api/review", params={"reviewer": "dora"}).json()
    assert page["quorum"] == 2
    assert [review["reviewer"] for review in page["items"][0]["reviews"]] == ["bob", "cem"]
    assert take(desk, first, correction=FIXED, reviewer="dora")["waiting_for"] == 0
    assert ask(desk, question)["reviewed"]
    agreed = desk.get("/api/review", params={"reviewer": "cem"}).json()["agreement"]
    assert (agreed["reviews"], agreed["agreement"]) == (1, 1.0)


def test_near_duplicates_come_as_one_item(desk):
    for question in (POLITE.format("3,000", "B"), "Please " + POLITE.format("3000", "B"), POLITE.format("300", "B")):
        answer = ask(desk, question)
        desk.post("/api/ratings", json={"answer_id": answer["id"], "score": -1})
    page = desk.get("/api/review").json()
    assert sorted(len(item["alike"]) for item in page["items"]) == [0, 1]
    assert page["left"] == 2


def test_what_cannot_be_taken_says_what_to_send(desk):
    first = ask(desk, POLITE.format(3, "B"))
    assert "send `correction`" in take(desk, first, status=422)["detail"]
    assert desk.post("/api/review", json={"subject": "none", "verdict": "approve"}).status_code == 404
    assert desk.get("/api/ratings/none/outcome").status_code == 404
    assert desk.post("/api/judgements/none/done").status_code == 404


# What an adapter has learned


class Kept:
    def __init__(self, *corrections: Correction) -> None:
        self.corrections = list(corrections)

    def active(self) -> list[Correction]:
        return self.corrections


def matching(*corrections: Correction, disagreement=lambda one, other: "") -> Reviewed:
    import numpy as np

    def encode(texts):
        return np.array([[1.0, 0.0] if "one" in text else [0.0, 1.0] for text in texts])

    return Reviewed(
        Kept(*corrections), list, (), encode, lambda query: query.text, disagreement, 0.8, lambda task: "prompt"  # pyright: ignore
    )  # fmt: skip


def test_likeness_is_not_enough_and_rules_are_not_enough():
    correction = Correction(query="about one", answer="A", task="rewrite")
    assert matching(correction).match(Query(text="also one")).correction == correction
    assert matching(correction, disagreement=lambda *_: "numbers").match(Query(text="also one")).correction is None
    assert matching(correction).match(Query(text="two")).correction is None


def test_a_fact_is_suggested_and_never_shown_to_a_model():
    fact = Correction(query="about one", answer="A", task="rewrite")
    learned = Correction(query="of one", answer="B", task="rewrite", example_id="e")
    found = matching(fact, learned, disagreement=lambda *_: "numbers").match(Query(text="one"))
    assert found.suggestion == suggestion(fact)
    assert found.examples == (Example(id="e", task="rewrite", query="of one", answer="B", origin="review"),)


def test_many_threads_share_the_vectors():
    reviewed, failures = matching(Correction(query="about one", answer="A")), []

    def many(n: int) -> None:
        for m in range(50):
            if reviewed.match(Query(text=f"one {n} {m}")).correction is None:
                failures.append((n, m))

    threads = [threading.Thread(target=many, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []

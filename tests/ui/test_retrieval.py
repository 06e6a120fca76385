"""The retrieval lab, the choice of documents, what stands around a source, and requests for documents."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.types import Filters, Judgement
from tests.ui import fake_retrieval, scenes
from tests.ui.fake_api import FakeApi
from tests.ui.pages import button, chat, only, text, until
from tests.ui.test_chat import QUESTION, asked

LOST = "What does an H200 cost per hour?"


def lab(fake: FakeApi) -> AppTest:
    at = only("retrieval").run()
    at.text_input(key="retrieval-query").set_value("quota of zeppelins").run()
    assert not at.exception
    return at


def missing(fake: FakeApi) -> AppTest:
    at = only("review")
    at.query_params["reviewer"], at.query_params["part"] = "ann", "Missing documents"
    return at.run()


def test_the_lab_shows_three_rankings_and_what_made_them(fake: FakeApi) -> None:
    said = text(lab(fake))
    assert [element.value for element in lab(fake).subheader[:3]] == ["By meaning", "By words", "Together"]
    assert "4 documents searched · weight 0.80 · in no document: zeppelins" in said
    assert "likeness 0.71; together at 1" in said
    assert "3.0 = quota 2.5, team 0.5; together at 1" in said
    assert "1st by meaning (likeness 0.71), by words: 0.60 + 0.20 = 0.80" in said
    assert "The same stands in handbook/lora.md." in said


def test_the_lab_asks_nothing_before_there_is_a_query(fake: FakeApi) -> None:
    assert "Type a query" in text(only("retrieval").run())
    assert fake.retrieval.asked == []


def test_a_weight_is_tried_and_not_stored(fake: FakeApi) -> None:
    at = lab(fake)
    at.slider(key="retrieval-weight").set_value(0.3).run()
    assert fake.retrieval.asked[-1]["weight"] == ["0.3"]
    assert "weight 0.30 · tried; 0.80 serves" in text(at)
    assert fake.retrieval.serving == 0.8


def test_the_lab_searches_where_it_is_told_to(fake: FakeApi) -> None:
    at = lab(fake)
    at.multiselect(key="retrieval-places").set_value(["Folder: handbook", "Kind: pdf"]).run()
    assert (fake.retrieval.asked[-1]["folders"], fake.retrieval.asked[-1]["kinds"]) == (["handbook"], ["pdf"])


def test_learning_with_few_cases_says_that_the_weight_stays(fake: FakeApi) -> None:
    at = only("retrieval").run()
    assert "as shipped" in text(at)
    button(at, "Learn the weight")
    assert "40 are the fewest to learn from: the shipped weight 0.80 stays." in text(at.run())
    assert "Cases: 3 click, 12 development" in text(at)


def test_a_learned_weight_is_shown_and_can_be_given_up(fake: FakeApi) -> None:
    fake.retrieval.learned = fake_retrieval.LEARNED
    at = only("retrieval").run()
    button(at, "Learn the weight")
    said = text(at.run())
    assert "**0.65** for meaning, 0.35 for words: learned from this collection." in said
    assert "left out: 478 look-ups that the pack's searcher learned from" in said
    button(at, "Back to 0.80, as shipped")
    assert "as shipped" in text(at.run())


def test_passages_in_the_lab_stay_text(fake: FakeApi) -> None:
    at = lab(fake)
    assert all("![" not in element.value for kind in (at.markdown, at.caption) for element in kind)


def test_a_question_goes_to_the_documents_that_were_chosen(fake: FakeApi) -> None:
    at = chat().run()
    at.multiselect(key="chat-places").set_value(["gpu-quota.md", "Kind: pdf"]).run()
    at.chat_input[0].set_value("hello").run()
    assert fake.posted("/api/answers")[0]["filters"] == {"sources": ["gpu-quota.md"], "kinds": ["pdf"]}


def test_a_chosen_document_that_is_gone_is_forgotten(fake: FakeApi) -> None:
    at = chat().run()
    at.multiselect(key="chat-places").set_value(["gpu-quota.md"]).run()
    fake.retrieval.choices["sources"] = ["data-rules.md"]
    assert not at.run().exception
    at.chat_input[0].set_value("hello").run()
    assert "filters" not in fake.posted("/api/answers")[0]


def test_an_answer_says_how_it_was_read_and_where_it_was_searched(
    fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {
        **scenes.whole(QUESTION, None),
        "standalone": "What is the GPU quota of Team B?",
        "filters": Filters(sources=("gpu-quota.md",), folders=("handbook",), kinds=("pdf",)),
    }
    monkeypatch.setattr(scenes, "whole", lambda query, strategy: read)
    said = text(asked(fake, "And Team B?"))
    assert "Read as “What is the GPU quota of Team B?”" in said
    assert "Searched only in gpu-quota.md, folder handbook, .pdf" in said


def test_a_source_opens_to_what_stands_around_it_and_that_is_told(fake: FakeApi) -> None:
    at = asked(fake, QUESTION)
    id = next(iter(fake.answers))
    assert "The rules hold for all six teams." not in text(at)
    at.button(key=f"open-around-{id}-gpu-quota.md-1").click().run()
    said = text(at)
    assert "The rules hold for all six teams." in said
    assert "The night queue runs from 20:00." in said
    assert "GPU quota › Weekly hours" in said
    assert fake.posted(f"/api/answers/{id}/opened") == [{"passage_id": "gpu-quota.md-1"}]
    at.run()
    assert len(fake.posted(f"/api/answers/{id}/opened")) == 1


def test_other_places_of_the_same_are_named_at_the_source(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scenes.whole(QUESTION, None)
    twice = tuple(citation.model_copy(update={"also": ("copy.pdf, page 7",)}) for citation in scene["citations"])
    monkeypatch.setattr(scenes, "whole", lambda query, strategy: {**scene, "citations": twice})
    assert "The same stands in copy.pdf, page 7." in text(asked(fake, QUESTION))


def test_who_finds_nothing_can_ask_for_a_document_and_sees_that_it_waits(fake: FakeApi) -> None:
    at = asked(fake, LOST)
    id = next(iter(fake.answers))
    at.text_input(key=f"request-note-{id}").set_value("for the budget").run()
    button(at, "Send")
    assert fake.posted("/api/requests") == [{"query": LOST, "note": "for the budget", "answer_id": id, "user": ""}]
    assert "You asked for a document on" in text(at)
    assert "Send" not in [b.label for b in at.button]


def test_who_asked_is_told_of_the_document_and_asks_again(fake: FakeApi) -> None:
    at = asked(fake, LOST)
    button(at, "Send")
    row = next(row for row in fake.loop.judgements if row["answer_id"] in fake.answers)
    row["done"], row["value"] = True, {**row["value"], "closed_with": "prices.md"}
    assert "there is one now: **prices.md**" in text(at.run())
    button(at, "Ask again")
    assert [body["query"] for body in fake.posted("/api/answers")] == [LOST, LOST]


def test_an_answer_that_was_found_offers_no_request(fake: FakeApi) -> None:
    assert "Send" not in [b.label for b in asked(fake, QUESTION).button]


def test_the_most_often_asked_stands_first_with_its_wordings_and_notes(fake: FakeApi) -> None:
    for note in ("for the budget", ""):
        value = {"fact": "", "source": "", "markdown": "", "note": note, "requested": True}
        row = Judgement(kind="document", query="Who pays for an H200?", value=value, author="bo")
        fake.loop.judgements.append(row.model_dump(mode="json"))
    said = text(missing(fake))
    assert said.index("**Who pays for an H200?** :orange-badge[asked 2 times]") < said.index("It costs 4 EUR.")
    assert ":material/chat_bubble: for the budget" in said


def test_a_group_is_closed_with_the_document_that_answers_it(fake: FakeApi) -> None:
    at = missing(fake)
    assert at.button(key="close-7").disabled
    at.selectbox(key="answers-7").set_value("gpu-quota.md").run()
    button(at, "Close")
    assert fake.posted("/api/requests/7/close") == [{"document": "gpu-quota.md", "also": []}]
    said = text(at)
    assert "Search finds gpu-quota.md for this question at place 1." in said
    assert "No document is known to be missing." in said
    assert "What does an H200 cost per hour?" in said


def test_a_document_that_search_does_not_find_is_told(fake: FakeApi) -> None:
    fake.retrieval.place = None
    at = missing(fake)
    at.selectbox(key="answers-7").set_value("gpu-quota.md").run()
    button(at, "Close")
    assert "Search does not find gpu-quota.md for this question" in text(at)


def test_a_conversation_with_news_is_marked(fake: FakeApi) -> None:
    at = asked(fake, LOST)
    fake.told.add(next(iter(fake.answers.values())).conversation)
    at.run()
    marked = [b for b in at.button if (b.key or "").startswith("open-") and b.icon]
    assert len(marked) == 1


def test_the_page_waits_for_nothing_that_it_does_not_need(fake: FakeApi) -> None:
    at = asked(fake, QUESTION)
    fake.received.clear()
    at.run()
    asked_for = [path for method, path, _ in fake.received if "requests" in path or "passages" in path]
    assert asked_for == []
    until(at, lambda at: "Why this road?" in text(at))

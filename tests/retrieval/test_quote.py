"""Quotes are verbatim, in place, and from as many documents as are asked for."""

from __future__ import annotations

import pytest

from core.types import Message, Query
from retrieval.focus import focus, lacks
from retrieval.sentences import pieces
from tests.retrieval.conftest import Desk


@pytest.mark.parametrize(
    ("query", "part", "source"),
    [
        ("Who approves a new dataset?", "data steward approves", "rules.md"),
        ("How long are logs kept?", "90 days", "faq.md"),
        ("When does the capacity lead answer a gpu/quota ticket?", "two working days", "rules.md"),
    ],
)
def test_the_answering_sentence_is_quoted(filled: Desk, query: str, part: str, source: str):
    first = filled.find(query).quotes()[0]
    assert part in first.sentence
    assert first.source == source
    assert first.passage[first.start : first.end] == first.sentence


def test_a_synthesis_quotes_different_documents(filled: Desk):
    found = filled.find("Do our sources agree on the GPU hours per week?").quotes(sources=2)
    assert len({citation.source for citation in found}) == 2
    assert all("120" in citation.sentence for citation in found)


def test_what_no_document_says_is_less_answerable(filled: Desk):
    known, unknown = "How many GPU hours has each team per week?", "What does an H200 cost in euros?"
    assert filled.find(known).answerable > 0.5 > filled.find(unknown).answerable
    retriever = filled.retriever()
    assert retriever.evidence(Query(text=known)).coverage > retriever.evidence(Query(text=unknown)).coverage


def test_without_passages_nothing_is_found(filled: Desk):
    found = filled.quoter().find("Who approves it?", ())
    assert (found.answerable, found.quotes()) == (0.0, [])


def test_a_follow_up_is_read_with_the_question_before(filled: Desk):
    history = (Message(role="user", content="How many GPU hours has each team per week?"),)
    evidence = filled.retriever().evidence(Query(text="And Forecasting?", history=history))
    assert evidence.query == "How many GPU hours has each team per week? And Forecasting?"
    first = filled.quoter().find(evidence.query, evidence.passages).quotes()[0]
    assert "hours" in first.sentence


def texts(passage: str) -> list[str]:
    found = pieces(passage)
    assert all(passage[piece.start : piece.end] == piece.text for piece in found)
    return [piece.text for piece in found]


def test_abbreviations_and_decimals_do_not_end_a_sentence():
    passage = "Use a small base, e.g. Llama. It needs 3.5 GB, cf. Fig. 3 of Dr. Smith. Is it enough? Yes, it is."
    assert texts(passage) == [
        "Use a small base, e.g. Llama.",
        "It needs 3.5 GB, cf. Fig. 3 of Dr. Smith.",
        "Is it enough?",
        "Yes, it is.",
    ]


def test_a_list_is_quoted_by_item_or_whole():
    passage = "Three things count:\n- the base model\n- the data\n- the rank"
    found = pieces(passage)
    assert "the data" in [piece.text for piece in found]
    assert passage in [piece.text for piece in found]
    assert {piece.lead for piece in found if piece.text == "the data"} == {"Three things count:"}


def test_a_sentence_within_a_row_can_be_quoted_alone():
    found = texts("Card: H200; Memory: 141; Note: The H200 has 141 GB of GPU memory.")
    assert "The H200 has 141 GB of GPU memory." in found
    assert len(found) == 2


@pytest.mark.parametrize(
    ("query", "about"),
    [
        ("Which job scheduler is used?", ["job", "schedul"]),
        ("How many GPU hours has a team?", ["gpu", "hour"]),
        ("Does it work?", []),
    ],
)
def test_a_question_says_what_it_asks_about(query: str, about: list[str]):
    found = focus(query)
    assert len(found) == len(about)
    assert all(stem.startswith(start) for stem, start in zip(found, about, strict=True))


@pytest.mark.parametrize(
    ("query", "wrong", "right"),
    [
        ("What does an H200 cost per hour?", "It must be booked.", "It costs 30 euros."),
        ("What is the e-mail address of the desk?", "Write to the desk.", "Write to desk@norvik.example."),
        ("At what time of day does it open?", "It opens on Monday.", "It opens at 08:00."),
        ("Which version of vLLM do we run?", "We run vLLM.", "We run vLLM 0.9.1."),
    ],
)
def test_a_price_is_not_answered_where_none_stands(query: str, wrong: str, right: str):
    assert lacks(query, [wrong])
    assert not lacks(query, [wrong, right])


def test_what_has_no_form_of_its_own_lacks_nothing():
    assert not lacks("What does checkpointing cost in throughput?", ["It costs time."])

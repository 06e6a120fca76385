"""Quotes are verbatim, in place, and from as many documents as are asked for."""

from __future__ import annotations

import pytest

from core.types import Query
from retrieval.expectation import asks_for, counts, holds
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
    retriever = filled.retriever()
    first = retriever.quoter.quotes(query, retriever.evidence(Query(text=query)).passages)[0]
    assert part in first.sentence
    assert first.source == source
    assert first.passage[first.start : first.end] == first.sentence


def test_a_synthesis_quotes_different_documents(filled: Desk):
    retriever = filled.retriever()
    query = "Do our sources agree on the GPU hours per week?"
    found = retriever.quoter.quotes(query, retriever.passages(query), sources=2)
    assert len({citation.source for citation in found}) == 2
    assert all("120" in citation.sentence for citation in found)


def test_what_no_document_says_is_less_answerable(filled: Desk):
    retriever = filled.retriever()
    known = retriever.evidence(Query(text="How many GPU hours has each team per week?"))
    unknown = retriever.evidence(Query(text="What does an H200 cost in euros?"))
    assert known.answerable > 0.5 > unknown.answerable
    assert known.coverage > unknown.coverage


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
    ("query", "kind", "right", "wrong"),
    [
        ("How many hours does a team have?", "number", "It has 120 hours.", "It has enough hours."),
        ("What does it cost?", "money", "It costs 30 euros.", "It has 30 GB."),
        ("Who approves it?", "person", "The data steward approves it.", "It takes two days."),
        ("How long are logs kept?", "duration", "For 90 days.", "On the disk."),
        ("At what time does it open?", "clock", "It opens at 08:00.", "It opens on Monday."),
    ],
)
def test_a_question_says_what_kind_of_answer_it_wants(query: str, kind: str, right: str, wrong: str):
    assert asks_for(query) == kind
    assert holds(kind, right, query)
    assert not holds(kind, wrong, query)


def test_a_count_stands_before_what_is_counted():
    assert counts("How many teams are there?", "The desk helps six teams.")
    assert counts("How many teams are there?", "The desk opens at 8.") is False
    assert counts("Who is it?", "Six teams.") is None

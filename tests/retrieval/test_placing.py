"""Where a reader's words stand: the sentence that the finder likes best, whichever passage was named."""

from __future__ import annotations

import pytest

from core.types import Passage
from retrieval.placing import given, holds, place
from retrieval.quote import Found, Scored
from retrieval.sentences import pieces

FLEET = Passage(id="a", source="fleet.md", text="The L40S has 48 GB of memory. It stands in rack 2.")
RULES = Passage(
    id="b", source="rules.pdf", text="A job may take 48 GB at most. Nobody may lend a card.", page=4, turns=((30, 5),)
)


def found(*ranked: tuple[Passage, int], answerable: float = 0.9) -> Found:
    """Sentences as the finder would rank them, by passage and place."""
    scored = [Scored(p, pieces(p.text)[at], {"span": 0.0}, 0.9 - n / 10) for n, (p, at) in enumerate(ranked)]
    return Found(tuple(scored), answerable)


FOUND = found((FLEET, 0), (RULES, 0), (RULES, 1), (FLEET, 1))


def test_the_likeliest_sentence_that_holds_the_answer_is_cited_though_another_passage_was_named():
    placed = place("48 gb", 2, (FLEET, RULES), FOUND)
    assert placed.citation is not None
    assert (placed.citation.source, placed.citation.sentence) == ("fleet.md", "The L40S has 48 GB of memory.")
    assert (placed.best, placed.named, placed.citation.number) == (True, False, 1)


def test_a_citation_names_the_page_that_its_sentence_stands_on():
    placed = place("lend a card", 2, (FLEET, RULES), FOUND)
    assert placed.citation is not None
    assert (placed.citation.page, placed.best, placed.named) == (5, False, True)
    assert RULES.text[placed.citation.start : placed.citation.end] == "Nobody may lend a card."


def test_what_stands_over_two_sentences_is_supported_by_the_passage_that_holds_both():
    placed = place("48 GB of memory. It stands in rack 2", 2, (FLEET, RULES), FOUND)
    assert placed.citation is not None
    assert placed.citation.source == "fleet.md"
    assert not placed.best


def test_what_no_passage_holds_is_dropped_with_the_reason():
    placed = place("96 GB", 1, (FLEET, RULES), FOUND)
    assert placed.citation is None
    assert placed.dropped is not None
    assert placed.dropped.why == "[1]: the passage does not hold the number 96"


def test_no_answer_has_no_place():
    assert place("", None, (FLEET, RULES), FOUND).dropped is None


@pytest.mark.parametrize(
    ("sentence", "answer", "held"),
    [
        ("It has 48 GB.", "8 GB", False),
        ("It has\n 48  GB.", "48 gb", True),
        ("A house reply (at most 80 words).", "(at most 80 words)", True),
        ("anything", "", False),
    ],
)
def test_an_answer_stands_in_a_sentence_as_whole_words(sentence: str, answer: str, held: bool):
    assert holds(sentence, answer) is held


def test_the_reader_gets_the_passages_of_the_likeliest_sentences_as_far_as_there_is_room():
    assert [passage.id for passage in given(FOUND)] == ["a", "b"]
    assert [passage.id for passage in given(found((RULES, 0), (FLEET, 0)), most=1)] == ["b"]
    assert [passage.id for passage in given(FOUND, room=60)] == ["a"]
    assert [passage.id for passage in given(FOUND, room=1)] == ["a"], "one passage is read however long it is"
    assert given(Found()) == ()

"""The finder marks the answer in its passage, says where there is none, and reads alike alone and beside others."""

from __future__ import annotations

from core.types import Passage
from retrieval.finder import NOTHING
from tests.retrieval.conftest import finder

TEXT = "Each team has 120 GPU hours per week. Logs are kept for 90 days. The desk opens at eight."
QUOTA, LOGS, HOURS = ((TEXT.index(part), TEXT.index(part) + len(part)) for part in TEXT.split(". "))


def passage(text: str = TEXT, heading: str = "House rules") -> Passage:
    return Passage(id=text[:8], source="rules.md", text=text, heading=heading)


def test_the_sentence_with_the_answer_scores_best():
    reading = finder().read("How long are logs kept?", [passage()])[0]
    assert reading.span(*LOGS) > max(0, reading.span(*QUOTA), reading.span(*HOURS))


def test_a_passage_without_the_answer_scores_below_zero():
    reading = finder().read("Who wrote the memory rule?", [passage()])[0]
    assert reading.span(0, len(TEXT)) < 0


def test_a_passage_reads_alike_whatever_it_is_read_with():
    others = [passage(f"{n} cards are in the rack, and more will come. " * (n + 1)) for n in range(5)]
    alone = finder().read("How long are logs kept?", [passage()])[0].span(*LOGS)
    among = finder().read("How long are logs kept?", [*others, passage()])[-1].span(*LOGS)
    assert abs(alone - among) < 0.5  # bf16 in batches of other shapes


def test_a_long_passage_is_cut_and_its_rest_holds_nothing():
    text = "Nothing to see here, move on. " * 200 + TEXT
    reading = finder().read("How long are logs kept?", [passage(text)])[0]
    assert reading.span(text.index("Logs"), len(text)) == NOTHING

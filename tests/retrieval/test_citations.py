"""A sentence may be cited only where numbers, names, negations and opposites agree with its passage."""

from __future__ import annotations

import json

import pytest

from benchmarks.citations import HARD
from core.types import Cited, Dropped, Passage
from retrieval.citations import check, check_written, stream_sentences
from retrieval.quantities import numbers

PASSAGE = "Each team has 3,000 tickets per year. Llama-3.3-70B is not approved. The steward answers within two days."


@pytest.mark.parametrize(
    "sentence",
    [
        "Each team has 3000 tickets per year.",
        "Llama-3.3-70B is not approved.",
        "The steward answers within 2 days.",
    ],
)
def test_what_the_passage_says_is_supported(sentence: str):
    assert check(sentence, PASSAGE).ok


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("Each team has 300 tickets per year.", "number 300"),
        ("Llama-3.3-70B is approved.", "negated"),
        ("Mistral-7B is not approved.", "mistral"),
        ("The steward answers within two weeks.", "number 2"),
        ("Bananas grow in warm countries.", "does not speak"),
    ],
)
def test_what_it_does_not_say_is_not(sentence: str, why: str):
    support = check(sentence, PASSAGE)
    assert not support.ok
    assert why in support.why


def test_numbers_are_compared_by_value_and_unit():
    assert [(n.value, n.unit) for n in numbers("twelve hours, 3,067 mm, 80 percent, $1.4 billion")] == [
        (12, "hour"),
        (3067, "mm"),
        (80, "%"),
        (1.4e9, "$"),
    ]


def test_the_check_does_not_fall_behind_on_the_hard_pairs():
    rows = [json.loads(line) for line in HARD.read_text(encoding="utf-8").splitlines()]
    found = [(check(row["sentence"], row["passage"]).ok, row["supported"]) for row in rows if row["round"] == 1]
    assert sum(not ok for ok, supported in found if not supported) >= 27
    assert sum(not ok for ok, supported in found if supported) <= 3


def passage(id: str, text: str) -> Passage:
    return Passage(id=id, source=f"{id}.md", text=text)


def test_each_sentence_of_a_written_answer_is_judged_by_its_own_passage():
    passages = [passage("a", "Intro. Each team has 120 hours."), passage("b", "Logs are kept for 90 days.")]
    text = "Each team has 120 hours [1]. Logs are kept for 60 days [2]. The sky is blue. It rains [7]."
    cited, *dropped = check_written(iter(text), passages)
    assert isinstance(cited, Cited)
    assert (cited.citation.number, cited.citation.source) == (1, "a.md")
    assert passages[0].text[cited.citation.start : cited.citation.end] == "Each team has 120 hours."
    assert [one.why for one in dropped if isinstance(one, Dropped)] == [
        "[2]: the passage does not hold the number 60",
        "no passage is named",
        "there is no passage [7]",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One thing. [1] Two things [2].", ["One thing. [1]", "Two things [2]."]),
        ("It is 3.5 GB, e.g. here [1]. Then more [2][3].\n", ["It is 3.5 GB, e.g. here [1].", "Then more [2][3]."]),
        ("- First [1]\n- Second [2]", ["- First [1]", "- Second [2]"]),
    ],
)
def test_sentences_come_whole_however_the_text_is_cut(text: str, expected: list[str]):
    for size in (1, 3, 1000):
        assert list(stream_sentences(text[n : n + size] for n in range(0, len(text), size))) == expected

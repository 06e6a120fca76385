"""The same is shown once; what a number, a name, a negation or one word tells apart is shown twice."""

from __future__ import annotations

import pytest

from core.types import Passage
from retrieval.duplicates import once, same
from tests.retrieval.conftest import Desk

TEXT = (
    "Each team may use 120 GPU hours per week. The capacity lead decides on requests for more hours, and answers within two "
    "working days. Unused hours lapse on Sunday."
)


def passage(text: str, id: str = "a", source: str = "a.md", heading: str = "Rules > Quota", **more) -> Passage:
    return Passage(id=id, source=source, text=text, heading=heading, dense=0.5, **more)


@pytest.mark.parametrize(
    "other",
    [
        TEXT.upper(),
        TEXT.replace(". ", ".\n\n- ").replace(",", ""),
        TEXT.replace("Unused hours lapse", "Unused hours always lapse"),
    ],
)
def test_the_same_in_another_dress_is_the_same(other: str):
    assert same(passage(TEXT), passage(other, "b", "b.md"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("120", "140"),
        ("two working days", "three working days"),
        ("may use", "may not use"),
        ("lapse", "do not lapse"),
        ("capacity lead", "data steward"),
        ("GPU hours per week", "H200 hours per week"),
        ("within", "after"),
        ("Unused", "Only unused"),
        ("may use", "must use"),
    ],
)
def test_what_tells_two_passages_apart_keeps_both(old: str, new: str):
    assert not same(passage(TEXT), passage(TEXT.replace(old, new, 1), "b", "b.md"))


def test_the_heading_is_part_of_what_a_passage_says():
    short = "120 hours per week."
    assert not same(passage(short, heading="Quota > Firmware"), passage(short, "b", heading="Quota > Support"))
    assert not same(passage(short, heading="Rules of 2025"), passage(short, "b", "b.md", heading="Rules of 2026"))
    assert same(passage(short, heading="Rules > Quota"), passage(short, "b", "b.md", heading="Copy > Quota"))


def test_the_better_one_is_shown_and_names_the_other_places():
    found = once([passage(TEXT, page=2, score=0.9), passage("Another.", "x"), passage(TEXT, "b", "b.pdf", page=7)], 8)
    assert [one.id for one in found] == ["a", "x"]
    assert found[0].also == ("b.pdf, page 7",)
    assert found[1].also == ()


def test_of_two_the_one_that_says_more_is_shown_in_the_better_place():
    longer = TEXT.replace("Unused hours lapse", "Unused hours always lapse")
    found = once([passage(TEXT, score=0.9), passage(longer, "b", "b.md", score=0.8)], 8)
    assert [(one.id, one.score, one.also) for one in found] == [("b", 0.9, ("a.md",))]


def test_a_place_that_a_duplicate_would_take_goes_to_another_passage(desk: Desk):
    copied = "# Rules\n\n## Quota\n\n" + TEXT
    for n in range(4):
        desk.write(f"copy-{n}.md", copied)
    desk.write("other.md", "# Hours\n\nThe desk keeps office hours from eight to five.\n")
    desk.ingest.sync(desk.folder)
    found = desk.retriever().passages("How many hours may a team use?", 2)
    assert [len(found), found[0].heading, found[1].source] == [2, "Rules > Quota", "other.md"]
    assert len(found[0].also) == 3
    assert desk.find("How many GPU hours may a team use?").quotes()[0].also == found[0].also

"""What a neighbour adds is read where a passage is cut off, and only there."""

from __future__ import annotations

from core.types import Passage
from retrieval.neighbours import around, completed
from tests.retrieval.conftest import Desk


def passages(*texts: str, heading: str = "Rules > Board", pages: tuple[int | None, ...] = ()) -> list[Passage]:
    numbered = pages or (None,) * len(texts)
    return [
        Passage(id=str(n), source="a.pdf", text=text, heading=heading, page=page)
        for n, (text, page) in enumerate(zip(texts, numbered, strict=True))
    ]


def test_a_sentence_that_goes_on_over_the_page_is_read_whole_from_both_sides():
    found = passages("It has five seats. The board meets every", "second Tuesday. It votes.", pages=(3, 4))
    first, second = completed(found, 0), completed(found, 1)
    assert first.text == "It has five seats. The board meets every second Tuesday."
    assert (first.page, first.page_at(first.text.index("board")), first.page_at(first.text.index("second"))) == (
        3,
        3,
        4,
    )
    assert second.text == "The board meets every second Tuesday. It votes."
    assert (second.page, second.page_at(second.text.index("votes"))) == (3, 4)
    assert (first.id, second.id) == ("0", "1")


def test_a_list_keeps_the_sentence_that_leads_to_it_and_its_rest():
    found = passages(
        "Three things are needed:\n- the licence,\n- the card,", "- an evaluation.\n\nNothing else counts."
    )
    assert completed(found, 0).text == "Three things are needed:\n- the licence,\n- the card,\n- an evaluation."
    whole = "Three things are needed:\n- the licence,\n- the card,\n- an evaluation.\n\nNothing else counts."
    assert completed(found, 1).text == whole


def test_a_passage_that_is_whole_stays_as_it_is():
    found = passages("It meets on Tuesdays.", "It votes by hand.", "- One thing.", "Then it goes home.")
    assert [completed(found, n) for n in range(4)] == found


def test_nothing_is_added_from_another_section_or_document():
    one = passages("The board meets every")[0]
    other = passages("second Tuesday.", heading="Rules > Gate")[0]
    foreign = passages("second Tuesday.")[0].model_copy(update={"source": "b.pdf"})
    assert completed([one, other], 0) == one
    assert completed([one, foreign], 0) == one


def test_a_neighbour_without_an_end_adds_nothing():
    one, endless = passages("The board meets every", "second " * 200)
    assert completed([one, endless], 0) == one


def test_around_a_passage_stand_neighbours_section_and_parents():
    found = [
        *passages("First.", "Second.", heading="Rules > Board"),
        *passages("Third.", heading="Rules > Gate"),
        *(one.model_copy(update={"source": "b.pdf"}) for one in passages("Elsewhere.", heading="Rules > Board")),
    ]
    seen = around(found, 1)
    assert (seen.before, seen.after) == (found[0], found[2])
    assert seen.section == (found[0], found[1])
    assert [(one.heading, one.passages) for one in seen.parents] == [("Rules", 3), ("Rules > Board", 2)]
    assert around(found, 0).before is None
    assert around(found, 2).after is None


def test_a_cut_passage_is_quoted_whole(desk: Desk):
    item = "- a very long item that fills its place on the page and says little of any use to anybody who reads it,\n"
    desk.write("board.md", "# Board\n\nA proposal needs these papers:\n" + item * 8 + "- the signed green form.\n")
    desk.ingest.sync(desk.folder)
    assert len(desk.index) == 2
    first = next(p for p in desk.index.words.passages if p.text.startswith("A proposal"))
    assert "green form" not in first.text
    assert desk.retriever().whole(first).text.endswith("- the signed green form.")
    for citation in desk.find("Which signed form does a proposal need?").quotes():
        assert citation.sentence == citation.passage[citation.start : citation.end]

"""A sentence of a written answer that its passage does not support is not shown; the answer says which, and why."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from app.answering import grown
from app.asking import print_answer
from core.types import Answer, Citation, Cited, Dropped, Passage, Text
from retrieval.citations import check_written

PASSAGES = (
    Passage(
        id="a",
        source="fleet.xlsx",
        text="Card: 6; Memory: 40 GB; Rack: 1.\nCard: 7; Memory: 80 GB; Rack: 2.\nCard: 8; Memory: 24 GB; Rack: 2.",
        sheet="Cards",
        rows=(3, 9),
        line_rows=(3, 4, 9),
        also=("old-fleet.xlsx",),
    ),
    Passage(
        id="b",
        source="rules.pdf",
        text="Cards are lent for free. Nobody may reserve a card for more than two days.",
        page=4,
        turns=((25, 5),),
    ),
)
WRITTEN = (
    "Card 7 has 80 GB [1]. It has 96 GB [1]. A card may be reserved for two days at most [2]. Everybody may do so."
)


def written() -> Answer:
    answer = Answer(query="q")
    for event in check_written(iter(WRITTEN), PASSAGES):
        if isinstance(event, Cited):
            answer = grown(answer, Text(text=event.citation.sentence + " "), 0.1)
        answer = grown(answer, event, 0.1)
    return answer


def test_only_what_is_supported_is_shown_and_the_rest_is_kept_with_its_reason():
    answer = written()
    assert [citation.number for citation in answer.citations] == [1, 2]
    assert "96" not in answer.text
    assert answer.dropped == ("It has 96 GB.", "Everybody may do so.")
    assert answer.dropped_why == ("[1]: the passage does not hold the number 96", "no passage is named")


def test_a_citation_names_the_page_or_the_sheet_and_row_of_what_it_marks_and_where_else_it_stands():
    first, second = written().citations
    assert (first.sheet, first.rows, first.page, first.also) == ("Cards", (4, 4), None, ("old-fleet.xlsx",))
    assert (second.sheet, second.rows, second.page, second.also) == ("", None, 5, ())
    assert second.passage[second.start : second.end] == "Nobody may reserve a card for more than two days."


def test_the_command_line_says_what_was_left_out_and_where_the_rest_stands():
    said = StringIO()
    print_answer(written(), Console(file=said, width=200))
    assert "[1] fleet.xlsx, sheet Cards, row 4" in said.getvalue()
    assert "[2] rules.pdf, page 5" in said.getvalue()
    assert "not shown, since no passage supports it (no passage is named): Everybody may do so." in said.getvalue()


def test_a_dropped_event_without_a_reason_keeps_the_places():
    answer = grown(
        grown(Answer(query="q"), Dropped(sentence="One.", why=""), 0.0), Dropped(sentence="Two.", why="x"), 0.0
    )
    assert (answer.dropped, answer.dropped_why) == (("One.", "Two."), ("", "x"))


def test_old_answers_are_read_without_reasons():
    stored = written().model_dump(mode="json", exclude={"dropped_why"})
    assert Answer.model_validate(stored).dropped_why == ()
    cited = {key: value for key, value in stored["citations"][0].items() if key not in ("sheet", "rows")}
    assert Citation.model_validate(cited).rows is None

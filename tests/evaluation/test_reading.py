from __future__ import annotations

import pytest

from evaluation.reading import Answered, figures, points


def said(text="1066", answers=("1066",), confidence=0.9, shown=True, cited: bool | None = True):
    return Answered("1", "When?", tuple(answers), text, confidence, shown, cited)


def test_what_is_not_shown_counts_as_no_answer_but_for_the_figure_without_refusing():
    found = figures([said(), said(shown=False), said("1067")])
    assert found["f1_no_refusal"] == pytest.approx(66.7)
    assert found["f1_answerable"] == found["exact"] == pytest.approx(33.3)
    assert found["false_refusals"] == pytest.approx(33.3)


def test_a_question_without_an_answer_is_right_when_nothing_is_shown():
    found = figures([said(answers=()), said(answers=(), shown=False), said()])
    assert found["refusal_recall"] == 50
    assert found["f1_answerable"] == 100


def test_a_file_where_all_have_answers_has_no_refusal_recall():
    assert figures([said()])["refusal_recall"] is None


def test_citations_are_counted_where_a_passage_holds_the_answer():
    assert figures([said(), said(cited=False), said(cited=None)])["cited"] == 50


def test_the_risk_is_taken_where_so_many_of_the_answerable_are_shown_the_surest_first():
    rows = [said(confidence=0.9), said(answers=(), confidence=0.8), said("no", confidence=0.7), said(confidence=0.1)]
    found = points(rows, (0.3, 0.6, 1.0))
    assert found == {"30": 0.0, "60": 66.7, "100": 50.0}
    assert figures(rows)["wrong_at_60"] == 66.7

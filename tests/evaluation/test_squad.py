from __future__ import annotations

from evaluation import squad


def test_case_articles_and_punctuation_do_not_count():
    assert squad.exact("The Norman, Dynasty!", ["norman dynasty"]) == 1
    assert squad.exact("Norman", ["norman dynasty"]) == 0


def test_f1_is_the_overlap_with_the_answer_that_fits_best():
    assert squad.f1("the year 1066", ["1067", "1066"]) == 2 / 3
    assert squad.f1("the year", ["1066"]) == 0
    assert squad.f1("one one two", ["one three"]) == 0.4  # a word counts as often as both have it


def test_where_there_is_no_answer_silence_is_right_and_any_word_wrong():
    assert (squad.f1("", []), squad.exact("", [])) == (1, 1)
    assert (squad.f1("1066", []), squad.exact("1066", [])) == (0, 0)
    assert not squad.right("1066", [])
    assert not squad.right("", [])


def test_an_answer_with_more_words_around_it_is_right():
    assert squad.right("in the winter of 1066 and the spring after it", ["1066"])
    assert not squad.right("in 10660", ["1066"])
    assert squad.right("the", ["a"])  # nothing is left of either, so they are the same

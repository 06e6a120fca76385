from __future__ import annotations

import random

import numpy as np
import pytest

from core.dial import features, load_dial, save_dial
from core.errors import DomainError
from core.reading import Read
from evaluation.dial import Judged, curve, fit_dial, keeping_back


def cases(count: int = 400, seed: int = 0) -> list[Judged]:
    """A reader that is the likelier wrong the more it would refuse; two thirds have an answer."""
    dice, found = random.Random(seed), []
    for n in range(count):
        refusing, answerable = dice.random(), n % 3 > 0
        read = Read("x", 1, refusing, (-refusing, -0.1))
        found.append(Judged(features(read), answerable, answerable and dice.random() > refusing))
    return found


def test_the_setting_keeps_back_as_many_answerable_questions_as_it_may_and_no_more():
    judged = cases()
    dial = fit_dial(judged, kept_back=0.15)
    sure = [(dial.trust.probability(one.features), one.answerable) for one in judged]
    kept = [chance < dial.threshold() for chance, answerable in sure if answerable]
    assert 0.12 < sum(kept) / len(kept) < 0.18  # the curve is of other folds than the fit
    assert dial.cases == 400


def test_what_is_kept_back_is_likelier_wrong():
    judged = cases()
    dial = fit_dial(judged)
    shown = [one.right for one in judged if dial.trust.probability(one.features) >= dial.threshold()]
    hidden = [one.right for one in judged if dial.trust.probability(one.features) < dial.threshold()]
    assert sum(shown) / len(shown) > sum(hidden) / len(hidden) + 0.2


def test_the_curve_goes_from_the_most_careful_setting_to_the_one_that_shows_all():
    points = fit_dial(cases()).curve
    assert [one.threshold for one in points] == sorted((one.threshold for one in points), reverse=True)
    assert (points[-1].shown, points[-1].kept_back) == (1, 0)
    assert points[0].wrong < points[-1].wrong


def test_a_point_counts_an_answer_where_there_is_none_as_wrong():
    chances, answerable, right = np.array([0.9, 0.8, 0.1]), np.array([True, False, True]), np.array([True, False, True])
    second = curve(chances, answerable, right)[1]
    assert (second.shown, second.wrong, second.kept_back) == (0.6667, 0.5, 0.5)


def test_equal_probabilities_are_kept_back_together_or_not_at_all():
    assert keeping_back(np.array([0.2] * 10), 0.15) == 0.0
    assert keeping_back(np.array([0.1, 0.5, 0.5, 0.5]), 0.3) == pytest.approx(0.3)
    assert keeping_back(np.array([0.1, 0.2]), 1.0) > 1


def test_a_reader_that_is_never_right_has_no_dial():
    with pytest.raises(DomainError, match="train the reader longer"):
        fit_dial([Judged(one.features, one.answerable, False) for one in cases(30)])


def test_a_dial_is_read_again_as_it_was_kept(tmp_path):
    dial = fit_dial(cases())
    save_dial(tmp_path, dial)
    assert load_dial(tmp_path) == dial

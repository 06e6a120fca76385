from __future__ import annotations

import numpy as np
import pytest

from core.measured import Trust
from core.types import Answer, Case, Score
from evaluation.calibration import CLOSED, Fit, choose_threshold, common_threshold, fit_trust, threshold_for
from evaluation.report import Result, at_coverage, by_task, interval, risk_coverage, shown_wrong


def result(right, *, refused=False, warned=False, confidence=0.9, answerable=True, task="t"):
    expected = {"contains": ["x"]} if answerable else {"refusal": True}
    answer = Answer(
        query="q", status="complete", refused=refused, warnings=("w",) if warned else (), confidence=confidence
    )
    case = Case(id="1", task=task, query="q", expected=expected)
    return Result(case, "routed", answer, Score(value=float(right), right=right))


def test_shown_wrong_counts_answers_without_a_warning():
    results = [
        result(True),
        result(True),
        result(False),
        result(False, warned=True),
        result(False, refused=True),
        result(False, answerable=False),
        result(True, refused=True, answerable=False),
    ]
    figures = shown_wrong(results)
    assert figures["shown"] == 4
    assert figures["shown_wrong"] == 0.5
    assert figures["coverage"] == 0.6


def test_the_curve_orders_by_warning_then_confidence():
    results = [result(True, confidence=0.9), result(False, confidence=0.5), result(True, warned=True, confidence=0.99)]
    curve = risk_coverage(results)
    assert [round(point["risk"], 2) for point in curve] == [0.0, 0.5, 0.33]
    assert at_coverage(curve, 0.6) == 0.5
    assert at_coverage(curve, 1.1) is None


def test_intervals_hold_the_mean_and_shrink_with_cases():
    few, many = interval([1.0, 0.0] * 5), interval([1.0, 0.0] * 500)
    assert few.low <= few.score <= few.high
    assert many.high - many.low < few.high - few.low
    assert interval([]).n == 0


def test_figures_are_kept_by_task_and_strategy():
    figures = by_task([result(True, task="a"), result(False, task="a"), result(True, task="b")])
    assert figures["a"]["routed"].score == 0.5
    assert figures["b"]["routed"].n == 1


def test_a_threshold_keeps_the_risk():
    probabilities = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, True, True, False, True])
    assert 0.6 < choose_threshold(probabilities, right, 0.03) < 0.7
    assert choose_threshold(probabilities, ~right, 0.0) == CLOSED
    assert choose_threshold(probabilities, np.ones(5, bool), 0.03) < 0.5


def test_calibration_separates_sure_from_unsure():
    rng = np.random.default_rng(0)
    right = rng.random(200) < 0.8
    rows = [{"mean": float(rng.normal(-0.02 if ok else -0.4, 0.05))} for ok in right]
    fit = fit_trust(rows, right.tolist())
    threshold = common_threshold([fit])
    assert fit.trust.probability({"mean": -0.01}) > threshold > fit.trust.probability({"mean": -0.5})


def test_where_all_were_right_the_unlikely_are_still_doubted():
    rows = [{"least": -0.01 * n} for n in range(40)]
    fit = fit_trust(rows, [True] * 40)
    assert fit.trust.probability({"least": -0.01}) > fit.trust.probability({"least": -0.6})
    assert len(fit.probabilities) == 40


@pytest.mark.parametrize("right", [[], [True] * 5, [False] * 30])
def test_without_evidence_nothing_is_vouched_for(right):
    fit = fit_trust([{"mean": -0.1}] * len(right), right)
    assert fit.trust.probability({"mean": 0.0}) < fit.trust.threshold
    assert common_threshold([fit]) == CLOSED


def test_equal_probabilities_are_shown_together_or_not_at_all():
    assert choose_threshold(np.array([0.9] * 10), np.array([True] * 5 + [False] * 5), 0.03) == CLOSED


@pytest.mark.parametrize(("share", "shown"), [(0.0, 0), (0.25, 2), (0.49, 3), (0.5, 3), (0.75, 6), (1.0, 7)])
def test_a_threshold_shows_no_larger_a_share_than_it_may(share, shown):
    one = Fit(Trust(), np.array([0.9, 0.2, 0.7, 0.6]), np.ones(4, bool))
    other = Fit(Trust(), np.array([0.8, 0.6, 0.4]), np.ones(3, bool))
    threshold = threshold_for([one, other], share, asked=8)  # the two of 0.6 are shown together or not at all
    assert sum((fit.probabilities >= threshold).sum() for fit in (one, other)) == shown


def test_without_answers_any_threshold_will_do():
    assert threshold_for([], 0.5, asked=0) == 0.0

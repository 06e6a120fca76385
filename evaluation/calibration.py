"""From development cases to trust: the probability that an answer is right, and the threshold below which it warns.

Logistic (Platt) calibration for each task and strategy. The threshold is one for all of them, the lowest at which the
share of wrong answers among those shown without a warning stays within the risk: sixty cases of one task say too little
about a risk of a few percent. It is judged on probabilities from cross-validation, since those of the fit flatter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.measured import Trust

RISK = 0.04
FOLDS = 5
MIN_CASES = 20
CLOSED = 1.01
DOUBTS = 2


@dataclass(frozen=True)
class Fit:
    """`trust`, still without the common threshold, and the cross-validated probabilities with what was right."""

    trust: Trust
    probabilities: np.ndarray
    right: np.ndarray


def fit_trust(features: Sequence[dict[str, float]], right: Sequence[bool]) -> Fit:
    """Fit on development cases: one dict of features and one verdict for each answer that passed its checks.

    With fewer than 20 cases, or none right, nothing is vouched for. Where all are right, two more that look like the
    least sure ones count as wrong: otherwise unlikely answers would be trusted like likely ones.
    """
    labels = np.asarray(right, dtype=bool)
    if len(labels) < MIN_CASES or not labels.any():
        return Fit(Trust(threshold=CLOSED), np.array([]), np.array([], dtype=bool))
    names = sorted(features[0])
    matrix = np.asarray([[row[name] for name in names] for row in features])
    seen = len(labels)
    if labels.all():
        matrix = np.vstack([matrix, np.repeat(matrix.min(axis=0, keepdims=True), DOUBTS, axis=0)])
        labels = np.append(labels, [False] * DOUBTS)
    model, probabilities = cross_validated(matrix, labels)
    scaler, logistic = model
    weights = logistic.coef_[0] / scaler.scale_
    intercept = float(logistic.intercept_[0] - (weights * scaler.mean_).sum())
    trust = Trust(weights=dict(zip(names, map(float, weights), strict=True)), intercept=intercept)
    return Fit(trust, probabilities[:seen], labels[:seen])


def common_threshold(fits: Sequence[Fit], risk: float = RISK) -> float:
    """The threshold for all fits together."""
    probabilities = np.concatenate([fit.probabilities for fit in fits] or [np.array([])])
    right = np.concatenate([fit.right for fit in fits] or [np.array([], dtype=bool)])
    return choose_threshold(probabilities, right, risk) if len(right) >= MIN_CASES else CLOSED


def cross_validated(matrix: np.ndarray, labels: np.ndarray):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=1.0))
    folds = min(FOLDS, int(labels.sum()), int((~labels).sum()))
    if folds >= 2:
        splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
        both = np.asarray(cross_val_predict(pipeline, matrix, labels, cv=splitter, method="predict_proba"))
        probabilities = both[:, 1]
    else:
        probabilities = pipeline.fit(matrix, labels).predict_proba(matrix)[:, 1]
    pipeline.fit(matrix, labels)
    return [step for _, step in pipeline.steps], probabilities


def own_threshold(fit: Fit, common: float, risk: float = RISK) -> float:
    """The common threshold, raised where one task alone would be at more than twice the risk."""
    if not len(fit.right):
        return CLOSED
    return max(common, choose_threshold(fit.probabilities, fit.right, 2 * risk))


def threshold_for(fits: Sequence[Fit], shown: float, asked: int) -> float:
    """The lowest threshold at which no more than the share `shown` of `asked` answers are shown without a warning."""
    probabilities = np.sort(np.concatenate([fit.probabilities for fit in fits] or [np.array([])]))[::-1]
    allowed = int(shown * asked)
    if allowed >= len(probabilities):
        return 0.0
    first_hidden = float(probabilities[allowed])
    last_shown = float(probabilities[allowed - 1]) if allowed else 1.0
    return (last_shown + first_hidden) / 2 if last_shown > first_hidden else float(np.nextafter(first_hidden, 2.0))


def choose_threshold(probabilities: np.ndarray, right: np.ndarray, risk: float) -> float:
    """The lowest probability such that of all answers at or above it at most `risk` are wrong; above 1 if none."""
    order = np.argsort(-probabilities)
    wrong = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    ordered = probabilities[order]
    apart = np.append(ordered[:-1] > ordered[1:], True)  # equal probabilities are shown together or not at all
    within = np.flatnonzero((wrong <= risk) & apart)
    if len(within) == 0:
        return CLOSED
    last = int(within[-1])
    if last + 1 == len(order):
        return max(0.0, float(probabilities[order[last]]) - 0.05)
    return float((probabilities[order[last]] + probabilities[order[last + 1]]) / 2)

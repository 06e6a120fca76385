"""From development cases to trust: the probability that an answer is right, and the threshold below which it warns.

Logistic (Platt) calibration; the threshold is the lowest at which the share of wrong answers among those shown without
a warning stays within the risk, judged on probabilities from cross-validation, since those of the fit flatter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.measured import Trust

RISK = 0.03
FOLDS = 5
MIN_CASES = 20
CLOSED = 1.01


def fit_trust(features: Sequence[dict[str, float]], right: Sequence[bool], risk: float = RISK) -> Trust:
    """Fit on development cases: one dict of features and one verdict for each answer that passed its checks.

    With fewer than 20 cases, or none right, nothing is vouched for.
    """
    labels = np.asarray(right, dtype=bool)
    if len(labels) < MIN_CASES or not labels.any():
        return Trust(threshold=CLOSED)
    names = sorted(features[0])
    if labels.all():
        return Trust(intercept=4.0, threshold=0.0)
    matrix = np.asarray([[row[name] for name in names] for row in features])
    model, probabilities = cross_validated(matrix, labels)
    scaler, logistic = model
    weights = logistic.coef_[0] / scaler.scale_
    intercept = float(logistic.intercept_[0] - (weights * scaler.mean_).sum())
    threshold = choose_threshold(probabilities, labels, risk)
    return Trust(weights=dict(zip(names, map(float, weights), strict=True)), intercept=intercept, threshold=threshold)


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

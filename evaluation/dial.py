"""From a reader's answers to development cases to its dial: how likely an answer is right, and what each setting costs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.dial import Dial, Point
from core.errors import DomainError
from core.measured import NONE_SHOWN
from evaluation.calibration import MIN_CASES, fit_trust

KEPT_BACK = 0.15  # of the questions that have an answer, how many the setting that serves may leave without
POINTS = 50


@dataclass(frozen=True)
class Judged:
    """One answer: what the reader says of it (`core.dial.features`), whether its passages hold an answer, whether it is right."""

    features: dict[str, float]
    answerable: bool
    right: bool


def fit_dial(judged: Sequence[Judged], kept_back: float = KEPT_BACK) -> Dial:
    """Logistic over the features. Curve and setting go by probabilities from cross-validation: those of the fit flatter.

    Args:
        kept_back: of the answerable questions, the share that the setting may keep back; it keeps back as many as it may,
            since each of them is likelier wrong than all that are shown.

    Raises:
        DomainError: too few cases, or none answered right.
    """
    fit = fit_trust([one.features for one in judged], [one.right for one in judged])
    if not len(fit.probabilities):
        raise DomainError(
            f"the dial needs {MIN_CASES} cases at least and some right answers among them, and there are {len(judged)} with "
            f"{sum(one.right for one in judged)} right: add development cases, or train the reader longer"
        )
    answerable = np.asarray([one.answerable for one in judged])
    right = np.asarray([one.right for one in judged])
    threshold = keeping_back(fit.probabilities[answerable], kept_back)
    trust = fit.trust.model_copy(update={"threshold": threshold})
    return Dial(trust=trust, curve=curve(fit.probabilities, answerable, right), cases=len(judged))


def keeping_back(probabilities: np.ndarray, share: float) -> float:
    """The highest threshold under which at most `share` of the probabilities lie."""
    ordered = np.sort(probabilities)
    allowed = int(share * len(ordered))
    if allowed >= len(ordered):
        return NONE_SHOWN
    below = ordered[:allowed][ordered[:allowed] < ordered[allowed]]
    return float((below[-1] + ordered[allowed]) / 2) if len(below) else 0.0


def curve(probabilities: np.ndarray, answerable: np.ndarray, right: np.ndarray) -> tuple[Point, ...]:
    """What showing the surest 2%, 4%, ... of all answers costs; equal probabilities are shown together."""
    ordered = np.sort(probabilities)[::-1]
    places = sorted({max(1, round(len(ordered) * n / POINTS)) for n in range(1, POINTS + 1)})
    thresholds = dict.fromkeys(float(ordered[place - 1]) for place in places)
    return tuple(point(probabilities >= one, answerable, right, one) for one in thresholds)


def point(shown: np.ndarray, answerable: np.ndarray, right: np.ndarray, threshold: float) -> Point:
    kept_back = (answerable & ~shown).sum() / max(1, answerable.sum())
    return Point(
        threshold=round(threshold, 6), shown=round(float(shown.mean()), 4),
        wrong=round(float((shown & ~right).sum() / max(1, shown.sum())), 4), kept_back=round(float(kept_back), 4),
    )  # fmt: skip

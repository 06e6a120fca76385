"""How far to trust what was answered to development cases: by road, with what is refused. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

from app.documents_road import REFUSE_BELOW
from app.strategies import features
from core.checks import failed
from core.domain import TaskType
from core.measured import Point, Trust
from evaluation.calibration import MIN_CASES, Fit, fit_trust
from evaluation.dial import curve
from evaluation.report import Result

MISSED = 0.03
# Features of `app.reading_road.Reading`, fewest first.
WEIGHED = (
    ("answerable",),
    ("answerable", "agreed", "refusing"),
    ("answerable", "agreed", "refusing", "total", "mean", "least"),
)
Chances = Sequence[tuple[float, Result]]  # how sure, and what was answered


def fit_written(task: TaskType, results: Sequence[Result], logprobs: Callable[[str], list[float]]) -> Fit:
    """How far to trust what a model wrote: fitted on the answers that passed their checks. `logprobs`: by query."""
    given = [r for r in results if not r.answer.refused]
    given = [r for r in given if not failed(task.checks, task.json_schema, r.case.query, r.answer.text)]
    return fit_trust([features(logprobs(r.case.query)) for r in given], [r.score.right for r in given])


def refuse_below(results: Sequence[tuple[float, Result]]) -> float:
    """The probability under which to say "I don't know": the highest that refuses at most 3% of the answerable cases that
    are answered rightly. Above it the threshold of trust says which answers carry a warning."""
    kept = sorted(sure for sure, r in results if r.answerable and r.score.right)
    if len(kept) < MIN_CASES:
        return REFUSE_BELOW
    return kept[int(MISSED * len(kept))]


def costs(results: Sequence[tuple[float, Result]]) -> tuple[Point, ...]:
    """What each setting of the dial costs; a question without an answer that is shown one counts as wrong."""
    import numpy as np

    if len(results) < MIN_CASES:
        return ()
    chances, found = zip(*results, strict=True)
    answerable, right = [r.answerable for r in found], [r.answerable and r.score.right for r in found]
    return curve(np.asarray(chances), np.asarray(answerable), np.asarray(right))


def fit_quoting(chances: Chances) -> tuple[Fit, Trust]:
    """By how likely the finder thinks that the passages answer; what it refuses has no say in the fit."""
    below = refuse_below(chances)
    sure = [(chance, r) for chance, r in chances if not r.answer.refused and chance >= below]
    fit = fit_trust([{"answerable": chance} for chance, _ in sure], [r.score.right for _, r in sure])
    return fit, fit.trust.model_copy(update={"refuse_below": below, "curve": costs(chances)})


def surprises(fit: Fit) -> list[float]:
    """Negative log-likelihood of each verdict, by probabilities from cross-validation."""
    pairs = zip(fit.probabilities, fit.right, strict=True)
    return [-math.log(max(1e-9, float(p) if right else 1 - float(p))) for p, right in pairs]


def simplest(fits: Sequence[Fit]) -> int:
    """The first of the fits, which come fewest features first, that is within a standard error of the best one."""
    losses = [surprises(fit) or [0.0] for fit in fits]
    means = [statistics.fmean(each) for each in losses]
    best = min(range(len(fits)), key=lambda n: means[n])
    error = statistics.pstdev(losses[best]) / math.sqrt(len(losses[best]))
    return next(n for n, mean in enumerate(means) if mean <= means[best] + error)


def fit_reading(read: Sequence[dict[str, float]], results: Sequence[Result]) -> tuple[Fit, Trust]:
    """By what reader and finder say, of answers none of which was refused. One probability warns and refuses, and it is
    fitted on what is not refused, as that of quotations is.

    A pack whose finder has learned from its own look-ups is best judged by that alone; another by all together.
    """
    right = [r.score.right for r in results]
    weighed = WEIGHED[:1] if all(right) else WEIGHED  # nothing tells what a reader's doubt means where all are right
    fits = [fit_trust([only(row, names) for row in read], right) for names in weighed]
    chosen = simplest(fits)
    first, names = fits[chosen], weighed[chosen]
    below = refuse_below([(first.trust.probability(row), r) for row, r in zip(read, results, strict=True)])
    sure = [n for n, row in enumerate(read) if first.trust.probability(row) >= below]
    fit = first
    if len(sure) >= MIN_CASES and not all(right[n] for n in sure):
        fit = fit_trust([only(read[n], names) for n in sure], [right[n] for n in sure])
    chances = [(fit.trust.probability(row), r) for row, r in zip(read, results, strict=True)]
    return fit, fit.trust.model_copy(update={"refuse_below": refuse_below(chances), "curve": costs(chances)})


def only(row: dict[str, float], names: Sequence[str]) -> dict[str, float]:
    return {name: row[name] for name in names}

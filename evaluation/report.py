"""The report of an evaluation: figures with intervals, shown wrong, the risk-coverage curve. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.measured import Figure
from core.types import Answer, Case, Score

RESAMPLES = 2000


@dataclass(frozen=True)
class Result:
    """One strategy's answer to one case."""

    case: Case
    strategy: str
    answer: Answer
    score: Score

    @property
    def answerable(self) -> bool:
        expected = self.case.expected
        return not (expected.get("refusal") or expected.get("rubric", {}).get("refuse"))

    @property
    def shown(self) -> bool:
        """Shown as an answer without a warning."""
        return self.answer.status == "complete" and not self.answer.refused and not self.answer.warnings

    @property
    def wrong(self) -> bool:
        return self.shown and not self.score.right


def interval(values: Sequence[float], seed: int = 0) -> Figure:
    """Mean with its 95% percentile bootstrap interval over cases."""
    data = np.asarray(values, dtype=float)
    if len(data) == 0:
        return Figure(score=0.0, low=0.0, high=0.0, n=0)
    draws = np.random.default_rng(seed).choice(data, (RESAMPLES, len(data))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Figure(score=round(float(data.mean()), 4), low=round(float(low), 4), high=round(float(high), 4), n=len(data))


def by_task(results: Sequence[Result]) -> dict[str, dict[str, Figure]]:
    """Share right, by task and strategy. Floors and tables use it."""
    groups: dict[tuple[str, str], list[float]] = {}
    for result in results:
        groups.setdefault((result.case.task, result.strategy), []).append(float(result.score.right))
    figures: dict[str, dict[str, Figure]] = {}
    for (task, strategy), values in sorted(groups.items()):
        figures.setdefault(task, {})[strategy] = interval(values)
    return figures


def shown_wrong(results: Sequence[Result]) -> dict[str, float]:
    """Of all answers shown without a warning, the share that is wrong; coverage: shown among the answerable cases.

    An answer to a case that should be refused counts as wrong, and as shown; a right refusal is not an answer.
    """
    shown = [result for result in results if result.shown]
    answerable = sum(result.answerable for result in results)
    return {
        "shown_wrong": round(sum(result.wrong for result in shown) / max(1, len(shown)), 4),
        "coverage": round(sum(result.answerable for result in shown) / max(1, answerable), 4),
        "shown": len(shown),
        "answerable": answerable,
        "cases": len(results),
    }


def risk_coverage(results: Sequence[Result]) -> list[dict[str, float]]:
    """Risk at each coverage: answers ordered by vouched first (no warning), then by confidence."""
    given = [r for r in results if not r.answer.refused and r.answer.status == "complete"]
    given.sort(key=lambda r: (bool(r.answer.warnings), -(r.answer.confidence or 0.0)))
    answerable = max(1, sum(result.answerable for result in results))
    curve, wrong, covered = [], 0, 0
    for count, result in enumerate(given, 1):
        wrong += not result.score.right
        covered += result.answerable
        curve.append({"coverage": round(covered / answerable, 4), "risk": round(wrong / count, 4)})
    return curve


def at_coverage(curve: Sequence[dict[str, float]], coverage: float) -> float | None:
    """Risk at the first point of the curve that reaches a coverage; None if it never does."""
    return next((point["risk"] for point in curve if point["coverage"] >= coverage), None)

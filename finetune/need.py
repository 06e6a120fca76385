"""Which task most needs the next hundred examples. Pure.

By what a hundred more would add: the slope of its learning curve over the logarithm of the number of examples, where two
measurements or more are known, and otherwise what is missing to a perfect score, which shrinks the more examples there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.types import Noun

NEXT = 100
UNKNOWN = 0.5  # a task that was never measured
# Halves what is missing to a perfect score at each fourfold number of examples; what small models show between 50 and 800.
HALVING = 4.0
BELOW_FLOOR = 2.0  # a closed road gains more than its score: it opens


class Progress(Noun):
    """How far a task is. `curve`: (examples, score) as measured, in any order; `floor`: the score that opens its road."""

    task: str
    examples: int
    score: float | None = None
    curve: tuple[tuple[int, float], ...] = ()
    floor: float = 0.0


def most_needed(tasks: Sequence[Progress]) -> str:
    """The task that gains most by the next hundred; empty where there is none. Of equals the one with fewer examples."""
    ranked = sorted(tasks, key=lambda task: (-gain(task), task.examples, task.task))
    return ranked[0].task if ranked and gain(ranked[0]) > 0 else ""


def gain(task: Progress) -> float:
    """By how much the score would rise with a hundred more examples, doubled where that is what its road waits for."""
    points = dict(sorted(task.curve))
    score = task.score if task.score is not None else points[max(points)] if points else UNKNOWN
    missing = max(0.0, 1.0 - score)
    before, after = max(1, task.examples), max(1, task.examples) + NEXT
    rise = slope(points)
    if rise is None:
        expected = missing * (1 - 0.5 ** math.log(after / before, HALVING))
    else:
        expected = min(missing, max(0.0, rise) * math.log(after / before))
    return expected * (BELOW_FLOOR if score < task.floor else 1.0)


def slope(points: dict[int, float]) -> float | None:
    """Least-squares slope of the score over the logarithm of the number of examples; None for fewer than two numbers."""
    known = [(math.log(examples), score) for examples, score in points.items() if examples > 0]
    if len(known) < 2:
        return None
    middle, mean = (sum(values) / len(known) for values in zip(*known, strict=True))
    spread = sum((at - middle) ** 2 for at, _ in known)
    return sum((at - middle) * (score - mean) for at, score in known) / spread

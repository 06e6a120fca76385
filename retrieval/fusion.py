"""The weight of likeness against words, learned for a collection: where the judged passages come highest. Pure but for the
file that keeps it.

Learned by the mean nDCG@10 over a grid, and guarded: with few cases, or where the gain does not hold on cases left out, the
shipped weight stays, and `said` tells so.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.types import now

if TYPE_CHECKING:
    import numpy as np

FILE = "fusion.json"
CUT = 10
GRID = tuple(round(n * 0.05, 2) for n in range(21))
FEWEST_CASES = 40
FOLDS = 5
RESAMPLES = 2000
# So many of the resampled gains on cases left out are above 0. Simulated with gains that are noise alone (60 and 160 cases,
# neighbouring weights alike), 5% were adopted; with 0.9 it was 13 to 17%, since the cases left out share their weights.
SURE = 0.975
# A click says that a source looked useful, not that it answers; people click what stands first.
CLICK = 0.5


@dataclass(frozen=True)
class Judged:
    """A query and the ids of passages that answer it. `origin`: development, lookups, judgement or click; `counts`: how much."""

    query: str
    relevant: frozenset[str]
    origin: str
    counts: float = 1.0


@dataclass(frozen=True)
class Learned:
    """What was learned, or why nothing: `weight` serves from now on. nDCG@10 of the shipped and of the found weight over all
    cases; `gain`: on cases left out, with the bounds between which 95% of resamples lie."""

    weight: float
    shipped: float
    found: float
    adopted: bool
    said: str
    cases: dict[str, int] = field(default_factory=dict)
    ndcg_shipped: float | None = None
    ndcg_found: float | None = None
    gain: tuple[float, float, float] | None = None
    curve: dict[str, float] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    learned_at: str = ""


def ndcg(scores: np.ndarray, relevant: np.ndarray, total: int) -> float:
    """nDCG@10 with binary relevance: `scores` and `relevant` (bool) of the candidates, shape (n,); `total` relevant passages
    there are, found or not."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")[:CUT]
    gains = float(np.sum(relevant[order] / np.log2(np.arange(len(order)) + 2)))
    return gains / float(np.sum(1 / np.log2(np.arange(min(CUT, total)) + 2)))


def learn(
    table: np.ndarray, counts: np.ndarray, shipped: float, origins: Sequence[str], left_out: Sequence[str] = ()
) -> Learned:
    """`table`: nDCG@10 by case and weight of the grid, shape (cases, len(GRID)); `counts`: how much each case counts, (cases,)."""
    import numpy as np

    cases = dict(Counter(origins))
    known = {"cases": cases, "left_out": tuple(left_out), "learned_at": now().isoformat()}
    if len(table) < FEWEST_CASES:
        said = (
            f"{len(table)} judged cases, and {FEWEST_CASES} are the fewest to learn from: the shipped weight {shipped:.2f} "
            "stays. Judge passages in reviews, or add look-ups to the pack"
        )
        return Learned(shipped, shipped, shipped, False, said, **known)
    at = GRID.index(nearest(shipped))
    means = np.average(table, axis=0, weights=counts)
    best = pick(means, at)
    gain = held_out_gain(table, counts, at)
    known |= {
        "ndcg_shipped": round(float(means[at]), 4), "ndcg_found": round(float(means[best]), 4), "gain": gain,
        "curve": {f"{weight:.2f}": round(float(mean), 4) for weight, mean in zip(GRID, means, strict=True)},
    }  # fmt: skip
    if best == at:
        said = f"the shipped weight {shipped:.2f} is the best on {len(table)} cases"
        return Learned(shipped, shipped, GRID[best], False, said, **known)
    if gain[1] <= 0:
        said = (
            f"{GRID[best]:.2f} looks better on {len(table)} cases, but not surely so on cases left out "
            f"({gain[0]:+.3f} [{gain[1]:+.3f}, {gain[2]:+.3f}] nDCG@10): the shipped weight {shipped:.2f} stays"
        )
        return Learned(shipped, shipped, GRID[best], False, said, **known)
    said = (
        f"{GRID[best]:.2f} in place of {shipped:.2f}: nDCG@10 {means[best]:.3f} in place of {means[at]:.3f} on {len(table)} cases, "
        f"{gain[0]:+.3f} [{gain[1]:+.3f}, {gain[2]:+.3f}] on cases left out"
    )
    return Learned(GRID[best], shipped, GRID[best], True, said, **known)


def nearest(weight: float) -> float:
    return min(GRID, key=lambda one: abs(one - weight))


def pick(means: np.ndarray, at: int) -> int:
    """The best weight; of equally good ones that nearest to the one in use."""
    import numpy as np

    ties = np.flatnonzero(means >= means.max() - 1e-9)
    return int(min(ties, key=lambda n: abs(int(n) - at)))


def held_out_gain(table: np.ndarray, counts: np.ndarray, at: int) -> tuple[float, float, float]:
    """The gain in nDCG@10 over the weight at `at` on cases that the weight was not learned from: mean and 95% interval."""
    import numpy as np

    rng = np.random.default_rng(0)
    gains = on_others(table, counts, at, rng)[0] - table[:, at]
    draws = rng.integers(0, len(gains), (RESAMPLES, len(gains)))
    means = np.average(gains[draws], axis=1, weights=counts[draws])
    low, high = np.quantile(means, [1 - SURE, SURE])
    return tuple(round(float(n), 4) for n in (np.average(gains, weights=counts), low, high))  # pyright: ignore[reportReturnType]


class Fusion:
    """Learned weights in the data folder, one per collection: a pack searched by one model. Safe to use from threads."""

    def __init__(self, data_dir: Path) -> None:
        self._file, self._lock = data_dir / FILE, threading.Lock()
        self._kept: dict[str, Any] = self._read()

    def weight(self, collection: str) -> float | None:
        """The weight that serves; None: the shipped one."""
        learned = self.learned(collection)
        return learned["weight"] if learned and learned["adopted"] else None

    def learned(self, collection: str) -> dict[str, Any] | None:
        """What was learned last, with the fields of `Learned`."""
        return self._kept.get(collection)

    def keep(self, collection: str, learned: Learned) -> None:
        """Used from the next query on."""
        self._change(lambda kept: {**kept, collection: asdict(learned)})

    def forget(self, collection: str) -> None:
        """Back to the shipped weight. Idempotent."""
        self._change(lambda kept: {name: value for name, value in kept.items() if name != collection})

    def _change(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        with self._lock:
            kept = change(self._kept)
            partial = self._file.with_suffix(".partial")
            partial.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            os.replace(partial, self._file)
            self._kept = kept

    def _read(self) -> dict[str, Any]:
        """A file that is missing or damaged counts as nothing learned: the shipped weight is always right to use."""
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        good = isinstance(found, dict) and all(
            isinstance(one, dict)
            and isinstance(one.get("weight"), int | float)
            and 0 <= one["weight"] <= 1
            and "adopted" in one
            for one in found.values()
        )
        return found if good else {}


def on_others(
    table: np.ndarray, counts: np.ndarray, at: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[float]]:
    """nDCG@10 of each case, shape (cases,), under the weight learned from the other folds, and that weight for each fold."""
    import numpy as np

    of, scored, weights = rng.permutation(len(table)) % FOLDS, np.zeros(len(table)), []
    for fold in range(FOLDS):
        rest = of != fold
        best = pick(np.average(table[rest], axis=0, weights=counts[rest]), at)
        scored[~rest] = table[~rest, best]
        weights.append(GRID[best])
    return scored, weights

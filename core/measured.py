"""What `trivium evaluate` found out about each strategy on each task: the ground for floors and for confidence.

Kept as `measured.json` in the pack, so that a fresh start serves what was measured. A figure counts only for the
model that it was measured with.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from core import everyday
from core.domain import Domain, TaskType
from core.errors import DomainError

FILE = "measured.json"
NONE_SHOWN = 1.01


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(Part):
    """Share of right answers on the golden cases of a task, with a 95% bootstrap interval; all 0 to 1."""

    score: float
    low: float
    high: float
    n: int


class Point(Part):
    """At `threshold`, the lowest probability that is shown: `shown` of all questions get an answer, `wrong` of these are wrong,
    and of the questions whose passages do answer them `kept_back` get none; all 0 to 1."""

    threshold: float
    shown: float
    wrong: float
    kept_back: float


class Trust(Part):
    """Logistic calibration of an answer's features to the probability that it is right, fitted on development cases.

    An answer under `threshold` is shown with a warning. `threshold` above 1: none may be shown without. Under
    `refuse_below` it is not shown at all, but "I don't know"; `curve`: what other settings of that cost.
    """

    weights: dict[str, float] = {}
    intercept: float = 0.0
    threshold: float = 0.5
    refuse_below: float = 0.0
    curve: tuple[Point, ...] = ()

    def probability(self, features: dict[str, float]) -> float:
        z = self.intercept + sum(weight * features.get(name, 0.0) for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))

    def refusing(self, wrong_at_most: float | None = None) -> float:
        """Under what to refuse, where a pack says how often an answer may be wrong."""
        if wrong_at_most is None or not self.curve:
            return self.refuse_below
        return most_shown(self.curve, wrong_at_most)


def most_shown(curve: Sequence[Point], wrong_at_most: float) -> float:
    """The threshold that shows most and is wrong at most so often; above 1 (nothing is shown) where none is that good."""
    return min((point.threshold for point in curve if point.wrong <= wrong_at_most), default=NONE_SHOWN)


class Standing(Part):
    """Whether a strategy may serve a task; if not, why, and what an engineer can do about it (`mend`)."""

    open: bool
    score: float | None = None
    floor: float = 0.0
    why: str = ""
    mend: str = ""
    measured: bool = False


class Own(Part):
    """What the gate found out about one adapter, by task; `closed`: why it may not serve a task."""

    golden: dict[str, Figure] = {}
    trust: dict[str, Trust] = {}
    closed: dict[str, str] = {}
    report: str = ""
    measured_at: str = ""


class Measured(Part):
    """`models`: fingerprint of the model that each strategy was measured with; figures and trust by task, strategy;
    `sure_route`: probability of the task type under which a decision is unsure; `own`: by fingerprint, what was measured
    of the adapters that were promoted here (it is kept in the data folder, never in the pack)."""

    models: dict[str, str] = {}
    golden: dict[str, dict[str, Figure]] = {}
    trust: dict[str, dict[str, Trust]] = {}
    sure_route: float = 0.0
    measured_at: str = ""
    commit: str = ""
    own: dict[str, Own] = {}

    def figure(self, task: str, strategy: str, fingerprint: str) -> Figure | None:
        if self.models.get(strategy) == fingerprint:
            return self.golden.get(task, {}).get(strategy)
        own = self.own_of(strategy, fingerprint)
        return own.golden.get(task) if own else None

    def trust_in(self, task: str, strategy: str, fingerprint: str) -> Trust | None:
        if self.models.get(strategy) == fingerprint:
            return self.trust.get(task, {}).get(strategy)
        own = self.own_of(strategy, fingerprint)
        return own.trust.get(task) if own else None

    def closed(self, task: str, strategy: str, fingerprint: str) -> str:
        """Why the gate lets this adapter serve other tasks, but not this one; empty where it does."""
        own = self.own_of(strategy, fingerprint)
        return own.closed.get(task, "") if own else ""

    def own_of(self, strategy: str, fingerprint: str) -> Own | None:
        return self.own.get(fingerprint) if strategy == "tuned" else None

    def as_own(self, strategy: str = "tuned") -> Own:
        """The pack's figures of the adapter that it was measured with, in the form that outlives a new measurement."""
        golden = {task: row[strategy] for task, row in self.golden.items() if strategy in row}
        trust = {task: row[strategy] for task, row in self.trust.items() if strategy in row}
        return Own(golden=golden, trust=trust, measured_at=self.measured_at)


def load_measured(domain: Domain) -> Measured:
    """Raises DomainError if the file is there and wrong."""
    return _load(domain.folder / FILE)


def load_everyday() -> Measured:
    """What the default base got right of the cases of the built-in tasks, as shipped."""
    return _load(everyday.HERE / FILE)


def _load(file: Path) -> Measured:
    if not file.is_file():
        return Measured()
    try:
        return Measured.model_validate_json(file.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise DomainError(f"{file}: {error.errors()[0]['msg']}. Delete it and run `trivium evaluate`") from None


def save_measured(domain: Domain, measured: Measured) -> Path:
    return _write(domain.folder / FILE, measured.model_dump(exclude={"own"}))


def load_own(data_dir: Path) -> dict[str, Own]:
    """By fingerprint, what was measured of promoted adapters. Raises DomainError if the file is there and wrong."""
    file = data_dir / FILE
    if not file.is_file():
        return {}
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        return {fingerprint: Own.model_validate(row) for fingerprint, row in rows.items()}
    except (ValidationError, ValueError, AttributeError):
        raise DomainError(f"{file} cannot be read: delete it; figures of the live adapter come back at start") from None


def keep_own(data_dir: Path, found: dict[str, Own]) -> None:
    """Add figures to those of other adapters, so that going back to one brings its own back."""
    kept = {**load_own(data_dir), **found}
    _write(data_dir / FILE, {fingerprint: own.model_dump() for fingerprint, own in kept.items()})


def _write(file: Path, body: object) -> Path:
    """Whole or not at all, and on disk before it counts."""
    partial = file.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as out:
        out.write(json.dumps(body, indent=1, sort_keys=True) + "\n")
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)
    return file


def standing(task: TaskType, strategy: str, figure: Figure | None, floor: float, serve_unmeasured: bool) -> Standing:
    """May this strategy serve this task? Pure."""
    floor = task.floor if task.floor is not None else floor
    if strategy not in task.strategies:
        return Standing(open=False, floor=floor, why=f"it is not meant for {said(task.name)} questions")
    if figure is None:
        why = f"this road has not been tested on {said(task.name)} questions yet"
        return Standing(open=serve_unmeasured, floor=floor, why=why, mend="run `trivium evaluate --save`")
    if figure.score < floor:
        why = f"in tests it got {figure.score:.0%} of {said(task.name)} questions right, and {floor:.0%} are wanted"
        return Standing(open=False, score=figure.score, floor=floor, why=why, measured=True)
    return Standing(open=True, score=figure.score, floor=floor, measured=True)


def said(task: str) -> str:
    """A task's name as a person reads it."""
    return task.replace("_", "-")

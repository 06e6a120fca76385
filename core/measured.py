"""What `trivium evaluate` found out about each strategy on each task: the ground for floors and for confidence.

Kept as `measured.json` in the pack, so that a fresh start serves what was measured. A figure counts only for the
model that it was measured with.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from core.domain import Domain, TaskType
from core.errors import DomainError

FILE = "measured.json"


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(Part):
    """Share of right answers on the golden cases of a task, with a 95% bootstrap interval; all 0 to 1."""

    score: float
    low: float
    high: float
    n: int


class Trust(Part):
    """Logistic calibration of an answer's features to the probability that it is right, fitted on development cases.

    An answer under `threshold` is shown with a warning. `threshold` above 1: none may be shown without. Under
    `refuse_below` it is not shown at all, but "I don't know".
    """

    weights: dict[str, float] = {}
    intercept: float = 0.0
    threshold: float = 0.5
    refuse_below: float = 0.0

    def probability(self, features: dict[str, float]) -> float:
        z = self.intercept + sum(weight * features.get(name, 0.0) for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))


class Standing(Part):
    """Whether a strategy may serve a task; if not, why, and what an engineer can do about it (`mend`)."""

    open: bool
    score: float | None = None
    floor: float = 0.0
    why: str = ""
    mend: str = ""
    measured: bool = False


class Measured(Part):
    """`models`: fingerprint of the model that each strategy was measured with; figures and trust by task, strategy;
    `sure_route`: probability of the task type under which a decision is unsure."""

    models: dict[str, str] = {}
    golden: dict[str, dict[str, Figure]] = {}
    trust: dict[str, dict[str, Trust]] = {}
    sure_route: float = 0.0
    measured_at: str = ""
    commit: str = ""

    def figure(self, task: str, strategy: str, fingerprint: str) -> Figure | None:
        if self.models.get(strategy) != fingerprint:
            return None
        return self.golden.get(task, {}).get(strategy)

    def trust_in(self, task: str, strategy: str, fingerprint: str) -> Trust | None:
        if self.models.get(strategy) != fingerprint:
            return None
        return self.trust.get(task, {}).get(strategy)


def load_measured(domain: Domain) -> Measured:
    """Raises DomainError if the file is there and wrong."""
    file = domain.folder / FILE
    if not file.is_file():
        return Measured()
    try:
        return Measured.model_validate_json(file.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise DomainError(f"{file}: {error.errors()[0]['msg']}. Delete it and run `trivium evaluate`") from None


def save_measured(domain: Domain, measured: Measured) -> Path:
    file = domain.folder / FILE
    body = json.dumps(measured.model_dump(), indent=1, sort_keys=True)
    partial = file.with_suffix(".partial")
    partial.write_text(body + "\n", encoding="utf-8")
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

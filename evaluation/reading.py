"""What a reader did on questions with known answers: the figures of `benchmarks.reader` and of an adapter's card. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.types import Answer, Case, Score
from evaluation import squad
from evaluation.report import Result, at_coverage, risk_coverage

COVERAGE = 0.6
CURVE = tuple(n / 10 for n in range(1, 11))


@dataclass(frozen=True)
class Answered:
    """One question: what annotators marked (`answers`, none: its passages hold no answer), what the reader says when it is
    made to answer, how sure it is (0 to 1), and whether that is shown at the setting of the dial.

    `cited`: whether it names a passage that holds an answer; None where that cannot be said.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    text: str
    confidence: float
    shown: bool
    cited: bool | None = None

    @property
    def right(self) -> bool:
        return squad.right(self.text, self.answers)


def figures(rows: Sequence[Answered]) -> dict[str, float | None]:
    """In percent; None where there is nothing that it could be of. `f1_no_refusal` and `cited` are of what is said when
    every question is answered; of the others an answer that is not shown counts as none."""
    asked, without = [row for row in rows if row.answers], [row for row in rows if not row.answers]
    told = [(row.text if row.shown else "", row.answers) for row in asked]
    wrong = at_coverage(curve(rows), COVERAGE)
    return {
        "f1_no_refusal": percent(squad.f1(row.text, row.answers) for row in asked),
        "f1_answerable": percent(squad.f1(*each) if each[0] else 0.0 for each in told),
        "refusal_recall": percent(not row.shown for row in without),
        "false_refusals": percent(not row.shown for row in asked),
        "exact": percent(squad.exact(*each) if each[0] else 0.0 for each in told),
        "exact_no_refusal": percent(squad.exact(row.text, row.answers) for row in asked),
        "cited": percent(row.cited for row in asked if row.cited is not None),
        "wrong_at_60": None if wrong is None else round(100 * wrong, 1),
    }


def curve(rows: Sequence[Answered]) -> list[dict[str, float]]:
    """Share wrong of what is shown (risk) at each share shown of what has an answer (coverage), the surest first."""
    return risk_coverage([result(row) for row in rows])


def points(rows: Sequence[Answered], coverages: Iterable[float] = CURVE) -> dict[str, float | None]:
    """The curve at some coverages, percent by percent."""
    found = curve(rows)
    risks = {f"{100 * one:.0f}": at_coverage(found, one) for one in coverages}
    return {name: None if risk is None else round(100 * risk, 1) for name, risk in risks.items()}


def result(row: Answered) -> Result:
    expected: dict[str, Any] = {"contains": ["|".join(row.answers)]} if row.answers else {"refusal": True}
    answer = Answer(query=row.question, text=row.text, status="complete", confidence=row.confidence)
    score = Score(value=squad.f1(row.text, row.answers), right=row.right)
    return Result(Case(id=row.id, task="read", query=row.question, expected=expected), "rag", answer, score)


def percent(values: Iterable[float | bool | None]) -> float | None:
    found = [float(value or 0.0) for value in values]
    return round(100 * sum(found) / len(found), 1) if found else None

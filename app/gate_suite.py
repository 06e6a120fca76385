"""What candidate and incumbent are asked: golden and development cases, safety probes, and corrections that people made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from core.store import Store
from core.tables import ExampleRow
from core.types import Case, Noun, Probe

LESSONS = 200


class Batch(Noun):
    model: str
    task: str
    queries: tuple[str, ...]


class Plan(Noun):
    """`rebased`: what serves cannot be asked any more, since it is for another base model, and `base` stands in for it."""

    candidate: str
    incumbent: str
    rebased: bool = False
    batches: tuple[Batch, ...] = ()


class Lesson(Noun):
    """A correction that people made: the query, and the answer that it should get."""

    id: str
    task: str
    query: str
    answer: str
    refusal: bool = False


@dataclass(frozen=True)
class Suite:
    """What both sides are asked, for the tasks that the candidate is to serve."""

    serves: tuple[str, ...]
    golden: list[Case]
    development: list[Case]
    probes: list[Probe]
    lessons: list[Lesson]


def first_of_each(cases: Sequence[Case], count: int) -> list[Case]:
    """The first cases of each task."""
    taken: dict[str, int] = {}
    kept = []
    for case in cases:
        taken[case.task] = taken.get(case.task, 0) + 1
        if taken[case.task] <= count:
            kept.append(case)
    return kept


def lessons(store: Store) -> list[Lesson]:
    """The newest approved examples that came out of reviews."""
    reviewed = (ExampleRow.origin == "review", ExampleRow.state == "approved")
    wanted = select(ExampleRow).where(*reviewed).order_by(ExampleRow.created_at.desc(), ExampleRow.id).limit(LESSONS)
    with store.session() as session:
        return [
            Lesson(id=row.id, task=row.task, query=row.query, answer=row.answer, refusal="refusal" in row.tags)
            for row in session.scalars(wanted)
        ]

"""Reviews and all that they bring about, in one transaction: whole or not at all, and never twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.corrections import query_key, retire
from core.errors import NotFound, ReviewTaken
from core.store import Store
from core.tables import AnswerRow, CorrectionRow, ExampleRow, JudgementRow, RatingRow, ReviewRow, fields_of
from core.types import Answer, Correction, Example, Judgement, Rating, Review, now

COLUMNS = ("id", "kind", "subject", "reviewer", "verdict", "fault", "created_at")
BODY = ("correction", "task", "passages", "fact", "note")
REVIEWABLE = ("complete", "stopped")


class ExampleChange(NamedTuple):
    """What a reviewed example becomes. `answer`: another one, by `author` (empty: it stays); `note`: None leaves it."""

    state: str
    answer: str = ""
    author: str = ""
    note: str | None = None


@dataclass(frozen=True)
class Effects:
    """What a review brings about. `decided`: the quorum is reached; `waiting_for`: reviewers who still have to agree;
    `said`: a sentence for each effect; `withdraw`: id of a correction that is taken back."""

    decided: bool
    waiting_for: int = 0
    said: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    correction: Correction | None = None
    withdraw: str = ""
    example_change: ExampleChange | None = None


@dataclass(frozen=True)
class Recorded:
    """A stored review. `decided`, `waiting_for` and `said` are as in `Effects`."""

    review: Review
    decided: bool
    waiting_for: int
    said: tuple[str, ...]


def as_recorded(row: ReviewRow) -> Recorded:
    fields = fields_of(row, COLUMNS) | {name: row.body[name] for name in BODY}
    body = row.body
    return Recorded(Review(**fields), body["decided"], body["waiting_for"], tuple(body["said"]))


def open_round(recorded: Sequence[Recorded]) -> list[Recorded]:
    """What was said since the last decision: whoever agreed to an earlier one has not agreed to the next."""
    decided = [number for number, one in enumerate(recorded, 1) if one.decided]
    return list(recorded[decided[-1] if decided else 0 :])


def closed_round(recorded: Sequence[Recorded]) -> list[Recorded]:
    """What led to the last decision, that one among it; nothing where there was none."""
    decided = [number for number, one in enumerate(recorded, 1) if one.decided]
    return list(recorded[decided[-2] if len(decided) > 1 else 0 : decided[-1]]) if decided else []


def as_judgement(row: JudgementRow) -> Judgement:
    return Judgement(**fields_of(row, Judgement.model_fields))


def as_rating(row: RatingRow) -> Rating:
    return Rating(**fields_of(row, Rating.model_fields))


def as_example(row: ExampleRow) -> Example:
    return Example(**fields_of(row, Example.model_fields))


class Reviews:
    def __init__(self, store: Store) -> None:
        self._store = store
        # Two reviewers must not both find that theirs is the deciding word; SQLite's own lock holds across processes.
        self._deciding = threading.Lock()

    def record(self, review: Review, decide: Callable[[Sequence[Review]], Effects]) -> Recorded:
        """Store a review with its effects. `decide` gets all reviews of its subject, oldest first, this one last; of an
        example, those since it was last decided on. A review that is stored already changes nothing: its effects of then
        come back.

        Raises:
            ReviewTaken: another review has this id.
        """
        try:
            with self._deciding, self._store.session() as session:
                row = ReviewRow(**{name: getattr(review, name) for name in COLUMNS}, body={})
                session.add(row)
                # The insert takes the write lock, so that what is read from here on stays true until the commit.
                session.flush()
                if review.kind == "example":
                    # On SQLite the insert has done so already; on Postgres this waits for others who decide on it.
                    session.get(ExampleRow, review.subject, with_for_update=True)
                    # Rounds are told apart by time: it has to be the order in which reviews were counted.
                    row.created_at = now()
                before = self._of(session, review.kind, review.subject)
                before = open_round(before) if review.kind == "example" else before
                effects = decide([*(one.review for one in before), review])
                body = {name: getattr(review, name) for name in BODY}
                row.body = {**body, "decided": effects.decided, "waiting_for": effects.waiting_for,
                            "said": list(effects.said)}  # fmt: skip
                if effects.decided:
                    bring_about(session, review, effects)
                return Recorded(review, effects.decided, effects.waiting_for, effects.said)
        except IntegrityError:
            return self._known(review)

    def _known(self, review: Review) -> Recorded:
        with self._store.session() as session:
            row = session.get(ReviewRow, review.id)
            if row is None:
                raise ReviewTaken(f"the review {review.id!r} could not be stored; post it again") from None
            known = as_recorded(row)
        if known.review.model_copy(update={"created_at": review.created_at}) != review:
            raise ReviewTaken(f"another review has the id {review.id!r}; leave the id out, and one is made") from None
        return known

    def known(self, id: str) -> Recorded | None:
        with self._store.session() as session:
            row = session.get(ReviewRow, id)
            return as_recorded(row) if row else None

    def _of(self, session: Session, kind: str, subject: str) -> list[Recorded]:
        wanted = (
            select(ReviewRow)
            .where(ReviewRow.kind == kind, ReviewRow.subject == subject)
            .order_by(ReviewRow.created_at, ReviewRow.id)
        )
        return [as_recorded(row) for row in session.scalars(wanted) if row.body]

    def of(self, kind: str, subject: str) -> list[Recorded]:
        """Reviews of one answer or example, oldest first."""
        with self._store.session() as session:
            return self._of(session, kind, subject)

    def of_examples(self, ids: Collection[str]) -> dict[str, list[Recorded]]:
        """Reviews of these examples, oldest first, by the example's id; those without any are left out."""
        wanted = select(ReviewRow).where(ReviewRow.kind == "example", ReviewRow.subject.in_(list(ids)))
        return self._by_subject(wanted)

    def of_examples_judged_by(self, reviewer: str) -> dict[str, list[Recorded]]:
        """All reviews of the examples that this person has reviewed, as `of_examples` gives them."""
        own = select(ReviewRow.subject).where(ReviewRow.kind == "example", ReviewRow.reviewer == reviewer)
        return self._by_subject(select(ReviewRow).where(ReviewRow.kind == "example", ReviewRow.subject.in_(own)))

    def _by_subject(self, wanted: Select[ReviewRow]) -> dict[str, list[Recorded]]:
        found: dict[str, list[Recorded]] = {}
        with self._store.session() as session:
            for row in session.scalars(wanted.order_by(ReviewRow.created_at, ReviewRow.id)):
                found.setdefault(row.subject, []).append(as_recorded(row))
        return found

    def all(self, kind: str = "answer") -> list[Recorded]:
        """Oldest first."""
        wanted = select(ReviewRow).where(ReviewRow.kind == kind).order_by(ReviewRow.created_at, ReviewRow.id)
        with self._store.session() as session:
            return [as_recorded(row) for row in session.scalars(wanted)]

    def answers(self, limit: int, without: Collection[str] = ()) -> list[Answer]:
        """The newest answers with a text, newest first, except those whose ids are in `without`."""
        wanted = (
            select(AnswerRow).where(AnswerRow.status.in_(REVIEWABLE)).order_by(AnswerRow.created_at.desc()).limit(limit)
        )
        with self._store.session() as session:
            return [Answer.model_validate(row.body) for row in session.scalars(wanted) if row.id not in without]

    def rated(self) -> list[Answer]:
        """Answers that somebody rated, however old."""
        wanted = select(AnswerRow).where(AnswerRow.id.in_(select(RatingRow.answer_id)))
        with self._store.session() as session:
            return [Answer.model_validate(row.body) for row in session.scalars(wanted)]

    def rating(self, id: str) -> Rating:
        """Raises NotFound."""
        with self._store.session() as session:
            row = session.get(RatingRow, id)
            if row is None:
                raise NotFound(f"there is no rating {id!r}")
            return as_rating(row)

    def example(self, id: str) -> Example:
        """Raises NotFound."""
        with self._store.session() as session:
            row = session.get(ExampleRow, id)
            if row is None:
                raise NotFound(f"there is no example {id!r}; GET /api/examples lists them")
            return as_example(row)

    # Judgements

    def judgements(self, kind: str | None = None) -> list[Judgement]:
        """Newest first."""
        wanted = select(JudgementRow).order_by(JudgementRow.created_at.desc(), JudgementRow.id)
        if kind:
            wanted = wanted.where(JudgementRow.kind == kind)
        with self._store.session() as session:
            return [as_judgement(row) for row in session.scalars(wanted)]

    def judgement(self, id: str) -> Judgement:
        """Raises NotFound."""
        with self._store.session() as session:
            row = session.get(JudgementRow, id)
            if row is None:
                raise NotFound(f"there is no judgement {id!r}; GET /api/judgements lists them")
            return as_judgement(row)

    def done(self, id: str) -> Judgement:
        """Tick off a to-do. Idempotent. Raises NotFound."""
        with self._store.session() as session:
            row = session.get(JudgementRow, id)
            if row is None:
                raise NotFound(f"there is no judgement {id!r}; GET /api/judgements lists them")
            row.done = True
            return as_judgement(row)

    def route_labels(self) -> list[tuple[str, str]]:
        """(query, task) as reviewers decided it, oldest first, so that the last word on a query counts."""
        return [(one.query, str(one.value["task"])) for one in reversed(self.judgements("route"))]


def bring_about(session: Session, review: Review, effects: Effects) -> None:
    """Write the effects of a decision in place of what an earlier decision on the same subject had brought about."""
    if review.kind == "example":
        change_example(session, review, effects)
        return
    supersede(session, review.subject, effects)
    moment = now()
    for example in effects.examples:
        fields = example.model_dump() | {"tags": list(example.tags), "created_at": moment, "updated_at": moment}
        session.merge(ExampleRow(**fields))
    for judgement in effects.judgements:
        session.merge(JudgementRow(**judgement.model_dump()))
    if effects.correction is not None:
        known = session.get(CorrectionRow, effects.correction.id)
        if known is None or known.state != "learned":
            session.merge(CorrectionRow(**effects.correction.model_dump(), key=query_key(effects.correction.query)))


def supersede(session: Session, answer_id: str, effects: Effects) -> None:
    """The last decision stands: withdraw what it does not repeat, and other corrections of the same query."""
    keep = {example.id for example in effects.examples}
    made = select(ExampleRow).where(
        ExampleRow.answer_id == answer_id,
        ExampleRow.origin.in_(["review", "preference"]),
        ExampleRow.state == "approved",
        ExampleRow.id.not_in(keep),
    )
    for row in session.scalars(made):
        row.state, row.updated_at = "withdrawn", now()
    rival = (CorrectionRow.answer_id == answer_id) | (CorrectionRow.id == effects.withdraw)
    if effects.correction is not None:
        rival |= CorrectionRow.key == query_key(effects.correction.query)
        rival &= CorrectionRow.id != effects.correction.id
    wanted = select(CorrectionRow).where(rival, CorrectionRow.state != "withdrawn")
    retire(session, session.scalars(wanted).all(), keep)
    former = select(JudgementRow).where(
        JudgementRow.answer_id == answer_id,
        JudgementRow.done.is_(False),
        JudgementRow.id.not_in([judgement.id for judgement in effects.judgements]),
    )
    for row in session.scalars(former):
        # What a reader asked for is no review's to take back.
        if not row.value.get("requested"):
            session.delete(row)


def change_example(session: Session, review: Review, effects: Effects) -> None:
    row, change = session.get(ExampleRow, review.subject), effects.example_change
    if row is None or change is None:
        return
    if change.answer and change.answer != row.answer:
        row.answer, row.author = change.answer, change.author or row.author
    row.state, row.updated_at = change.state, now()
    row.note = row.note if change.note is None else change.note

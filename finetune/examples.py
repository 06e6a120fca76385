"""Examples on their way to a dataset version, in the store: drafts, approved ones, rejected and withdrawn ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from core.domain import Domain
from core.errors import NotFound, TriviumError
from core.store import Store
from core.tables import ExampleRow
from core.types import Example, Noun, now
from finetune.rows import example_id

State = Literal["draft", "approved", "rejected", "withdrawn"]
STATES: tuple[State, ...] = get_args(State)
GONE = "no longer among the seeds of the pack"
# What people decided on; the same example coming again from elsewhere changes nothing.
DECIDED = ("review", "preference")
FIELDS = tuple(Example.model_fields)


class ExampleError(TriviumError):
    """An example cannot be taken as it is; the message says why."""

    status = 422
    title = "The example cannot be taken"


class TaskCount(Noun):
    """How many examples of a task there are by state; `edge` and `refusal` count approved ones with that tag."""

    task: str
    draft: int = 0
    approved: int = 0
    rejected: int = 0
    withdrawn: int = 0
    edge: int = 0
    refusal: int = 0


class Synced(Noun):
    """What became of the pack's seeds: how many are new, how many the pack has no more, how many are back."""

    added: int = 0
    gone: int = 0
    back: int = 0


class Unwanted(Noun):
    """Examples that are left out of a list: what this account wrote, and those with these ids."""

    author: str
    ids: frozenset[str] = frozenset()


class Examples:
    """The examples in a store. Every change is on disk before it is acknowledged."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(self, example: Example) -> Example:
        """Keep an example; its id, where it has none, is a hash of what it says.

        One that is there already stays as it is, except that a reviewed one (origin review or preference) that comes
        approved approves it: somebody has just decided so.
        """
        return self.add_all([example])[0][0]

    def add_all(self, examples: Iterable[Example]) -> list[tuple[Example, bool]]:
        """Keep examples, all or none. Returns each as it now stands, and whether it is new."""
        with self.store.session() as session:
            return [keep(session, example) for example in examples]

    def get(self, id: str) -> Example:
        """Raises NotFound."""
        with self.store.session() as session:
            return to_example(existing(session, id))

    def list(
        self,
        state: str | None = None,
        task: str | None = None,
        origin: str | None = None,
        author: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        without: Unwanted | None = None,
    ) -> list[Example]:
        """Examples, the newest first; None: whatever their state, task and so on."""
        wanted = select(ExampleRow).where(*conditions(state, task, origin, author, without))
        wanted = wanted.order_by(ExampleRow.created_at.desc(), ExampleRow.id).limit(limit).offset(offset)
        with self.store.session() as session:
            return [to_example(row) for row in session.scalars(wanted)]

    def total(
        self,
        state: str | None = None,
        task: str | None = None,
        origin: str | None = None,
        author: str | None = None,
        without: Unwanted | None = None,
    ) -> int:
        wanted = select(func.count()).select_from(ExampleRow).where(*conditions(state, task, origin, author, without))
        with self.store.session() as session:
            return session.scalar(wanted) or 0

    def set_state(self, id: str, state: State, answer: str | None = None, note: str | None = None) -> Example:
        """Approve, reject or withdraw an example, or make it a draft again; `answer`: what it should say instead. This asks
        nobody: what people decide goes through `app.approving`, which knows the quorum.

        Raises:
            NotFound: there is no such example.
            ExampleError: an approved example needs an answer.
        """
        with self.store.session() as session:
            row = existing(session, id)
            if answer is not None and not answer.strip():
                raise ExampleError("an example without an answer teaches nothing: write one, or reject the example")
            # A seed that a person withdrew is not brought back by the next sync.
            changes = {"state": state, "answer": answer, "note": "" if row.note == GONE else None}
            change(row, **{**changes, **({"note": note} if note is not None else {})})
            return to_example(row)

    def sync_seeds(self, domain: Domain) -> Synced:
        """Bring the store in step with the pack's examples.jsonl: new seeds enter approved, once; one that was rejected
        or edited in review stays so; one that left the pack is withdrawn until it is back.

        Raises:
            DomainError: the file has a fault; nothing was changed.
        """
        seeds = {example_id(seed): seed for seed in domain.examples()}
        with self.store.session() as session:
            mine = select(ExampleRow.id, ExampleRow.state, ExampleRow.note, ExampleRow.origin)
            known = {row.id: row for row in session.execute(mine)}
            added = [
                seed.model_copy(update={"origin": "seed", "state": "approved"})
                for id, seed in seeds.items()
                if id not in known
            ]
            session.add_all(map(to_row, added))
            gone = [
                id for id, row in known.items() if row.origin == "seed" and id not in seeds and row.state == "approved"
            ]
            back = [id for id, row in known.items() if id in seeds and row.state == "withdrawn" and row.note == GONE]
            for id in gone:
                change(existing(session, id), state="withdrawn", note=GONE)
            for id in back:
                change(existing(session, id), state="approved", note="")
        return Synced(added=len(added), gone=len(gone), back=len(back))

    def counts(self, tasks: Sequence[str] = ()) -> list[TaskCount]:
        """By task; those of `tasks` (first, in that order) even where they have none."""
        columns = select(ExampleRow.task, ExampleRow.state, ExampleRow.tags)
        found: dict[str, dict[str, int]] = {task: {} for task in tasks}
        with self.store.session() as session:
            for task, state, tags in session.execute(columns):
                count = found.setdefault(task, {})
                for name in (state, *(tag for tag in ("edge", "refusal") if state == "approved" and tag in tags)):
                    count[name] = count.get(name, 0) + 1
        return [TaskCount.model_validate({"task": task, **count}) for task, count in found.items()]


def keep(session: Session, example: Example) -> tuple[Example, bool]:
    """`Examples.add` within a transaction: the example as it now stands, and whether it is new."""
    row = session.get(ExampleRow, example.id or example_id(example))
    new = row is None
    if row is None:
        row = to_row(example)
        session.add(row)
        session.flush()
    elif example.origin in DECIDED and example.state == "approved" and row.state != "approved":
        change(row, state="approved", origin=example.origin, author=example.author)
        change(row, answer_id=example.answer_id, note=example.note)
    return to_example(row), new


def conditions(
    state: str | None, task: str | None, origin: str | None, author: str | None, without: Unwanted | None = None
) -> list[ColumnElement[bool]]:
    given = (
        (ExampleRow.state, state),
        (ExampleRow.task, task),
        (ExampleRow.origin, origin),
        (ExampleRow.author, author),
    )
    found = [column == value for column, value in given if value is not None]
    if without is not None:
        found += [ExampleRow.author != without.author, ExampleRow.id.not_in(without.ids)]
    return found


def existing(session: Session, id: str) -> ExampleRow:
    row = session.get(ExampleRow, id)
    if row is None:
        raise NotFound(f"there is no example {id!r}; `trivium examples list` shows those that there are")
    return row


def change(row: ExampleRow, **fields: Any) -> None:
    """Set what is given; None leaves a field as it is."""
    for name, value in fields.items():
        if value is not None:
            setattr(row, name, value)
    row.updated_at = now()


def to_row(example: Example) -> ExampleRow:
    fields = example.model_dump()
    made = example.created_at or now()
    own = {"id": example.id or example_id(example), "tags": list(example.tags), "created_at": made, "updated_at": made}
    return ExampleRow(**{**fields, **own})


def to_example(row: ExampleRow) -> Example:
    return Example(**{**{name: getattr(row, name) for name in FIELDS}, "tags": tuple(row.tags)})

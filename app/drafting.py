"""Drafts from indexed documents: which passages a model reads, and what is kept of what it writes.

A passage's drafts and the note that it was read are stored in one transaction, so that a job that goes on after a kill reads
no passage twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from core.domain import Domain
from core.errors import DocumentError
from core.store import Store
from core.tables import DraftedRow, ExampleRow
from core.types import Noun, Passage, now
from finetune.drafting import SHORTEST, draft
from finetune.examples import ExampleError, keep
from finetune.near import normalized

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

MODEL = "base"  # what `trivium examples draft` asks too, unless it is told another
MOST_PASSAGES = 50
MOST_OF_ONE = 20  # drafts from one passage


class Asked(BaseModel):
    """An order of drafts: at most `count` of a task, from the passages of one document."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(min_length=1, max_length=512)
    task: str = Field(min_length=1, max_length=64)
    count: int = Field(ge=1, le=50)
    model: str = Field(default=MODEL, description="base, an adapter's name, or server/<model>")


class Reading(Noun):
    """The passages to read, in this order, by their ids; and how many drafts to ask of each."""

    passages: tuple[str, ...]
    each: int


class Written(Noun):
    """What came of one passage: how many drafts were new, and a sentence for each pair that was left out."""

    drafts: int = 0
    faults: tuple[str, ...] = ()


class Drafting:
    """`chat`: the model of a name; it may raise ModelNotFound."""

    def __init__(self, store: Store, domain: Domain, chat: Callable[[str], BaseChatModel]) -> None:
        self._store, self._domain, self._chat = store, domain, chat

    def plan(self, asked: Asked) -> Reading:
        """Passages that were not read for this task yet come first, then those that gave least.

        Raises:
            ExampleError, DocumentError, ModelNotFound: there is no such task, indexed document or model, or the document
                has no passage that is long enough.
        """
        known = [task.name for task in self._domain.tasks]
        if asked.task not in known:
            raise ExampleError(f"there is no task type {asked.task!r}; there are {', '.join(known)}")
        self._chat(asked.model)
        found = [one.id for one in passages_of(self._store, [asked.source]) if len(one.text) >= SHORTEST]
        if not found:
            raise DocumentError(
                f"{asked.source}: no passage has {SHORTEST} characters, too little to draft from; choose another document"
            )
        return reading(found, self._drafted(asked.task, found), asked.count)

    def one(self, asked: Asked, passage: str, count: int, job: str) -> Written:
        """Let the model write at most `count` drafts from a passage, and keep those that are new. What this job has kept of
        it before stays as it is, and nothing is asked again."""
        with self._store.session() as session:
            row = session.get(DraftedRow, (passage, asked.task))
            if row is not None and row.job == job:
                return Written(drafts=row.drafts)
        read = [one for one in self._store.chunks([asked.source]) if one.id == passage]
        if not read:
            return Written(faults=(f"{asked.source} was changed while it was drafted from; start again",))
        made = draft(self._chat(asked.model), self._domain, asked.task, read, count=count)
        with self._store.session() as session:
            there = select(ExampleRow.query).where(ExampleRow.task == asked.task, ExampleRow.document == asked.source)
            # Neighbouring passages, and a passage that is read once more, give the same request again.
            queries = {normalized(query) for query in session.scalars(there)}
            fresh = [one for one in made.drafts if normalized(one.query) not in queries]
            new = sum(keep(session, one)[1] for one in fresh)
            session.merge(DraftedRow(passage=passage, task=asked.task, job=job, drafts=new, created_at=now()))
        return Written(drafts=new, faults=made.faults)

    def _drafted(self, task: str, passages: Sequence[str]) -> dict[str, int]:
        """How many drafts each of the passages gave that were read before, by id."""
        wanted = select(DraftedRow.passage, DraftedRow.drafts).where(DraftedRow.task == task)
        with self._store.session() as session:
            found = dict(session.execute(wanted).tuples().all())
        return {passage: found[passage] for passage in passages if passage in found}


def reading(passages: Sequence[str], drafted: dict[str, int], count: int) -> Reading:
    """Spread over the document: few drafts from each of many passages. Pure."""
    ordered = sorted(passages, key=lambda id: (id in drafted, drafted.get(id, 0)))[:MOST_PASSAGES]
    return Reading(passages=tuple(ordered), each=min(MOST_OF_ONE, -(-count // len(ordered))))


def passages_of(store: Store, documents: Sequence[str]) -> list[Passage]:
    """The passages of indexed documents, of all where none is named. Raises DocumentError."""
    known = [row.source for row in store.documents() if row.found]
    if not known:
        raise DocumentError("no document is indexed yet: add one on the page, or run `trivium ingest` first")
    for name in documents:
        if name not in known:
            raise DocumentError(f"there is no indexed document {name!r}; there are {', '.join(known)}")
    return store.chunks(documents or None)

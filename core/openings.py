"""Which cited passages people opened: a quiet sign that they looked useful. Nobody's name is kept."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from core.errors import NotFound
from core.store import Store
from core.tables import OpeningRow
from core.types import Answer, now


class Openings:
    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, answer: Answer, passage_id: str) -> None:
        """Keep that a passage of an answer was opened. A second time changes nothing.

        Raises:
            NotFound: the answer has no such passage.
        """
        sources = {passage.id: passage.source for passage in answer.passages}
        if passage_id not in sources:
            raise NotFound(f"the answer {answer.id!r} has no passage {passage_id!r}; its `passages` list them")
        row = OpeningRow(
            answer_id=answer.id, passage_id=passage_id, source=sources[passage_id],
            query=answer.standalone or answer.query, created_at=now(),
        )  # fmt: skip
        # Pressed twice at once, one of the two is kept.
        with suppress(IntegrityError), self._store.session() as session:
            session.merge(row)

    def all(self) -> list[tuple[str, str]]:
        """(query, passage id), oldest first."""
        with self._store.session() as session:
            rows = session.scalars(select(OpeningRow).order_by(OpeningRow.created_at))
            return [(row.query, row.passage_id) for row in rows]

"""Requests for documents that are missing: judgements of kind `document`, filed by readers, closed with what answers them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select

from core.corrections import query_key
from core.errors import NotFound
from core.reviews import as_judgement
from core.store import Store
from core.tables import AnswerRow, JudgementRow
from core.types import Answer, Judgement, new_id, now

KIND = "document"
# Refused answers that are counted for requests: the newest, since each is read whole.
NEWEST = 2000
LATEST = 200  # closed requests that are looked at for who does not know yet


def request_id(query: str, answer_id: str, user: str) -> str:
    """The same for one person who asks twice, so that it counts once; without answer or name each counts."""
    if not answer_id and not user:
        return new_id()
    return hashlib.sha256("\x00".join(["request", query_key(query), user or answer_id]).encode()).hexdigest()[:32]


class Requests:
    def __init__(self, store: Store) -> None:
        self._store = store

    def file(self, query: str, note: str = "", answer_id: str = "", user: str = "") -> Judgement:
        """Ask for a document that answers a query. Filed again, it keeps its state; a new note replaces the old one."""
        id = request_id(query, answer_id, user)
        value = {"fact": "", "source": "", "markdown": "", "note": note, "requested": True}
        with self._store.session() as session:
            row = session.get(JudgementRow, id)
            if row is None:
                row = JudgementRow(
                    id=id, kind=KIND, query=query, value=value, answer_id=answer_id, author=user, done=False, created_at=now()
                )  # fmt: skip
                session.add(row)
            elif note:
                row.value = {**row.value, "note": note}
            session.flush()
            return as_judgement(row)

    def all(self) -> list[Judgement]:
        """Requests and reviewers' to-dos for missing documents, oldest first."""
        wanted = (
            select(JudgementRow).where(JudgementRow.kind == KIND).order_by(JudgementRow.created_at, JudgementRow.id)
        )
        with self._store.session() as session:
            return [as_judgement(row) for row in session.scalars(wanted)]

    def of_answers(self, ids: Iterable[str]) -> list[Judgement]:
        """What readers asked for at these answers, oldest first."""
        wanted = (
            select(JudgementRow)
            .where(JudgementRow.kind == KIND, JudgementRow.answer_id.in_(list(ids)))
            .order_by(JudgementRow.created_at)
        )
        with self._store.session() as session:
            return [as_judgement(row) for row in session.scalars(wanted) if row.value.get("requested")]

    def close(self, ids: Sequence[str], document: str = "") -> list[Judgement]:
        """Close requests with the document that answers them ("": without one). Idempotent; the first document stays.

        Raises:
            NotFound: there is no such request.
        """
        with self._store.session() as session:
            rows = [session.get(JudgementRow, id) for id in ids]
            for id, row in zip(ids, rows, strict=True):
                if row is None or row.kind != KIND:
                    raise NotFound(f"there is no request {id!r}; GET /api/requests lists them")
                if not row.done:
                    row.done = True
                    row.value = {**row.value, "closed_with": document, "closed_at": now().isoformat()}
            return [as_judgement(row) for row in rows if row is not None]

    def answered(self) -> set[str]:
        """Conversations in which a request was closed with a document after the newest answer: their readers do not know yet."""
        wanted = (
            select(JudgementRow.value, AnswerRow.conversation)
            .join(AnswerRow, AnswerRow.id == JudgementRow.answer_id)
            .where(JudgementRow.kind == KIND, JudgementRow.done.is_(True))
            .order_by(JudgementRow.created_at.desc())
            .limit(LATEST)
        )
        with self._store.session() as session:
            closed: dict[str, datetime] = {}
            for value, conversation in session.execute(wanted):
                if value.get("requested") and value.get("closed_with"):
                    at = datetime.fromisoformat(value["closed_at"])
                    closed[conversation] = max(at, closed.get(conversation, at))
            newest = (
                select(AnswerRow.conversation, func.max(AnswerRow.created_at))
                .where(AnswerRow.conversation.in_(closed))
                .group_by(AnswerRow.conversation)
            )
            # SQLite gives times without their zone, which is UTC.
            return {id for id, last in session.execute(newest) if last.replace(tzinfo=UTC) < closed[id]}

    def refused(self) -> list[Answer]:
        """The newest answers, newest first, that say that nothing was found."""
        wanted = (
            select(AnswerRow).where(AnswerRow.status == "complete").order_by(AnswerRow.created_at.desc()).limit(NEWEST)
        )
        with self._store.session() as session:
            rows = [row.body for row in session.scalars(wanted) if row.body.get("refused")]
        return [Answer.model_validate(body) for body in rows]

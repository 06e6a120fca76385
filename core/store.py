"""Answers, ratings and documents in SQLite (WAL) or Postgres. Every commit is on disk before it is acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, delete, event, func, insert, select, update
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.tables import AnswerRow, ChunkRow, DocumentRow, NoteRow, RatingRow, fields_of
from core.types import Answer, Passage, Rating, now

# Answers that were asked for side by side are no conversation.
COMPARED = "compare"
IN_ONE_QUERY = 500
PLACE = ("heading", "page", "sheet", "rows")
COLUMNS = (ChunkRow.id, ChunkRow.source, ChunkRow.text, *(getattr(ChunkRow, name) for name in PLACE))
MIGRATIONS = Path(__file__).parent / "migrations"


def open_store(url: str) -> Store:
    """Open the database of `url`, made and migrated to the newest schema if need be."""
    engine = create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        Path(engine.url.database or "").parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _sqlite_pragmas)
    migrate(engine)
    return Store(engine)


def migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _sqlite_pragmas(connection: object, _: object) -> None:
    cursor = connection.cursor()  # pyright: ignore[reportAttributeAccessIssue]
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class Store:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def session(self) -> Iterator[Session]:
        with Session(self.engine) as session, session.begin():
            yield session

    # Answers and ratings

    def save_answer(self, answer: Answer) -> None:
        row = AnswerRow(
            id=answer.id,
            conversation=answer.conversation,
            query=answer.query,
            status=answer.status,
            created_at=answer.created_at,
            body=answer.model_dump(mode="json"),
        )
        with self.session() as session:
            session.merge(row)

    def answer(self, id: str) -> Answer:
        """Raises NotFound."""
        with self.session() as session:
            row = session.get(AnswerRow, id)
            if row is None:
                raise NotFound(f"there is no answer {id!r}")
            return Answer.model_validate(row.body)

    def conversation(self, id: str) -> list[Answer]:
        """The answers of a conversation, oldest first."""
        wanted = select(AnswerRow).where(AnswerRow.conversation == id).order_by(AnswerRow.created_at)
        with self.session() as session:
            return [Answer.model_validate(row.body) for row in session.scalars(wanted)]

    def conversations(self, limit: int = 30) -> list[tuple[str, str]]:
        """(id, first query) of the newest conversations, newest first."""
        newest = (
            select(AnswerRow.conversation, func.min(AnswerRow.created_at), func.max(AnswerRow.created_at))
            .where(AnswerRow.conversation.not_in(["", COMPARED]))
            .group_by(AnswerRow.conversation)
            .order_by(func.max(AnswerRow.created_at).desc())
            .limit(limit)
        )
        with self.session() as session:
            found = []
            for id, first, _ in session.execute(newest).all():
                query = select(AnswerRow.query).where(AnswerRow.conversation == id, AnswerRow.created_at == first)
                found.append((id, session.scalars(query).first() or ""))
            return found

    def interrupt_running(self) -> int:
        """Mark answers that a killed process left running; their partial text stays. Returns how many."""
        with self.session() as session:
            running = session.scalars(select(AnswerRow).where(AnswerRow.status == "running")).all()
            for row in running:
                row.status = "interrupted"
                row.body = {**row.body, "status": "interrupted"}
            return len(running)

    def add_rating(self, rating: Rating) -> None:
        """Raises NotFound if an answer that the rating names does not exist."""
        self.answer(rating.answer_id)
        if rating.preferred_over:
            self.answer(rating.preferred_over)
        fields = rating.model_dump()
        with self.session() as session:
            session.add(RatingRow(**{**fields, "reasons": list(rating.reasons)}))

    def ratings(self, answer_id: str | None = None) -> list[Rating]:
        """Ratings, oldest first."""
        wanted = select(RatingRow).order_by(RatingRow.created_at)
        if answer_id is not None:
            wanted = wanted.where(RatingRow.answer_id == answer_id)
        with self.session() as session:
            return [Rating(**fields_of(row, Rating.model_fields)) for row in session.scalars(wanted)]

    # Documents and chunks

    def documents(self) -> list[DocumentRow]:
        with Session(self.engine, expire_on_commit=False) as session:
            return list(session.scalars(select(DocumentRow).order_by(DocumentRow.source)))

    def documents_of(self, sources: Sequence[str]) -> list[DocumentRow]:
        """The rows of these documents; unknown sources are left out."""
        with Session(self.engine, expire_on_commit=False) as session:
            wanted = (select(DocumentRow).where(DocumentRow.source.in_(some)) for some in _portions(sources))
            return [row for one in wanted for row in session.scalars(one)]

    def document(self, source: str) -> DocumentRow | None:
        with Session(self.engine, expire_on_commit=False) as session:
            return session.get(DocumentRow, source)

    def set_document(self, source: str, **fields: object) -> None:
        """Insert or update the row of a document."""
        self.set_documents([(source, fields)])

    def set_documents(self, documents: Iterable[tuple[str, Mapping[str, object]]]) -> None:
        """Insert or update the rows of several documents, (source, fields) each, in one transaction."""
        with self.session() as session:
            _set_rows(session, dict(documents), "waiting")

    def replace_chunks(self, source: str, passages: Sequence[Passage], **fields: object) -> None:
        """Swap the chunks of a document and update its row, in one transaction: all or nothing."""
        self.replace_many([(source, passages, fields)])

    def replace_many(self, documents: Iterable[tuple[str, Sequence[Passage], Mapping[str, object]]]) -> None:
        """The same for several documents, (source, passages, fields of the row) each, in one transaction."""
        given = {source: (passages, fields) for source, passages, fields in documents}
        with self.session() as session:
            rows = {source: {**fields, "chunks": len(passages)} for source, (passages, fields) in given.items()}
            _set_rows(session, rows, "indexing")
            session.flush()
            for some in _portions(list(given)):
                session.execute(delete(ChunkRow).where(ChunkRow.source.in_(some)))
            chunks = [row for source, (passages, _) in given.items() for row in chunk_rows(source, passages)]
            if chunks:
                session.execute(insert(ChunkRow), chunks)

    def chunks(self, sources: Iterable[str] | None = None) -> list[Passage]:
        """All chunks (or those of `sources`) in the order of source and position."""
        wanted = select(*COLUMNS).order_by(ChunkRow.source, ChunkRow.position)
        if sources is not None:
            wanted = wanted.where(ChunkRow.source.in_(list(sources)))
        with self.session() as session:
            return [passage_of(row) for row in session.execute(wanted)]

    def chunks_of(self, ids: Sequence[str]) -> list[Passage]:
        """The chunks with these ids, in no order; unknown ids are left out."""
        found: list[Passage] = []
        with self.session() as session:
            for some in _portions(ids):
                rows = session.execute(select(*COLUMNS).where(ChunkRow.id.in_(some)))
                found += [passage_of(row) for row in rows]
        return found

    def chunk_ids(self, source: str | None = None) -> set[str]:
        """The ids of all chunks, or of those of a document."""
        wanted = select(ChunkRow.id)
        if source is not None:
            wanted = wanted.where(ChunkRow.source == source)
        with self.session() as session:
            return set(session.scalars(wanted))

    def delete_document(self, source: str) -> None:
        """Raises NotFound."""
        if not self.delete_documents([source]):
            raise NotFound(f"there is no document {source!r}")

    def delete_documents(self, sources: Sequence[str]) -> int:
        """Forget documents and their chunks, in one transaction. Returns how many there were."""
        with self.session() as session:
            session.execute(delete(ChunkRow).where(ChunkRow.source.in_(sources)))
            gone = session.execute(delete(DocumentRow).where(DocumentRow.source.in_(sources)))
            return gone.rowcount  # pyright: ignore[reportAttributeAccessIssue]

    # Notes

    def note(self, key: str) -> str | None:
        with self.session() as session:
            row = session.get(NoteRow, key)
            return row.value if row else None

    def set_note(self, key: str, value: str) -> None:
        with self.session() as session:
            done = session.execute(update(NoteRow).where(NoteRow.key == key).values(value=value))
            if done.rowcount == 0:  # pyright: ignore[reportAttributeAccessIssue]
                session.add(NoteRow(key=key, value=value))


def _set_rows(session: Session, documents: Mapping[str, Mapping[str, object]], state: str) -> None:
    """Insert (with `state`, unless the fields name one) or update the rows of documents: fields by source."""
    for some in _portions(list(documents)):
        known = {row.source: row for row in session.scalars(select(DocumentRow).where(DocumentRow.source.in_(some)))}
        for source in some:
            row = known.get(source) or DocumentRow(source=source, state=state)
            for name, value in {**documents[source], "updated_at": now()}.items():
                setattr(row, name, value)
            session.add(row)


def _portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """What one query may name at once."""
    return (values[start : start + IN_ONE_QUERY] for start in range(0, len(values), IN_ONE_QUERY))


def chunk_rows(source: str, passages: Sequence[Passage]) -> list[dict[str, Any]]:
    """The columns of a document's chunks."""
    return [
        {"id": p.id, "source": source, "position": n, "text": p.text, "heading": p.heading, "page": p.page,
         "sheet": p.sheet, "rows": list(p.line_rows)}
        for n, p in enumerate(passages)
    ]  # fmt: skip


def passage_of(row: Any) -> Passage:
    """The passage that a chunk's columns (`COLUMNS`) hold."""
    return Passage(
        id=row.id, source=row.source, text=row.text, heading=row.heading, page=row.page, sheet=row.sheet,
        rows=(row.rows[0], row.rows[-1]) if row.rows else None, line_rows=tuple(row.rows),
    )  # fmt: skip

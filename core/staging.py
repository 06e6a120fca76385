"""Chunks of a new splitter, kept beside those that are searched until there is one for every document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, func, insert, literal, select

from core.store import COLUMNS, IN_ONE_QUERY, Store, chunk_rows, passage_of
from core.tables import ChunkRow, DocumentRow, NoteRow, StagedChunkRow, StagedDocumentRow
from core.types import Passage

NAMES = [column.name for column in ChunkRow.__table__.columns]
STAGED = tuple(getattr(StagedChunkRow, column.key) for column in COLUMNS)


class Staging:
    def __init__(self, store: Store) -> None:
        self._store = store

    def documents(self, splitter: str) -> dict[str, str]:
        """Hash by source of what a splitter has staged."""
        wanted = select(StagedDocumentRow.source, StagedDocumentRow.sha256)
        with self._store.session() as session:
            found = session.execute(wanted.where(StagedDocumentRow.splitter == splitter)).all()
            return {source: sha256 for source, sha256 in found}  # noqa: C416

    def put(self, splitter: str, documents: Iterable[tuple[str, str, Sequence[Passage] | None]]) -> None:
        """Stage documents, (source, hash, passages) each, in one transaction. None: the chunks that are searched now."""
        with self._store.session() as session:
            for source, sha256, passages in documents:
                session.execute(delete(StagedChunkRow).where(StagedChunkRow.source == source))
                session.merge(StagedDocumentRow(source=source, sha256=sha256, splitter=splitter))
                session.flush()
                if passages is None:
                    now = select(*(getattr(ChunkRow, name) for name in NAMES)).where(ChunkRow.source == source)
                    session.execute(insert(StagedChunkRow).from_select(NAMES, now))
                elif passages:
                    session.execute(insert(StagedChunkRow), chunk_rows(source, passages))

    def drop(self, sources: Iterable[str]) -> None:
        wanted = list(sources)
        with self._store.session() as session:
            for start in range(0, len(wanted), IN_ONE_QUERY):
                some = wanted[start : start + IN_ONE_QUERY]
                session.execute(delete(StagedChunkRow).where(StagedChunkRow.source.in_(some)))
                session.execute(delete(StagedDocumentRow).where(StagedDocumentRow.source.in_(some)))

    def clear(self) -> None:
        with self._store.session() as session:
            session.execute(delete(StagedChunkRow))
            session.execute(delete(StagedDocumentRow))

    def chunk_ids(self) -> set[str]:
        with self._store.session() as session:
            return set(session.scalars(select(StagedChunkRow.id)))

    def chunks(self) -> list[Passage]:
        """All staged chunks in the order of source and position."""
        wanted = select(*STAGED).order_by(StagedChunkRow.source, StagedChunkRow.position)
        with self._store.session() as session:
            return [passage_of(row) for row in session.execute(wanted)]

    def chunks_of(self, ids: Sequence[str]) -> list[Passage]:
        """The staged chunks with these ids, in no order."""
        found: list[Passage] = []
        with self._store.session() as session:
            for start in range(0, len(ids), IN_ONE_QUERY):
                some = select(*STAGED).where(StagedChunkRow.id.in_(ids[start : start + IN_ONE_QUERY]))
                found += [passage_of(row) for row in session.execute(some)]
        return found

    def switch(self, note: str, value: str, chunks: bool) -> None:
        """Set a note and, with `chunks`, let the staged chunks take the place of those of their documents, in one
        transaction: all or nothing."""
        with self._store.session() as session:
            if chunks:
                staged = select(StagedDocumentRow.source)
                session.execute(delete(ChunkRow).where(ChunkRow.source.in_(staged)))
                columns = select(*(getattr(StagedChunkRow, name) for name in NAMES))
                session.execute(insert(ChunkRow).from_select(NAMES, columns))
                count = select(func.count(ChunkRow.id)).where(ChunkRow.source == DocumentRow.source).scalar_subquery()
                session.execute(
                    DocumentRow.__table__.update()  # pyright: ignore[reportAttributeAccessIssue]
                    .where(DocumentRow.source.in_(staged))
                    .values(chunks=func.coalesce(count, literal(0)))
                )
                session.execute(delete(StagedChunkRow))
                session.execute(delete(StagedDocumentRow))
            session.merge(NoteRow(key=note, value=value))

"""Tables. A change here needs an Alembic revision in core/migrations/versions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Float, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

LIVE = text("state = 'live'")
# States of a document that search finds.
FOUND = ("indexed", "partial")


class Base(DeclarativeBase):
    pass


def fields_of(row: object, names: Iterable[str]) -> dict[str, Any]:
    """Fields of a row by name; SQLite gives times without their zone, which is UTC."""
    found = {name: getattr(row, name) for name in names}
    times = {name: value for name, value in found.items() if isinstance(value, datetime) and value.tzinfo is None}
    return found | {name: value.replace(tzinfo=UTC) for name, value in times.items()}


class AnswerRow(Base):
    __tablename__ = "answers"
    __table_args__ = (Index("ix_answers_conversation", "conversation", "created_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    conversation: Mapped[str] = mapped_column(String(64), default="")
    query: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


class RatingRow(Base):
    __tablename__ = "ratings"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    answer_id: Mapped[str] = mapped_column(ForeignKey("answers.id"), index=True)
    score: Mapped[int | None] = mapped_column(Integer)
    reasons: Mapped[list[str]] = mapped_column(JSON)
    correction: Mapped[str] = mapped_column(Text)
    preferred_over: Mapped[str] = mapped_column(String(32))
    user: Mapped[str] = mapped_column(String(128), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class DocumentRow(Base):
    """One document. `state`: waiting, parsing, indexing, indexed, partial (indexed, but for what `missing` names), failed.
    `sha256` is of its bytes."""

    __tablename__ = "documents"

    source: Mapped[str] = mapped_column(String(512), primary_key=True)
    origin: Mapped[str] = mapped_column(Text, default="")
    sha256: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[str] = mapped_column(String(16), index=True)
    error: Mapped[str] = mapped_column(Text, default="")
    size: Mapped[int] = mapped_column(Integer, default=0)
    chunks: Mapped[int] = mapped_column(Integer, default=0)
    seconds: Mapped[float] = mapped_column(Float, default=0.0)
    missing: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    @property
    def found(self) -> bool:
        """Whether search finds it, as a whole or in part."""
        return self.state in FOUND


class ChunkRow(Base):
    """The truth that the index is built from."""

    __tablename__ = "chunks"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("documents.source", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text)
    heading: Mapped[str] = mapped_column(Text, default="")
    page: Mapped[int | None] = mapped_column(Integer)
    sheet: Mapped[str] = mapped_column(Text, default="", server_default="")
    # Of a table: the row of each line of the text.
    rows: Mapped[list[int]] = mapped_column(JSON, default=list, server_default="[]")


class StagedDocumentRow(Base):
    """A document that a new splitter has split. `sha256` is of the bytes that were read, as in `documents`."""

    __tablename__ = "staged_documents"

    source: Mapped[str] = mapped_column(String(512), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    splitter: Mapped[str] = mapped_column(String(16), default="")


class StagedChunkRow(Base):
    """What will be the chunks once every document has been split anew; until then nobody searches them."""

    __tablename__ = "staged_chunks"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("staged_documents.source", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text)
    heading: Mapped[str] = mapped_column(Text, default="")
    page: Mapped[int | None] = mapped_column(Integer)
    sheet: Mapped[str] = mapped_column(Text, default="", server_default="")
    rows: Mapped[list[int]] = mapped_column(JSON, default=list, server_default="[]")


class FolderRow(Base):
    """A folder of the user that is kept in step. `name` begins the sources of its documents; `error` says why it could not
    be looked through; `skipped` names files that are not read, each with the reason."""

    __tablename__ = "folders"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    files: Mapped[int] = mapped_column(Integer, default=0)
    skipped: Mapped[list[str]] = mapped_column(JSON, default=list)
    error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ExampleRow(Base):
    """A fine-tuning example on its way. `state`: draft, approved, rejected, withdrawn; only approved ones are trained on.
    `rejected` holds the worse answer of a preference. `origin`: seed, import, draft, review, preference."""

    __tablename__ = "examples"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    task: Mapped[str] = mapped_column(String(64), index=True)
    query: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    rejected: Mapped[str] = mapped_column(Text, default="")
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    origin: Mapped[str] = mapped_column(String(16), index=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    author: Mapped[str] = mapped_column(String(128), default="", index=True)
    answer_id: Mapped[str] = mapped_column(String(32), default="", index=True)
    document: Mapped[str] = mapped_column(String(512), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class DraftedRow(Base):
    """A passage that a model was asked for drafts of a task from: by which job last, and how many were new."""

    __tablename__ = "drafted_passages"

    passage: Mapped[str] = mapped_column(String(64), primary_key=True)
    task: Mapped[str] = mapped_column(String(64), primary_key=True)
    job: Mapped[str] = mapped_column(String(64))
    drafts: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ReviewRow(Base):
    """One reviewer's verdict on an answer (`kind` answer) or on an example (`kind` example)."""

    __tablename__ = "reviews"
    __table_args__ = (Index("ix_reviews_subject", "kind", "subject"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(32))
    reviewer: Mapped[str] = mapped_column(String(128), index=True)
    verdict: Mapped[str] = mapped_column(String(16))
    fault: Mapped[str] = mapped_column(String(16), default="")
    body: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CorrectionRow(Base):
    """A reviewed answer that serves at once. `state`: active, withdrawn, stale (its document changed), learned."""

    __tablename__ = "corrections"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    query: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(String(64), index=True)
    answer: Mapped[str] = mapped_column(Text)
    task: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[str] = mapped_column(String(16), index=True)
    answer_id: Mapped[str] = mapped_column(String(32), default="", index=True)
    example_id: Mapped[str] = mapped_column(String(32), default="")
    document: Mapped[str] = mapped_column(String(512), default="")
    document_sha256: Mapped[str] = mapped_column(String(64), default="")
    author: Mapped[str] = mapped_column(String(128), default="", index=True)
    learned_by: Mapped[str] = mapped_column(String(128), default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class JudgementRow(Base):
    """What reviewers teach router and retrieval: the task of a query (`kind` route), whether a passage answers it
    (`kind` passage), or that a document is missing (`kind` document, an ingest to-do; `done` when it is there)."""

    __tablename__ = "judgements"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), index=True)
    query: Mapped[str] = mapped_column(Text)
    value: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    answer_id: Mapped[str] = mapped_column(String(32), default="", index=True)
    author: Mapped[str] = mapped_column(String(128), default="", index=True)
    done: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class OpeningRow(Base):
    """Somebody opened the place that an answer cites, to see what stands around it. Once per answer and passage; by nobody."""

    __tablename__ = "openings"

    answer_id: Mapped[str] = mapped_column(ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True)
    passage_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(String(512), default="")
    query: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class DatasetRow(Base):
    """A dataset version; its rows lie in the data folder under `datasets/<version>`. Never changed."""

    __tablename__ = "datasets"

    version: Mapped[str] = mapped_column(String(32), primary_key=True)
    rows: Mapped[int] = mapped_column(Integer)
    manifest: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AdapterRow(Base):
    """A trained adapter. `state`: candidate, refused, live, former, retired; one live adapter per name."""

    __tablename__ = "adapters"
    __table_args__ = (Index("ix_adapters_live", "name", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),)

    id: Mapped[str] = mapped_column(String(160), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), index=True)
    dataset: Mapped[str] = mapped_column(String(32), default="", index=True)
    report_id: Mapped[str] = mapped_column(String(32), default="")
    card: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    promoted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ReportRow(Base):
    """A gate's verdict on a candidate, with all its cases."""

    __tablename__ = "reports"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    candidate: Mapped[str] = mapped_column(String(160), index=True)
    incumbent: Mapped[str] = mapped_column(String(160), default="")
    verdict: Mapped[str] = mapped_column(String(24))
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class NoteRow(Base):
    """Small facts about the store itself: which pack, which splitter, which embedding model."""

    __tablename__ = "notes"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)

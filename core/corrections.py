"""Corrections in the database: which one answers a query, and what became of each."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.store import Store
from core.tables import CorrectionRow, DocumentRow, ExampleRow, fields_of
from core.types import Correction, now

ENDS = " \t\n.?!…"
QUOTES = str.maketrans({**dict.fromkeys("“”„«»", '"'), **dict.fromkeys("‘’‚", "'"), "\u2013": "-", "\u2014": "-"})


def query_key(text: str) -> str:
    """The same for queries that differ in case, white space, kind of quotes or the mark at their end; 64 hex digits."""
    plain = unicodedata.normalize("NFKC", text).translate(QUOTES).casefold()
    return hashlib.sha256(" ".join(plain.split()).rstrip(ENDS).encode()).hexdigest()


def combined_sha256(hashes: Mapping[str, str], sources: Iterable[str]) -> str:
    """One hash for the documents that a correction rests on; empty where there is none, or one is not known."""
    found = [hashes.get(source, "") for source in sources]
    if not found or not all(found):
        return ""
    return found[0] if len(found) == 1 else hashlib.sha256("\n".join(found).encode()).hexdigest()


def as_correction(row: CorrectionRow) -> Correction:
    return Correction(**fields_of(row, Correction.model_fields))


class Corrections:
    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Correction]:
        """Newest first, after what rests on a changed document was marked stale."""
        with self._store.session() as session:
            self._obey_documents(session)
            rows = session.scalars(select(CorrectionRow).order_by(CorrectionRow.created_at.desc()))
            return [as_correction(row) for row in rows]

    def active(self) -> list[Correction]:
        """Those that serve now, newest first."""
        wanted = select(CorrectionRow).where(CorrectionRow.state == "active").order_by(CorrectionRow.created_at.desc())
        with self._store.session() as session:
            self._obey_documents(session)
            return [as_correction(row) for row in session.scalars(wanted)]

    def of_answer(self, answer_id: str) -> list[Correction]:
        wanted = (
            select(CorrectionRow).where(CorrectionRow.answer_id == answer_id).order_by(CorrectionRow.created_at.desc())
        )
        with self._store.session() as session:
            self._obey_documents(session)
            return [as_correction(row) for row in session.scalars(wanted)]

    def withdraw(self, id: str) -> Correction:
        """Take a correction back, and the example that was made of it. Raises NotFound."""
        with self._store.session() as session:
            row = session.get(CorrectionRow, id)
            if row is None:
                raise NotFound(f"there is no correction {id!r}; GET /api/corrections lists them")
            retire(session, [row])
            return as_correction(row)

    def learned(self, adapter: str, examples: Collection[str]) -> int:
        """An adapter that learned from these examples (ids) is live: corrections made of them need not serve any more.
        Idempotent. Returns how many. Where it replaces another adapter, `unlearned` that one first."""
        change = update(CorrectionRow).where(
            CorrectionRow.state == "active",
            CorrectionRow.example_id != "",
            CorrectionRow.example_id.in_(list(examples)),
        )
        with self._store.session() as session:
            done = session.execute(change.values(state="learned", learned_by=adapter))
            return done.rowcount  # pyright: ignore[reportAttributeAccessIssue]

    def unlearned(self, adapter: str) -> int:
        """The adapter is no longer live: what it had learned is answered by corrections again. Returns how many."""
        change = update(CorrectionRow).where(CorrectionRow.state == "learned", CorrectionRow.learned_by == adapter)
        with self._store.session() as session:
            done = session.execute(change.values(state="active", learned_by=""))
            return done.rowcount  # pyright: ignore[reportAttributeAccessIssue]

    def bind(self, answer_id: str, document: str) -> None:
        """A fact was added to the documents: the corrections of that answer rest on it from now on."""
        with self._store.session() as session:
            session.execute(
                update(CorrectionRow)
                .where(CorrectionRow.answer_id == answer_id, CorrectionRow.state == "active")
                .values(document=document, document_sha256="")
            )

    def _obey_documents(self, session: Session) -> None:
        """Mark as stale what rests on a document that changed or is gone. A document that was not there yet when the
        correction was bound to it (no hash) counts from its first indexing on."""
        bound = select(CorrectionRow).where(CorrectionRow.state == "active", CorrectionRow.document != "")
        rows = session.scalars(bound).all()
        if not rows:
            return
        documents = {row.source: row for row in session.scalars(select(DocumentRow))}
        for row in rows:
            sources = row.document.split("\n")
            known = [documents.get(source) for source in sources]
            if row.document_sha256 and any(one is None for one in known):
                row.state = "stale"
            if any(one is None for one in known):
                continue
            found = combined_sha256({one.source: one.sha256 for one in known if one}, sources)
            if not row.document_sha256:
                row.document_sha256 = found
            elif row.document_sha256 != found:
                row.state = "stale"


def retire(session: Session, rows: Sequence[CorrectionRow], keep: Collection[str] = ()) -> None:
    """Withdraw corrections with their examples, except the examples whose ids are in `keep`."""
    for row in rows:
        row.state, row.learned_by = "withdrawn", ""
        example = session.get(ExampleRow, row.example_id) if row.example_id else None
        if example is not None and example.id not in keep and example.state == "approved":
            example.state, example.updated_at = "withdrawn", now()

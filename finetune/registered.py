"""What the registry's steps are made of: rows as nouns, files that are what was registered, corrections that were learned."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.orm import Session

from core.errors import AdapterMismatch
from core.llm.adapters import WEIGHTS, file_sha256
from core.tables import AdapterRow, CorrectionRow, ReportRow
from core.types import Adapter, Registered


def learn(session: Session, row: AdapterRow) -> None:
    """Corrections that the adapter gives by itself, by its report, need not be served from the table any more."""
    report = session.get(ReportRow, row.report_id)
    learned = report.body.get("lessons", {}).get("learned", []) if report else []
    for start in range(0, len(learned), 500):
        some = learned[start : start + 500]
        active = (CorrectionRow.example_id.in_(some), CorrectionRow.state == "active")
        session.execute(update(CorrectionRow).where(*active).values(state="learned", learned_by=row.id))


def unlearn(session: Session, id: str) -> None:
    """What an adapter that is taken down had learned is served as a correction again."""
    learned = (CorrectionRow.learned_by == id, CorrectionRow.state == "learned")
    session.execute(update(CorrectionRow).where(*learned).values(state="active", learned_by=""))


def same(row: Registered, adapter: Adapter | None) -> None:
    """Raises AdapterMismatch if the files are not those that were registered."""
    if adapter is None:
        raise AdapterMismatch("its folder is gone")
    if adapter.sha256 != row.sha256:
        raise AdapterMismatch(f"{adapter.path} is not what was registered as {row.id}")
    whole(adapter)


def whole(adapter: Adapter) -> None:
    """Raises AdapterMismatch if the weights are not those of the card."""
    if file_sha256(Path(adapter.path) / WEIGHTS) != adapter.sha256:
        raise AdapterMismatch(f"the weights in {adapter.path} are not those that its card describes (sha256 differs)")


def as_registered(adapter: Adapter) -> Registered:
    """A shipped adapter, which has no row."""
    return Registered(id=adapter.name, name=adapter.name, sha256=adapter.sha256, state="live", card=adapter.card)


def noun(row: AdapterRow) -> Registered:
    fields = {column.name: getattr(row, column.name) for column in AdapterRow.__table__.columns}
    for name in ("created_at", "promoted_at"):  # SQLite gives times back without their zone
        if fields[name] is not None and fields[name].tzinfo is None:
            fields[name] = fields[name].replace(tzinfo=UTC)
    return Registered(**fields)

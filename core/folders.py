"""The folders of the user that are kept in step with the index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.store import Store
from core.tables import FolderRow, fields_of
from core.types import Noun, now

ORIGIN = "folder:"


class Folder(Noun):
    """A folder kept in step. `name` begins the sources of its documents; `files` were found in it at the last look, and
    `error` says why that look failed; `skipped` names files that are not read, with the reason."""

    name: str
    path: str
    files: int = 0
    skipped: tuple[str, ...] = ()
    error: str = ""
    created_at: datetime
    checked_at: datetime | None = None

    @property
    def origin(self) -> str:
        """What its documents have as `origin`."""
        return ORIGIN + self.name


class Folders:
    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Folder]:
        """In the order of their names."""
        with self._store.session() as session:
            rows = session.scalars(select(FolderRow).order_by(FolderRow.name))
            return [folder_of(row) for row in rows]

    def add(self, path: Path, taken: Sequence[str] = ()) -> Folder:
        """Keep a folder in step from now on; one that is known already stays as it is. `taken`: names that its documents
        must not begin with."""
        with self._store.session() as session:
            if known := session.scalars(select(FolderRow).where(FolderRow.path == str(path))).first():
                return folder_of(known)
            names = {*session.scalars(select(FolderRow.name)), *taken}
            row = FolderRow(
                name=free_name(path, names), path=str(path), files=0, skipped=[], error="", created_at=now()
            )
            session.add(row)
            session.flush()
            return folder_of(row)

    def looked_at(self, name: str, files: int, skipped: Sequence[str], error: str) -> None:
        """Keep what the last look at a folder found; no error if it was removed meanwhile."""
        with self._store.session() as session:
            if row := session.get(FolderRow, name):
                row.files, row.skipped, row.error, row.checked_at = files, list(skipped), error, now()

    def remove(self, name: str) -> None:
        """Raises NotFound."""
        with self._store.session() as session:
            self._get(session, name)
            session.execute(delete(FolderRow).where(FolderRow.name == name))

    def get(self, name: str) -> Folder:
        """Raises NotFound."""
        with self._store.session() as session:
            return folder_of(self._get(session, name))

    def _get(self, session: Session, name: str) -> FolderRow:
        row = session.get(FolderRow, name)
        if row is None:
            raise NotFound(f"no folder called {name!r} is kept in step; GET /api/folders lists those that are")
        return row


def folder_of(row: FolderRow) -> Folder:
    fields = fields_of(row, Folder.model_fields)
    return Folder(**{**fields, "skipped": tuple(fields["skipped"])})


def free_name(path: Path, names: set[str]) -> str:
    """The folder's own name, with a number where that is taken."""
    wanted = (path.name or "folder").encode("utf-8", "replace").decode()[:100]
    numbers = (f"{wanted}-{n}" for n in range(2, len(names) + 3))
    return wanted if wanted not in names else next(name for name in numbers if name not in names)

"""What folders ask for, and what was done about it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from core.folders import ORIGIN, Folder
from core.tables import DocumentRow
from core.types import Passage
from retrieval.shelves import Look, Shelf

PACK, UPLOAD = "pack", "upload"
# Reading and embedding a file larger than this takes so long that others do not wait for it.
LARGE = 1 << 20
NOTES_KEPT, NOTE_CHARS = 30, 500


class Change(NamedTuple):
    """A file to be read."""

    source: str
    path: Path
    origin: str

    @property
    def large(self) -> bool:
        return is_large(self.path)


@dataclass(frozen=True)
class Plan:
    """What folders ask for: files to read, sources to forget and to leave; `skipped` says why a file is not read."""

    changed: tuple[Change, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Synced:
    """What a run did. `failed`: source and the sentence that says what to do; `stopped`: it was called off."""

    indexed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    skipped: tuple[str, ...] = ()
    stopped: bool = False


@dataclass(frozen=True)
class Read:
    """A file that was read: its passages, or the error that came instead. `seconds`: what reading took; `missing`: what
    was left out, or could not be read."""

    change: Change
    sha256: str
    size: int
    seconds: float
    passages: tuple[Passage, ...] = ()
    error: str = ""
    missing: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        return self.change.source

    @property
    def row(self) -> dict[str, object]:
        """What its document's row says until its vectors are there."""
        state = "failed" if self.error else "indexing"
        return {"state": state, "error": self.error, "origin": self.change.origin, "sha256": self.sha256,
                "size": self.size, "seconds": round(self.seconds, 3), "missing": list(self.missing)}  # fmt: skip

    @property
    def done(self) -> str:
        """Its state once its vectors are there."""
        return "partial" if self.missing else "indexed"


def is_large(path: Path) -> bool:
    try:
        return path.stat().st_size > LARGE
    except OSError:
        return False


def shelf_of(path: Path, uploads: Path, kept: Sequence[Folder]) -> Shelf:
    here = path.resolve()
    if here.is_relative_to(uploads.resolve()):
        return Shelf(path, UPLOAD)
    for folder in kept:
        if here.is_relative_to(folder.path):
            return Shelf(path, folder.origin, f"{folder.name}/", kept=True)
    return Shelf(path, PACK)


def together(looks: Sequence[tuple[Shelf, Look]]) -> tuple[dict[str, tuple[Path, str]], list[str]]:
    """Files and their origins by source, and why others are left out."""
    files: dict[str, tuple[Path, str]] = {}
    skipped: list[str] = []
    for shelf, found in looks:
        skipped += found.skipped + ([found.error] if found.error else [])
        skipped += [f"{source}: {files[source][0]} has the same name" for source in found.files if source in files]
        files |= {source: (path, shelf.origin) for source, path in found.files.items() if source not in files}
    return files, skipped


def is_gone(row: DocumentRow, looks: Sequence[tuple[Shelf, Look]], names: set[str]) -> bool:
    """Whether a document that no folder holds is to be forgotten: not where its folder could not be looked through."""
    if not may_stay(row.origin, names):
        return True
    own = [found for shelf, found in looks if shelf.origin == row.origin]
    return bool(own) and not any(found.error or row.source.startswith(tuple(found.blind)) for found in own)


def may_stay(origin: str, names: set[str]) -> bool:
    """No folder of this origin was taken off the list."""
    return not origin.startswith(ORIGIN) or origin in names


def few(notes: Sequence[str]) -> tuple[str, ...]:
    """Each note once, and not more of them than one reads."""
    each = [note[:NOTE_CHARS] for note in dict.fromkeys(notes)]
    more = len(each) - NOTES_KEPT
    return (*each[:NOTES_KEPT], *([f"and {more} more"] if more > 0 else []))


def narrowed(plan: Plan, only: set[str]) -> Plan:
    return Plan(
        tuple(change for change in plan.changed if change.source in only),
        tuple(source for source in plan.removed if source in only),
        tuple(source for source in plan.unchanged if source in only),
    )

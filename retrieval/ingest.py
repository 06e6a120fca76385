"""Files into the store and the index, one by one, so that each has its own state and error and a kill costs one file.

The order makes it safe: chunks and the document's row are swapped in one transaction, then vectors are put under ids
that depend on content only, then the row is marked indexed. Killed in between, the row is not marked: the next run, or
`Index.check`, puts the same ids again.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.errors import DocumentError, NotFound
from core.settings import Settings
from core.store import Store
from core.tables import DocumentRow
from core.types import Passage
from retrieval.documents import SPLITTER_VERSION, read_document
from retrieval.formats import KINDS, SUFFIXES
from retrieval.index import Index

UPLOADS = "documents"
PACK, UPLOAD = "pack", "upload"
MAX_SOURCE = 512
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Plan:
    """What folders ask for: sources to read (each with its file), to forget, to leave; `skipped` says why a file is not read."""

    changed: tuple[tuple[str, Path], ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Synced:
    """What a run did. `failed`: source and the sentence that says what to do."""

    indexed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    skipped: tuple[str, ...] = ()


class Ingest:
    """`origin` of a document is `pack` or `upload`: a plan for one folder never removes what came from the other."""

    def __init__(self, store: Store, index: Index, settings: Settings) -> None:
        self.store = store
        self.index = index
        self.uploads = settings.data_dir / UPLOADS
        self.limit = settings.max_upload_mb * 2**20
        # A document that is removed while it is read must not come back.
        self._changing = threading.RLock()

    def plan(self, folders: Path | Sequence[Path], retry: bool = False) -> Plan:
        """Compare folders with the documents table by the hash of each file's bytes. A failed file is tried again only
        once it has changed, or with `retry`. Where two folders have a file of one name, the first folder's is taken."""
        files: dict[str, Path] = {}
        skipped: list[str] = []
        asked = [folders] if isinstance(folders, Path) else list(folders)
        for folder in asked:
            found, notes = sources(folder)
            skipped += notes + [f"{source}: {files[source]} has the same name" for source in found if source in files]
            files = found | files
        origins = {self.origin(folder) for folder in asked}
        rows = {row.source: row for row in self.store.documents()}
        changed = {
            source: path for source, path in files.items() if not self._is_current(rows.get(source), path, retry)
        }
        gone = [source for source, row in rows.items() if row.origin in origins and source not in files]
        return Plan(
            changed=tuple(changed.items()),
            removed=tuple(gone),
            unchanged=tuple(source for source in files if source not in changed),
            skipped=tuple(skipped),
        )

    def one(self, source: str, path: Path, refresh: bool = True) -> DocumentRow:
        """Read, split, embed and keep one file. Idempotent; the row tells state and error.

        Raises:
            DocumentError: the file cannot be read; its row says so too, and its former chunks are gone.
        """
        started = time.monotonic()
        origin = self.origin(path)
        self._name_is_free(source, origin)
        self.store.set_document(source, state="parsing", origin=origin, error="")
        try:
            self._fits(source, path)
            passages = read_document(path, source)
        except DocumentError as error:
            digest, size = (fingerprint(path), path.stat().st_size) if path.is_file() else ("", 0)
            # A text that can no longer be checked against its file is not cited.
            self.store.replace_chunks(source, [], state="failed", error=str(error), sha256=digest, size=size)
            self._swap_vectors(source, refresh)
            raise
        with self._changing:
            return self._keep(source, path, passages, origin, started, refresh)

    def _keep(
        self, source: str, path: Path, passages: list[Passage], origin: str, started: float, refresh: bool
    ) -> DocumentRow:
        if not path.is_file():
            self.remove(source, refresh)
            raise DocumentError(f"{source}: the file was removed while it was read")
        fields = {"sha256": fingerprint(path), "size": path.stat().st_size, "origin": origin, "error": ""}
        self.store.replace_chunks(source, passages, state="indexing", **fields)
        self._swap_vectors(source, refresh)
        self.store.set_document(source, state="indexed", seconds=round(time.monotonic() - started, 3))
        row = self.store.document(source)
        if row is None:
            raise NotFound(f"the document {source!r} was removed while it was read")
        return row

    def remove(self, source: str, refresh: bool = True) -> None:
        """Forget a document; its file is left alone. Idempotent: one that is not there is no error."""
        with self._changing:
            if self.store.document(source) is not None:
                self.store.delete_document(source)
            self.index.delete(self.index.ids(source))
            if refresh:
                self.index.refresh()

    def sync(self, folders: Path | Sequence[Path], progress: Progress | None = None) -> Synced:
        """Bring the index up to folders; only what changed is read. `progress(done, total, source)` before each file."""
        plan = self.plan(folders)
        failed, indexed = [], []
        for n, (source, path) in enumerate(plan.changed):
            if progress:
                progress(n, len(plan.changed), source)
            try:
                self.one(source, path, refresh=False)
                indexed.append(source)
            except DocumentError as error:
                failed.append((source, str(error)))
        for source in plan.removed:
            self.remove(source, refresh=False)
        if plan.changed or plan.removed:
            self.index.refresh()
        return Synced(tuple(indexed), plan.removed, plan.unchanged, tuple(failed), plan.skipped)

    def origin(self, path: Path) -> str:
        """`upload` for what lies in the data folder, else `pack`."""
        return UPLOAD if path.resolve().is_relative_to(self.uploads.resolve()) else PACK

    def _is_current(self, row: DocumentRow | None, path: Path, retry: bool) -> bool:
        done = ("indexed",) if retry else ("indexed", "failed")
        if row is None or row.state not in done or row.origin != self.origin(path):
            return False
        return row.sha256 == fingerprint(path)

    def _swap_vectors(self, source: str, refresh: bool) -> None:
        """Put the vectors of the chunks that the store now has, and delete those of chunks that it no longer has."""
        wanted = {passage.id: passage for passage in self.store.chunks([source])}
        present = self.index.ids(source)
        self.index.upsert([passage for id, passage in wanted.items() if id not in present])
        self.index.delete(present - wanted.keys())
        if refresh:
            self.index.refresh()

    def _name_is_free(self, source: str, origin: str) -> None:
        row = self.store.document(source)
        if row is not None and row.origin == PACK and origin == UPLOAD:
            raise DocumentError(f"{source}: the pack already has a document of this name; rename the file")

    def _fits(self, source: str, path: Path) -> None:
        if len(source) > MAX_SOURCE:
            raise DocumentError(f"{path.name}: the path is longer than {MAX_SOURCE} characters; shorten it")
        if path.is_file() and path.stat().st_size > self.limit:
            raise DocumentError(f"{path.name}: the file is larger than {self.limit >> 20} MB; split it up")


def sources(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The readable files under a folder by relative path with forward slashes, and a note for each that is skipped."""
    found: dict[str, Path] = {}
    skipped = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        source = str(PurePosixPath(path.relative_to(folder)))
        if path.is_dir():
            continue
        if any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts):
            skipped.append(f"{source}: hidden")
        elif path.suffix.lower() not in SUFFIXES:
            skipped.append(f"{source}: not one of {KINDS}")
        elif path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            skipped.append(f"{source}: a link that leads out of the folder")
        else:
            found[source] = path
    return found, skipped


def fingerprint(path: Path) -> str:
    """The hash of a file's bytes and of the splitter's version: a new splitter reads every file again."""
    return hashlib.sha256(path.read_bytes() + SPLITTER_VERSION.encode()).hexdigest()

"""Files into the store and the index, so that each has its own state and error, and a kill costs a few files' work.

Files are read one by one and kept a group at a time: chunks and the documents' rows are swapped in one transaction, then
vectors are put under ids that depend on content only, then the rows are marked indexed. Killed in between, the rows are not
marked: the next run, or `Index.check`, puts the same ids again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.errors import DocumentError, NotFound
from core.folders import ORIGIN
from core.settings import Settings
from core.store import Store
from core.tables import FOUND, DocumentRow
from retrieval.disk import require_room, room_in
from retrieval.index import Index
from retrieval.keeping import Keeping, Progress, is_full, is_set
from retrieval.limits import Limits
from retrieval.plan import (
    PACK,
    UPLOAD,
    Change,
    Plan,
    Read,
    Synced,
    few,
    is_gone,
    narrowed,
    shelf_of,
    together,
)
from retrieval.reader import Reader, Stopped
from retrieval.shelves import Hashes, Look, Shelf, look

UPLOADS = "documents"
SKIPPED_KEPT = 20
MAX_SOURCE = 512


class Ingest(Keeping):
    """`origin` of a document is `pack`, `upload` or that of a folder kept in step: a plan for one folder never removes what
    came from another. `some` may run twice at once, for large files and for the others: each has a reader of its own."""

    def __init__(self, store: Store, index: Index, settings: Settings) -> None:
        super().__init__(store, index, settings)
        self.uploads = settings.data_dir / UPLOADS
        self.min_free_mb = settings.min_free_mb
        self.limit = settings.max_upload_mb << 20
        self.reader, self._large_reader = Reader(Limits.of(settings)), Reader(Limits.of(settings))
        self.hashes = Hashes(self.limit)

    def plan(self, folders: Path | Sequence[Path], retry: bool = False, only: Sequence[str] | None = None) -> Plan:
        """Compare folders with the documents table by the hash of each file's bytes. A failed file is tried again only
        once it has changed, or with `retry`; `only`: look at these sources alone. Where two folders have a source of one
        name, the first folder's is taken."""
        looks = [(shelf, self._look(shelf)) for shelf in self.shelves(folders)]
        files, skipped = together(looks)
        rows = {row.source: row for row in self.store.documents()}
        names = {folder.origin for folder in self.folders.all()}
        changed = [
            Change(source, path, origin)
            for source, (path, origin) in files.items()
            if not self._is_current(rows.get(source), path, origin, retry)
        ]
        busy = {change.source for change in changed}
        gone = [source for source, row in rows.items() if source not in files and is_gone(row, looks, names)]
        unchanged = tuple(source for source in files if source not in busy)
        plan = Plan(tuple(changed), tuple(gone), unchanged, tuple(skipped))
        return plan if only is None else narrowed(plan, set(only))

    def announce(self, plan: Plan) -> None:
        """Show what a run is going to read as waiting."""
        fields = {"state": "waiting", "error": ""}
        with room_in(self.data_dir):
            self.store.set_documents(
                (change.source, {**fields, "origin": change.origin})
                for change in plan.changed
                if change.source not in self.at_work
            )

    def expect(self, source: str, path: Path) -> None:
        """Show a file that was handed over as waiting, before any run looks at it."""
        change = Change(source, path, UPLOAD)
        if not self._is_current(self.store.document(source), path, UPLOAD, retry=True):
            self.announce(Plan(changed=(change,)))

    def some(
        self, changes: Sequence[Change], stop: threading.Event | None = None, progress: Progress | None = None,
        retry: bool = False, again: bool = False,
    ) -> Synced:  # fmt: skip
        """Read and keep files; those that are kept already are left alone (unless `again`), so that it may be repeated.
        With `stop` set it ends in the middle of a file, which waits.

        Raises:
            DiskFull: there is no room; what was indexed stays so, the rest waits.
        """
        try:
            return self._some(changes, stop, progress, retry, again)
        finally:
            for change in changes:
                self.at_work.pop(change.source, None)

    def _some(
        self,
        changes: Sequence[Change],
        stop: threading.Event | None,
        progress: Progress | None,
        retry: bool,
        again: bool,
    ) -> Synced:
        indexed, failed, group = [], [], []
        rows = {row.source: row for row in self.store.documents_of([change.source for change in changes])}
        for n, change in enumerate(changes):
            if progress:
                progress(n, len(changes), change.source)
            require_room(self.data_dir, self.min_free_mb)
            if not again and self._is_current(rows.get(change.source), change.path, change.origin, retry):
                continue
            if change.large and (group or indexed):
                # What has been read is found before a large file is begun.
                self._keep(group, stop, indexed, failed)
                self.index.refresh()
                group = []
            try:
                group.append(self._read(change, stop))
            except Stopped:
                break
            if is_full(group):
                self._keep(group, stop, indexed, failed)
                group = []
        if not is_set(stop):
            self._keep(group, stop, indexed, failed)
        return Synced(tuple(indexed), failed=tuple(failed), stopped=is_set(stop))

    def one(self, source: str, path: Path, refresh: bool = True) -> DocumentRow:
        """Read, split, embed and keep one file, though it is kept already. Idempotent; the row tells state and error.

        Raises:
            DocumentError: the file cannot be read; its row says so too, and its former chunks are gone.
        """
        (shelf,) = self.shelves(path)
        origin, known = shelf.origin, self.store.document(source)
        if known is not None and known.origin == PACK and origin == UPLOAD:
            raise DocumentError(f"{source}: the pack already has a document of this name; rename the file")
        done = self.some([Change(source, path, origin)], again=True)
        if refresh:
            self.index.refresh()
        for _, error in done.failed:
            raise DocumentError(error)
        row = self.store.document(source)
        if row is None:
            raise NotFound(f"the document {source!r} was removed while it was read")
        return row

    def remove(self, source: str, refresh: bool = True) -> None:
        """Forget a document; its file is left alone. Idempotent: one that is not there is no error."""
        self.remove_some([source])
        if refresh:
            self.index.refresh()

    def sync(
        self, folders: Path | Sequence[Path], progress: Progress | None = None, stop: threading.Event | None = None,
        retry: bool = False, only: Sequence[str] | None = None,
    ) -> Synced:  # fmt: skip
        """Bring the index up to folders; only what changed is read. `progress(done, total, source)` before each file."""
        self.mend(progress)
        plan = self.plan(folders, retry, only)
        self.announce(plan)
        try:
            self.remove_some(plan.removed)
            done = self.some(sorted(plan.changed, key=lambda change: change.large), stop, progress, retry)
        finally:
            self.finish(bool(plan.changed or plan.removed))
        return replace(done, removed=plan.removed, unchanged=plan.unchanged, skipped=plan.skipped)

    def finish(self, changed: bool = True, large: bool | None = None) -> None:
        """After a run: BM25 as the store is now, and no process that waits for files. `large`: the run was for large files
        alone, None: for all."""
        for reader in (self.reader, self._large_reader) if large is None else (self._reader(large),):
            reader.close()
        if changed:
            self.index.refresh()

    def shelves(self, folders: Path | Sequence[Path]) -> list[Shelf]:
        """What folders, or files in them, belong to: the uploads, a folder kept in step, else the pack."""
        kept = self.folders.all()
        return [shelf_of(path, self.uploads, kept) for path in ([folders] if isinstance(folders, Path) else folders)]

    def files(self, folders: Sequence[Path]) -> dict[str, Path]:
        """The readable files of folders by source."""
        found, _ = together([(shelf, look(shelf)) for shelf in self.shelves(folders)])
        return {source: path for source, (path, _) in found.items()}

    def _look(self, shelf: Shelf) -> Look:
        found = look(shelf)
        if shelf.kept:
            name = shelf.origin.removeprefix(ORIGIN)
            more = len(found.skipped) - SKIPPED_KEPT
            notes = found.skipped[:SKIPPED_KEPT] + ([f"{more:,} more files or folders"] if more > 0 else [])
            self.folders.looked_at(name, len(found.files), notes, found.error)
        return found

    def _hash(self, path: Path) -> str:
        try:
            return self.hashes.of(path)
        except OSError:
            return ""

    def _is_current(self, row: DocumentRow | None, path: Path, origin: str, retry: bool) -> bool:
        done = FOUND if retry else (*FOUND, "failed")
        return row is not None and row.state in done and row.origin == origin and row.sha256 == self._hash(path)

    def _read(self, change: Change, stop: threading.Event | None) -> Read:
        """Raises Stopped."""
        started, path, source = time.monotonic(), change.path, change.source
        missing: list[str] = []
        sha256, size = self._hash(path), path.stat().st_size if path.is_file() else 0
        try:
            if len(source) > MAX_SOURCE:
                raise DocumentError(f"{path.name}: the path is longer than {MAX_SOURCE} characters; shorten it")
            if size > self.limit:
                raise DocumentError(f"{path.name}: the file is larger than {self.limit >> 20} MB; split it up")
            if is_set(stop):
                raise Stopped(f"{source}: stopped before it was read; it will be read again")
            self._tell(source, 0, "")
            reader = self._reader(change.large)
            passages = reader.read(path, source, stop, partial(self._tell, source), missing.append)
        except DocumentError as error:
            return Read(change, sha256, size, time.monotonic() - started, error=str(error))
        return Read(change, sha256, size, time.monotonic() - started, tuple(passages), missing=few(missing))

    def _reader(self, large: bool) -> Reader:
        return self._large_reader if large else self.reader

"""Files into the store and the index, so that each has its own state and error, and a kill costs a few files' work.

Files are read one by one and kept a group at a time: chunks and the documents' rows are swapped in one transaction, then
vectors are put under ids that depend on content only, then the rows are marked indexed. Killed in between, the rows are not
marked: the next run, or `Index.check`, puts the same ids again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.errors import DocumentError, NotFound
from core.folders import ORIGIN, Folders
from core.settings import Settings
from core.store import Store
from core.tables import FOUND, DocumentRow
from core.types import Passage
from retrieval.disk import require_room, room_in
from retrieval.index import Index
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
    may_stay,
    narrowed,
    shelf_of,
    together,
)
from retrieval.reader import Reader, Stopped
from retrieval.shelves import Hashes, Look, Shelf, look

UPLOADS = "documents"
# A group of files is kept once it holds so many passages or files, or reading it took so long.
GROUP_PASSAGES = 256
GROUP_FILES = 64
GROUP_SECONDS = 5.0
SKIPPED_KEPT = 20
MAX_SOURCE = 512
GONE = "{}: the file was removed while it was read"
Progress = Callable[[int, int, str], None]


class Ingest:
    """`origin` of a document is `pack`, `upload` or that of a folder kept in step: a plan for one folder never removes what
    came from another. `at_work` holds how far the files are that are being read, by source: number and unit ("page"). `some` may run twice at
    once, for large files and for the others: each has a reader of its own."""

    def __init__(self, store: Store, index: Index, settings: Settings) -> None:
        self.store = store
        self.index = index
        self.folders = Folders(store)
        self.data_dir = settings.data_dir
        self.uploads = settings.data_dir / UPLOADS
        self.min_free_mb = settings.min_free_mb
        self.limit = settings.max_upload_mb << 20
        self.reader, self._large_reader = Reader(Limits.of(settings)), Reader(Limits.of(settings))
        self.hashes = Hashes(self.limit)
        self.at_work: dict[str, tuple[int, str]] = {}
        self._agrees = False
        # A document that is removed while it is read must not come back.
        self._changing = threading.RLock()
        self._mending = threading.Lock()

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

    def remove_some(self, sources: Sequence[str]) -> None:
        """Forget documents. They are not found any more; `Index.refresh` takes them out of BM25."""
        with self._changing, self._keeping():
            for start in range(0, len(sources), GROUP_FILES):
                some = sources[start : start + GROUP_FILES]
                self.store.delete_documents(some)
                ids = self.index.ids_of(some)
                self.index.hide(ids)
                self.index.delete(ids)

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

    def mend(self, progress: Progress | None = None) -> None:
        """Bring the vectors in step with the store, once in the life of a process and again after something failed."""
        with self._mending:
            if self._agrees:
                return
            with room_in(self.data_dir):
                self.index.check(lambda done, total: progress(done, total, "mending the index") if progress else None)
            self._agrees = True

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """While database and index are changed. Raises DiskFull where there is no room."""
        try:
            with room_in(self.data_dir):
                yield
        except BaseException:
            self._agrees = False
            raise

    def finish(self, changed: bool = True, large: bool | None = None) -> None:
        """After a run: BM25 as the store is now, and no process that waits for files. `large`: the run was for large files
        alone, None: for all."""
        for reader in (self.reader, self._large_reader) if large is None else (self._reader(large),):
            reader.close()
        if changed:
            self.index.refresh()

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Documents neither come nor go meanwhile."""
        with self._changing:
            yield

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

    def _tell(self, source: str, number: int, unit: str) -> None:
        self.at_work[source] = (number, unit)

    def _reader(self, large: bool) -> Reader:
        return self._large_reader if large else self.reader

    def _keep(
        self, group: list[Read], stop: threading.Event | None, indexed: list[str], failed: list[tuple[str, str]]
    ) -> None:
        """Put a group into store and index; with `stop` set its vectors may be left for later, and it waits."""
        if not group:
            return
        with self._keeping():
            kept = self._store(group, failed)
            started = time.monotonic()
            whole = self._vectors([passage for one in kept for passage in one.passages], stop)
            spent = (time.monotonic() - started) / max(1, sum(len(one.passages) for one in kept))
            done = self._mark(kept, whole, spent)
            indexed += done if whole else []
            self.index.refresh_if_due()

    def _mark(self, kept: list[Read], whole: bool, spent: float) -> list[str]:
        """Set the state of documents that are still as they were read. `whole`: all their vectors are there; `spent`:
        seconds of embedding for a passage."""
        with self._changing:
            still = {row.source: row.sha256 for row in self.store.documents_of([one.source for one in kept])}
            done = [one for one in kept if still.get(one.source) == one.sha256]
            self.store.set_documents(
                (
                    one.source,
                    {
                        "state": one.done if whole else "waiting",
                        "seconds": round(one.seconds + spent * len(one.passages), 3),
                    },
                )
                for one in done
            )
        return [one.source for one in done]

    def _store(self, group: list[Read], failed: list[tuple[str, str]]) -> list[Read]:
        """Swap the chunks of a group. Returns the files that are there and could be read."""
        with self._changing:
            names = {folder.origin for folder in self.folders.all()}
            there = [one for one in group if one.change.path.is_file() and may_stay(one.change.origin, names)]
            self.remove_some([one.source for one in group if one not in there])
            self.store.replace_many((one.source, one.passages, one.row) for one in there)
            # A text that can no longer be checked against its file is not cited.
            stale = self.index.ids_of([one.source for one in there]) - {p.id for one in there for p in one.passages}
            self.index.hide(stale)
            self.index.delete(stale)
        failed += [(one.source, one.error) for one in there if one.error]
        failed += [(one.source, GONE.format(one.source)) for one in group if one not in there]
        return [one for one in there if not one.error]

    def _vectors(self, passages: list[Passage], stop: threading.Event | None) -> bool:
        """Embed and put what has no vector yet, some at a time, so that documents can be removed in between. Whether all is
        done."""
        present = self.index.ids_of(sorted({passage.source for passage in passages}))
        missing = [passage for passage in passages if passage.id not in present]
        for start in range(0, len(missing), GROUP_PASSAGES):
            if is_set(stop):
                return False
            some = self._alive(missing[start : start + GROUP_PASSAGES])
            if not some:
                continue
            self._tell(some[0].source, start, "passage")
            epoch, vectors = self.index.epoch, self.index.embed(some)
            with self._changing:
                alive = {passage.id for passage in self._alive(some)}
                chosen = [n for n, passage in enumerate(some) if passage.id in alive]
                if epoch != self.index.epoch:  # another model serves by now
                    self.index.upsert([some[n] for n in chosen])
                elif chosen:
                    self.index.put([some[n] for n in chosen], vectors[chosen])
        return True

    def _alive(self, passages: Sequence[Passage]) -> list[Passage]:
        """Those whose document was neither removed nor changed meanwhile."""
        alive = {passage.id for passage in self.store.chunks_of([passage.id for passage in passages])}
        return [passage for passage in passages if passage.id in alive]


def is_full(group: Sequence[Read]) -> bool:
    passages, seconds = sum(len(one.passages) for one in group), sum(one.seconds for one in group)
    return len(group) >= GROUP_FILES or passages >= GROUP_PASSAGES or seconds >= GROUP_SECONDS


def is_set(stop: threading.Event | None) -> bool:
    return stop is not None and stop.is_set()

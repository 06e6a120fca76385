"""What was read put into store and index, a group of files at a time, while documents may be removed in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from core.folders import Folders
from core.settings import Settings
from core.store import Store
from core.types import Passage
from retrieval.disk import room_in
from retrieval.index import Index
from retrieval.plan import Read, may_stay

# A group of files is kept once it holds so many passages or files, or reading it took so long.
GROUP_PASSAGES = 256
GROUP_FILES = 64
GROUP_SECONDS = 5.0
GONE = "{}: the file was removed while it was read"
Progress = Callable[[int, int, str], None]


class Keeping:
    """`at_work` holds how far the files are that are being read, by source: number and unit ("page")."""

    def __init__(self, store: Store, index: Index, settings: Settings) -> None:
        self.store = store
        self.index = index
        self.folders = Folders(store)
        self.data_dir = settings.data_dir
        self.at_work: dict[str, tuple[int, str]] = {}
        self._agrees = False
        # A document that is removed while it is read must not come back.
        self._changing = threading.RLock()
        self._mending = threading.Lock()

    def remove_some(self, sources: Sequence[str]) -> None:
        """Forget documents. They are not found any more; `Index.refresh` takes them out of BM25."""
        with self._changing, self._keeping():
            for start in range(0, len(sources), GROUP_FILES):
                some = sources[start : start + GROUP_FILES]
                self.store.delete_documents(some)
                ids = self.index.ids_of(some)
                self.index.hide(ids)
                self.index.delete(ids)

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

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Documents neither come nor go meanwhile."""
        with self._changing:
            yield

    def _tell(self, source: str, number: int, unit: str) -> None:
        self.at_work[source] = (number, unit)

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

"""Another embedding model or splitter: its index is brought up beside the one that serves, which goes on answering.

Three things are done in small steps, each of which finds out anew what is left, so that a kill costs one step: documents
are split anew and staged in the store (only for another splitter), vectors are put into a second collection (those of
unchanged passages are copied where the model is the same), and once nothing is left, store and index are switched.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.errors import DocumentError
from core.staging import Staging
from core.store import Store
from core.tables import DocumentRow
from core.types import Passage
from retrieval.chroma import UPSERT_BATCH, ids_in, put
from retrieval.disk import require_room, room_in
from retrieval.generation import NOTE, Next
from retrieval.index import Index, WordIndex, embedded_text
from retrieval.ingest import Ingest
from retrieval.reader import Stopped

log = logging.getLogger("trivium")
STAGED_AT_ONCE = 32
STEP_SECONDS = 20.0
Files = Callable[[], dict[str, Path]]
Left = tuple[int, int]


class Reindex:
    """`files` gives the documents' files by source, as they are now."""

    def __init__(self, store: Store, index: Index, ingest: Ingest, files: Files) -> None:
        self.store, self.index, self.ingest = store, index, ingest
        self.staging = Staging(store)
        self._files = files
        self._one_at_a_time = threading.Lock()

    @property
    def due(self) -> bool:
        return self.index.next is not None

    def run(self, progress: Callable[[int, int, str], None] | None = None) -> bool:
        """Do all of it. Whether the index was switched."""
        if not self.due:
            return False
        while True:
            done, total = self.step()
            if progress:
                progress(done, total, "building the new index")
            if done == total and self.switch():
                return True

    def step(self, stop: threading.Event | None = None, seconds: float = STEP_SECONDS) -> Left:
        """Work for some seconds. Returns how many documents and passages are done, and of how many."""
        with self._one_at_a_time:
            next = self.index.next
            if next is None:
                return 0, 0
            require_room(self.ingest.data_dir, self.ingest.min_free_mb)
            until = time.monotonic() + seconds
            with room_in(self.ingest.data_dir):
                done, total = self._stage(next, until, stop) if self._splits(next) else (0, 0)
                if done < total:
                    # How many passages there will be is not known yet; as many again as documents is a fair picture.
                    return done, 2 * total
                put, wanted = self._embed(next, until, stop)
                return total + put, total + wanted

    def switch(self) -> bool:
        """Serve the new generation if nothing is left to do; documents stand still for that moment."""
        with self._one_at_a_time, self.ingest.standing_still():
            next = self.index.next
            if next is None:
                return True
            left = self._unstaged(next) if self._splits(next) else []
            staged = self._splits(next)
            if left or self._wanted(next) - ids_in(self.index.open_collection(next.generation)):
                return False
            passages = self.staging.chunks() if staged else self.store.chunks()
            words = WordIndex.build(passages)
            with room_in(self.ingest.data_dir):
                self.staging.switch(NOTE, next.generation.model_dump_json(), staged)
            self.index.switch(next, words)
            log.info("%d passages are served by %s", len(passages), next.generation.collection)
            return True

    def _splits(self, next: Next) -> bool:
        return next.generation.splitter != self.index.generation.splitter

    def _unstaged(self, next: Next) -> list[DocumentRow]:
        """Documents that are not staged as they are now; what is staged of others is dropped."""
        staged = self.staging.documents(next.generation.splitter)
        rows = {row.source: row for row in self.store.documents() if row.chunks}
        if gone := staged.keys() - rows.keys():
            self.staging.drop(gone)
        return [row for row in rows.values() if staged.get(row.source) != row.sha256]

    def _stage(self, next: Next, until: float, stop: threading.Event | None) -> Left:
        left, files = self._unstaged(next), self._files()
        total, done = len(left) + len(self.staging.documents(next.generation.splitter)), 0
        for start in range(0, len(left), STAGED_AT_ONCE):
            some = left[start : start + STAGED_AT_ONCE]
            read = [(row.source, row.sha256, self._read(row, files.get(row.source), stop)) for row in some]
            if stop is not None and stop.is_set():
                break
            self.staging.put(next.generation.splitter, read)
            done += len(some)
            if time.monotonic() > until:
                break
        return total - len(left) + done, total

    def _read(self, row: DocumentRow, path: Path | None, stop: threading.Event | None) -> list[Passage] | None:
        """The passages of a document's file; None, to keep those that are served, where it has none, has another by now,
        or cannot be read any more: ingest will see to it."""
        try:
            if path is None or self.ingest.hashes.of(path) != row.sha256:
                return None
            return self.ingest.reader.read(path, row.source, stop)
        except (DocumentError, Stopped, OSError):
            return None

    def _wanted(self, next: Next) -> set[str]:
        return self.staging.chunk_ids() if self._splits(next) else self.store.chunk_ids()

    def _embed(self, next: Next, until: float, stop: threading.Event | None) -> Left:
        collection = self.index.open_collection(next.generation)
        wanted, present = self._wanted(next), ids_in(collection)
        if stale := sorted(present - wanted):
            for start in range(0, len(stale), UPSERT_BATCH):
                collection.delete(ids=stale[start : start + UPSERT_BATCH])
        missing, done = sorted(wanted - present), 0
        for start in range(0, len(missing), UPSERT_BATCH):
            if time.monotonic() > until or (stop is not None and stop.is_set()):
                break
            some = missing[start : start + UPSERT_BATCH]
            passages = self.staging.chunks_of(some) if self._splits(next) else self.store.chunks_of(some)
            if passages:
                put(collection, passages, self._vectors(next, passages))
            done += len(some)
        return len(wanted) - len(missing) + done, len(wanted)

    def _vectors(self, next: Next, passages: Sequence[Passage]) -> list[Any]:
        """Of each passage: the one that is served, where model and passage are the same, else a new one."""
        known = (
            self.index.vectors([p.id for p in passages]) if next.generation.name == self.index.generation.name else {}
        )
        new = [passage for passage in passages if passage.id not in known]
        made = next.embeddings.encode_passages([embedded_text(passage) for passage in new]) if new else []
        known |= {passage.id: vector for passage, vector in zip(new, made, strict=True)}
        return [known[passage.id] for passage in passages]

"""The index is compared with the store and mended; searches stay whole while another generation begins to serve."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, TypeVar

from core.store import Store
from core.types import Passage

MEND_BATCH = 256
PROBES = 5
# A vector that its own text is further from than this was made by another model, or is damaged.
PROBE_DISTANCE = 0.02
Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class Checked:
    """What a check of the index found and mended: how many chunks there are, and how many vectors came and went."""

    chunks: int
    added: int = 0
    removed: int = 0
    rebuilt: bool = False


class Mended(Protocol):
    """What a check needs of an index."""

    store: Store
    embeddings: Any

    def ids(self) -> set[str]: ...
    def upsert(self, passages: Sequence[Passage]) -> None: ...
    def delete(self, ids: Any) -> None: ...
    def refresh(self) -> Any: ...
    def describe(self, ids: Sequence[str]) -> None: ...
    def start_over(self) -> None: ...
    def nearest(self, vectors: Any) -> list[float]: ...


def check(index: Mended, progress: Callable[[int, int], None] | None = None) -> Checked:
    """Embed what is missing, delete what is stale, and start over where known passages are not their own neighbours.
    `progress(done, total)` hears of what is embedded. Killed in between, the next check goes on."""
    wanted, present = index.store.chunk_ids(), readable_ids(index)
    rebuilt = present is None or not neighbours_hold(index, sorted(present & wanted))
    if rebuilt:
        index.start_over()
    present = set() if rebuilt or present is None else present
    missing, stale = sorted(wanted - present), present - wanted
    index.delete(stale)
    for start in range(0, len(missing), MEND_BATCH):
        if progress:
            progress(start, len(missing))
        index.upsert(index.store.chunks_of(missing[start : start + MEND_BATCH]))
    index.describe(sorted(present & wanted))
    if missing or stale:
        index.refresh()
    return Checked(len(wanted), len(missing), len(stale), rebuilt)


def readable_ids(index: Mended) -> set[str] | None:
    """The ids that have vectors; None where they cannot be read."""
    from chromadb.errors import ChromaError

    try:
        return index.ids()
    except ChromaError:
        return None


def neighbours_hold(index: Mended, known: list[str]) -> bool:
    from chromadb.errors import ChromaError

    from retrieval.index import embedded_text

    probes = index.store.chunks_of(known[:: max(1, len(known) // PROBES)][:PROBES])
    if not probes:
        return True
    vectors = index.embeddings.encode([embedded_text(passage) for passage in probes])
    try:
        # Not the id but the distance: equal texts in two documents are equally near.
        return all(distance < PROBE_DISTANCE for distance in index.nearest(vectors))
    except ChromaError:
        return False


def steady(method: Method) -> Method:
    """A search that is run again where the index was switched to another generation meanwhile."""

    @wraps(method)
    def again(self: Any, *args: Any, **kwargs: Any) -> Any:
        from chromadb.errors import ChromaError

        while True:
            epoch = self.epoch
            if epoch % 2:
                time.sleep(0.01)
                continue
            try:
                found = method(self, *args, **kwargs)
            except ChromaError:
                if epoch == self.epoch:
                    raise
                continue
            if epoch == self.epoch:
                return found

    return again  # pyright: ignore[reportReturnType]

"""The vectors of passages in Chroma: one collection for each generation of the index."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.types import Passage
from retrieval.filters import described
from retrieval.generation import Generation

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger("trivium")
UPSERT_BATCH = 256
DAMAGED = ("not a database", "malformed", "corrupt")
HNSW = {"space": "cosine", "ef_construction": 200, "ef_search": 200}


class ChromaVectors:
    """The collection that is served, by id of a passage."""

    def __init__(self, client: Any, generation: Generation) -> None:
        self.generation = generation
        self._client = client
        self._changing = threading.RLock()
        self._collection = self.open_collection(generation)

    def open_collection(self, generation: Generation) -> Any:
        return self._client.get_or_create_collection(
            generation.collection, configuration={"hnsw": HNSW}, embedding_function=None,
            metadata={"model": generation.name},
        )  # fmt: skip

    def drop_collection(self, generation: Generation) -> None:
        """Remove the vectors of a generation; no error if there are none."""
        from chromadb.errors import NotFoundError

        with suppress(NotFoundError):
            self._client.delete_collection(generation.collection)

    def put(self, passages: Sequence[Passage], vectors: np.ndarray) -> None:
        """Keep the vectors of passages."""
        put(self._collection, passages, vectors)

    def delete(self, ids: Iterable[str]) -> None:
        """Forget vectors; unknown ids are no error. Call `refresh` when all is done."""
        wanted = list(ids)
        for start in range(0, len(wanted), UPSERT_BATCH):
            self._collection.delete(ids=wanted[start : start + UPSERT_BATCH])

    def ids(self, source: str | None = None) -> set[str]:
        """The ids that have vectors: of one source, or all."""
        return ids_in(self._collection, [source] if source is not None else None)

    def ids_of(self, sources: Sequence[str]) -> set[str]:
        """The ids that have vectors of these sources."""
        return ids_in(self._collection, sources)

    def vectors(self, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """The vectors of those ids that have one, each of shape (size,)."""
        found = self._collection.get(ids=list(ids), include=["embeddings"])
        return dict(zip(found["ids"], found["embeddings"], strict=True))

    def start_over(self) -> None:
        """Remove all vectors of the generation that is served."""
        with self._changing:
            self.drop_collection(self.generation)
            self._collection = self.open_collection(self.generation)

    def nearest(self, vectors: np.ndarray) -> list[float]:
        """The distance of each vector, shape (n, size), to the nearest one. Raises ChromaError for a broken collection."""
        found = self._collection.query(query_embeddings=vectors, n_results=1, include=["distances"])
        return [distances[0] if distances else 2.0 for distances in found["distances"]]


def drop_others(client: Any, wanted: set[str]) -> None:
    """Remove what was left by a switch that was cut short, or begun for a model that is not wanted any more."""
    for collection in client.list_collections():
        if collection.name not in wanted:
            client.delete_collection(collection.name)


def put(collection: Any, passages: Sequence[Passage], vectors: Any) -> None:
    """Keep the vectors of passages, shape (n, size)."""
    collection.upsert(
        ids=[passage.id for passage in passages],
        embeddings=vectors,
        metadatas=[described(passage) for passage in passages],
    )


def ids_in(collection: Any, sources: Sequence[str] | None = None) -> set[str]:
    """The ids that have vectors in a collection: all, or those of some sources."""
    if sources is not None and not sources:
        return set()
    where: Any = None if sources is None else {"source": {"$in": list(sources)}}
    return set(collection.get(where=where, include=[])["ids"])


def open_client(folder: Path, quiet: Any) -> Any:
    """The embedded Chroma of a folder. Where its files are damaged they are set aside, and it begins empty: what it held is
    made anew from the store."""
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient
    from chromadb.errors import ChromaError

    try:
        client = chromadb.PersistentClient(str(folder), settings=quiet)
        client.list_collections()
        return client
    except ChromaError as error:
        if not any(said in str(error).lower() for said in DAMAGED):
            raise
        aside = folder.with_name(f"{folder.name}.damaged")
        log.warning("the index is damaged (%s): it is built anew from the database; the old one is %s", error, aside)
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
        SharedSystemClient._identifier_to_system.pop(str(folder), None)
        return chromadb.PersistentClient(str(folder), settings=quiet)

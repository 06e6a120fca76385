"""The index: vectors in Chroma, BM25 in memory. The store's chunks are the truth; both are rebuilt from them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from core.settings import Settings
from core.store import Store
from core.types import Passage
from retrieval.embeddings import Vectors
from retrieval.generation import Generation, Next, generations
from retrieval.lock import DataLock, lock_data_dir
from retrieval.upkeep import Checked, check, steady
from retrieval.words import Rarity, words

if TYPE_CHECKING:
    import numpy as np

UPSERT_BATCH = 256
CANDIDATES = 100
K1, B = 1.2, 0.75
# While documents come in, BM25 is built anew at most so often: every few seconds, and for a twentieth of the time.
REFRESH_SECONDS = 5.0
REFRESH_SHARE = 20
HNSW = {"space": "cosine", "ef_construction": 200, "ef_search": 200}


@dataclass(frozen=True)
class Candidates:
    """Passages that dense or word search found: cosine likeness and BM25 score of each, shape (n,)."""

    passages: list[Passage]
    dense: np.ndarray
    bm25: np.ndarray


@dataclass(frozen=True)
class WordIndex:
    """BM25 over one state of the chunks; never changed, only replaced, so that readers need no lock. `gone` are ids of
    chunks that have been removed since; they are not found."""

    passages: list[Passage] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    rarity: Rarity = field(default_factory=Rarity)
    bm25: Any = None
    gone: frozenset[str] = frozenset()

    @staticmethod
    def build(passages: list[Passage]) -> WordIndex:
        if not passages:
            return WordIndex()
        import bm25s

        tokens = [words(embedded_text(passage)) for passage in passages]
        bm25 = None
        if any(tokens):
            bm25 = bm25s.BM25(method="lucene", k1=K1, b=B)
            bm25.index(tokens, show_progress=False)
        positions = {passage.id: n for n, passage in enumerate(passages)}
        return WordIndex(passages, positions, Rarity(tokens), bm25)

    def shows(self, n: int) -> bool:
        """Whether the passage at this position is still there."""
        return not self.gone or self.passages[n].id not in self.gone

    def scores(self, text: str) -> np.ndarray:
        """The BM25 score of every passage, shape (len(passages),)."""
        import numpy as np

        known = [word for word in words(text) if word in self.rarity.counts]
        if self.bm25 is None or not known:
            return np.zeros(len(self.passages))
        return self.bm25.get_scores(known)


class Index:
    """Search over the chunks of a store. Safe to use from many threads; one process per embedded Chroma folder.

    It serves one generation: a collection, the embeddings that made it, and the splitter. `next` is the one that the
    settings ask for, where that is another; `retrieval.reindex` brings it up and switches over.
    """

    def __init__(
        self,
        store: Store,
        embeddings: Vectors,
        client: Any,
        lock: DataLock | None = None,
        searcher: Vectors | None = None,
        generation: Generation | None = None,
        next: Next | None = None,
    ) -> None:
        self.store = store
        self.embeddings = embeddings
        self.searcher = searcher
        self.generation = generation or Generation.of("", embeddings.name)
        self.next = next
        self._client = client
        self._lock = lock
        self._changing = threading.RLock()
        self._words: WordIndex | None = None
        self._built, self._took, self._epoch = 0.0, 0.0, 0
        self._collection = self.open_collection(self.generation)

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

    def close(self) -> None:
        """Let go of the data folder."""
        if self._lock:
            self._lock.close()

    def __len__(self) -> int:
        return len(self.words.passages)

    @property
    def words(self) -> WordIndex:
        """BM25 over the chunks as they were at the last refresh."""
        return self._words or self.refresh()

    def refresh(self) -> WordIndex:
        """Build BM25 anew from the store. Searches use the former one meanwhile."""
        with self._changing:
            started = time.monotonic()
            self._words = WordIndex.build(self.store.chunks())
            self._built = time.monotonic()
            self._took = self._built - started
            return self._words

    def refresh_if_due(self) -> None:
        """The same in the middle of a run, unless it was done a short time ago, as measured by what it takes."""
        if time.monotonic() - self._built > max(REFRESH_SECONDS, REFRESH_SHARE * self._took):
            self.refresh()

    def hide(self, ids: Iterable[str]) -> None:
        """Find these chunks no longer, though BM25 is yet to be built without them."""
        with self._changing:
            if self._words is not None:
                self._words = replace(self._words, gone=self._words.gone | frozenset(ids))

    def switch(self, to: Next, words: WordIndex) -> None:
        """Serve another generation from the next search on, and remove the vectors of the former."""
        with self._changing:
            former, collection = self.generation, self.open_collection(to.generation)
            self._epoch += 1  # odd: a search that began before, or begins now, is run again
            self.embeddings, self.searcher, self.generation, self.next = to.embeddings, to.searcher, to.generation, None
            self._collection, self._words = collection, words
            self._epoch += 1
            if former.collection != to.generation.collection:
                self.drop_collection(former)

    @property
    def epoch(self) -> int:
        """Changes when another generation begins to serve; odd while it does."""
        return self._epoch

    def upsert(self, passages: Sequence[Passage]) -> None:
        """Embed and keep passages; those with a known id are overwritten. Call `refresh` when all is done."""
        for start in range(0, len(passages), UPSERT_BATCH):
            batch = passages[start : start + UPSERT_BATCH]
            self.put(batch, self.embed(batch))

    def embed(self, passages: Sequence[Passage]) -> np.ndarray:
        """The vectors of passages, shape (len(passages), size)."""
        return self.embeddings.encode([embedded_text(passage) for passage in passages])

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

    def check(self, progress: Callable[[int, int], None] | None = None) -> Checked:
        """Compare the vectors with the store and mend them; `retrieval.upkeep` says how."""
        with self._changing:
            return check(self, progress)

    def start_over(self) -> None:
        """Remove all vectors of the generation that is served."""
        with self._changing:
            self.drop_collection(self.generation)
            self._collection = self.open_collection(self.generation)

    def nearest(self, vectors: np.ndarray) -> list[float]:
        """The distance of each vector, shape (n, size), to the nearest one. Raises ChromaError for a broken collection."""
        found = self._collection.query(query_embeddings=vectors, n_results=1, include=["distances"])
        return [distances[0] if distances else 2.0 for distances in found["distances"]]

    @steady
    def search(self, text: str, limit: int = CANDIDATES) -> Candidates:
        """Up to `limit` passages by likeness and as many by BM25, together. Likeness is the searcher's, if there is one."""
        import numpy as np

        index = self.words
        if not index.passages:
            return Candidates([], np.zeros(0), np.zeros(0))
        vector = (self.searcher or self.embeddings).query(text)
        dense = self._nearest(vector, limit, index)
        scores = index.scores(text)
        by_words = [int(n) for n in np.argsort(-scores, kind="stable")[:limit] if scores[n] > 0 and index.shows(n)]
        dense |= self._likeness(vector, [n for n in by_words if n not in dense], index)
        positions = sorted(dense)
        return Candidates(
            [index.passages[n] for n in positions], np.array([dense[n] for n in positions]), scores[positions]
        )

    @steady
    def likeness(self, text: str, passages: Sequence[Passage]) -> list[float]:
        """The cosine of a text and each passage by the embeddings themselves, without the searcher."""
        index = self.words
        positions = [index.positions[passage.id] for passage in passages if passage.id in index.positions]
        found = self._likeness(self.embeddings.query(text), positions, index)
        return [found.get(index.positions.get(passage.id, -1), 0.0) for passage in passages]

    def best_likeness(self, vectors: np.ndarray) -> np.ndarray:
        """The cosine of each vector, shape (n, size), and its nearest passage, shape (n,); 0 without passages."""
        import numpy as np

        if not len(self):
            return np.zeros(len(vectors))
        return np.array([max(0.0, 1 - distance) for distance in self.nearest(vectors)])

    def _nearest(self, vector: np.ndarray, limit: int, index: WordIndex) -> dict[int, float]:
        found = self._collection.query(
            query_embeddings=vector[None, :], n_results=min(limit, len(index.passages)), include=["distances"]
        )
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return {
            index.positions[id]: 1 - distance
            for id, distance in pairs
            if id in index.positions and id not in index.gone
        }

    def _likeness(self, vector: np.ndarray, positions: list[int], index: WordIndex) -> dict[int, float]:
        """Likeness of passages that only their words brought in; one whose vector is still missing counts as 0."""
        if not positions:
            return {}
        found = self._collection.get(ids=[index.passages[n].id for n in positions], include=["embeddings"])
        likeness = found["embeddings"] @ vector if len(found["ids"]) else []
        by_id = dict(zip(found["ids"], map(float, likeness), strict=True))
        return {n: by_id.get(index.passages[n].id, 0.0) for n in positions}


def embedded_text(passage: Passage) -> str:
    """What is embedded and indexed of a passage: a section is often found by its heading alone."""
    return f"{passage.heading}\n{passage.text}" if passage.heading else passage.text


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
        metadatas=[{"source": passage.source} for passage in passages],
    )


def ids_in(collection: Any, sources: Sequence[str] | None = None) -> set[str]:
    """The ids that have vectors in a collection: all, or those of some sources."""
    if sources is not None and not sources:
        return set()
    where: Any = None if sources is None else {"source": {"$in": list(sources)}}
    return set(collection.get(where=where, include=[])["ids"])


def open_index(settings: Settings, store: Store, embeddings: Vectors, searcher: Vectors | None = None) -> Index:
    """The index of a data folder (its lock is held until `close`), or on a Chroma server.

    Raises:
        DataFolderInUse: another process holds the data folder.
    """
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    quiet = ChromaSettings(anonymized_telemetry=False)
    lock = None
    try:
        if settings.chroma_url:
            url = urlparse(settings.chroma_url)
            secure = url.scheme == "https"
            port = url.port or (443 if secure else 8000)
            client = chromadb.HttpClient(host=url.hostname or "localhost", port=port, ssl=secure, settings=quiet)
        else:
            lock = lock_data_dir(settings.data_dir)
            client = chromadb.PersistentClient(str(settings.data_dir / "chroma"), settings=quiet)
        served, next = generations(store, settings, embeddings, searcher)
        if lock:  # a server may hold what is not ours
            drop_others(client, {one.generation.collection for one in (served, next) if one})
        return Index(store, served.embeddings, client, lock, served.searcher, served.generation, next)
    except BaseException:
        if lock:
            lock.close()
        raise

"""The index: vectors in Chroma, BM25 in memory. The store's chunks are the truth; both are rebuilt from them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from core.settings import Settings
from core.store import Store
from core.types import Filters, Passage
from retrieval.embeddings import Vectors
from retrieval.filters import FIELDS, Choices, allowed_sources, described, folder_of, known, on_pages, where
from retrieval.lock import DataLock, lock_data_dir
from retrieval.words import Rarity, words

if TYPE_CHECKING:
    import numpy as np

UPSERT_BATCH = 256
CANDIDATES = 100
PROBES = 5
# A vector that its own text is further from than this was made by another model, or is damaged.
PROBE_DISTANCE = 0.02
K1, B = 1.2, 0.75
HNSW = {"space": "cosine", "ef_construction": 200, "ef_search": 200}


@dataclass(frozen=True)
class Checked:
    """What a check of the index found and mended."""

    chunks: int
    added: int = 0
    removed: int = 0
    rebuilt: bool = False


@dataclass(frozen=True)
class Candidates:
    """Passages that dense or word search found: cosine likeness and BM25 score of each, shape (n,)."""

    passages: list[Passage]
    dense: np.ndarray
    bm25: np.ndarray


@dataclass(frozen=True)
class WordIndex:
    """BM25 over one state of the chunks; never changed, only replaced, so that readers need no lock."""

    passages: list[Passage] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    rarity: Rarity = field(default_factory=Rarity)
    bm25: Any = None
    of_source: dict[str, list[int]] = field(default_factory=dict)
    choices: Choices = field(default_factory=lambda: Choices.of(()))

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
        of_source: dict[str, list[int]] = {}
        for n, passage in enumerate(passages):
            of_source.setdefault(passage.source, []).append(n)
        return WordIndex(passages, positions, Rarity(tokens), bm25, of_source, Choices.of(passages))

    def scores(self, text: str) -> np.ndarray:
        """The BM25 score of every passage, shape (len(passages),)."""
        import numpy as np

        known = [word for word in words(text) if word in self.rarity.counts]
        if self.bm25 is None or not known:
            return np.zeros(len(self.passages))
        return self.bm25.get_scores(known)

    def allowed(self, filters: Filters) -> list[int]:
        """Positions of the passages that the filters leave, in order. Raises QueryError for names that nothing has."""
        if not filters:
            return list(range(len(self.passages)))
        known(filters, self.choices)
        found = (self.of_source[source] for source in allowed_sources(filters, self.of_source))
        return sorted(n for positions in found for n in positions if on_pages(filters, self.passages[n]))

    def searched(self, filters: Filters) -> int:
        """How many documents a search with the filters looks through."""
        return len({self.passages[n].source for n in self.allowed(filters)}) if filters else len(self.of_source)


class Index:
    """Search over the chunks of a store. Safe to use from many threads; one process per embedded Chroma folder."""

    def __init__(
        self,
        store: Store,
        embeddings: Vectors,
        client: Any,
        lock: DataLock | None = None,
        searcher: Vectors | None = None,
    ) -> None:
        self.store = store
        self.embeddings = embeddings
        self.searcher = searcher
        self._client = client
        self._lock = lock
        self._name = collection_name(embeddings.name)
        self._changing = threading.RLock()
        self._words: WordIndex | None = None
        self._collection = self._open_collection()

    def _open_collection(self) -> Any:
        return self._client.get_or_create_collection(
            self._name, configuration={"hnsw": HNSW}, embedding_function=None, metadata={"model": self.embeddings.name}
        )

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
            self._words = WordIndex.build(self.store.chunks())
            return self._words

    def upsert(self, passages: Sequence[Passage]) -> None:
        """Embed and keep passages; those with a known id are overwritten. Call `refresh` when all is done."""
        for start in range(0, len(passages), UPSERT_BATCH):
            batch = passages[start : start + UPSERT_BATCH]
            self._collection.upsert(
                ids=[passage.id for passage in batch],
                embeddings=self.embeddings.encode([embedded_text(passage) for passage in batch]),
                metadatas=[described(passage) for passage in batch],
            )

    def delete(self, ids: Iterable[str]) -> None:
        """Forget vectors; unknown ids are no error. Call `refresh` when all is done."""
        wanted = list(ids)
        for start in range(0, len(wanted), UPSERT_BATCH):
            self._collection.delete(ids=wanted[start : start + UPSERT_BATCH])

    def ids(self, source: str | None = None) -> set[str]:
        """The ids that have vectors: of one source, or all."""
        where: Any = {"source": source} if source is not None else None
        return set(self._collection.get(where=where, include=[])["ids"])

    def check(self) -> Checked:
        """Compare the vectors with the store and mend them: embed what is missing, delete what is stale, and start over
        where known passages are not their own neighbours."""
        with self._changing:
            chunks = {passage.id: passage for passage in self.store.chunks()}
            present = self.ids()
            rebuilt = not self._neighbours_hold([chunks[id] for id in sorted(present & chunks.keys())])
            if rebuilt:
                self._client.delete_collection(self._name)
                self._collection = self._open_collection()
                present = set()
            missing = [passage for id, passage in chunks.items() if id not in present]
            stale = present - chunks.keys()
            self.delete(stale)
            self.upsert(missing)
            self._describe([passage for id, passage in chunks.items() if id in present])
            self.refresh()
            return Checked(len(chunks), len(missing), len(stale), rebuilt)

    def _describe(self, passages: Sequence[Passage]) -> None:
        """Put beside vectors of an earlier version what is filtered by; nothing is embedded for it."""
        told = f"{FIELDS}@{self._name}"
        if self.store.note("index_fields") == told:
            return
        for start in range(0, len(passages), UPSERT_BATCH):
            batch = passages[start : start + UPSERT_BATCH]
            metadatas: Any = [described(passage) for passage in batch]
            self._collection.update(ids=[passage.id for passage in batch], metadatas=metadatas)
        self.store.set_note("index_fields", told)

    def _neighbours_hold(self, known: list[Passage]) -> bool:
        from chromadb.errors import ChromaError

        probes = known[:: max(1, len(known) // PROBES)][:PROBES]
        if not probes:
            return True
        vectors = self.embeddings.encode([embedded_text(passage) for passage in probes])
        try:
            found = self._collection.query(query_embeddings=vectors, n_results=1, include=["distances"])
        except ChromaError:
            return False
        # Not the id but the distance: equal texts in two documents are equally near.
        return all(distances and distances[0] < PROBE_DISTANCE for distances in found["distances"])

    def search(self, text: str, limit: int = CANDIDATES, filters: Filters | None = None) -> Candidates:
        """Up to `limit` passages by likeness and as many by BM25, together. Likeness is the searcher's, if there is one.

        Raises:
            QueryError: the filters name what no document has.
        """
        import numpy as np

        index, condition = self.words, None
        scores = index.scores(text)
        if filters:
            allowed = index.allowed(filters)
            inside = np.zeros(len(scores), dtype=bool)
            inside[allowed] = True
            scores = np.where(inside, scores, 0.0)
            limit = min(limit, len(allowed))
            condition = where(filters, sorted({folder_of(source) for source in index.of_source}))
        if not index.passages or not limit:
            return Candidates([], np.zeros(0), np.zeros(0))
        vector = (self.searcher or self.embeddings).query(text)
        dense = self._nearest(vector, limit, index, condition)
        hits = np.flatnonzero(scores > 0)
        by_words = hits[np.argsort(-scores[hits], kind="stable")[:limit]].tolist()
        dense |= self._likeness(vector, [n for n in by_words if n not in dense], index)
        positions = sorted(dense)
        return Candidates(
            [index.passages[n] for n in positions], np.array([dense[n] for n in positions]), scores[positions]
        )

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
        found = self._collection.query(query_embeddings=vectors, n_results=1, include=["distances"])
        return np.array([1 - distances[0] if distances else 0.0 for distances in found["distances"]])

    def _nearest(
        self, vector: np.ndarray, limit: int, index: WordIndex, condition: dict[str, Any] | None = None
    ) -> dict[int, float]:
        found = self._collection.query(
            query_embeddings=vector[None, :],
            n_results=min(limit, len(index.passages)),
            where=condition,
            include=["distances"],
        )
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return {index.positions[id]: 1 - distance for id, distance in pairs if id in index.positions}

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


def collection_name(model: str) -> str:
    return "trivium-" + (re.sub(r"[^a-zA-Z0-9]+", "-", model).strip("-")[-200:].lower() or "model")


def open_index(settings: Settings, store: Store, embeddings: Vectors, searcher: Vectors | None = None) -> Index:
    """The index of a data folder (its lock is held until `close`), or on a Chroma server.

    Raises:
        DataFolderInUse: another process holds the data folder.
    """
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    quiet = ChromaSettings(anonymized_telemetry=False)
    if settings.chroma_url:
        url = urlparse(settings.chroma_url)
        secure = url.scheme == "https"
        port = url.port or (443 if secure else 8000)
        client = chromadb.HttpClient(host=url.hostname or "localhost", port=port, ssl=secure, settings=quiet)
        return Index(store, embeddings, client, searcher=searcher)
    lock = lock_data_dir(settings.data_dir)
    try:
        client = chromadb.PersistentClient(str(settings.data_dir / "chroma"), settings=quiet)
        return Index(store, embeddings, client, lock, searcher)
    except BaseException:
        lock.close()
        raise

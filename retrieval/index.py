"""The index: vectors in Chroma, BM25 in memory. The store's chunks are the truth; both are rebuilt from them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from core.settings import Settings
from core.store import Store
from core.types import Filters, Passage
from retrieval.chroma import UPSERT_BATCH, ChromaVectors, drop_others, open_client
from retrieval.embeddings import Vectors
from retrieval.filters import FIELDS, Choices, allowed_sources, described, folder_of, known, on_pages, where
from retrieval.generation import Generation, Next, generations
from retrieval.lock import DataLock, lock_data_dir
from retrieval.upkeep import Checked, check, steady
from retrieval.words import Rarity, words

if TYPE_CHECKING:
    import numpy as np

CANDIDATES = 100
K1, B = 1.2, 0.75
# While documents come in, BM25 is built anew at most so often: every few seconds, and for a twentieth of the time.
REFRESH_SECONDS = 5.0
REFRESH_SHARE = 20


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
    of_source: dict[str, list[int]] = field(default_factory=dict)
    choices: Choices = field(default_factory=lambda: Choices.of(()))
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
        of_source: dict[str, list[int]] = {}
        for n, passage in enumerate(passages):
            of_source.setdefault(passage.source, []).append(n)
        return WordIndex(passages, positions, Rarity(tokens), bm25, of_source, Choices.of(passages))

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

    def holds(self, source: str) -> int:
        """How many passages of a document are found."""
        positions = self.of_source.get(source, [])
        return sum(map(self.shows, positions)) if self.gone else len(positions)

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


class Index(ChromaVectors):
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
        super().__init__(client, generation or Generation.of("", embeddings.name))
        self.store = store
        self.embeddings = embeddings
        self.searcher = searcher
        self.next = next
        self._lock = lock
        self._words: WordIndex | None = None
        self._built, self._took, self._epoch = 0.0, 0.0, 0

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

    def finds(self, source: str, passages: int) -> bool:
        """Whether search finds a document, all its passages, as the last refresh left it."""
        return self.words.holds(source) == passages

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
        return self.embeddings.encode_passages([embedded_text(passage) for passage in passages])

    def check(self, progress: Callable[[int, int], None] | None = None) -> Checked:
        """Compare the vectors with the store and mend them; `retrieval.upkeep` says how."""
        with self._changing:
            return check(self, progress)

    def describe(self, ids: Sequence[str]) -> None:
        """Put beside vectors of an earlier version what is filtered by; nothing is embedded for it."""
        told = f"{FIELDS}@{self.generation.collection}"
        if self.store.note("index_fields") == told:
            return
        for start in range(0, len(ids), UPSERT_BATCH):
            batch = self.store.chunks_of(ids[start : start + UPSERT_BATCH])
            metadatas: Any = [described(passage) for passage in batch]
            self._collection.update(ids=[passage.id for passage in batch], metadatas=metadatas)
        self.store.set_note("index_fields", told)

    @steady
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
        if index.gone:
            hits = hits[[index.shows(n) for n in hits.tolist()]]
        by_words = hits[np.argsort(-scores[hits], kind="stable")[:limit]].tolist()
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
            client = open_client(settings.data_dir / "chroma", quiet)
        served, next = generations(store, settings, embeddings, searcher)
        if lock:  # a server may hold what is not ours
            drop_others(client, {one.generation.collection for one in (served, next) if one})
        return Index(store, served.embeddings, client, lock, served.searcher, served.generation, next)
    except BaseException:
        if lock:
            lock.close()
        raise

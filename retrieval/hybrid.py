"""Dense likeness and BM25 in one ranking: a convex combination of min-max scores (Bruch et al. 2022)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from core.types import Evidence, Passage, Query
from retrieval.index import CANDIDATES, Candidates, Index
from retrieval.quote import coverage

if TYPE_CHECKING:
    import numpy as np

# Learned on the 809 training claims of SciFact, where 0.45 to 0.55 are equally good: nDCG@10 0.737, dense alone 0.659,
# BM25 alone 0.696. `python -m benchmarks.retrieval` measures it on claims that it was not learned from.
DENSE_WEIGHT = 0.5
# With a pack's searcher, whose likeness tells more: of 0.5, 0.65, 0.8, 0.9 and 1 the best on look-ups by authors that it
# had not seen (docs/experiments.md).
SEARCHER_WEIGHT = 0.8
PASSAGES = 8
SHORT = 4
REFERS_BACK = re.compile(
    r"^(?:and|but|so|what about|how about|why|then)\b|\b(?:it|its|they|them|that one|those|these|the same)\b",
    re.IGNORECASE,
)


class HybridRetriever(BaseRetriever):
    """The best `k` passages; a document's metadata holds id, source, heading, page, score, dense and bm25."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: Index
    k: int = PASSAGES

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [as_document(passage) for passage in self.passages(query)]

    def passages(self, text: str, k: int | None = None) -> list[Passage]:
        """The best passages for a text, best first."""
        candidates = self.index.search(text, max(CANDIDATES, k or 0))
        weight = SEARCHER_WEIGHT if self.index.searcher else DENSE_WEIGHT
        found = best(candidates, combine(candidates.dense, candidates.bm25, weight), k or self.k)
        if not self.index.searcher:
            return found
        # What reads `dense` was fitted on the likeness of the embeddings themselves.
        likeness = self.index.likeness(text, found)
        return [passage.model_copy(update={"dense": round(d, 4)}) for passage, d in zip(found, likeness, strict=True)]

    def evidence(self, query: Query) -> Evidence:
        """Passages for a query. A follow-up question is read together with the one before."""
        text = standalone(query)
        passages = self.passages(text)
        return Evidence(
            query=text, passages=tuple(passages), coverage=round(coverage(text, passages, self.index.words.rarity), 4)
        )


def combine(dense: np.ndarray, bm25: np.ndarray, weight: float = DENSE_WEIGHT) -> np.ndarray:
    """Scores in [0, 1] of candidates, shape (n,): `weight` of the dense, the rest of the BM25 score, each min-max scaled."""
    return weight * min_max(dense) + (1 - weight) * min_max(bm25)


def min_max(scores: np.ndarray) -> np.ndarray:
    """Scores scaled to [0, 1]; all 0 where they do not differ."""
    if not len(scores):
        return scores
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else scores * 0


def best(candidates: Candidates, scores: np.ndarray, k: int) -> list[Passage]:
    import numpy as np

    order = np.argsort(-scores, kind="stable")[:k]
    return [
        candidates.passages[n].model_copy(
            update={
                "score": round(float(scores[n]), 4),
                "dense": round(float(candidates.dense[n]), 4),
                "bm25": round(float(candidates.bm25[n]), 4),
            }
        )
        for n in map(int, order)
    ]


def standalone(query: Query) -> str:
    """The query's text, after the person's last one where it cannot be understood alone ("And for 14B?")."""
    former = [message.content for message in query.history if message.role == "user"]
    text = query.text.strip()
    if former and (REFERS_BACK.search(text) or len(text.split()) < SHORT):
        return f"{former[-1]} {text}"
    return text


def as_document(passage: Passage) -> Document:
    names = ("id", "source", "heading", "page", "score", "dense", "bm25")
    metadata = {name: getattr(passage, name) for name in names}
    return Document(page_content=passage.text, metadata=metadata, id=passage.id)

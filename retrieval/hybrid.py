"""Dense likeness and BM25 in one ranking: a convex combination of min-max scores (Bruch et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from core.language import language_of
from core.types import Evidence, Filters, Passage, Query
from retrieval.duplicates import once
from retrieval.faq import spread
from retrieval.filters import known
from retrieval.followups import own_question, standalone
from retrieval.identifiers import identifiers, nearest, stands
from retrieval.index import CANDIDATES, Candidates, Index
from retrieval.neighbours import completed
from retrieval.prior import less
from retrieval.quote import coverage
from retrieval.standing import bare, out_of_force

if TYPE_CHECKING:
    import numpy as np

# Learned on the 809 training claims of SciFact, where 0.45 to 0.55 are equally good: nDCG@10 0.737, dense alone 0.659,
# BM25 alone 0.696. `python -m benchmarks.retrieval` measures it on claims that it was not learned from.
DENSE_WEIGHT = 0.5
# With a pack's searcher, whose likeness tells more: of 0.5, 0.65, 0.8, 0.9 and 1 the best on look-ups by authors that it
# had not seen (docs/experiments.md).
SEARCHER_WEIGHT = 0.8
PASSAGES = 8
SCORES = ("score", "dense", "bm25")


class HybridRetriever(BaseRetriever):
    """The best `k` passages; a document's metadata holds id, source, heading, page, score, dense and bm25.

    `learned` gives the weight that was learned for this collection, or None (`retrieval.fusion`).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: Index
    k: int = PASSAGES
    learned: Callable[[], float | None] | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [as_document(passage) for passage in self.passages(query)]

    @property
    def weight(self) -> float:
        """The weight of the dense score now: the learned one, else the shipped."""
        learned = self.learned() if self.learned else None
        return shipped_weight(self.index) if learned is None else learned

    def passages(self, text: str, k: int | None = None, filters: Filters | None = None) -> list[Passage]:
        """The best passages for a text, best first, each once, with what their neighbours add where they are cut off.

        Raises:
            QueryError: the filters name what no document has.
        """
        candidates = self.index.search(text, max(CANDIDATES, k or 0), filters)
        scores = combine(candidates.dense, candidates.bm25, self.weight) - less(text, candidates.passages)
        found = best(candidates, scores, k or self.k)
        if self.index.searcher:
            # What reads `dense` was fitted on the likeness of the embeddings themselves.
            likeness = self.index.likeness(text, found)
            found = [one.model_copy(update={"dense": round(d, 4)}) for one, d in zip(found, likeness, strict=True)]
        return [self.whole(passage) for passage in found]

    def check(self, filters: Filters) -> None:
        """Raises QueryError for filters that name what no document has."""
        if filters:
            known(filters, self.index.words.choices)

    def whole(self, passage: Passage) -> Passage:
        """A passage as it is read: with what its neighbours add, and the scores and places that it has."""
        words = self.index.words
        position = words.positions.get(passage.id)
        if position is None:
            return passage
        found = completed(words.passages, position)
        return passage.model_copy(update={"text": found.text, "page": found.page, "turns": found.turns})

    def evidence(self, query: Query) -> Evidence:
        """Passages for a query. A follow-up question is made to stand alone by the conversation."""
        text, words = standalone(query), self.index.words
        passages = self.passages(text, filters=query.filters)
        named = self._named(identifiers(text), query.filters)
        missing = tuple(one for one, found in named.items() if not found)
        return Evidence(
            query=text,
            question=own_question(query.text, text),
            language=other_language(text, passages),
            passages=tuple(self._with_named(text, passages, named)),
            coverage=round(coverage(text, passages, words.rarity), 4),
            searched=words.searched(query.filters),
            missing=missing,
            out_of_force=self._out_of_force(passages),
            nearest=nearest(missing[0], map(everything, self._allowed(query.filters))) if missing else (),
        )

    def _named(self, wanted: Sequence[str], filters: Filters) -> dict[str, list[Passage]]:
        """The passages in which each identifier stands."""
        allowed = self._allowed(filters) if wanted else []
        return {one: [passage for passage in allowed if stands(one, everything(passage))] for one in wanted}

    def _allowed(self, filters: Filters) -> list[Passage]:
        """The passages that are still there and that the filters leave."""
        words = self.index.words
        return [words.passages[n] for n in words.allowed(filters) if words.shows(n)]

    def _out_of_force(self, passages: Sequence[Passage]) -> dict[str, str]:
        """Why documents of these passages are not in force; their other versions may be anywhere in the index."""
        words = self.index.words
        found = {passage.source for passage in passages}
        names = {bare(source) for source in found}
        versions = [source for source in words.of_source if source in found or bare(source) in names]
        beginnings = {
            source: everything(words.passages[words.of_source[source][0]]).partition("\n")[2] for source in versions
        }
        gone = out_of_force(versions, beginnings)
        return {source: why for source, why in gone.items() if source in found}

    def _with_named(self, text: str, passages: list[Passage], named: Mapping[str, Sequence[Passage]]) -> list[Passage]:
        """The passages in which an identifier of the question stands first, also where neither likeness nor words brought
        them in; then the others, `k` together."""
        holding = {passage.id: passage for found in named.values() for passage in found}
        if not holding:
            return passages
        known = {passage.id for passage in passages}
        new = [passage for id, passage in holding.items() if id not in known][: self.k]
        likeness = self.index.likeness(text, new)
        new = [one.model_copy(update={"dense": round(d, 4)}) for one, d in zip(new, likeness, strict=True)]
        ahead = [passage for passage in passages if passage.id in holding]
        rest = [passage for passage in passages if passage.id not in holding]
        return [*ahead, *map(self.whole, new), *rest][: self.k]


def everything(passage: Passage) -> str:
    """What a name may stand in: the text, the headings and the file's name."""
    return f"{passage.source}\n{passage.heading}\n{passage.text}"


def other_language(text: str, passages: Sequence[Passage]) -> str:
    """The language of the passages, where they and the text tell theirs and it is another; else empty."""
    theirs = language_of(" ".join(passage.text for passage in passages))
    return theirs if language_of(text) not in ("", theirs) else ""


def shipped_weight(index: Index) -> float:
    return SEARCHER_WEIGHT if index.searcher else DENSE_WEIGHT


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
    """The first `k` candidates by score, best first; what says the same counts once."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    rounded = [np.round(values, 4).tolist() for values in (scores, candidates.dense, candidates.bm25)]
    ranked = (
        candidates.passages[n].model_copy(
            update={name: values[n] for name, values in zip(SCORES, rounded, strict=True)}
        )
        for n in map(int, order)
    )
    return once(spread(ranked), k)


def as_document(passage: Passage) -> Document:
    names = ("id", "source", "heading", "page", "score", "dense", "bm25")
    metadata = {name: getattr(passage, name) for name in names}
    return Document(page_content=passage.text, metadata=metadata, id=passage.id)

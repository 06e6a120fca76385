"""Why each passage stands where it does: the rankings by meaning, by words and by both together, with what made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.types import Filters, Passage
from retrieval.hybrid import HybridRetriever, best, combine, min_max, shipped_weight
from retrieval.index import CANDIDATES, Candidates, WordIndex
from retrieval.prior import kind, less
from retrieval.words import STOPWORDS, TOKEN, stem

if TYPE_CHECKING:
    import numpy as np

SHOWN = 10
BESIDE = {"changes": "a record of changes", "upgrade": "on an upgrade", "example": "an example", "archive": "archived"}
NAMED_WORDS = 4
ENDINGS = {1: "st", 2: "nd", 3: "rd"}


@dataclass(frozen=True)
class Word:
    """A word of the query that stands in a passage, and what it adds to its BM25 score."""

    word: str
    weight: float


@dataclass(frozen=True)
class Placed:
    """A passage with all that places it. `dense` is the likeness that was searched with (-1 to 1), `bm25` the score by
    words; each is scaled to 0 to 1 over the candidates, and weighted: `from_dense` + `from_bm25` = `score`, less what a change log, an
    example or the like counts less (`retrieval.prior`). Ranks count from
    1; without a word of the query there is no rank by words."""

    passage: Passage
    dense: float
    bm25: float
    from_dense: float
    from_bm25: float
    score: float
    dense_rank: int
    bm25_rank: int | None
    rank: int
    words: tuple[Word, ...]
    why: str


@dataclass(frozen=True)
class Explained:
    """`weight`: of the dense score, as used here; `serving`: as queries use it now; `shipped`: before anything was learned.
    `rankings`: ids of the first passages by `dense`, `bm25` and `fused`; `passages`: all of them by id; `missing`: words
    of the query that no document holds."""

    query: str
    weight: float
    serving: float
    shipped: float
    searched: int
    rankings: dict[str, list[str]]
    passages: dict[str, Placed]
    missing: tuple[str, ...] = ()


def explain(
    retriever: HybridRetriever, text: str, weight: float | None = None, filters: Filters | None = None, k: int = SHOWN
) -> Explained:
    """The three rankings of a text. `weight`: another than the serving one, to try.

    Raises:
        QueryError: the filters name what no document has.
    """
    import numpy as np

    index, serving = retriever.index, retriever.weight
    used = serving if weight is None else weight
    found, words = index.search(text, CANDIDATES, filters), index.words
    off = less(text, found.passages)
    fused = combine(found.dense, found.bm25, used) - off
    orders = {name: ranks(scores) for name, scores in (("dense", found.dense), ("bm25", found.bm25), ("fused", fused))}
    numbers = {passage.id: n for n, passage in enumerate(found.passages)}
    shown = best(found, fused, k)
    rankings = {
        "dense": [found.passages[n].id for n in np.argsort(orders["dense"])[:k]],
        "bm25": [found.passages[n].id for n in np.argsort(orders["bm25"])[:k] if found.bm25[n] > 0],
        "fused": [passage.id for passage in shown],
    }
    also = {passage.id: passage.also for passage in shown}
    places = Places(found, used, orders, asked_words(text), words, off)
    passages = {
        id: places.of(numbers[id], retriever.whole(found.passages[numbers[id]]), also.get(id, ()))
        for id in dict.fromkeys(id for ids in rankings.values() for id in ids)
    }
    missing = tuple(word for word, root in asked_words(text).items() if root not in words.rarity.counts)
    return Explained(
        text, used, serving, shipped_weight(index), words.searched(filters or Filters()), rankings, passages, missing
    )


def ranks(scores: np.ndarray) -> np.ndarray:
    """The place of each score, from 0, best first; equal ones in their order."""
    import numpy as np

    return np.argsort(np.argsort(-scores, kind="stable"), kind="stable")


def asked_words(text: str) -> dict[str, str]:
    """The query's words as they stand there, each with its stem."""
    return {token: stem(token.lower()) for token in TOKEN.findall(text) if token.lower() not in STOPWORDS}


class Places:
    """All that is needed to say why a candidate stands where it does."""

    def __init__(
        self, found: Candidates, weight: float, orders: dict[str, np.ndarray], asked: dict[str, str], words: WordIndex,
        off: np.ndarray,
    ) -> None:  # fmt: skip
        self._off = off
        self._found, self._weight, self._orders, self._words = found, weight, orders, words
        self._dense, self._bm25 = weight * min_max(found.dense), (1 - weight) * min_max(found.bm25)
        self._by_word = {word: words.scores(word) for word, root in asked.items() if root in words.rarity.counts}

    def of(self, n: int, passage: Passage, also: tuple[str, ...]) -> Placed:
        """`n`: the candidate's number; `passage`: as it is read."""
        position = self._words.positions.get(passage.id, -1)
        added = {word: float(scores[position]) for word, scores in self._by_word.items()}
        held = sorted((Word(word, round(w, 3)) for word, w in added.items() if w > 0), key=lambda one: -one.weight)
        bm25, dense = float(self._found.bm25[n]), float(self._found.dense[n])
        by_words = int(self._orders["bm25"][n]) + 1 if bm25 > 0 else None
        parts = round(float(self._dense[n]), 4), round(float(self._bm25[n]), 4)
        rank, by_meaning = int(self._orders["fused"][n]) + 1, int(self._orders["dense"][n]) + 1
        off = float(self._off[n])
        why = reason(
            by_meaning,
            dense,
            by_words,
            [one.word for one in held],
            parts,
            kind(passage.source, passage.heading) if off else "",
            off,
        )
        return Placed(
            passage.model_copy(update={"also": also}), round(dense, 4), round(bm25, 4), *parts, round(sum(parts) - off, 4),
            by_meaning, by_words, rank, tuple(held), why,
        )  # fmt: skip


def reason(
    by_meaning: int, dense: float, by_words: int | None, held: Sequence[str], parts: tuple[float, float], kind: str = "",
    off: float = 0.0,
) -> str:  # fmt: skip
    """A sentence: where each ranking puts it, and what the two add up to."""
    named = ", ".join(held[:NAMED_WORDS]) + (" and more" if len(held) > NAMED_WORDS else "")
    words = f"{nth(by_words)} by words ({named})" if by_words else "it holds none of the words"
    less = f" - {off:.2f} ({BESIDE[kind]})" if kind in BESIDE else ""
    total = f"{parts[0]:.2f} + {parts[1]:.2f}{less} = {sum(parts) - off:.2f}"
    return f"{nth(by_meaning)} by meaning (likeness {dense:.2f}), {words}: {total}"


def nth(n: int) -> str:
    return f"{n}{'th' if 10 <= n % 100 <= 20 else ENDINGS.get(n % 10, 'th')}"

"""The passages that a question of a reading set comes with: its own, or the best of all through our retrieval.

    python -m benchmarks.reader_passages --file F [--articles A,B] [--limit N]

prints how often the passage that a question was asked about comes first, or among the first four, in each order. Of SQuAD 2.0's
development articles the shipped finder has learned from all but Steam engine, so elsewhere its order flatters.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.told import tell
from core.types import Passage

if TYPE_CHECKING:
    from retrieval.hybrid import HybridRetriever

ORDERS = ("finder", "fused", "bm25")  # the first as rag gives them
DEPTH = 8  # what the finder puts in order: as many as rag reads
Passages = dict[str, tuple[Passage, ...]]
Rows = Sequence[dict[str, Any]]


def given(rows: Rows) -> Passages:
    """To each question (by its id) the passage that it was asked about."""
    return {row["id"]: (Passage(id="1", source=row.get("title", ""), text=row["context"]),) for row in rows}


def retrieved(everything: Rows, rows: Rows, count: int, order: str) -> Passages:
    """To each of `rows` the best `count` passages of `everything`, best first."""
    with searched(everything) as retriever:
        ranker = Ranker(retriever)
        found: Passages = {}
        for done, row in enumerate(rows, 1):
            found[row["id"]] = tuple(ranker.ranked(row["question"], order)[:count])
            if done % 200 == 0 or done == len(rows):
                print(f"searching: {done}/{len(rows)}", file=sys.stderr, flush=True)
    return found


class Ranker:
    """Puts the passages of an index in each order."""

    def __init__(self, retriever: HybridRetriever) -> None:
        from retrieval.finder import open_finder

        self.retriever, self.finder = retriever, open_finder()

    def ranked(self, question: str, order: str) -> list[Passage]:
        if order == "bm25":
            return by_words(self.retriever, question)
        found = self.retriever.passages(question, DEPTH)
        if order == "fused":
            return found
        readings = self.finder.read(question, found)
        spans = [reading.span(0, len(one.text)) for reading, one in zip(readings, found, strict=True)]
        return [found[n] for n in sorted(range(len(found)), key=lambda n: -spans[n])]


def by_words(retriever: HybridRetriever, question: str) -> list[Passage]:
    import numpy as np

    scores, passages = retriever.index.words.scores(question), retriever.index.words.passages
    return [passages[n] for n in np.argsort(-scores, kind="stable")[:DEPTH]]


@contextmanager
def searched(rows: Rows) -> Iterator[HybridRetriever]:
    """Our index over the contexts of a file, each a document of its own under its title."""
    from benchmarks.retrieval import indexed
    from retrieval.hybrid import HybridRetriever

    texts = dict.fromkeys((row.get("title", "").replace("_", " "), row["context"]) for row in rows)
    passages = [Passage(id=str(n), source=str(n), heading=title, text=text) for n, (title, text) in enumerate(texts)]
    with indexed(passages) as index:
        yield HybridRetriever(index=index)


def recall(rows: Rows, passages: Passages) -> dict[str, float]:
    """How often, in percent, the passage of a question is the first, and among all that it comes with."""
    places = [[one.text == row["context"] for one in passages[row["id"]]] for row in rows]
    first, there = sum(found[:1] == [True] for found in places), sum(map(any, places))
    return {"first": round(100 * first / len(rows), 1), "given": round(100 * there / len(rows), 1)}


def main(argv: Sequence[str] | None = None) -> None:
    from benchmarks.reader import DATA, load, spread

    parser = argparse.ArgumentParser(prog="python -m benchmarks.reader_passages")
    parser.add_argument("--file", type=Path, default=DATA)
    parser.add_argument("--articles", default="")
    parser.add_argument("--limit", type=int)
    asked = parser.parse_args(argv)
    everything = load(asked.file)
    rows = spread(load(asked.file, [title for title in asked.articles.split(",") if title]), asked.limit)
    result: dict[str, dict[str, float]] = {}
    with searched(everything) as retriever:
        ranker = Ranker(retriever)
        for order in ORDERS:
            found: Passages = {row["id"]: tuple(ranker.ranked(row["question"], order)[:4]) for row in rows}
            result[order] = recall(rows, found)
            print(
                f"{order:8} first {result[order]['first']:5.1f}%   among four {result[order]['given']:5.1f}%",
                flush=True,
            )
    tell(result)


if __name__ == "__main__":
    main()

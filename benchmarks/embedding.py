"""Abstracts embedded per second by each runtime that can be had here, and what it costs in nDCG@10 (SciFact's form).

    python -m benchmarks.embedding [--corpus F] [--queries Q] [--limit N] [--rounds R] [--speed]

The runtimes take turns in each round on the same abstracts, so that other work on the machine hits all alike; what counts is
the ratio to sentence-transformers in fp32, by round, of which the median is told ("by cores": of the time that cores spent, which
waiting for a busy machine does not change). nDCG@10 is over the whole corpus, by likeness
alone and in our fusion with BM25; questions are embedded by torch, as in serving (by the baseline itself for the baseline). The
vectors are kept under the system's cache folder, by content. `--speed` leaves nDCG out.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.embedding_engines import BASELINE, ENGINES, Encode, NotHere
from benchmarks.retrieval import DATA, DEPTH, Cached, load_corpus, load_queries, ndcg
from benchmarks.told import tell
from core.minilm import minilm_folder
from core.types import Passage
from retrieval.embeddings import MiniLM, Vectors
from retrieval.hybrid import combine
from retrieval.index import WordIndex, embedded_text

LIMIT, ROUNDS, WARM = 192, 5, 32
Queries = Sequence[tuple[str, set[str]]]


class Engine(Vectors):
    """A runtime under its own name, so that its vectors are kept apart."""

    def __init__(self, name: str, encode: Encode) -> None:
        super().__init__()
        self.name, self._encode = name, encode

    def encode(self, texts: list[str]) -> np.ndarray:
        return self._encode(texts)


def open_engines() -> tuple[dict[str, Engine], dict[str, str]]:
    """What runs here, the baseline first, and why the rest does not."""
    found, missing = {}, {}
    for name, open_one in ENGINES.items():
        try:
            found[name] = Engine(name, open_one(minilm_folder()))
        except NotHere as reason:
            missing[name] = str(reason)
    return found, missing


def rates(engines: dict[str, Engine], texts: list[str], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Texts per second in each round, by the clock and by what the cores spent."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    for engine in engines.values():
        engine.encode(texts[:WARM])
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        for name, engine in engines.items():
            began, spent = time.perf_counter(), time.process_time()
            engine.encode(texts)
            found[name].append((len(texts) / (time.perf_counter() - began), len(texts) / (time.process_time() - spent)))
    return found


def told(
    name: str, found: dict[str, list[tuple[float, float]]], vectors: np.ndarray, exact: np.ndarray
) -> dict[str, Any]:
    ratios, spent = np.array(found[name]).T / np.array(found[BASELINE]).T
    cosines = (vectors * exact).sum(1)
    return {
        "per_second": round(float(np.median([one for one, _ in found[name]])), 1), "ratio": round(float(np.median(ratios)), 2),
        "ratios": [round(float(min(ratios)), 2), round(float(max(ratios)), 2)],
        "core_ratio": round(float(np.median(spent)), 2),
        "cosine": round(float(cosines.mean()), 5), "least_cosine": round(float(cosines.min()), 5),
    }  # fmt: skip


def quality(passages: list[Passage], queries: Queries, vectors: np.ndarray, asked: np.ndarray) -> dict[str, float]:
    """nDCG@10 by likeness, and fused with BM25; `vectors` of the passages, `asked` of the queries, shape (n, size)."""
    words, scores = WordIndex.build(passages), []
    ids = np.array([passage.id for passage in passages])
    for (text, relevant), dense in zip(queries, asked @ vectors.T, strict=True):
        bm25 = words.scores(text)
        near, hits = np.argsort(-dense)[:DEPTH], np.argsort(-bm25, kind="stable")[:DEPTH]
        either = np.union1d(near, hits[bm25[hits] > 0])
        fused = either[np.argsort(-combine(dense[either], bm25[either]), kind="stable")]
        scores.append((ndcg(ids[near].tolist(), relevant), ndcg(ids[fused].tolist(), relevant)))
    alone, together = np.mean(scores, axis=0)
    return {"dense_ndcg_at_10": round(float(alone), 4), "fusion_ndcg_at_10": round(float(together), 4)}


def print_table(results: dict[str, dict[str, Any]], missing: dict[str, str]) -> None:
    print(
        f"{'':28}{'a second':>9}{'ratio':>7}{'range':>13}{'by cores':>9}{'cosine':>9}{'least':>9}{'dense':>8}{'fusion':>8}"
    )
    for name, one in results.items():
        low, high = one["ratios"]
        scores = "".join(
            f"{one[key]:>8.4f}" if key in one else f"{'-':>8}" for key in ("dense_ndcg_at_10", "fusion_ndcg_at_10")
        )
        print(
            f"{name:28}{one['per_second']:>9}{one['ratio']:>6}x{f'{low} to {high}':>13}{one['core_ratio']:>9}"
            f"{one['cosine']:>9.5f}{one['least_cosine']:>9.5f}{scores}"
        )
    for name, reason in missing.items():
        print(f"{name:28} not measured: {reason}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedding")
    parser.add_argument("--corpus", type=Path, default=DATA / "corpus.jsonl")
    parser.add_argument("--queries", type=Path, default=DATA / "queries_train.jsonl")
    parser.add_argument("--limit", type=int, default=LIMIT, help="abstracts timed in a round")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--speed", action="store_true", help="leave nDCG out")
    given = parser.parse_args(arguments)
    passages = load_corpus(given.corpus)
    texts = [embedded_text(passage) for passage in passages]
    timed = random.Random(0).sample(texts, min(given.limit, len(texts)))
    engines, missing = open_engines()
    load = os.getloadavg()[0]
    found = rates(engines, timed, given.rounds)
    exact = engines[BASELINE].encode(timed)
    results = {name: told(name, found, engine.encode(timed), exact) for name, engine in engines.items()}
    if not given.speed:
        queries, torch = load_queries(given.queries, None, None), MiniLM(minilm_folder())
        for name, engine in engines.items():
            asking = engine if name == BASELINE else torch
            asked = asking.encode([text for text, _ in queries])
            results[name] |= quality(passages, queries, Cached(engine, texts).encode(texts), asked)
    print(f"{len(timed)} abstracts, {given.rounds} rounds, load {load:.1f} before")
    print_table(results, missing)
    tell(
        {
            "engines": results, "missing": missing, "abstracts": len(timed), "rounds": given.rounds, "load": round(load, 1),
        }
    )  # fmt: skip


if __name__ == "__main__":
    main()

"""Dense, BM25, reciprocal rank fusion and ours on a corpus with relevance labels (SciFact's form).

    python -m benchmarks.retrieval --corpus C --queries Q [--limit N]
    python -m benchmarks.retrieval --chunks 20000 [--texts F] [--limit N]

Nothing is learned from Q: weight and embedder are as shipped. `folds` alone shows the weight learned as a collection learns it
(`retrieval.fusion`): from four fifths of the queries, measured on the fifth that is left out, five times. The corpus goes
through the same Chroma and BM25 index as a served one; its vectors are kept under the system's cache folder, by content. `--queries` rows hold query_id, text and
relevant_doc_ids, or rows of `--qrels` (query_id, doc_id, score; tab-separated or JSON lines) name the relevant ones. With `--chunks` only the time of a hybrid query over so many chunks, synthetic or of `--texts`, is measured
(`benchmarks/chunks.py`), and `latency` is the one key.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from benchmarks.chunks import QUERIES, latency
from benchmarks.told import tell
from core.settings import ROOT, load_settings
from core.store import open_store
from core.types import Passage
from retrieval.embeddings import Vectors, open_embeddings
from retrieval.fusion import FEWEST_CASES, GRID, nearest, on_others
from retrieval.hybrid import DENSE_WEIGHT, combine
from retrieval.index import Candidates, Index, embedded_text, open_index

DATA = ROOT.parent / "shared" / "data" / "scifact"
RRF = 60
DEPTH = 100
CUT = 10
Ranked = Callable[[Candidates], np.ndarray]


class Cached(Vectors):
    """Vectors of a corpus from a file; of anything else from the model."""

    def __init__(self, model: Vectors, texts: Sequence[str]) -> None:
        super().__init__()
        self.name, self._model = model.name, model
        digest = hashlib.sha256("\0".join([model.name, "passages", *texts]).encode()).hexdigest()[:24]
        file = cache_folder() / f"{digest}.npy"
        if not file.is_file():
            print(f"embedding {len(texts)} texts into {file}", file=sys.stderr)
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file.with_suffix(".part.npy"), model.encode_passages(list(texts)))
            file.with_suffix(".part.npy").rename(file)
        self._known = dict(zip(texts, np.load(file), strict=True))

    def encode(self, texts: list[str]) -> np.ndarray:
        if all(text in self._known for text in texts):
            return np.stack([self._known[text] for text in texts])
        return self._model.encode(texts)

    def encode_queries(self, texts: list[str]) -> np.ndarray:
        return self._model.encode_queries(texts)


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trivium" / "benchmarks"


def by_likeness(found: Candidates) -> np.ndarray:
    return found.dense


def by_words(found: Candidates) -> np.ndarray:
    return found.bm25


def by_ranks(found: Candidates) -> np.ndarray:
    """Reciprocal rank fusion: the sum of 1 / (60 + rank) over both rankings."""
    ranks = [np.argsort(np.argsort(-scores, kind="stable"), kind="stable") + 1 for scores in (found.dense, found.bm25)]
    return sum((1 / (RRF + rank) for rank in ranks), start=np.zeros(len(found.dense)))


def ours(found: Candidates) -> np.ndarray:
    return combine(found.dense, found.bm25)


RANKERS: dict[str, Ranked] = {"dense": by_likeness, "bm25": by_words, "rrf": by_ranks, "ours": ours}


def ndcg(found: Sequence[str], relevant: set[str]) -> float:
    """nDCG of the first ten with binary relevance, 0 to 1."""
    gains = sum(1 / np.log2(rank + 2) for rank, id in enumerate(found[:CUT]) if id in relevant)
    return float(gains / sum(1 / np.log2(rank + 2) for rank in range(min(CUT, len(relevant)))))


def recall(found: Sequence[str], relevant: set[str]) -> float:
    return len(relevant & set(found[:DEPTH])) / len(relevant)


def load_corpus(file: Path) -> list[Passage]:
    """Rows with doc_id (or _id), title and sentences (or text), as one passage each."""
    found = []
    for row in map(json.loads, filter(str.strip, file.read_text(encoding="utf-8").splitlines())):
        text = " ".join(row["sentences"]) if "sentences" in row else row.get("text", "")
        id = str(row.get("doc_id", row.get("_id")))
        found.append(Passage(id=id, source=id, text=text, heading=row.get("title", "")))
    return found


def load_queries(file: Path, qrels: Path | None, limit: int | None) -> list[tuple[str, set[str]]]:
    """Texts with the ids of what is relevant to them; queries without any are left out."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    labels = load_qrels(qrels) if qrels else {}
    found = []
    for row in rows:
        id = str(row.get("query_id", row.get("_id")))
        relevant = labels.get(id, set()) if qrels else set(map(str, row["relevant_doc_ids"]))
        if relevant:
            found.append((row["text"], relevant))
    return found[:limit]


def load_qrels(file: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("{"):
            row: dict[str, Any] = json.loads(line)
            query, document = row.get("query_id", row.get("query-id")), row.get("doc_id", row.get("corpus-id"))
            score = row.get("score", row.get("relevance", 1))
        else:
            cells = line.split("\t")
            if len(cells) < 3 or not cells[-1].strip().isdigit():
                continue
            query, document, score = cells[0], cells[-2], cells[-1]
        if int(score) > 0:
            found.setdefault(str(query), set()).add(str(document))
    return found


def measure(index: Index, queries: Sequence[tuple[str, set[str]]]) -> tuple[dict[str, dict[str, Any]], np.ndarray]:
    """Figures per ranker, and the differences ours - rrf in nDCG@10 per query. With enough queries `ours` has `folds` too."""
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in RANKERS}
    seconds, table = [], []
    index.search(queries[0][0])
    for text, relevant in queries:
        started = time.perf_counter()
        found = index.search(text, DEPTH)
        ours(found)
        seconds.append(time.perf_counter() - started)
        for name, ranker in RANKERS.items():
            order = np.argsort(-ranker(found), kind="stable")[:DEPTH]
            ids = [found.passages[n].id for n in order]
            scores[name].append((ndcg(ids, relevant), recall(ids, relevant)))
        table.append([at_weight(found, relevant, weight) for weight in GRID])
    results: dict[str, dict[str, Any]] = {}
    for name, pairs in scores.items():
        means = np.mean(pairs, axis=0)
        results[name] = {"ndcg_at_10": round(float(means[0]), 4), "recall_at_100": round(float(means[1]), 4)}
    results["ours"]["ms_per_query"] = round(float(np.median(seconds)) * 1000, 2)
    if len(queries) >= FEWEST_CASES:
        results["ours"]["folds"] = folds(np.array(table))
    return results, np.array([a[0] - b[0] for a, b in zip(scores["ours"], scores["rrf"], strict=True)])


def at_weight(found: Candidates, relevant: set[str], weight: float) -> float:
    order = np.argsort(-combine(found.dense, found.bm25, weight), kind="stable")[:CUT]
    return ndcg([found.passages[n].id for n in order], relevant)


def folds(table: np.ndarray) -> dict[str, Any]:
    """`table`: nDCG@10 by query and weight of GRID. What weights learned from the other folds come to on each fold's queries."""
    at = GRID.index(nearest(DENSE_WEIGHT))
    scored, weights = on_others(table, np.ones(len(table)), at, np.random.default_rng(0))
    return {"ndcg_at_10": round(float(scored.mean()), 4), "weights": weights}


def print_latency(found: dict[str, Any]) -> None:
    print(f"hybrid query over {found['chunks']:,} chunks (vectors {found['vectors']}), {found['queries']} queries")
    print(f"p50 {found['p50_ms']} ms, p95 {found['p95_ms']} ms; index built in {found['build_seconds']} s")
    tell({"latency": found})


@contextmanager
def indexed(passages: Sequence[Passage]) -> Iterator[Index]:
    """Our index over passages, in a folder that is gone afterwards; vectors are kept from run to run."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=folder, database_url=None, chroma_url=None)
        store = open_store(settings.database)
        store.replace_chunks("corpus", list(passages), state="indexed")
        vectors = Cached(open_embeddings(settings), [embedded_text(passage) for passage in passages])
        index = open_index(settings, store, vectors)
        print(f"indexing {len(passages)} passages", file=sys.stderr, flush=True)
        index.check()
        try:
            yield index
        finally:
            index.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval")
    parser.add_argument("--corpus", type=Path, default=DATA / "corpus.jsonl")
    parser.add_argument("--queries", type=Path, default=DATA / "queries_train.jsonl")
    parser.add_argument("--qrels", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--chunks", type=int, help="time queries over so many synthetic chunks instead")
    parser.add_argument("--texts", type=Path, help="JSON lines with `question` and `answer`: chunks of these instead")
    given = parser.parse_args(arguments)
    if given.chunks:
        print_latency(latency(given.chunks, given.limit or QUERIES, given.texts))
        return
    passages, queries = load_corpus(given.corpus), load_queries(given.queries, given.qrels, given.limit)
    with indexed(passages) as index:
        results, differences = measure(index, queries)
    if len(differences) > 1:
        interval = bootstrap((differences,), np.mean, n_resamples=2000, rng=0).confidence_interval
        results["ours"]["minus_rrf"] = [round(float(n), 4) for n in (differences.mean(), interval.low, interval.high)]
    print(f"{len(queries)} queries, {len(passages)} passages\n{'':8}{'nDCG@10':>9}{'recall@100':>12}")
    for name, one in results.items():
        print(f"{name:8}{one['ndcg_at_10']:>9.4f}{one['recall_at_100']:>12.4f}")
    if found := results["ours"].get("folds"):
        print(f"ours, weight learned on the other folds: {found['ndcg_at_10']:.4f} (weights {found['weights']})")
    print(f"ours - rrf {results['ours'].get('minus_rrf')}, {results['ours']['ms_per_query']} ms per query")
    tell(results)


if __name__ == "__main__":
    main()

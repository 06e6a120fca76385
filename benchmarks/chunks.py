"""How long a hybrid query takes over many chunks: `python -m benchmarks.retrieval --chunks 20000 [--texts F]`.

With `--texts` the chunks are those of real documents, JSON lines with `answer` and `question` (MedQuAD): split and embedded as
documents are, asked with questions of the same file. Without, they are synthetic: 120 made-up words each, drawn by Zipf's law,
with random unit vectors of MiniLM's size. Random vectors have no clusters, which makes them the hardest that an approximate
index can be given; what is found says nothing, only how long it takes. A query goes the whole way of a served one: embedded by
the real model, searched in Chroma and BM25, fused, without duplicates, with neighbours.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.settings import load_settings
from core.store import Store, open_store
from core.types import Passage, Query
from retrieval.documents import split
from retrieval.embeddings import Vectors, open_embeddings
from retrieval.hybrid import HybridRetriever
from retrieval.index import open_index

SIZE = 384
WORDS, VOCABULARY, ZIPF = 120, 20_000, 1.3
PER_DOCUMENT = 200
QUERIES, QUERY_WORDS, WARM = 200, 8, 10


class RandomPassages(Vectors):
    """A random unit vector for each passage; queries by the model."""

    def __init__(self, model: Vectors) -> None:
        super().__init__()
        self.name, self._model = "random", model
        self._draw = np.random.default_rng(0)

    def encode(self, texts: list[str]) -> np.ndarray:
        drawn = self._draw.normal(size=(len(texts), SIZE)).astype(np.float32)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    def encode_queries(self, texts: list[str]) -> np.ndarray:
        return self._model.encode_queries(texts)


def sentences(draw: np.random.Generator, count: int, length: int) -> list[str]:
    """Texts of made-up words, frequent ones often."""
    ranks = np.minimum(draw.zipf(ZIPF, size=(count, length)), VOCABULARY)
    return [" ".join(f"w{rank}" for rank in row) + "." for row in ranks]


def fill(store: Store, chunks: int) -> None:
    draw = np.random.default_rng(1)
    for start in range(0, chunks, PER_DOCUMENT):
        texts = sentences(draw, min(PER_DOCUMENT, chunks - start), WORDS)
        source = f"synthetic-{start // PER_DOCUMENT:05}.md"
        passages = [
            Passage(id=f"{start + n:032x}", source=source, text=text, heading=f"Part {n}")
            for n, text in enumerate(texts)
        ]
        store.replace_chunks(source, passages, state="indexed", origin="pack")


def documents(rows: list[dict[str, str]], chunks: int) -> Iterator[tuple[str, list[Passage]]]:
    """Sources with their passages, until there are enough."""
    for n, row in enumerate(rows):
        source = f"answer-{n:05}.md"
        passages = split(source, [(None, f"# {row['question']}\n\n{row['answer']}")])[:chunks]
        yield source, passages
        chunks -= len(passages)
        if not chunks:
            return


def fill_with(store: Store, rows: list[dict[str, str]], chunks: int) -> None:
    held = list(documents(rows, chunks))
    for start in range(0, len(held), PER_DOCUMENT):
        store.replace_many(
            (source, passages, {"state": "indexed", "origin": "pack"})
            for source, passages in held[start : start + PER_DOCUMENT]
        )
    if len(store.chunk_ids()) < chunks:
        raise SystemExit(f"the texts give {len(store.chunk_ids())} chunks: take fewer")


def latency(chunks: int, queries: int = QUERIES, texts: Path | None = None) -> dict[str, Any]:
    """Milliseconds of a hybrid query over so many chunks, and how long the index took to build."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=folder, database_url=None, chroma_url=None)
        store, embeddings = open_store(settings.database), open_embeddings(settings)
        if texts:
            rows = [json.loads(line) for line in texts.read_text(encoding="utf-8").splitlines() if line.strip()]
            random.Random(0).shuffle(rows)
            fill_with(store, rows, chunks)
            asked = [row["question"] for row in random.Random(1).sample(rows, WARM + queries)]
        else:
            fill(store, chunks)
            embeddings = RandomPassages(embeddings)
            made = sentences(np.random.default_rng(2), WARM + queries, QUERY_WORDS)
            asked = [f"Which of them is {text}" for text in made]
        index = open_index(settings, store, embeddings)
        print(f"indexing {chunks} chunks", file=sys.stderr)
        began = time.perf_counter()
        index.check()
        built = time.perf_counter() - began
        retriever, seconds = HybridRetriever(index=index), []
        for n, text in enumerate(asked):
            began = time.perf_counter()
            retriever.evidence(Query(text=text))
            if n >= WARM:
                seconds.append(time.perf_counter() - began)
        index.close()
    p50, p95 = (round(float(n) * 1000, 1) for n in np.quantile(seconds, [0.5, 0.95]))
    return {
        "chunks": chunks, "queries": queries, "p50_ms": p50, "p95_ms": p95, "build_seconds": round(built, 1),
        "vectors": "of the texts" if texts else "random",
    }  # fmt: skip

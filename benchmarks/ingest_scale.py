"""Memory, time and disk of an index of n chunks, each n in a process of its own, and by extrapolation of very many.

Texts are drawn from 50,000 made-up words with the frequencies of a language, 110 of them in each chunk, 20 chunks in each
document; vectors are drawn at random, since no model is measured here. Random vectors have no neighbourhoods: they are the
hardest case for the search graph, so its times are upper bounds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.settings import ROOT, load_settings
from core.store import Store, open_store
from core.types import Passage
from retrieval.embeddings import Vectors
from retrieval.index import Index, open_index

SIZE = 384
WORDS, PER_CHUNK, PER_DOCUMENT = 50_000, 110, 20
BATCH = 2000
QUERIES = 100
# Beyond these an embedded index is a burden to whoever starts or shares the machine.
START_SECONDS, MEMORY_MB, QUERY_MS = 120, 6000, 300
COSTS = ("fill_s", "open_s", "check_s", "bm25_s", "memory_mb", "disk_mb", "query_ms_p50", "query_ms_p95")


class Drawn(Vectors):
    """Vectors drawn at random, the same for the same text."""

    name = "drawn"

    def encode(self, texts: list[str]) -> np.ndarray:
        found = np.empty((len(texts), SIZE), dtype=np.float32)
        for n, text in enumerate(texts):
            found[n] = np.random.default_rng(abs(hash(text))).standard_normal(SIZE, dtype=np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def measure(sizes: Sequence[int], to: int) -> dict[str, Any]:
    """The costs of each number of chunks, and of `to` by the line through them."""
    measured = []
    for size in sizes:
        command = [sys.executable, "-m", "benchmarks.ingest_scale", str(size)]
        env = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
        measured.append(json.loads(done.stdout.splitlines()[-1]))
        print(measured[-1], file=sys.stderr)
    found: dict[str, Any] = {"vectors": "drawn at random", "measured": measured}
    if len(measured) > 1:
        lines = {cost: line(sizes, [one[cost] for one in measured], cost) for cost in COSTS}
        found["extrapolated"] = {"chunks": to} | {cost: round(at(one, to), 1) for cost, one in lines.items()}
        found["move_to_a_server_at"] = turning_points(lines)
    return found


def grows(size: float, cost: str) -> float:
    """How a cost grows: filling a search graph takes n log n, the rest n."""
    return size * np.log(size) if cost == "fill_s" else size


def line(sizes: Sequence[int], costs: Sequence[float], cost: str) -> tuple[float, float, str]:
    """Slope and intercept through what was measured, by least squares."""
    slope, intercept = np.polyfit([grows(size, cost) for size in sizes], costs, 1)
    return float(slope), float(intercept), cost


def at(one: tuple[float, float, str], size: float) -> float:
    slope, intercept, cost = one
    return max(0.0, slope * grows(size, cost) + intercept)


def turning_points(lines: dict[str, tuple[float, float, str]]) -> dict[str, int | None]:
    """Chunks from which on a start, the memory or a query is over its bound; None: it does not grow."""

    def where(names: Sequence[str], bound: float) -> int | None:
        slope = sum(lines[name][0] for name in names)
        rest = bound - sum(lines[name][1] for name in names)
        return int(rest / slope) if slope > 0 else None

    return {
        f"start_over_{START_SECONDS}_s": where(["open_s", "check_s", "bm25_s"], START_SECONDS),
        f"memory_over_{MEMORY_MB}_mb": where(["memory_mb"], MEMORY_MB),
        f"query_over_{QUERY_MS}_ms": where(["query_ms_p95"], QUERY_MS),
    }


def texts(number: int, chance: np.random.Generator) -> list[str]:
    """Chunks of made-up words: the k-th most frequent is drawn in proportion to 1 / k."""
    share = 1 / np.arange(1, WORDS + 1)
    drawn = chance.choice(WORDS, size=(number, PER_CHUNK), p=share / share.sum())
    return [" ".join(f"w{word}" for word in row) for row in drawn]


def fill(store: Store, index: Index, size: int) -> float:
    """Put chunks into store and index. Returns seconds, without the drawing of texts."""
    chance, seconds = np.random.default_rng(0), 0.0
    for start in range(0, size, BATCH):
        passages = [
            Passage(id=f"{start + n:032x}", source=f"document-{(start + n) // PER_DOCUMENT}.md", text=text)
            for n, text in enumerate(texts(min(BATCH, size - start), chance))
        ]
        by_source: dict[str, list[Passage]] = {}
        for passage in passages:
            by_source.setdefault(passage.source, []).append(passage)
        vectors = index.embed(passages)
        began = time.perf_counter()
        store.replace_many((source, found, {"state": "indexed"}) for source, found in by_source.items())
        for at_once in range(0, len(passages), 256):
            index.put(passages[at_once : at_once + 256], vectors[at_once : at_once + 256])
        seconds += time.perf_counter() - began
    return seconds


def one(size: int) -> dict[str, Any]:
    """Fill an index, then open it in another process and measure that."""
    with tempfile.TemporaryDirectory() as place:
        settings = load_settings(data_dir=place, database_url=None, chroma_url=None)
        store = open_store(settings.database)
        index = open_index(settings, store, Drawn())
        seconds = fill(store, index, size)
        index.close()
        store.engine.dispose()
        command = [sys.executable, "-m", "benchmarks.ingest_scale", str(size), place]
        done = subprocess.run(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True, check=True)
        disk = sum(file.stat().st_size for file in Path(place).rglob("*") if file.is_file()) / 2**20
        return {"chunks": size, "fill_s": round(seconds, 1), "disk_mb": round(disk, 1), **json.loads(done.stdout)}


def opened(size: int, place: str) -> dict[str, Any]:
    """What a start on a filled data folder takes, the memory that it then holds, and the time of queries."""
    settings = load_settings(data_dir=place, database_url=None, chroma_url=None)
    store = open_store(settings.database)
    before, began = memory_mb(), time.perf_counter()
    index = open_index(settings, store, Drawn())
    len(index.ids_of(["document-0.md"]))
    opening, began = time.perf_counter() - began, time.perf_counter()
    checked = index.check()
    checking, began = time.perf_counter() - began, time.perf_counter()
    index.refresh()
    building = time.perf_counter() - began
    queries = [" ".join(text.split()[:8]) for text in texts(QUERIES, np.random.default_rng(1))]
    index.search(queries[0])
    spent = []
    for query in queries:
        began = time.perf_counter()
        index.search(query)
        spent.append((time.perf_counter() - began) * 1000)
    held = memory_mb() - before
    assert (checked.chunks, checked.added, checked.rebuilt) == (size, 0, False), checked
    index.close()
    return {
        "open_s": round(opening, 2), "check_s": round(checking, 2), "bm25_s": round(building, 2),
        "memory_mb": round(held, 1), "query_ms_p50": round(float(np.percentile(spent, 50)), 1),
        "query_ms_p95": round(float(np.percentile(spent, 95)), 1),
    }  # fmt: skip


def memory_mb() -> float:
    """What this process holds in memory now, in MB; Linux says so."""
    fields = dict(row.split(":", 1) for row in Path("/proc/self/status").read_text().splitlines() if ":" in row)
    return int(fields["VmRSS"].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(opened(int(sys.argv[1]), sys.argv[2]) if len(sys.argv) > 2 else one(int(sys.argv[1]))))

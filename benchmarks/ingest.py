"""Thousands of files through the real service, killed on the way; and what very many chunks cost.

    python -m benchmarks.ingest [--corpus F] [--limit N] [--kills K] [--seed S] [--questions F]
    python -m benchmarks.ingest --scale 10000,50000,100000 [--to 1000000]

The first writes every answer of MedQuAD as a file, hands the folder to `trivium serve` to be kept in step, kills the service
with -9 at K random moments, starts it again each time, and then compares database and index with what the files hold, read
afresh: `lost` are chunks that are missing from either, `doubled` those that are there twice or should not be. Then it asks
the documents' road what people might ask: 50 questions of the corpus, drawn by seed 7 and put in other words by us; `cited`
counts answers that cite the file that the question is from. The second is `benchmarks.ingest_scale`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from app.packs import make_pack
from benchmarks import ingest_scale
from benchmarks.told import tell
from core.settings import ROOT, load_settings
from core.store import open_store
from core.tables import FOUND
from retrieval.documents import read_here
from retrieval.embeddings import open_embeddings
from retrieval.index import embedded_text, open_index

DATA = ROOT.parent / "shared" / "data" / "medquad_liveqa" / "medquad_qa.jsonl"
QUESTIONS = Path(__file__).parent / "data" / "medquad_questions.jsonl"
FOLDER = "medquad"
START_SECONDS = 900
WORK_SECONDS = 4 * 3600
PROBES = 50
LOOK_SECONDS = 0.2


def write_files(corpus: Path, folder: Path, limit: int | None) -> int:
    """One Markdown file for each answer, in a folder for each of its sources. Returns how many."""
    rows = [json.loads(line) for line in corpus.read_text(encoding="utf-8").split("\n") if line.strip()][:limit]
    for row in rows:
        path = folder / row["source"] / f"{name_of(row['id'])}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {row['question']}\n\n{row['answer']}\n", encoding="utf-8")
    return len(rows)


def name_of(id: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", id)


def expected(folder: Path) -> dict[str, str]:
    """Source by chunk id, of every file as it is read afresh."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*.md")):
        source = f"{FOLDER}/{path.relative_to(folder).as_posix()}"
        found |= {passage.id: source for passage in read_here(path, source)}
    return found


class Service:
    """`trivium serve` on a folder of its own, to be killed and started again."""

    def __init__(self, data: Path, pack: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._env = {
            **os.environ, "TRIVIUM_DATA_DIR": str(data), "TRIVIUM_DOMAIN": str(pack), "TRIVIUM_WATCH_SECONDS": "0",
            "HF_HUB_OFFLINE": "1",
        }  # fmt: skip
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=120)
        self.starting = 0.0

    def start(self) -> None:
        """Start it, and wait until its database, index and jobs are open. The time this takes is added to `starting`."""
        command = [sys.executable, "-m", "app.cli", "serve", "--port", str(self.port)]
        began = time.monotonic()
        self._process = subprocess.Popen(command, env=self._env, cwd=ROOT, stderr=subprocess.DEVNULL)
        self.until(lambda: self.client.get("/api/jobs").status_code == 200, START_SECONDS)
        self.starting += time.monotonic() - began

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def until(self, what: Callable[[], Any], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise SystemExit("the service ended by itself")
            try:
                if found := what():
                    return found
            except httpx.TransportError:
                pass
            time.sleep(LOOK_SECONDS)
        raise SystemExit(f"it did not come about within {seconds:.0f} s")

    def indexed(self) -> int:
        states = self.client.get("/api/documents/summary").json()["states"]
        return sum(states.get(state, 0) for state in FOUND)

    def at_rest(self) -> bool:
        """Ready, and no job is left."""
        if self.client.get("/readyz").status_code != 200:
            return False
        return all(job["state"] not in ("pending", "enqueued") for job in self.client.get("/api/jobs").json())


def run(service: Service, folder: Path, files: int, kills: Sequence[int], chance: random.Random) -> float:
    """Ingest, with a kill soon after each of those numbers of files is indexed. Returns seconds."""
    service.start()
    began, before = time.monotonic(), service.starting
    asked = service.client.post("/api/folders", json={"path": str(folder)})
    asked.raise_for_status()
    for n, files_done in enumerate(kills, 1):
        service.until(lambda wanted=files_done: service.indexed() >= wanted, WORK_SECONDS)
        time.sleep(chance.uniform(0, 2))
        print(f"kill {n} at {service.indexed()} of {files} files", file=sys.stderr)
        service.kill()
        service.start()
    service.until(service.at_rest, WORK_SECONDS)
    seconds = time.monotonic() - began - (service.starting - before)
    service.kill()
    return seconds


def compare(data: Path, wanted: dict[str, str]) -> dict[str, Any]:
    """Database and index against what the files hold."""
    settings = load_settings(data_dir=data, database_url=None, chroma_url=None)
    store = open_store(settings.database)
    index = open_index(settings, store, open_embeddings(settings))
    rows = [row for row in store.documents() if row.source.startswith(f"{FOLDER}/")]
    chunks = [passage for passage in store.chunks() if passage.source.startswith(f"{FOLDER}/")]
    stored = Counter(passage.id for passage in chunks)
    vectors = index.ids() - {passage.id for passage in store.chunks()} | index.ids_of(sorted(set(wanted.values())))
    lost = {id for id in wanted if id not in stored or id not in vectors}
    doubled = sum(stored.values()) - len(stored) + len(stored.keys() - wanted.keys()) + len(vectors - wanted.keys())
    sample = random.Random(0).sample(chunks, min(PROBES, len(chunks)))
    distances = index.nearest(index.embeddings.encode([embedded_text(passage) for passage in sample])) if sample else []
    found = {
        "complete": not lost and {row.source for row in rows if row.found} == set(wanted.values()),
        "lost": len(lost),
        "doubled": doubled,
        "chunks": len(chunks),
        "not_indexed": sum(not row.found for row in rows),
        "probes_found": sum(distance < 0.02 for distance in distances),
        "probes": len(sample),
    }
    index.close()
    store.engine.dispose()
    return found


def ask(service: Service, questions: Sequence[dict[str, str]]) -> dict[str, Any]:
    """How many answers cite the document that their question is from."""
    cited, seconds, missed = 0, [], []
    for row in questions:
        began = time.monotonic()
        reply = service.client.post(
            "/v1/chat/completions", json={"model": "rag", "messages": [{"role": "user", "content": row["question"]}]}
        )
        reply.raise_for_status()
        seconds.append(time.monotonic() - began)
        sources = [one["source"] for one in reply.json()["trivium"]["citations"]]
        if any(Path(source).stem == name_of(row["id"]) for source in sources):
            cited += 1
        else:
            missed.append(row["id"])
            print(f"{row['id']}: {row['question']} -> {', '.join(sources) or 'nothing cited'}", file=sys.stderr)
    middle = sorted(seconds)[len(seconds) // 2] if seconds else 0.0
    return {"questions": len(questions), "cited": cited, "answer_ms": round(1000 * middle), "missed": missed}


def measure(corpus: Path, limit: int | None, kills: int, seed: int, questions: Path) -> dict[str, Any]:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        folder, data = Path(place) / FOLDER, Path(place) / "data"
        files = write_files(corpus, folder, limit)
        wanted = expected(folder)
        print(f"{files} files, {len(wanted)} chunks", file=sys.stderr)
        moments = sorted(chance.randint(files // 20, max(1, files * 19 // 20)) for _ in range(kills))
        service = Service(data, make_pack("bench", Path(place)))
        try:
            seconds = run(service, folder, files, moments, chance)
            service.start()
            service.until(service.at_rest, WORK_SECONDS)
            there = {path.stem for path in folder.rglob("*.md")}
            rows = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines()]
            asked = ask(service, [row for row in rows if name_of(row["id"]) in there])
        finally:
            service.kill()
        found = compare(data, wanted)
    return {
        "documents": files, "kills": kills, **found, **asked, "seconds": round(seconds, 1),
        "documents_per_second": round(files / seconds, 2), "chunks_per_second": round(found["chunks"] / seconds, 2),
        "seconds_per_start": round(service.starting / (kills + 1), 1),
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest")
    parser.add_argument("--corpus", type=Path, default=DATA)
    parser.add_argument("--limit", type=int, help="documents; of --scale, the most chunks")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--questions", type=Path, default=QUESTIONS, help="JSON lines with id and question")
    parser.add_argument("--scale", help="numbers of chunks, such as 10000,50000,100000")
    parser.add_argument("--to", type=int, default=1_000_000, help="extrapolate to so many chunks")
    given = parser.parse_args(arguments)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the service sets it
    if given.scale:
        sizes = [size for size in map(int, given.scale.split(",")) if not given.limit or size <= given.limit]
        tell(ingest_scale.measure(sizes, given.to))
    else:
        tell(measure(given.corpus, given.limit, given.kills, given.seed, given.questions))


if __name__ == "__main__":
    main()

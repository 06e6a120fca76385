"""Seconds from start to ready, routing decision, time to first token and tokens per second, of the real service.

python -m benchmarks.serving [--limit N] [--data-dir DIR]

The baseline of the decoding figure is transformers' own `generate` on the same model in the same run.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.told import tell
from core.domain import load_domain
from core.settings import ROOT, load_settings

READY_SECONDS = 600
FOR_TOKENS = ("prompt", "tuned")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument(
        "--limit", type=int, default=200, help="queries to route; a tenth of them are answered by each road"
    )
    parser.add_argument("--data-dir", type=Path, help="default: a new folder, so that the first start is a first start")
    parser.add_argument("--domain", type=Path, default=load_settings().domain)
    asked = parser.parse_args(argv)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the service sets it
    with tempfile.TemporaryDirectory() as fresh:
        data = asked.data_dir or Path(fresh)
        figures: dict[str, Any] = {"first_start_s": round(start_and_stop(data, asked.domain), 1)}
        figures["second_start_s"] = round(start_and_stop(data, asked.domain), 1)
        figures |= measure(data, asked.domain, asked.limit)
        figures |= plain_generate(data)
    show(figures)
    tell(figures)
    return 0


class Api:
    """A `trivium serve` process of its own."""

    def __init__(self, data: Path, domain: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        env = {**os.environ, "TRIVIUM_DATA_DIR": str(data), "TRIVIUM_DOMAIN": str(domain), "HF_HUB_OFFLINE": "1"}
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve", "--port", str(port)], env=env, cwd=ROOT
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)

    def __enter__(self) -> Api:
        while time.perf_counter() - self.began < READY_SECONDS:
            try:
                if self.client.get("/readyz").status_code == 200:
                    self.seconds = time.perf_counter() - self.began
                    return self
            except httpx.TransportError:
                pass
            if self.process.poll() is not None:
                raise SystemExit("the API ended before it was ready")
            time.sleep(0.1)
        raise SystemExit(f"the API was not ready after {READY_SECONDS} s")

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(timeout=60)

    def answer(self, query: str, strategy: str | None) -> dict[str, Any]:
        id = self.client.post("/api/answers", json={"query": query, "strategy": strategy}).json()["id"]
        with self.client.stream("GET", f"/api/answers/{id}/events") as events:
            for _ in events.iter_lines():
                pass
        return self.client.get(f"/api/answers/{id}").json()


def start_and_stop(data: Path, domain: Path) -> float:
    with Api(data, domain) as api:
        return api.seconds


def measure(data: Path, domain: Path, limit: int) -> dict[str, Any]:
    pack = load_domain(domain)
    golden = pack.golden()
    queries = [case.query for case in golden[:: max(1, len(golden) // limit)]][:limit]
    by_strategy = {s: [c.query for c in golden if s in pack.task(c.task).strategies] for s in FOR_TOKENS}
    figures: dict[str, Any] = {}
    with Api(data, domain) as api:
        for strategy in FOR_TOKENS:
            wanted = by_strategy[strategy][:: max(1, len(by_strategy[strategy]) // max(1, limit // 20))][
                : max(1, limit // 20)
            ]
            answers = [api.answer(query, strategy) for query in wanted]
            figures |= speed(strategy, answers)
        quoted = [api.answer(query, "rag") for query in queries[: max(1, limit // 10)]]
        figures["rag_total_p50_ms"] = 1000 * statistics.median(a["timings"]["total"] for a in quoted)
    figures |= routing(data, domain, queries)
    return {name: round(value, 2) for name, value in figures.items()}


def speed(strategy: str, answers: list[dict[str, Any]]) -> dict[str, float]:
    done = [a for a in answers if a["status"] == "complete" and a["timings"].get("tokens", 0) > 8]
    if not done:
        return {}
    first = [a["timings"]["first_token"] for a in done]
    rates = [a["timings"]["tokens"] / a["timings"]["total"] for a in done]
    return {
        f"{strategy}_first_token_p50_s": statistics.median(first),
        f"{strategy}_tokens_per_s": statistics.median(rates),
    }


def routing(data: Path, domain: Path, queries: list[str]) -> dict[str, float]:
    """Milliseconds of a routing decision, evidence included, queries that were not asked before."""
    from app.bootstrap import open_service
    from core.types import Query

    service = open_service(load_settings(data_dir=data, domain=domain))
    service.sync()
    service.warm()
    for text in queries[:5]:
        service.answering.route(Query(text=f"warm up {text}"))
    times = []
    for text in queries:
        began = time.perf_counter()
        service.answering.route(Query(text=text))
        times.append(1000 * (time.perf_counter() - began))
    service.close()
    times.sort()
    return {"route_p50_ms": statistics.median(times), "route_p99_ms": times[int(0.99 * (len(times) - 1))]}


def plain_generate(data: Path) -> dict[str, float]:
    """Tokens per second of transformers' `generate` on the same base, same dtype, one prompt."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from core.llm.base_weights import base_folder

    folder = base_folder(load_settings(data_dir=data), None)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True)
    ids = tokenizer("Explain what a quota is and why it exists. ", return_tensors="pt").input_ids
    rates = []
    for _ in range(3):
        began = time.perf_counter()
        out = model.generate(ids, max_new_tokens=48, min_new_tokens=48, do_sample=False, pad_token_id=0)
        rates.append((out.shape[1] - ids.shape[1]) / (time.perf_counter() - began))
    return {"plain_generate_tokens_per_s": round(statistics.median(rates), 2)}


def show(figures: dict[str, Any]) -> None:
    for name, value in figures.items():
        print(f"{name:30} {value:>10}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

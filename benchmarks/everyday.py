"""What a fresh pack makes of everyday requests, by kind, and beside it what the bare base makes of them.

    python -m benchmarks.everyday [--file F] [--limit N] [--data DIR] [--out FILE] [--no-base]

Serves a pack made by `trivium new` in this process and asks each request with its history through the router. An answer is
good where `evaluation.rubric` finds no fault; what cannot be done is right where it is refused or carries a warning. The
bare base gets history and request alone. `--data`: a data folder to keep, so that the base is converted once. `--out`: every
request, answer and verdict. `benchmarks/data/everyday.jsonl` was written without sight of the system:
a test set, never looked at while prompts are chosen.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app.bootstrap import Service, open_service
from app.packs import make_pack
from app.strategies import Generation
from benchmarks.told import tell
from core.domain import rows
from core.llm.messages import to_langchain
from core.settings import load_settings
from core.types import Answer, Message, Query
from evaluation.rubric import faults

DATA = Path(__file__).parent / "data" / "everyday.jsonl"
CANNOT = "cannot"
BARE_TOKENS = 700


def query_of(row: dict[str, Any]) -> Query:
    return Query(text=row["query"], history=tuple(Message(**turn) for turn in row["history"]))


def routed(service: Service, row: dict[str, Any]) -> dict[str, Any]:
    """The answer as it is served, with its verdict."""
    query, answer = query_of(row), Answer(query=row["query"])
    for answer, _ in service.answering.stream(query, threading.Event()):  # noqa: B007
        pass
    return {
        "answer": answer.text, "refused": answer.refused, "warnings": list(answer.warnings),
        "task": answer.route.task if answer.route else "", "strategy": answer.route.strategy if answer.route else "",
        "faults": faults(row["rubric"], query.text, answer.text, answer.refused, query.history),
        "seconds": answer.timings.get("total", 0.0),
    }  # fmt: skip


def bare(service: Service, asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the base answers to each conversation as it is."""
    chat = service.models.chat("base")
    messages: list[Any] = [
        to_langchain([*query_of(row).history, Message(role="user", content=row["query"])]) for row in asked
    ]
    replies = chat.batch(messages, return_exceptions=True, max_new_tokens=BARE_TOKENS)
    texts = [Generation.of(reply).text for reply in replies]
    return [
        {"answer": text, "refused": False, "warnings": [],
         "faults": faults(row["rubric"], row["query"], text, False, query_of(row).history)}
        for row, text in zip(asked, texts, strict=True)
    ]  # fmt: skip


def by_kind(asked: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Percent of each kind that are good, refused, warned of; of what cannot be done, refused or warned of counts as good."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for row, one in zip(asked, found, strict=True):
        good = bool(one["refused"] or one["warnings"]) if row["kind"] == CANNOT else not one["faults"]
        kinds.setdefault(row["kind"], []).append({**one, "good": good})
    return {
        kind: {name: percent([bool(one[name]) for one in some]) for name in ("good", "refused", "warnings")}
        for kind, some in kinds.items()
    }


def percent(flags: Sequence[bool]) -> float:
    return round(100 * sum(flags) / max(1, len(flags)), 1)


def summary(asked: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    kinds = by_kind(asked, found)
    can = [not one["faults"] for row, one in zip(asked, found, strict=True) if row["kind"] != CANNOT]
    return {
        "good": percent(can),
        "cannot_refused_or_warned": kinds.get(CANNOT, {}).get("good", 0.0),
        "by_kind": kinds,
    }


def show(title: str, figures: dict[str, Any], say: Console) -> None:
    table = Table("kind", "good", "refused", "warned", title=title)
    for kind, row in figures["by_kind"].items():
        table.add_row(kind, *(f"{row[name]:.0f}%" for name in ("good", "refused", "warnings")))
    table.add_row("what can be done", f"{figures['good']:.0f}%", "", "")
    say.print(table)


def limited(asked: list[dict[str, Any]], limit: int | None) -> list[dict[str, Any]]:
    """The first so many of each kind."""
    taken: dict[str, int] = {}
    kept = []
    for row in asked:
        taken[row["kind"]] = taken.get(row["kind"], 0) + 1
        if limit is None or taken[row["kind"]] <= limit:
            kept.append(row)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, default=DATA)
    parser.add_argument("--limit", type=int, help="so many of each kind")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--no-base", action="store_true", help="leave the bare base out")
    given = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the service sets it, before torch is imported
    say, asked = Console(stderr=True), limited([row for _, row in rows(given.file)], given.limit)
    with tempfile.TemporaryDirectory() as place:
        data = given.data or Path(place) / "data"
        service = open_service(load_settings(data_dir=data, domain=make_pack("office", Path(place))))
        try:
            service.sync()
            service.models.load()
            began = time.perf_counter()
            found = [routed(service, row) for row in asked]
            seconds = round(time.perf_counter() - began)
            base = [] if given.no_base else bare(service, asked)
        finally:
            service.close()
    figures = summary(asked, found)
    show("Through the router of a fresh pack", figures, say)
    if base:
        figures["bare_base"] = summary(asked, base)
        show("The bare base", figures["bare_base"], say)
    if given.out:
        write(given.out, asked, found, base)
    tell({**figures, "requests": len(asked), "seconds": seconds})


def write(
    out: Path, asked: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]], base: Sequence[dict[str, Any]]
) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8") as file:
        for n, row in enumerate(asked):
            line = {**row, "routed": found[n], "bare": base[n] if base else None}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

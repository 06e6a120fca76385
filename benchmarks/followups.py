"""Whether a follow-up question finds its source: as it is, with the former question before it, and as rewritten by ours.

    python -m benchmarks.followups [--limit N] [--show]

Forty two-turn follow-ups on the demo pack's documents, written by hand, five of them questions that need no former one.
Those of round 1 were in view while the rules were made; those of round 2, written before the rules by the same hand, are
only measured. Searched with the weight and the searcher that the pack ships. Per way of asking, shares of questions: a
passage of a right source at the first place (`source_at_1`) or among the eight that are read (`source_at_8`), and a passage
that holds the answer (`passage_at_1`, `passage_at_8`).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.told import tell
from core.domain import load_domain
from core.settings import load_settings
from core.store import open_store
from core.types import Message, Passage, Query
from retrieval.embeddings import open_embeddings, open_searcher
from retrieval.followups import standalone
from retrieval.hybrid import PASSAGES, HybridRetriever
from retrieval.index import open_index
from retrieval.ingest import Ingest

DATA = Path(__file__).parent / "data" / "followups.jsonl"
REFERS_BACK = re.compile(
    r"^(?:and|but|so|what about|how about|why|then)\b|\b(?:it|its|they|them|that one|those|these|the same)\b",
    re.IGNORECASE,
)
SHORT = 4
Way = Callable[[Query], str]


def alone(query: Query) -> str:
    return query.text


def glued(query: Query) -> str:
    """As version 0.1 did: the former question before one that is short or holds a word that refers back."""
    former = [message.content for message in query.history if message.role == "user"]
    if former and (REFERS_BACK.search(query.text) or len(query.text.split()) < SHORT):
        return f"{former[-1]} {query.text}"
    return query.text


WAYS: dict[str, Way] = {"alone": alone, "glued": glued, "ours": standalone}


def load(file: Path, limit: int | None) -> list[dict[str, Any]]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()][:limit]


def query_of(row: dict[str, Any]) -> Query:
    question, answer = row["history"]
    history = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Query(text=row["query"], history=history)


def holds(row: dict[str, Any], passage: Passage) -> bool:
    """Whether a passage of a right source holds the words of the answer."""
    said = passage.text.lower()
    wanted = [options.lower().split("|") for options in row["contains"]]
    return passage.source in row["sources"] and all(any(option in said for option in options) for options in wanted)


def found(row: dict[str, Any], passages: Sequence[Passage]) -> dict[str, bool]:
    sources = [passage.source in row["sources"] for passage in passages]
    right = [holds(row, passage) for passage in passages]
    return {
        "source_at_1": any(sources[:1]), "source_at_8": any(sources),
        "passage_at_1": any(right[:1]), "passage_at_8": any(right),
    }  # fmt: skip


def shares(rows: Sequence[dict[str, bool]]) -> dict[str, float]:
    return {name: round(sum(row[name] for row in rows) / len(rows), 4) for name in rows[0]} if rows else {}


def measure(rows: Sequence[dict[str, Any]], retriever: HybridRetriever, show: bool) -> dict[str, Any]:
    """Shares by way and by round."""
    by_way: dict[str, list[dict[str, bool]]] = {}
    for name, way in WAYS.items():
        for row in rows:
            text = way(query_of(row))
            by_way.setdefault(name, []).append(found(row, retriever.passages(text, PASSAGES)))
            if show:
                print(f"{row['id']} {name:6} {by_way[name][-1]} {text}", file=sys.stderr)
    results: dict[str, Any] = {}
    for name, outcomes in by_way.items():
        results[name] = shares(outcomes)
        for number in sorted({row["round"] for row in rows}):
            part = [one for one, row in zip(outcomes, rows, strict=True) if row["round"] == number]
            results[name][f"round_{number}"] = shares(part)
    return {**results, "n": len(rows)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.followups")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--show", action="store_true", help="each question as it was searched for")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=folder, database_url=None, chroma_url=None)
        domain = load_domain(settings.domain)
        store = open_store(settings.database)
        index = open_index(
            settings, store, open_embeddings(settings), open_searcher(settings, domain.folder / "searcher")
        )
        Ingest(store, index, settings).sync(domain.documents)
        results = measure(load(DATA, given.limit), HybridRetriever(index=index), given.show)
        index.close()
    names = ("source_at_1", "source_at_8", "passage_at_1", "passage_at_8")
    print(f"{'':16}" + "".join(f"{name:>14}" for name in names))
    for way in WAYS:
        parts = {way: results[way], **{f"  {k}": v for k, v in results[way].items() if k.startswith("round")}}
        for name, one in parts.items():
            print(f"{name:16}" + "".join(f"{one[key]:>14.1%}" for key in names))
    tell(results)


if __name__ == "__main__":
    main()

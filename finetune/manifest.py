"""What is said of a dataset version: where each row is from, what was dropped and why, shares and lengths. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.domain import Domain
from core.prompts import template_hash
from finetune.dataset import EDGE, conflicts, is_refusal, personal
from finetune.rows import Dataset, Limits, Row, counted

PERCENTS = (50, 95, 100)
BINS = (25, 50, 100, 200, 400, 800, 1600, 3200)
LISTS = frozenset({"provenance", "dropped_rows", "conflicts", "personal", "histogram", "limits"})


def manifest(domain: Domain, dataset: Dataset, limits: Limits) -> dict[str, Any]:
    """The whole manifest, as JSON. `brief` makes the part of it that goes with a list of versions."""
    everything = (*dataset.rows, *dataset.pairs)
    return {
        **dataset.summary(),
        "pack": domain.name,
        "template": template_hash(),
        "authors": counted(row.author for row in everything if row.origin != "seed"),  # seeds are the pack's
        "refusal_share": share(sum(is_refusal(domain, row) for row in dataset.rows), len(dataset.rows)),
        "edge_share": share(sum(EDGE in row.tags for row in dataset.rows), len(dataset.rows)),
        "tasks_by_origin": {
            task: counted(row.origin for row in everything if row.task == task)
            for task in sorted({row.task for row in everything})
        },
        "lengths": lengths(dataset.rows),
        "histogram": histogram(dataset.rows),
        "dropped": counted(drop.reason for drop in dataset.dropped),
        "warnings": list(dataset.warnings),
        "conflicts": conflicts(dataset.rows),
        "personal": {row.example: list(kinds) for row in everything if (kinds := personal(row))},
        "limits": limits.model_dump(mode="json"),
        "provenance": [
            {"key": row.key, "example": row.example, "author": row.author, "origin": row.origin, "task": row.task}
            for row in sorted(everything, key=lambda row: row.key)
        ],
        "dropped_rows": [drop.model_dump() for drop in dataset.dropped],
    }


def brief(whole: dict[str, Any]) -> dict[str, Any]:
    """The manifest without what grows with the rows: the part that goes with a list of versions."""
    return {name: value for name, value in whole.items() if name not in LISTS}


def share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def lengths(rows: Sequence[Row]) -> dict[str, dict[str, list[int]]]:
    """By task, of query and answer: the median, the 95th percentile and the longest, in characters."""
    found: dict[str, dict[str, list[int]]] = {}
    for task in sorted({row.task for row in rows}):
        mine = [row for row in rows if row.task == task]
        found[task] = {
            "query": percentiles([len(row.query) for row in mine]),
            "answer": percentiles([len(row.answer) for row in mine]),
        }
    return found


def percentiles(values: Sequence[int]) -> list[int]:
    ranked = sorted(values)
    return [ranked[max(0, -(-len(ranked) * percent // 100) - 1)] for percent in PERCENTS]


def histogram(rows: Sequence[Row]) -> dict[str, int]:
    """Rows by the length of query and answer together, in characters."""
    edges = [0, *BINS]
    found = {f"{low}-{high}": 0 for low, high in zip(edges, BINS, strict=False)} | {f"{BINS[-1]}-": 0}
    names = list(found)
    for row in rows:
        found[names[sum(len(row.query) + len(row.answer) >= edge for edge in BINS)]] += 1
    return found

"""Queries whose task type is known: what the router learns from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from core.domain import Domain

ROUTER_CARD = "router.json"  # beside the router's adapter: what it was trained on, and how right it is
LABELLED_PER_TASK = 100  # seeds of one task are much alike; more of them weigh down the rest


@dataclass(frozen=True)
class Labelled:
    """`judged`: written to be asked, not to be trained on, so that how well it is routed counts."""

    query: str
    task: str
    judged: bool = False


def labelled(domain: Domain) -> list[Labelled]:
    """Routes, development cases, the task types' examples and a share of the seeds. Golden cases are never among them."""
    judged = [*domain.routes(), *((case.query, case.task) for case in domain.development())]
    found = [Labelled(query, task, judged=True) for query, task in dict.fromkeys(judged)]
    found += [Labelled(example, task.name) for task in domain.tasks for example in task.examples]
    seeds: dict[str, list[str]] = {}
    for example in domain.examples():
        if "refusal" not in example.tags:
            seeds.setdefault(example.task, []).append(example.query)
    for task, queries in seeds.items():
        step = max(1, len(queries) // LABELLED_PER_TASK)
        found += [Labelled(query, task) for query in queries[::step][:LABELLED_PER_TASK]]
    return found


def fingerprint(found: Sequence[Labelled]) -> str:
    return hashlib.sha256("\x00".join(f"{one.task}\x01{one.query}" for one in found).encode()).hexdigest()[:16]

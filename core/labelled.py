"""Queries whose task type is known, which the router learns from, and those whose answer is known, which search learns from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from core.domain import Domain, rows
from core.errors import DomainError

ROUTER_CARD = "router.json"  # beside the router's adapter: what it was trained on, and how right it is
SEARCHER_CARD = "searcher.json"  # beside the adapter that search uses: what it was trained on and what it finds
LABELLED_PER_TASK = 100  # seeds of one task are much alike; more of them weigh down the rest


@dataclass(frozen=True)
class Labelled:
    """`judged`: written to be asked, not to be trained on, so that how well it is routed counts."""

    query: str
    task: str
    judged: bool = False


@dataclass(frozen=True)
class Lookup:
    """A question and the words that answer it in one of `sources`; without sources no document answers it. `author` tells
    people's ways of asking apart."""

    query: str
    answer: str = ""
    sources: tuple[str, ...] = ()
    author: str = ""


def lookups(domain: Domain) -> list[Lookup]:
    """The pack's `lookups.jsonl`: what its search learns from. Raises DomainError for a row that names no such document."""
    found = []
    for where, row in rows(domain.folder / "lookups.jsonl"):
        sources = tuple(filter(None, [row.get("source"), *row.get("also", [])]))
        if not str(row.get("query", "")).strip():
            raise DomainError(f"{where}: there is no query; give one, or delete the line")
        for source in sources:
            if not (domain.documents / source).is_file():
                raise DomainError(f"{where}: {domain.documents / source} does not exist; correct `source` or `also`")
        if sources and not row.get("answer"):
            raise DomainError(f"{where}: there is no answer; copy the words that answer from {sources[0]}")
        found.append(Lookup(row["query"], row.get("answer") or "", sources, str(row.get("author", ""))))
    return found


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

"""Queries whose task type is known, which the router learns from, and those whose answer is known, which search learns from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.corrections import query_key
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
    people's ways of asking apart. `passages` and `misses`: texts of which a reviewer said that they answer it, or do not;
    what the words of an answer are is then not always known."""

    query: str
    answer: str = ""
    sources: tuple[str, ...] = ()
    author: str = ""
    passages: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()

    @property
    def judged(self) -> bool:
        return bool(self.passages or self.misses)


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


def told(domain: Domain, labels: Sequence[tuple[str, str]]) -> list[Labelled]:
    """What reviewers said of queries, (query, task) oldest first: each query once, by the last word on it. Tasks that the
    pack has not (any more) and golden queries are left out."""
    known = {task.name for task in domain.tasks}
    last = {query_key(query): Labelled(query, task) for query, task in labels if task in known}
    golden = {query_key(case.query) for case in domain.golden()} if last else set()
    return [one for key, one in last.items() if key not in golden]


def with_told(found: Sequence[Labelled], labels: Sequence[Labelled]) -> list[Labelled]:
    """Labelled queries of a pack, with the labels of reviewers in the place of those of the same query.

    Theirs do not count for how well a router does: they were given because one had erred.
    """
    keys = {query_key(one.query) for one in labels}
    return [*(one for one in found if query_key(one.query) not in keys), *labels]


def label_key(one: Labelled) -> str:
    """The same for labels that say the same of the same query; 16 hex digits."""
    return hashlib.sha256(f"{query_key(one.query)}\x00{one.task}".encode()).hexdigest()[:16]


def news(card: Mapping[str, Any], labels: Sequence[Labelled]) -> str:
    """What a router's adapter (`card`) would learn of the labels of reviewers, as a sentence; empty where nothing."""
    reviewed = card.get("reviewed") or {}
    learned, left_out = set(reviewed.get("learned", ())), set(reviewed.get("left_out", ()))
    now = {label_key(one) for one in labels}
    new, gone = len(now - learned - left_out), len(learned - now)
    parts = [f"learn {counted(new, 'new label')} of reviewers"] if new else []
    parts += [f"forget {counted(gone, 'label')} that reviewers took back or changed"] if gone else []
    return f"`trivium train-router` would {' and '.join(parts)}" if parts else ""


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def fingerprint(found: Sequence[Labelled]) -> str:
    """Of a pack's labelled queries. Labels of reviewers have no part in it: each data folder has its own."""
    return hashlib.sha256("\x00".join(f"{one.task}\x01{one.query}" for one in found).encode()).hexdigest()[:16]

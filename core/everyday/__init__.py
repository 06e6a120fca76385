"""Everyday tasks that come with Trivium: greetings, rewriting, explaining and the like, with labelled queries that the router
learns from, cases that they are measured on, and what the default base got right of these.

A pack takes them with `everyday: true`, or some by name. Plain data: `core.domain` makes task types of it.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import yaml

from core.errors import DomainError

HERE = Path(__file__).parent
EXAMPLES, CASES = HERE / "examples.jsonl", HERE / "cases.jsonl"
FOLLOW_UP = "follow_up"  # a kind of case that is no task: what it asks for shows from the conversation


@functools.cache
def tasks() -> dict[str, dict[str, Any]]:
    """The fields of each built-in task type by name, with its labelled queries as examples."""
    found = yaml.safe_load((HERE / "tasks.yaml").read_text(encoding="utf-8"))
    queries: dict[str, list[str]] = {name: [] for name in found}
    for row in lines(EXAMPLES):
        queries[row["task"]].append(row["query"])
    return {name: {"name": name, **fields, "examples": queries[name]} for name, fields in found.items()}


@functools.cache
def cases() -> tuple[dict[str, Any], ...]:
    """What the tasks are measured on: id, kind (a task, or `follow_up`), history, query and rubric of each."""
    return tuple(lines(CASES))


@functools.cache
def follow_ups() -> tuple[str, ...]:
    """Turns that carry on a conversation, from which following one is learned."""
    return tuple((HERE / "follow_ups.txt").read_text(encoding="utf-8").splitlines())


def chosen(wanted: object, own: set[str]) -> list[dict[str, Any]]:
    """The built-in tasks that a pack takes, less those that it has an own task for. `wanted` as in `everyday:`.

    Raises:
        DomainError: a name that no built-in task has, or something else than true, false or names.
    """
    known = tasks()
    if wanted is None or isinstance(wanted, bool):
        names = list(known) if wanted else []
    elif isinstance(wanted, list) and all(isinstance(name, str) for name in wanted):
        names = wanted
    else:
        raise DomainError(f"everyday: give true, false or some of {', '.join(known)}")
    if missing := [name for name in names if name not in known]:
        raise DomainError(f"everyday: there is no built-in task {missing[0]!r}; there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names) if name not in own]


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]

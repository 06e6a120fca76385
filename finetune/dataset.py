"""Examples -> a dataset version: rows in prompt-completion form. Pure.

The prompt of a row is built by the function that serves (`core.prompts.tuned_messages`); a system turn that came with
an example is never used.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from core.domain import Domain
from core.errors import DomainError
from core.prompts import tuned_messages
from core.types import Case, Example, Message, Noun

SHOWN = 3
WORD = re.compile(r"[^\W_]+")


class Row(Noun):
    """One training row: the messages that the model is shown and the one that it has to give."""

    task: str
    prompt: tuple[Message, ...]
    completion: tuple[Message, ...]
    tags: tuple[str, ...] = ()
    origin: str = "seed"

    @property
    def key(self) -> str:
        """Hash of what the model is trained on; tags and origin are left out."""
        turns = [[message.role, message.content] for message in (*self.prompt, *self.completion)]
        return hashlib.sha256(json.dumps([self.task, turns]).encode()).hexdigest()


class Dataset(Noun):
    """Rows in training order. `version` is a hash of their content alone, whatever the order or the seed."""

    version: str
    rows: tuple[Row, ...]
    duplicates: int = 0

    def summary(self) -> dict[str, object]:
        """What a model card says of the data."""
        return {
            "version": self.version,
            "rows": len(self.rows),
            "duplicates_dropped": self.duplicates,
            "tasks": dict(sorted(Counter(row.task for row in self.rows).items())),
            "tags": dict(sorted(Counter(tag for row in self.rows for tag in row.tags).items())),
            "origins": dict(sorted(Counter(row.origin for row in self.rows).items())),
        }


def build(domain: Domain, examples: Iterable[Example], seed: int, *, held_out: Iterable[Case]) -> Dataset:
    """Turn examples into training rows; exact duplicates are dropped, another answer to the same query is kept.

    Args:
        held_out: the cases that no model may be trained on (golden and development).

    Raises:
        DomainError: an example has no text, is of an unknown task type, or asks what a held-out case asks.
    """
    examples = list(examples)
    refuse_contaminated(examples, held_out)
    rows = [to_row(domain, example) for example in examples]
    unique = {row.key: row for row in reversed(rows)}
    ordered = sorted(unique, key=lambda key: hashlib.sha256(f"{seed}:{key}".encode()).digest())
    version = hashlib.sha256("\n".join(sorted(unique)).encode()).hexdigest()[:16]
    return Dataset(version=version, rows=tuple(unique[key] for key in ordered), duplicates=len(rows) - len(unique))


def to_row(domain: Domain, example: Example) -> Row:
    if not (example.query.strip() and example.answer.strip()):
        raise DomainError(f"an example of task {example.task!r} has no query or no answer; remove or complete it")
    return Row(
        task=example.task,
        prompt=tuple(tuned_messages(domain, domain.task(example.task), example.query)),
        completion=(Message(role="assistant", content=example.answer),),
        tags=example.tags,
        origin=example.origin,
    )


def refuse_contaminated(examples: list[Example], held_out: Iterable[Case]) -> None:
    """Raises DomainError if an example's query is a held-out one, whatever its case, spacing and punctuation."""
    cases = {normalized(case.query): case.id for case in held_out}
    hits = [
        f"{cases[text]} ({example.query[:60]!r})"
        for example in examples
        if (text := normalized(example.query)) in cases
    ]
    if hits:
        more = f" and {len(hits) - SHOWN} more" if len(hits) > SHOWN else ""
        raise DomainError(
            f"{len(hits)} examples ask what a held-out case asks: {', '.join(hits[:SHOWN])}{more}. "
            "Remove them from the examples: a model must not be trained on what it is measured with"
        )


def normalized(text: str) -> str:
    """The words alone: no case, no punctuation, no spacing, compatible characters made one."""
    return " ".join(WORD.findall(unicodedata.normalize("NFKC", text).casefold()))

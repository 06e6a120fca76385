"""What a dataset version is made of: rows, what was left out and why, and the limits that it was built with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Literal

from pydantic import Field, field_validator

from core.errors import TriviumError
from core.types import Example, Message, Noun

Reason = Literal[
    "not approved", "no text", "unknown task", "same answers", "control token", "personal data", "too long",
    "held out", "near held out", "held-out template", "duplicate", "near-duplicate", "account", "refusals", "balance", "limit",
]  # fmt: skip

NEARLY = 1e-6  # how far the shares of a mix may be from 1


class DatasetError(TriviumError):
    """A dataset version cannot be built, found or read; the message says why."""

    status = 422
    title = "There is no such dataset"


class Row(Noun):
    """One training row: the messages that the model is shown and the one that it has to give.

    `rejected`: the worse answer, in a row for preference training. `example`, `author` and `origin` say where it came from.
    """

    task: str
    prompt: tuple[Message, ...]
    completion: tuple[Message, ...]
    rejected: tuple[Message, ...] = ()
    tags: tuple[str, ...] = ()
    origin: str = "seed"
    example: str = ""
    author: str = ""

    @property
    def key(self) -> str:
        """Hash of what the model is trained on; tags and where it came from are left out."""
        turns = [[message.role, message.content] for message in (*self.prompt, *self.completion, *self.rejected)]
        return hashlib.sha256(json.dumps([self.task, turns]).encode()).hexdigest()

    @property
    def query(self) -> str:
        return self.prompt[-1].content

    @property
    def answer(self) -> str:
        return self.completion[-1].content

    @property
    def texts(self) -> tuple[str, ...]:
        """What people wrote of it."""
        return self.query, self.answer, *(message.content for message in self.rejected)


class Dropped(Noun):
    """An example that is not in the version: `reason` for counting, `why` for reading. `kept`: the example that stands for it,
    where it is a duplicate."""

    example: str
    task: str
    origin: str
    author: str
    reason: Reason
    why: str
    kept: str = ""


class Limits(Noun):
    """What a version may hold. Shares are 0 to 1, likeness is a cosine, lengths are in characters (`tokens` in tokens)."""

    near: float = Field(
        default=0.95, ge=0, le=1, description="likeness from which a row with the same answer is a duplicate"
    )
    held_out: float = Field(
        default=0.9, ge=0, le=1, description="likeness to a held-out case from which a row is left out"
    )
    template: float = Field(
        default=0.6, gt=0, le=1, description="share of a held-out case's n-grams from which it is its template"
    )
    account_share: float = Field(
        default=0.25, gt=0, le=1, description="of all rows, how many one account may give; 1: no bound"
    )
    account_rows: int = Field(default=50, ge=0, description="so many rows an account may always give")
    refusals: float = Field(default=0.3, ge=0, le=1, description="share of refusals; 1: no bound")
    fewest_refusals: float = Field(default=0.01, ge=0, le=1, description="a lower share gives a warning")
    fewest_edge_cases: float = Field(default=0.01, ge=0, le=1, description="a lower share gives a warning")
    balance: float = Field(default=4.0, ge=1, description="times the mean of the other tasks that one task may have")
    task_rows: int = Field(default=500, ge=1, description="so many rows a task may always have")
    characters: int = Field(default=12_000, ge=1, description="of query and answer together")
    tokens: int | None = Field(default=None, ge=1, description="of the whole row, where they can be counted")
    personal: Literal["drop", "keep"] = Field(default="drop", description="what becomes of rows with personal data")
    allowed: frozenset[str] = Field(
        default=frozenset(), description="examples whose personal data was looked at and may stay"
    )
    rows: int | None = Field(
        default=None, ge=1, description="at most so many rows, by task in proportion; smaller sets are subsets"
    )
    shares: dict[str, float] = Field(
        default={}, description="a mix: the share of each task in all rows; none: in proportion to what there is"
    )

    @field_validator("shares")
    @classmethod
    def whole(cls, shares: dict[str, float]) -> dict[str, float]:
        if shares and not (min(shares.values()) > 0 and abs(sum(shares.values()) - 1) <= NEARLY):
            raise ValueError("shares are greater than 0 and make 1 together")
        return shares


class Dataset(Noun):
    """Rows in training order. `version` is a hash of their content alone, whatever the order or the seed.

    `pairs`: rows with a rejected answer, for preference training; no row is in both.
    """

    version: str
    rows: tuple[Row, ...]
    pairs: tuple[Row, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def duplicates(self) -> int:
        return sum(drop.reason in ("duplicate", "near-duplicate") for drop in self.dropped)

    def summary(self) -> dict[str, object]:
        """What a model card says of the data."""
        return {
            "version": self.version,
            "rows": len(self.rows),
            "pairs": len(self.pairs),
            "duplicates_dropped": self.duplicates,
            "tasks": counted(row.task for row in self.rows),
            "tags": counted(tag for row in self.rows for tag in row.tags),
            "origins": counted(row.origin for row in self.rows),
        }


def counted(values: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in sorted(values):
        found[value] = found.get(value, 0) + 1
    return found


def example_id(example: Example) -> str:
    """The id of an example that has none: a hash of what it says, so that the same one is never there twice."""
    content = [example.task, example.query, example.answer, example.rejected]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def version_of(rows: Iterable[Row]) -> str:
    """Hash of the content of rows and pairs, in any order."""
    return hashlib.sha256("\n".join(sorted(row.key for row in rows)).encode()).hexdigest()[:16]


def in_order(rows: Iterable[Row], seed: int) -> tuple[Row, ...]:
    """The order of training: by chance, the same for the same rows and seed."""
    return tuple(sorted(rows, key=lambda row: hashlib.sha256(f"{seed}:{row.key}".encode()).digest()))

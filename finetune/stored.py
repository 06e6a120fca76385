"""A dataset version on disk: rows.jsonl (examples), preferences.jsonl (pairs), manifest.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from core.types import Message
from finetune.dataset import Dataset, Row
from finetune.guard import TrainingError

ROWS, PREFERENCES, MANIFEST = "rows.jsonl", "preferences.jsonl", "manifest.json"
Kind = TypeVar("Kind", bound=Row)


class Pair(Row):
    """A row whose `completion` people preferred to `rejected`."""

    rejected: tuple[Message, ...]


class Stored(Dataset):
    """A dataset with its preferences."""

    pairs: tuple[Pair, ...] = ()

    def summary(self) -> dict[str, object]:
        return {**super().summary(), "pairs": len(self.pairs)}


def read_rows(folder: Path) -> Stored:
    """Read a version that was built.

    Raises:
        TrainingError: no such version, or a line that is no row; names file and line.
    """
    if not (folder / ROWS).is_file() and not (folder / PREFERENCES).is_file():
        raise TrainingError(f"there is no dataset version {folder.name}: build one, or name one that is there")
    rows, pairs = _read(folder / ROWS, Row), _read(folder / PREFERENCES, Pair)
    return Stored(version=folder.name, rows=tuple(rows), pairs=tuple(pairs))


def write_rows(folder: Path, rows: Sequence[Row], pairs: Sequence[Pair] = (), **manifest: Any) -> None:
    """Write a version as `read_rows` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in ((ROWS, rows), (PREFERENCES, pairs)):
        (folder / name).write_text("".join(row.model_dump_json() + "\n" for row in kind), encoding="utf-8")
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _read(file: Path, kind: type[Kind]) -> list[Kind]:
    rows: list[Kind] = []
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(kind.model_validate_json(line))
        except ValidationError as error:
            fault = error.errors()[0]
            field = ".".join(str(step) for step in fault["loc"])
            raise TrainingError(f"{file.name}:{number}: {field}: {fault['msg']}; build the dataset again") from None
    return rows

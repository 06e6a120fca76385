"""Dataset versions as they are listed: files in a data folder (`finetune.version_files`), and a row for each in the store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.errors import NotFound
from core.store import Store
from core.tables import DatasetRow
from core.types import Message, Noun, now
from finetune.manifest import brief
from finetune.rows import Dataset, DatasetError, counted
from finetune.version_files import CARD, MANIFEST, PAIRS, ROWS, is_whole, load, read_manifest, write

__all__ = [
    "CARD",
    "MANIFEST",
    "PAIRS",
    "ROWS",
    "Comparison",
    "DatasetVersion",
    "Datasets",
    "compare",
    "exported",
    "load",
    "write",
]

SHORTEST = 4


class DatasetVersion(Noun):
    version: str
    rows: int
    manifest: dict[str, Any]
    created_at: datetime


class Comparison(Noun):
    """Rows (and pairs) that one version has alone or both have, by what they say. `template_changed`: the same rows are
    shown to the model in another form."""

    only_a: int
    only_b: int
    both: int
    tasks: dict[str, dict[str, int]]
    template_changed: bool = False


class Datasets:
    """The versions in a data folder, listed in the store."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder

    def save(self, dataset: Dataset, manifest: dict[str, Any]) -> DatasetVersion:
        """Write a version. One that is there already stays as it is: the same content is the same version. One whose files
        were lost or changed is written anew.

        Raises:
            DatasetError: there are no rows; the message says what became of the examples.
        """
        if not (dataset.rows or dataset.pairs):
            raise DatasetError(f"there is nothing to train on: {reasons(dataset)}")
        if not is_whole(self.folder, dataset.version):
            shutil.rmtree(self.folder / dataset.version, ignore_errors=True)
            write(self.folder, dataset, manifest)
        with self.store.session() as session:
            if session.get(DatasetRow, dataset.version) is None:
                rows = len(dataset.rows) + len(dataset.pairs)
                session.add(DatasetRow(version=dataset.version, rows=rows, manifest=brief(manifest), created_at=now()))
        return self.get(dataset.version)

    def get(self, version: str) -> DatasetVersion:
        """A version, by its name or the beginning of it. Raises NotFound."""
        wanted = select(DatasetRow).where(DatasetRow.version.startswith(version, autoescape=True))
        with self.store.session() as session:
            found = session.scalars(wanted).all() if len(version) >= SHORTEST else []
            if len(found) != 1:
                several = "several versions begin" if found else "no version begins"
                raise NotFound(f"{several} with {version!r}; `trivium dataset list` names those that there are")
            return told(found[0])

    def list(self) -> list[DatasetVersion]:
        """The newest first."""
        with self.store.session() as session:
            newest = select(DatasetRow).order_by(DatasetRow.created_at.desc(), DatasetRow.version)
            return [told(row) for row in session.scalars(newest)]

    def load(self, version: str, seed: int = 0) -> Dataset:
        """Raises NotFound, DatasetError."""
        return load(self.folder, self.get(version).version, seed)

    def manifest(self, version: str) -> dict[str, Any]:
        """The whole manifest. Raises NotFound, DatasetError."""
        return read_manifest(self.folder / self.get(version).version)

    def card(self, version: str) -> str:
        file = self.folder / self.get(version).version / CARD
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    def plots(self, version: str) -> dict[str, str]:
        """File name -> SVG."""
        files = sorted((self.folder / self.get(version).version).glob("*.svg"))
        return {file.name: file.read_text(encoding="utf-8") for file in files}

    def compare(self, a: str, b: str) -> Comparison:
        """Raises NotFound, DatasetError."""
        one, other = self.load(a), self.load(b)
        changed = self.manifest(a)["template"] != self.manifest(b)["template"]
        return compare(one, other).model_copy(update={"template_changed": changed})

    def of_author(self, author: str) -> dict[str, int]:
        """Versions that hold rows of an account, and how many. What was trained on them learned from it."""
        found = {each.version: each.manifest.get("authors", {}).get(author, 0) for each in self.list()}
        return {version: count for version, count in found.items() if count}

    def remove(self, version: str) -> None:
        """Delete a version for good, as where a person wants their rows gone. Raises NotFound."""
        version = self.get(version).version
        with self.store.session() as session:
            session.delete(session.get(DatasetRow, version))
        if (self.folder / version).is_dir():
            shutil.rmtree(self.folder / version)


def told(row: DatasetRow) -> DatasetVersion:
    return DatasetVersion(version=row.version, rows=row.rows, manifest=row.manifest, created_at=row.created_at)


def reasons(dataset: Dataset) -> str:
    left = ", ".join(f"{count} {reason}" for reason, count in counted(drop.reason for drop in dataset.dropped).items())
    return (
        f"every example was left out ({left})" if left else "no example is approved; `trivium examples list` shows all"
    )


def compare(a: Dataset, b: Dataset) -> Comparison:
    one, other = ({(row.task, *row.texts) for row in (*each.rows, *each.pairs)} for each in (a, b))
    tasks = {
        task: {
            "only_a": sum(row[0] == task for row in one - other),
            "only_b": sum(row[0] == task for row in other - one),
            "both": sum(row[0] == task for row in one & other),
        }
        for task in sorted({row[0] for row in one | other})
    }
    return Comparison(only_a=len(one - other), only_b=len(other - one), both=len(one & other), tasks=tasks)


def exported(dataset: Dataset) -> Iterator[str]:
    """Lines of JSON in the chat form that trainers read (and `trivium examples import`): rows, then preference pairs."""
    for row in sorted((*dataset.rows, *dataset.pairs), key=lambda row: (bool(row.rejected), row.key)):
        about = {"task": row.task, "tags": list(row.tags), "origin": row.origin}
        if row.rejected:
            turns = {"prompt": said(row.prompt), "chosen": said(row.completion), "rejected": said(row.rejected)}
        else:
            turns = {"messages": said((*row.prompt, *row.completion))}
        line = json.dumps({**turns, **about}, ensure_ascii=False)
        # Signs that some readers take for the end of a line.
        yield line.translate({sign: f"\\u{sign:04x}" for sign in (0x85, 0x2028, 0x2029)})


def said(messages: Iterable[Message]) -> list[dict[str, str]]:
    return [message.model_dump() for message in messages]

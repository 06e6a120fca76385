"""Dataset versions on disk: a folder for each, written once, whole or not at all, and read again with its hash checked.

datasets/<version>/rows.jsonl preferences.jsonl manifest.json README.md tasks.svg ...
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select

from core.errors import NotFound
from core.store import Store
from core.tables import DatasetRow
from core.types import Message, Noun, now
from finetune.dataset_card import card, plots
from finetune.manifest import brief
from finetune.rows import Dataset, DatasetError, Dropped, Row, counted, in_order, version_of

ROWS, PAIRS, MANIFEST, CARD = "rows.jsonl", "preferences.jsonl", "manifest.json", "README.md"
VERSION = re.compile(r"[0-9a-f]{16}")
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


def write(folder: Path, dataset: Dataset, manifest: dict[str, Any]) -> None:
    """Write beside the place and move there, read-only: what is found under a version's name is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{dataset.version}.", dir=folder))
    try:
        write_lines(staged / ROWS, (row.model_dump() for row in sorted(dataset.rows, key=lambda row: row.key)))
        write_lines(staged / PAIRS, (row.model_dump() for row in sorted(dataset.pairs, key=lambda row: row.key)))
        (staged / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        for name, text in {CARD: card(manifest), **plots(manifest)}.items():
            (staged / name).write_text(text, encoding="utf-8")
        for file in staged.iterdir():
            file.chmod(0o444)
        staged.chmod(0o755)
        try:
            staged.rename(folder / dataset.version)
        except OSError:
            # Another process wrote the same version meanwhile; the same name is the same content.
            if not (folder / dataset.version).is_dir():
                raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def write_lines(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def load(folder: Path, version: str, seed: int = 0) -> Dataset:
    """A version from the folder that versions lie in (`datasets` of the data folder), rows in the order of `seed`.

    Raises:
        DatasetError: it is not there, or was changed after it was built.
    """
    place = folder / version
    if not VERSION.fullmatch(version) or not place.is_dir():
        raise DatasetError(
            f"there is no dataset version {version!r} in {folder}; build it again with `trivium dataset build`"
        )
    rows, pairs, manifest = read_rows(place / ROWS), read_rows(place / PAIRS), read_manifest(place)
    if version_of((*rows, *pairs)) != version:
        raise DatasetError(f"{place} was changed after it was built: build the version again")
    return Dataset(
        version=version,
        rows=in_order(rows, seed),
        pairs=in_order(pairs, seed),
        dropped=tuple(Dropped.model_validate(drop) for drop in manifest["dropped_rows"]),
        warnings=tuple(manifest["warnings"]),
    )


def is_whole(folder: Path, version: str) -> bool:
    """Whether a version lies there as it was built."""
    try:
        load(folder, version)
    except DatasetError:
        return False
    return True


def read_rows(file: Path) -> list[Row]:
    try:
        return [Row.model_validate_json(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValidationError) as error:
        raise DatasetError(f"{file} cannot be read ({type(error).__name__}): build the version again") from None


def read_manifest(place: Path) -> dict[str, Any]:
    try:
        found = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        if not isinstance(found, dict) or {"dropped_rows", "warnings", "template", "provenance"} - set(found):
            raise ValueError("it is no manifest")
        return found
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{place / MANIFEST} cannot be read ({type(error).__name__}): build the version again"
        ) from None


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

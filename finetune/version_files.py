"""Dataset versions on disk: a folder for each, written once, whole or not at all, and read again with its hash checked.

datasets/<version>/rows.jsonl preferences.jsonl manifest.json README.md tasks.svg ...

No database is needed: a version can be carried to another machine and trained on there.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from finetune.dataset_card import card, plots
from finetune.rows import Dataset, DatasetError, Dropped, Row, in_order, version_of

ROWS, PAIRS, MANIFEST, CARD = "rows.jsonl", "preferences.jsonl", "manifest.json", "README.md"
VERSION = re.compile(r"[0-9a-f]{16}")


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

"""Adapters on disk: a folder with adapter_config.json, adapter_model.safetensors and card.json."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.errors import AdapterMismatch
from core.prompts import template_hash
from core.types import Adapter

log = logging.getLogger(__name__)

CARD = "card.json"
CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


def find_adapters(places: Iterable[Path]) -> list[Adapter]:
    """All readable adapters, by name; of two with one name the later place's counts. Unreadable ones are logged."""
    found: dict[str, Adapter] = {}
    for folder in _folders(places):
        try:
            found[folder.name] = read_adapter(folder)
        except AdapterMismatch as error:
            log.warning("%s", error)
    return [found[name] for name in sorted(found)]


def find_adapter(places: Iterable[Path], name: str) -> Adapter | None:
    """The adapter of that name, None if there is no such folder.

    Raises:
        AdapterMismatch: the folder is there, but incomplete or unreadable.
    """
    # Folders are listed, never joined with the name: it comes from outside and may be "../x".
    folders = [folder for folder in _folders(places) if folder.name == name]
    return read_adapter(folders[-1]) if folders else None


def resolved_name(places: Iterable[Path], name: str) -> str:
    """The name that an adapter goes by for good: what a link of the registry (`desk` -> `desk-1a2b3c4d`) points to now.

    An answer asks for it once, at its beginning, and so ends on the adapter that it began with.
    """
    folders = [folder for folder in _folders(places) if folder.name == name]
    if not folders or not folders[-1].is_symlink():
        return name
    target = folders[-1].resolve()
    return target.name if target.parent == folders[-1].parent.resolve() else name


def _folders(places: Iterable[Path]) -> list[Path]:
    return [folder for place in places if place.is_dir() for folder in sorted(place.iterdir()) if _has_card(folder)]


def _has_card(folder: Path) -> bool:
    return not folder.name.startswith(".") and (folder / CARD).is_file()


def read_adapter(folder: Path) -> Adapter:
    """Read a card; the weights are only looked for here and checked when they are loaded.

    A link is followed once, so that all that is read belongs to one adapter, and `path` stays with it.

    Raises:
        AdapterMismatch: a file is missing, or the card is no JSON or lacks a fingerprint.
    """
    named, folder = folder.name, folder.resolve()
    missing = [name for name in (CARD, CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise AdapterMismatch(f"Adapter {folder} lacks {', '.join(missing)}; pickled weights are not loaded")
    card = _json(folder / CARD)
    lacking = [key for key in ("base_fingerprint", "sha256") if not isinstance(card.get(key), str)]
    if lacking:
        raise AdapterMismatch(f"{folder / CARD} lacks {', '.join(lacking)}; train or register the adapter again")
    return Adapter(
        name=named,
        path=str(folder),
        base=str(card.get("base", "")),
        base_fingerprint=card["base_fingerprint"],
        sha256=card["sha256"],
        card=card,
    )


def check_adapter(adapter: Adapter, fingerprint: str) -> None:
    """Check an adapter against the base that is to carry it and against its own card.

    Raises:
        AdapterMismatch: another base, changed weights, or not LoRA.
    """
    if adapter.base_fingerprint != fingerprint:
        raise AdapterMismatch(
            f"Adapter {adapter.name} was trained for base {adapter.base or 'model'} {adapter.base_fingerprint[:12]}, "
            f"and this base is {fingerprint[:12]}: set TRIVIUM_BASE_MODEL to its base, or train it again for this one"
        )
    folder = Path(adapter.path)
    if file_sha256(folder / WEIGHTS) != adapter.sha256:
        raise AdapterMismatch(
            f"{folder / WEIGHTS} is not the file that its card describes (sha256 differs): "
            "restore it, or train the adapter again"
        )
    kind = _json(folder / CONFIG).get("peft_type")
    if kind != "LORA":
        raise AdapterMismatch(f"Adapter {adapter.name} is of kind {kind}; only LORA adapters are loaded")
    if adapter.card.get("template_hash") not in (None, template_hash()):
        log.warning("Adapter %s was trained with another prompt template; its answers may be worse", adapter.name)


def file_sha256(path: Path) -> str:
    """sha256 of a file, as cards hold it.

    Raises:
        AdapterMismatch: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AdapterMismatch(f"{path} cannot be read: {error}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AdapterMismatch(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise AdapterMismatch(f"{path} holds no JSON object")
    return content

"""The base model as a folder of safetensors. A GGUF of the catalogue is converted once and kept in the data folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import json
import logging
import os
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from safetensors import SafetensorError

from core.errors import ModelError
from core.llm.catalogue import Base, Hub, catalogue
from core.llm.gguf_weights import write_folder
from core.llm.sources import Weights, fetched, found_here
from core.settings import Settings

log = logging.getLogger(__name__)

CONVERSION = 2  # raise it when `gguf_weights` writes other files, so that old folders are not taken for new ones
MARK = "trivium.json"
STALE_AFTER = 3600  # seconds
WANTED_FROM_HUB = ["*.safetensors", "*.json", "*.jinja", "tokenizer*", "*.model", "merges.txt", "vocab*"]

Progress = Callable[[str], None]


def base_folder(settings: Settings, progress: Progress | None = None) -> Path:
    """Where the base model lies, converting or fetching it first if need be (once; `progress` gets sentences).

    Raises:
        ModelError: no such folder, no source of the catalogue serves, a hub id while hubs are forbidden, or no room.
    """
    say = progress or log.info
    if settings.base_model in catalogue():
        return _from_catalogue(catalogue()[settings.base_model], settings, say)
    folder = Path(settings.base_model).expanduser()
    if not folder.is_dir():
        folder = _from_hub(settings, say)
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"{folder} holds no *.safetensors: Trivium loads no pickled weights; convert the model first")
    return folder


def base_fingerprint(folder: Path) -> str:
    """sha256 over names, types, shapes and bytes of all weights; of a converted base it was computed at conversion.

    Taken over the tensors and not over the file, so that a header written by another version does not change it.

    Raises:
        ModelError: the folder holds no readable safetensors.
    """
    mark = folder / MARK
    if mark.is_file():
        return str(json.loads(mark.read_text(encoding="utf-8"))["fingerprint"])
    return weights_fingerprint(folder)


def weights_fingerprint(folder: Path) -> str:
    """The fingerprint of the weights as they lie there now, whatever was noted at conversion. Raises ModelError."""
    stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in _weight_files(folder))
    return _fingerprint(stamps)


@functools.lru_cache(maxsize=8)
def _fingerprint(stamps: tuple[tuple[str, int, int], ...]) -> str:
    """`stamps` carry size and time as well as the path, so that a changed file is not answered from the cache."""
    digest = hashlib.sha256()
    for path, _, _ in stamps:
        with open(path, "rb") as file:
            _add_tensors(digest, file)
    return digest.hexdigest()


def _weight_files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"{folder} holds no *.safetensors")
    return files


def _add_tensors(digest: Any, file: BinaryIO) -> None:
    """Read the format itself (length, JSON header, bytes): no framework is needed to hash it."""
    length = struct.unpack("<Q", file.read(8))[0]
    header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    for name in sorted(header):
        tensor = header[name]
        begin, end = tensor["data_offsets"]
        digest.update(f"{name} {tensor['dtype']} {tensor['shape']}\n".encode())
        file.seek(8 + length + begin)
        for at in range(begin, end, 1 << 22):
            digest.update(file.read(min(1 << 22, end - at)))


def _from_catalogue(base: Base, settings: Settings, say: Progress) -> Path:
    models = settings.data_dir / "models"
    place = models / f".fetching-{base.sha256[:12]}"
    here, missed = found_here(base, settings, say)
    folder = _converted(base, settings, here)
    try:
        if not _done(folder) or place.exists():
            with _alone(models, base, say):
                if not _done(folder):
                    weights = here or fetched(base, settings, place, say, missed)
                    _convert(weights, base, folder, say)
                # The converted folder is what is used from now on. Who deletes that gets the file fetched again.
                shutil.rmtree(place, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise _unwritable(models, base, error) from error
    return folder


def _converted(base: Base, settings: Settings, here: Weights | None) -> Path:
    """Where the converted weights lie or will lie: name and hash of the file together say which base it is."""
    sha256 = here.sha256 if here else base.sha256
    return settings.data_dir / "models" / f"{base.name}-{sha256[:12]}-v{CONVERSION}"


def _done(folder: Path) -> bool:
    return (folder / MARK).is_file()


def _unwritable(models: Path, base: Base, error: Exception) -> ModelError:
    # safetensors has an error of its own, in which the system's number stands as text.
    full = getattr(error, "errno", None) == errno.ENOSPC or f"os error {errno.ENOSPC})" in str(error)
    why = "the disk is full" if full else str(error)
    return ModelError(
        f"The base model {base.name} cannot be kept in {models}: {why}. It takes about {4 * base.bytes / 1e9:.1f} GB while "
        "it is fetched and converted: free some space, make the folder writable, or set TRIVIUM_DATA_DIR to another"
    )


@contextlib.contextmanager
def _alone(models: Path, base: Base, say: Progress) -> Iterator[None]:
    """One thread of one process fetches and converts; the others wait for it. A kill frees the lock."""
    models.mkdir(parents=True, exist_ok=True)
    with (models / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another process prepares a base model; {base.name} waits for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:  # a file system without locks: renames alone must do
            log.debug("no lock in %s", models)
        yield


def _convert(weights: Weights, base: Base, folder: Path, say: Progress) -> None:
    """Write beside the goal, then rename: a kill in the middle leaves a folder that is never looked at."""
    say(f"Converting {base.title} to safetensors; this happens once")
    remove_stale(folder.parent)
    building = Path(tempfile.mkdtemp(prefix=".converting-", dir=folder.parent))
    # That the model has one matrix where the file has two is known of the catalogue's file only.
    tied = base.tied and weights.sha256 == base.sha256
    try:
        write_folder(weights.file, building, tied, _fifths(f"Converting {base.title}", say))
        mark = {"source": weights.file.name, "sha256": weights.sha256, "fingerprint": base_fingerprint(building)}
        (building / MARK).write_text(json.dumps(mark), encoding="utf-8")
        _sync(building)
        building.chmod(0o755)
        try:
            building.rename(folder)
        except OSError:
            if not _done(folder):  # otherwise another process was first, and its folder is as good
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    say(f"Converted {base.title}")


def _fifths(what: str, say: Progress) -> Callable[[float], None]:
    """Turns shares from 0 to 1 into a sentence at every fifth."""
    told = 0

    def progress(share: float) -> None:
        nonlocal told
        if int(share * 5) > told and share < 1:
            told = int(share * 5)
            say(f"{what}: {told * 20}%")

    return progress


def remove_stale(models: Path) -> None:
    """Remove what conversions that were killed left behind."""
    for left in models.glob(".converting-*"):
        if time.time() - left.stat().st_mtime > STALE_AFTER:
            shutil.rmtree(left, ignore_errors=True)


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def at_hand(settings: Settings) -> bool:
    """Whether the base can be had without a network: a folder, a package, a file of the user's, or converted before."""
    base = catalogue().get(settings.base_model)
    if base is None:
        return Path(settings.base_model).expanduser().is_dir()
    if not any(isinstance(source, Hub) for source in base.sources):
        return True
    own = settings.models_dir is not None and (settings.models_dir / base.file).is_file()
    return own or _done(_converted(base, settings, None))


def described(settings: Settings) -> str:
    """The base in one line: its name and license, the hash of its file, and where it is or comes from."""
    base = catalogue().get(settings.base_model)
    if base is None:
        return settings.base_model
    said: list[str] = []
    here, _ = found_here(base, settings, said.append)
    folder = _converted(base, settings, here)
    titles = " or ".join(source.title for source in base.sources)
    place = f"converted in {folder}" if _done(folder) else f"in {here.file}" if here else f"not here yet, from {titles}"
    sha256 = f"sha256 {(here.sha256 if here else base.sha256)[:12]}{', not the catalogue file' if said else ''}"
    return f"{base.name} ({base.title}, {base.license}, {base.format}, {sha256}), {place}"


def _from_hub(settings: Settings, say: Progress) -> Path:
    name = settings.base_model
    if name.startswith((".", "/", "~")) or "/" not in name:
        raise ModelError(
            f"TRIVIUM_BASE_MODEL={name} is no folder; give {', '.join(catalogue())}, a folder, or a Hugging Face id"
        )
    if settings.offline:
        raise ModelError(
            f"TRIVIUM_BASE_MODEL={name} is a Hugging Face id, and hubs are forbidden: "
            "give a folder, or set TRIVIUM_OFFLINE=false to allow the download"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    say(f"Fetching {name} from Hugging Face")
    try:
        return Path(snapshot_download(name, allow_patterns=WANTED_FROM_HUB))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(f"{name} could not be fetched from Hugging Face: {error}") from error


def _main() -> int:
    """Fetch and convert the base that the settings name, and say where it lies."""
    from core.errors import TriviumError
    from core.settings import load_settings

    try:
        print(base_folder(load_settings(), lambda line: print(line, file=sys.stderr, flush=True)))
    except TriviumError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())

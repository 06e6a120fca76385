"""Room on the disk: looked for before anything is kept, and said in a sentence where it ran out all the same."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import DiskFull

NOTHING = 4 << 20  # bytes; less is of no use to a database
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SAYS_FULL = ("disk is full", "disk full", "no space left", "disk i/o error", "file too large", "quota exceeded")


def require_room(folder: Path, megabytes: int) -> None:
    """Raises DiskFull where a folder has less free space. A database that runs into the end of the disk stays whole, but
    neither it nor its log can grow to say so. A folder that is yet to be made has the room of the one that it will lie in."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free >> 20
    if free < megabytes:
        raise DiskFull(full_sentence(folder, f"{free} MB are free, {megabytes} MB are wanted (TRIVIUM_MIN_FREE_MB)"))


def full_sentence(folder: Path, why: str) -> str:
    return f"{folder}: {why}. Free some space, then try again: what was indexed is kept, the rest waits"


@contextmanager
def room_in(folder: Path) -> Iterator[None]:
    """Raises DiskFull for what database, index or files say where the disk, a quota or the size of a file is at its end."""
    from chromadb.errors import ChromaError
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (OSError, DBAPIError, ChromaError) as error:
        # The index says of a full disk only that something failed.
        if not (is_full(error) or nothing_free(folder)):
            raise
        raise DiskFull(
            full_sentence(folder, "the disk takes no more: it is full, over its quota, or failing")
        ) from error


def nothing_free(folder: Path) -> bool:
    return folder.is_dir() and shutil.disk_usage(folder).free < NOTHING


def is_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return any(said in str(error).lower() for said in SAYS_FULL)

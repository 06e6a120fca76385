"""Room on the disk: looked for before anything is kept, and said in a sentence where it ran out all the same."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import DiskFull

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SAYS_FULL = ("disk is full", "disk full", "no space left", "disk i/o error", "file too large", "quota exceeded")


def require_room(folder: Path, megabytes: int) -> None:
    """Raises DiskFull where a folder has less free space. A database that runs into the end of the disk stays whole, but
    neither it nor its log can grow to say so."""
    free = shutil.disk_usage(folder).free >> 20
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
        if not is_full(error):
            raise
        raise DiskFull(full_sentence(folder, "there is no room left on the disk")) from error


def is_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return any(said in str(error).lower() for said in SAYS_FULL)

"""Files that are handed over: kept in the data folder, whole or not at all, under the source that they are cited by."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO

from app.bootstrap import Service
from core.errors import DocumentError
from core.settings import Settings

COPY_BYTES = 1 << 20
MAX_NAME_BYTES = 200
MAX_DEPTH = 12
FOLDER = "documents"
PARTIAL = ".partial"


def keep(service: Service, wanted: str, file: IO[bytes]) -> str:
    """Keep a file as `wanted` ("a.pdf" or "contracts/a.pdf"), in the place of what bore that name. Returns its source.

    Raises:
        DocumentError: it cannot be taken; says what to do.
        DiskFull: there is no room.
    """
    from retrieval.disk import require_room, room_in

    source, settings = source_of(wanted), service.settings
    if (service.domain.documents / source).exists():
        raise DocumentError(f"{source}: the pack has a document of that name already; rename yours and add it again")
    folder = settings.data_dir / FOLDER
    require_room(settings.data_dir, service.ingest.min_free_mb)
    with room_in(folder):
        (folder / source).parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=PARTIAL, delete=False) as target:
            partial = Path(target.name)
            try:
                shutil.copyfileobj(file, target, COPY_BYTES)
                target.flush()
                os.fsync(target.fileno())
                fits(source, partial.stat().st_size, settings)
                partial.replace(folder / source)
            finally:
                partial.unlink(missing_ok=True)
    return source


def fits(source: str, size: int, settings: Settings) -> None:
    """Raises DocumentError."""
    limit = settings.max_upload_mb << 20
    if size == 0:
        raise DocumentError(f"{source}: the file is empty")
    if size > limit:
        raise DocumentError(f"{source}: {size >> 20} MB is over the limit of {limit >> 20} MB (TRIVIUM_MAX_UPLOAD_MB)")


def source_of(wanted: str) -> str:
    """The source that an upload gets. Raises DocumentError."""
    from retrieval.formats import SUFFIXES

    path = PurePosixPath(wanted)
    if not path.name or any(part.startswith(".") for part in path.parts):
        raise DocumentError("the file has no name; give it one with an ending such as .md or .pdf")
    if path.is_absolute() or len(path.parts) > MAX_DEPTH:
        raise DocumentError(f"{wanted}: give the path of the file inside its folder, such as contracts/a.pdf")
    if any(len(part.encode()) > MAX_NAME_BYTES for part in path.parts):
        raise DocumentError(f"the file's name is longer than {MAX_NAME_BYTES} bytes; shorten it")
    if path.suffix.lower() not in SUFFIXES:
        raise DocumentError(f"{path}: this kind of file is not read; take one of {', '.join(sorted(SUFFIXES))}")
    return str(path)


def clear_partials(settings: Settings) -> None:
    """Remove what uploads that were cut off by a kill left behind; before any other is under way."""
    for partial in (settings.data_dir / FOLDER).glob(f".*{PARTIAL}"):
        partial.unlink(missing_ok=True)

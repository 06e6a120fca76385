"""Which folders may be kept in step, and what that begins."""

from __future__ import annotations

import os
from pathlib import Path

from app.bootstrap import Service
from core.errors import DocumentError
from core.folders import Folder
from core.settings import Settings, is_loopback


def keep_in_step(service: Service, path: Path) -> Folder:
    """Put a folder on the list; a job then reads it.

    Raises:
        DocumentError: no folder, not allowed, or one that holds or lies in another that is read already.
    """
    folder = path.expanduser()
    if not folder.is_absolute():
        raise DocumentError(f"{path}: give the whole path of the folder, from / on")
    try:
        folder = folder.resolve()
    except (OSError, RuntimeError) as error:
        raise DocumentError(f"{folder}: the link leads round in a circle; name the folder itself") from error
    if not allowed(folder, service.settings):
        raise DocumentError(
            f"{folder}: only folders under TRIVIUM_FOLDER_ROOTS are kept in step here; ask whoever runs this server to add one"
        )
    if not folder.is_dir():
        raise DocumentError(f"{folder}: there is no such folder on the machine that runs Trivium")
    folders = service.ingest.folders
    others = [service.settings.data_dir, service.domain.documents.resolve()]
    others += [Path(one.path) for one in folders.all() if one.path != str(folder)]
    for other in others:
        if folder.is_relative_to(other) or other.is_relative_to(folder):
            raise DocumentError(f"{folder}: it holds, or lies in, {other}, which is read already; choose another")
    taken = {row.source.split("/", 1)[0] for row in service.store.documents() if row.origin in ("pack", "upload")}
    return folders.add(folder, sorted(taken))


def allowed(folder: Path, settings: Settings) -> bool:
    """Whoever may ask from another machine must not have any folder of this one read to them."""
    roots = [Path(root).expanduser().resolve() for root in settings.folder_roots.split(os.pathsep) if root]
    if not roots:
        return is_loopback(settings.host)
    return any(folder.is_relative_to(root) for root in roots)

"""The data folder belongs to one process at a time: an embedded Chroma opened by two hangs or is corrupted."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from pathlib import Path

from core.errors import DataFolderInUse

FILE = "trivium.lock"
_guard = threading.Lock()
_held: dict[Path, tuple[int, int]] = {}


class DataLock:
    """A hold on a data folder, until `close` or the end of a `with`."""

    def __init__(self, path: Path) -> None:
        self._path: Path | None = path

    def close(self) -> None:
        if self._path is None:
            return
        with _guard:
            handle, count = _held.pop(self._path)
            if count > 1:
                _held[self._path] = (handle, count - 1)
            else:
                os.close(handle)
        self._path = None

    def __enter__(self) -> DataLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def lock_data_dir(data_dir: Path) -> DataLock:
    """Hold the data folder. The same process may do so again; the kernel lets go when the process dies, however it dies.

    Raises:
        DataFolderInUse: another process holds it; the message names that process.
    """
    path = data_dir.resolve()
    with _guard:
        handle, count = _held.get(path, (-1, 0))
        _held[path] = (handle if count else _open(path), count + 1)
    return DataLock(path)


def _open(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(handle, 400).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise DataFolderInUse(
            f"{folder} is in use by process {owner}; stop it, use its HTTP API, or set TRIVIUM_DATA_DIR to another folder"
        ) from None
    os.ftruncate(handle, 0)
    command = " ".join([Path(sys.argv[0] or "python").name, *sys.argv[1:]])[:200]
    os.pwrite(handle, f"{os.getpid()} ({command})".encode(), 0)
    return handle

"""Where trained adapters lie: a folder for each id, and a link for each name that serves one of them.

Every change is one rename, so that a reader sees the old state or the new one, and a kill leaves one of the two.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from core.errors import AdapterMismatch
from core.llm.adapters import CARD, read_adapter
from core.types import Adapter

RETIRED = ".retired"
TAKING = ".taking-"
LINKING = ".linking-"


SHORT = 8  # signs of the hash that an id shows
PICKLED = {".bin", ".pt", ".pth", ".pkl", ".ckpt"}


def own_id(name: str, sha256: str) -> str:
    return f"{name}-{sha256[:SHORT]}"


class Folders:
    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, id: str) -> bool:
        return (self.root / id / CARD).is_file()

    def ids(self) -> set[str]:
        """Folders of adapters that are no links."""
        if not self.root.is_dir():
            return set()
        return {
            path.name for path in self.root.iterdir() if visible(path) and not path.is_symlink() and self.has(path.name)
        }

    def links(self) -> set[str]:
        """Names that are linked into this folder; links elsewhere are somebody else's."""
        if not self.root.is_dir():
            return set()
        return {path.name for path in self.root.iterdir() if visible(path) and self.linked(path.name)}

    def linked(self, name: str) -> str | None:
        """The id that a name serves, though its folder may be gone; None where there is no link."""
        path = self.root / name
        if not path.is_symlink():
            return None
        target = Path(os.readlink(path))
        return target.name if target.parent in (Path(), self.root) else None

    def read(self, id: str) -> Adapter:
        """Raises AdapterMismatch."""
        if not self.has(id):
            raise AdapterMismatch(f"the folder {self.root / id} is gone: restore it, or retire {id}")
        return read_adapter(self.root / id)

    def plain(self, name: str) -> Adapter | None:
        """An adapter that lies under the served name itself, as a folder."""
        path = self.root / name
        return read_adapter(path) if not path.is_symlink() and (path / CARD).is_file() else None

    def take_in(self, source: Path, id: str) -> None:
        """Copy an adapter's files to their place, whole or not at all. The source stays: whoever trained it may be killed
        after this and will hand it in again. Weights are linked where they can be, so that this costs no room."""
        target = self.root / id
        if target.exists():
            return
        self.root.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=TAKING, dir=self.root))
        for file in sorted(source.resolve().iterdir()):
            if file.is_file() and file.suffix not in PICKLED:
                copy(file, beside / file.name)
        beside.chmod(0o755)
        sync(beside)
        beside.rename(target)
        sync_folder(self.root)

    def link(self, name: str, id: str | None) -> None:
        """Let a name serve an id, or nothing. A plain folder of that name makes room: it goes to the place of its own id."""
        path = self.root / name
        if id is None:
            if path.is_symlink():
                path.unlink()
                sync_folder(self.root)
            return
        if not path.is_symlink() and path.is_dir():
            self._make_room(path)
        beside = self.root / f"{LINKING}{name}"
        beside.unlink(missing_ok=True)
        beside.symlink_to(id)
        beside.replace(path)
        sync_folder(self.root)

    def _make_room(self, path: Path) -> None:
        own = own_id(path.name, read_adapter(path).sha256)
        target = self.root / own
        if target.exists():
            target = self.root / RETIRED / f"{own}-again"
            target.parent.mkdir(exist_ok=True)
            shutil.rmtree(target, ignore_errors=True)
        path.rename(target)

    def put_away(self, id: str) -> None:
        """Move the folder of a retired adapter where serving does not look."""
        source, target = self.root / id, self.root / RETIRED / id
        if source.is_symlink() or not source.is_dir():
            return
        target.parent.mkdir(exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        source.rename(target)

    def clear(self) -> None:
        """Remove what a kill left of a copy or of a link that was being made."""
        if not self.root.is_dir():
            return
        for path in self.root.iterdir():
            if path.name.startswith(TAKING):
                shutil.rmtree(path, ignore_errors=True)
            if path.name.startswith(LINKING):
                path.unlink(missing_ok=True)


def visible(path: Path) -> bool:
    return not path.name.startswith(".")


def copy(file: Path, target: Path) -> None:
    """Weights are never written to again, so one copy on disk is enough; all else may be."""
    if file.suffix == ".safetensors":
        try:
            os.link(file, target)
            return
        except OSError:  # another disk, or a file system without links
            pass
    shutil.copyfile(file, target)


def sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

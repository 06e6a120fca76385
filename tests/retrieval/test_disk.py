"""A disk at its end: a clear sentence, a database that is whole, and a run that goes on once there is room."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sqlalchemy import text

from core.errors import DiskFull
from core.settings import ROOT, load_settings
from core.store import Store, open_store
from retrieval.disk import require_room
from retrieval.index import open_index
from retrieval.ingest import Ingest
from tests.retrieval.vectors import WordVectors

# A file may grow to so many bytes: the kernel answers as it does for a quota, while database and index are being written.
FULL = """
import resource, sys
from pathlib import Path
from core.errors import DiskFull
from core.settings import load_settings
from core.store import open_store
from retrieval import ingest, keeping
from retrieval.index import open_index
from tests.retrieval.vectors import WordVectors

data, folder, limit = sys.argv[1:]
keeping.GROUP_FILES = 8
settings = load_settings(data_dir=data, min_free_mb=0)
store = open_store(settings.database)
index = open_index(settings, store, WordVectors(size=384))
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
try:
    ingest.Ingest(store, index, settings).sync(Path(folder))
except DiskFull as error:
    print(error)
    sys.exit(7)
"""
NOTES = 120


def notes(folder: Path) -> Path:
    folder.mkdir()
    for n in range(NOTES):
        (folder / f"{n:03}.md").write_text(f"# Note {n}\n\n" + " ".join(f"word{n}x{k}" for k in range(150)))
    return folder


def run(data: Path, folder: Path, limit: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(FULL), str(data), str(folder), str(limit)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False)


def whole(store: Store) -> bool:
    with store.engine.connect() as connection:
        return connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"


@pytest.mark.parametrize("limit", [700_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_where_no_file_can_grow_any_more_nothing_is_lost_and_it_goes_on_later(tmp_path: Path, limit: int):
    folder, data = notes(tmp_path / "pack"), tmp_path / "data"
    full = run(data, folder, limit)
    assert full.returncode == 7, full.stderr[-800:]
    assert "Free some space, then try again" in full.stdout
    settings = load_settings(data_dir=data)
    store = open_store(settings.database)
    assert whole(store)
    assert {row.state for row in store.documents()} <= {"waiting", "indexing", "indexed"}
    index = open_index(settings, store, WordVectors(size=384))
    Ingest(store, index, settings).sync(folder)
    ids = [passage.id for passage in store.chunks()]
    assert len(ids) == len(set(ids))
    assert set(ids) == index.ids()
    assert [row.state for row in store.documents()] == ["indexed"] * NOTES
    index.close()
    store.engine.dispose()


def test_it_stops_while_there_is_still_room_for_the_database_to_work(tmp_path: Path):
    settings = load_settings(data_dir=tmp_path / "data", min_free_mb=10**9)
    store = open_store(settings.database)
    index = open_index(settings, store, WordVectors())
    folder = notes(tmp_path / "pack")
    with pytest.raises(DiskFull, match="TRIVIUM_MIN_FREE_MB"):
        Ingest(store, index, settings).sync(folder)
    assert {row.state for row in store.documents()} == {"waiting"}
    index.close()
    store.engine.dispose()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_a_file_system_that_is_full_leaves_the_database_whole(tmp_path: Path):
    folder, disk = notes(tmp_path / "pack"), tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        full = run(disk / "data", folder)
        assert full.returncode == 7, full.stdout + full.stderr[-800:]
        store = open_store(f"sqlite:///{disk / 'data' / 'trivium.db'}")
        assert whole(store)
        store.engine.dispose()
        subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
        assert run(disk / "data", folder).returncode == 0
        store = open_store(f"sqlite:///{disk / 'data' / 'trivium.db'}")
        assert [row.state for row in store.documents()] == ["indexed"] * NOTES
        store.engine.dispose()
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def test_a_folder_that_is_yet_to_be_made_has_the_room_of_the_one_it_will_lie_in(tmp_path: Path):
    require_room(tmp_path / "not" / "yet", 1)
    with pytest.raises(DiskFull, match="are wanted"):
        require_room(tmp_path / "not" / "yet", 1 << 40)

"""Folders are kept in step: what comes, changes and goes there follows; what cannot be seen stays."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import load_settings
from core.store import open_store
from core.tables import DocumentRow
from retrieval import keeping
from retrieval.index import WordIndex, open_index
from retrieval.ingest import Ingest
from retrieval.shelves import Hashes, Shelf, stamps
from tests.retrieval import files
from tests.retrieval.vectors import WordVectors


class Desk:
    def __init__(self, tmp_path: Path) -> None:
        settings = load_settings(data_dir=tmp_path / "data")
        self.store = open_store(settings.database)
        self.index = open_index(settings, self.store, WordVectors())
        self.ingest = Ingest(self.store, self.index, settings)
        self.pack, self.own = tmp_path / "pack", tmp_path / "contracts"
        for folder in (self.pack, self.own):
            folder.mkdir()
        (self.pack / "rules.md").write_text("# Rules\n\nThe desk opens at eight.\n")

    def sync(self, **more):
        kept = [Path(folder.path) for folder in self.ingest.folders.all()]
        return self.ingest.sync([self.pack, *kept], **more)

    def states(self) -> dict[str, str]:
        return {row.source: row.state for row in self.store.documents()}

    def row(self, source: str) -> DocumentRow:
        found = self.store.document(source)
        assert found is not None
        return found

    def agrees(self) -> bool:
        ids = [passage.id for passage in self.store.chunks()]
        return len(ids) == len(set(ids)) and set(ids) == self.index.ids()

    def finds(self, text: str) -> set[str]:
        return {passage.source for passage in self.index.search(text).passages}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.ingest.reader.close()
    found.index.close()
    found.store.engine.dispose()


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folder_is_kept_in_step_under_its_own_name(desk: Desk):
    write(desk.own / "2024" / "lease.md", "# Lease\n\nThe lease ends in June.\n")
    files.docx(desk.own / "serving.docx")
    folder = desk.ingest.folders.add(desk.own)
    assert desk.sync().indexed == ("rules.md", "contracts/serving.docx", "contracts/2024/lease.md")
    assert desk.row("contracts/2024/lease.md").origin == folder.origin
    write(desk.own / "2024" / "lease.md", "# Lease\n\nThe lease ends in July.\n")
    (desk.own / "serving.docx").unlink()
    done = desk.sync()
    assert (done.indexed, done.removed) == (("contracts/2024/lease.md",), ("contracts/serving.docx",))
    assert desk.agrees()
    assert desk.ingest.folders.get("contracts").files == 1


def test_a_folder_that_is_taken_off_the_list_takes_its_documents_along(desk: Desk):
    write(desk.own / "lease.md", "# Lease\n\nThe lease ends in June.\n")
    desk.ingest.folders.add(desk.own)
    desk.sync()
    desk.ingest.folders.remove("contracts")
    assert desk.sync().removed == ("contracts/lease.md",)
    assert (desk.own / "lease.md").is_file()
    assert desk.agrees()


def test_a_folder_that_is_not_there_keeps_its_documents_and_says_so(desk: Desk):
    write(desk.own / "lease.md", "# Lease\n\nThe lease ends in June.\n")
    desk.ingest.folders.add(desk.own)
    desk.sync()
    away = desk.own.rename(desk.own.with_name("unplugged"))
    assert desk.sync().removed == ()
    assert "is not there" in desk.ingest.folders.get("contracts").error
    assert "contracts/lease.md" in desk.finds("When does the lease end?")
    away.rename(desk.own)
    assert desk.sync().unchanged == ("rules.md", "contracts/lease.md")
    assert desk.ingest.folders.get("contracts").error == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open any folder")
def test_a_part_that_cannot_be_opened_keeps_its_documents(desk: Desk):
    write(desk.own / "closed" / "lease.md", "# Lease\n\nThe lease ends in June.\n")
    desk.ingest.folders.add(desk.own)
    desk.sync()
    (desk.own / "closed").chmod(0)
    try:
        assert desk.sync().removed == ()
        assert any("cannot be opened" in note for note in desk.ingest.folders.get("contracts").skipped)
    finally:
        (desk.own / "closed").chmod(0o700)


def test_a_file_whose_name_is_no_text_is_left_out_with_a_note(desk: Desk):
    (desk.own / os.fsdecode(b"caf\xe9.md")).write_text("# Menu\n\nCoffee.\n")
    desk.ingest.folders.add(desk.own)
    done = desk.sync()
    assert done.indexed == ("rules.md",)
    assert any("not UTF-8" in note for note in done.skipped)
    assert any("not UTF-8" in note for note in desk.ingest.folders.get("contracts").skipped)


def test_a_pipe_and_a_dead_link_are_no_documents(desk: Desk):
    os.mkfifo(desk.pack / "pipe.md")
    (desk.pack / "dead.md").symlink_to(desk.pack / "nothing.md")
    assert desk.sync().indexed == ("rules.md",)


def test_a_link_that_leads_round_in_a_circle_stops_nothing_and_is_named(desk: Desk):
    (desk.own / "round.md").symlink_to(desk.own / "trip.md")
    (desk.own / "trip.md").symlink_to(desk.own / "round.md")
    (desk.own / "self").symlink_to(desk.own, target_is_directory=True)
    write(desk.own / "lease.md", "# Lease\n\nThe lease ends in June.\n")
    (desk.own / "film.mp4").write_bytes(b"x")
    desk.ingest.folders.add(desk.own)
    done = desk.sync()
    assert done.indexed == ("rules.md", "contracts/lease.md")
    notes = desk.ingest.folders.get("contracts").skipped
    assert [note for note in notes if "circle" in note] == [
        f"contracts/{name}.md: a link that leads round in a circle" for name in ("round", "trip")
    ]
    assert "contracts/self: a link to a folder, which is not followed" in notes
    assert any(note.startswith("contracts/film.mp4: not one of") for note in notes)
    assert desk.sync().unchanged == ("rules.md", "contracts/lease.md")


def test_two_folders_of_one_name_are_told_apart(desk: Desk, tmp_path: Path):
    other = tmp_path / "elsewhere" / "contracts"
    write(other / "lease.md", "# Other\n\nText.\n")
    names = [desk.ingest.folders.add(folder).name for folder in (desk.own, other, other)]
    assert names == ["contracts", "contracts-2", "contracts-2"]
    assert desk.sync().indexed == ("rules.md", "contracts-2/lease.md")


def test_bm25_is_not_built_after_each_file(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    for n in range(300):
        write(desk.pack / f"{n:03}.md", f"# Note {n}\n\nLocker {n}.\n")
    built, plain = [], WordIndex.build
    monkeypatch.setattr(WordIndex, "build", staticmethod(lambda passages: built.append(1) or plain(passages)))
    assert len(desk.sync().indexed) == 301
    assert len(built) <= 5
    assert "299.md" in desk.finds("Locker 299")
    assert desk.agrees()


@pytest.mark.slow
def test_ten_thousand_tiny_files_are_indexed_and_looked_at_again(desk: Desk):
    for n in range(10_000):
        write(desk.pack / f"{n // 100}" / f"{n}.md", f"# Note {n}\n\nLocker {n} is taken.\n")
    assert len(desk.sync().indexed) == 10_001
    assert len(desk.sync().unchanged) == 10_001
    assert desk.agrees()


def test_a_file_that_is_too_large_is_neither_read_nor_hashed(desk: Desk):
    with (desk.pack / "huge.txt").open("wb") as file:
        file.truncate(300 << 20)
    done = desk.sync()
    assert done.indexed == ("rules.md",)
    assert done.failed == (("huge.txt", "huge.txt: the file is larger than 50 MB; split it up"),)
    assert desk.sync().failed == ()


def test_hashes_are_computed_again_only_where_a_file_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from retrieval import shelves

    path, hashes = write(tmp_path / "a.md", "one"), Hashes(100)
    read, plain = [], shelves.blocks
    monkeypatch.setattr(shelves, "blocks", lambda path: read.append(path) or plain(path))
    assert hashes.of(path) == hashes.of(path)
    write(path, "two")
    assert hashes.of(path) != hashes.of(write(tmp_path / "b.md", "one"))
    assert len(read) == 3


def test_a_stopped_run_leaves_the_rest_waiting_and_another_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keeping, "GROUP_FILES", 2)
    for n in range(10):
        write(desk.pack / f"{n}.md", f"# Note {n}\n\nLocker {n}.\n")
    stop = threading.Event()
    done = desk.sync(stop=stop, progress=lambda n, total, source: stop.set() if n == 5 else None)
    assert done.stopped
    assert sorted(set(desk.states().values())) == ["indexed", "waiting"]
    done = desk.sync()
    assert (len(done.unchanged), len(done.indexed)) == (4, 7)
    assert desk.agrees()


def test_a_file_that_changes_while_it_is_read_is_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    plain = desk.ingest.reader.read

    def read(path, *more):
        found = plain(path, *more)
        write(path, "# Rules\n\nThe desk opens at nine.\n")
        return found

    monkeypatch.setattr(desk.ingest.reader, "read", read)
    desk.sync()
    monkeypatch.setattr(desk.ingest.reader, "read", plain)
    assert desk.sync().indexed == ("rules.md",)
    assert "nine" in desk.store.chunks()[0].text


def test_a_removed_document_is_not_found_before_bm25_is_built_again(desk: Desk):
    write(desk.pack / "secret.md", "# Secret\n\nThe code is 7741.\n")
    desk.sync()
    assert "secret.md" in desk.finds("code 7741")
    desk.ingest.remove_some(["secret.md"])
    assert "secret.md" not in desk.finds("code 7741")
    assert len(desk.index.words.gone) == 1


def test_only_the_named_documents_are_tried_again(desk: Desk):
    for name in ("a.pdf", "b.pdf"):
        (desk.pack / name).write_text("no PDF")
    desk.sync()
    for name in ("a.pdf", "b.pdf"):
        files.pdf(desk.pack / name)
    assert desk.sync(retry=True, only=["b.pdf"]).indexed == ("b.pdf",)
    assert desk.states()["a.pdf"] == "failed"


def test_the_stamp_of_a_folder_changes_with_its_files(tmp_path: Path):
    shelf = Shelf(tmp_path, "pack")
    before = stamps(shelf)
    write(tmp_path / "a.md", "one")
    after = stamps(shelf)
    assert before != after == stamps(shelf)
    os.utime(tmp_path / "a.md", (1, 1))
    assert stamps(shelf) != after


def test_it_is_told_which_page_is_read(desk: Desk):
    seen = []
    plain = desk.ingest._tell
    desk.ingest._tell = lambda *told: seen.append(told) or plain(*told)  # pyright: ignore[reportAttributeAccessIssue]
    files.pdf(desk.pack / "long.pdf", tuple(f"Page {n} says something." for n in range(20)))
    desk.sync()
    assert ("long.pdf", 1, "page") in seen
    assert desk.ingest.at_work == {}

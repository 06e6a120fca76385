"""`trivium ingest` in its own process: files, folders, folders kept in step, trying again."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from app.ingest_command import Order, ingest_here
from core.errors import DocumentError, NotFound
from tests.app.conftest import office
from tests.retrieval import files


@pytest.fixture
def ingest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRIVIUM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TRIVIUM_DOMAIN", str(office(tmp_path)))

    def run(*paths: Path, **flags: bool) -> str:
        said = io.StringIO()
        ingest_here(Order(paths, **flags), Console(file=said, width=200), Console(file=io.StringIO(), stderr=True))
        return said.getvalue()

    return run


def test_files_and_folders_are_added_and_a_folder_is_followed(ingest, tmp_path: Path):
    folder = tmp_path / "contracts"
    (folder / "2024").mkdir(parents=True)
    (folder / "2024" / "lease.md").write_text("# Lease\n\nThe lease ends in June.\n")
    single = files.docx(tmp_path / "serving.docx")
    said = ingest(single, folder)
    assert "serving.docx" in said
    assert "contracts/2024/lease.md" in said
    followed = tmp_path / "minutes"
    followed.mkdir()
    (followed / "may.md").write_text("# May\n\nThe board met.\n")
    assert "minutes/may.md" in ingest(followed, sync=True)
    (followed / "may.md").rename(followed / "june.md")
    said = ingest()
    assert "minutes/june.md" in said
    assert "minutes/may.md" not in said
    assert "minutes/" not in ingest(followed, forget=True)
    with pytest.raises(NotFound, match="these are: none"):
        ingest(followed, forget=True)


def test_what_is_left_out_of_a_folder_is_said_with_the_reason(ingest, tmp_path: Path):
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "lease.md").write_text("# Lease\n\nThe lease ends in June.\n")
    (folder / "film.mp4").write_bytes(b"x")
    (folder / "round.md").symlink_to(folder / "round.md")
    for flags in ({}, {"sync": True}):
        said = " ".join(ingest(folder, **flags).split())
        name = "contracts-2" if flags else "contracts"  # the first is taken by what was added before
        assert f"left out: {name}/film.mp4: not one of" in said
        assert f"left out: {name}/round.md: a link that leads round in a circle" in said


def test_a_failed_file_is_named_and_tried_again_by_its_name(ingest, tmp_path: Path):
    broken = tmp_path / "broken.pdf"
    broken.write_text("no PDF")
    for order in ({}, {"retry": True}):
        paths = (Path("broken.pdf"),) if order else (broken,)
        with pytest.raises(DocumentError, match=r"broken.pdf.*--retry"):
            ingest(*paths, **order)
    files.pdf(tmp_path / "data" / "documents" / "broken.pdf")
    assert "indexed" in ingest(Path("broken.pdf"), retry=True)


def test_what_cannot_be_taken_is_said_before_anything_is_done(ingest, tmp_path: Path):
    (tmp_path / "film.mp4").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    for path, says in ((tmp_path / "none.md", "no such file"), (tmp_path / "film.mp4", "not read")):
        with pytest.raises(DocumentError, match=says):
            ingest(path)
    with pytest.raises(DocumentError, match="holds no file that is read"):
        ingest(tmp_path / "empty")
    with pytest.raises(DocumentError, match="at a time"):
        ingest(sync=True, retry=True)

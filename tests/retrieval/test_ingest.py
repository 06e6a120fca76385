"""Ingest does only what changed, keeps an error per file, and survives kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from core.errors import DataFolderInUse, DocumentError
from core.settings import ROOT, load_settings
from core.store import open_store
from retrieval.embeddings import Vectors
from retrieval.index import lock_data_dir, open_index
from retrieval.ingest import Ingest
from tests.retrieval.conftest import FAQ, RULES, Desk


def agree(desk: Desk) -> bool:
    """Store and vectors hold the same passages, each once."""
    ids = [passage.id for passage in desk.store.chunks()]
    return len(ids) == len(set(ids)) and set(ids) == desk.index.ids()


def test_a_second_run_does_only_what_changed(filled: Desk):
    before = {passage.id for passage in filled.store.chunks(["rules.md"])}
    filled.write("faq.md", FAQ.replace("90 days", "60 days"))
    done = filled.ingest.sync(filled.folder)
    assert (done.indexed, done.unchanged) == (("faq.md",), ("rules.md",))
    assert {passage.id for passage in filled.store.chunks(["rules.md"])} == before
    assert "60 days" in filled.retriever().passages("How long are logs kept?")[0].text
    assert agree(filled)
    assert filled.ingest.sync(filled.folder).indexed == ()


def test_a_file_that_is_gone_is_forgotten(filled: Desk):
    (filled.folder / "faq.md").unlink()
    assert filled.ingest.sync(filled.folder).removed == ("faq.md",)
    assert {passage.source for passage in filled.store.chunks()} == {"rules.md"}
    assert agree(filled)
    filled.ingest.remove("faq.md")


def test_one_bad_file_costs_only_itself(desk: Desk):
    desk.write("a.md", RULES)
    desk.write("b.pdf", "not a PDF at all")
    desk.write("c.md", FAQ)
    done = desk.ingest.sync(desk.folder)
    assert done.indexed == ("a.md", "c.md")
    assert done.failed[0][0] == "b.pdf"
    row = desk.store.document("b.pdf")
    assert row is not None
    assert (row.state, "not a PDF" in row.error) == ("failed", True)
    assert desk.ingest.plan(desk.folder).changed == ()
    with pytest.raises(DocumentError):
        desk.ingest.one("b.pdf", desk.folder / "b.pdf")


def test_hidden_and_unknown_files_are_skipped_with_a_note(desk: Desk):
    for name in (".hidden.md", "~$lock.docx", "film.mp4", "sub/.git/x.md"):
        desk.write(name, "text")
    desk.write("sub/rules.md", RULES)
    plan = desk.ingest.plan(desk.folder)
    assert [change.source for change in plan.changed] == ["sub/rules.md"]
    assert len(plan.skipped) == 4


def test_uploads_and_the_pack_leave_each_other_alone(filled: Desk):
    uploads = filled.settings.data_dir / "documents"
    uploads.mkdir(parents=True)
    (uploads / "own.md").write_text("# Own\n\nThe cantina opens at noon.")
    (uploads / "faq.md").write_text("# Other\n\nSomething else.")
    plan = filled.ingest.plan([filled.folder, uploads])
    assert [change.source for change in plan.changed] == ["own.md"]
    assert any("same name" in note for note in plan.skipped)
    with pytest.raises(DocumentError, match="rename"):
        filled.ingest.one("faq.md", uploads / "faq.md")
    filled.ingest.sync([filled.folder, uploads])
    assert filled.ingest.sync(filled.folder).removed == ()
    assert filled.store.document("own.md") is not None


def test_one_is_idempotent(filled: Desk):
    for _ in range(2):
        assert filled.ingest.one("faq.md", filled.folder / "faq.md").state == "indexed"
    assert agree(filled)


KILLED = """
import os, signal, sys
from pathlib import Path
from core.settings import load_settings
from core.store import Store, open_store
from retrieval.embeddings import open_embeddings
from retrieval.index import Index, open_index
from retrieval.ingest import Ingest

folder, data, where = sys.argv[1:]
settings = load_settings(data_dir=data)
store = open_store(settings.database)
index = open_index(settings, store, open_embeddings(settings))

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

ingest = Ingest(store, index, settings)
ingest.one("a.md", Path(folder) / "a.md")
if where == "before vectors":
    index.put = die
elif where == "before old vectors go":
    index.delete = die
else:
    plain = store.set_documents

    def mark(documents):
        documents = list(documents)
        if any(fields.get("state") == "indexed" for _, fields in documents):
            die()
        plain(documents)

    store.set_documents = mark
ingest.sync(Path(folder))
"""


@pytest.mark.parametrize("where", ["before vectors", "before old vectors go", "before the mark"])
def test_a_killed_ingest_goes_on_with_nothing_lost_and_nothing_twice(tmp_path: Path, embeddings: Vectors, where: str):
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "a.md").write_text(RULES)
    (folder / "b.md").write_text(FAQ)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(folder), str(tmp_path / "data"), where]
    killed = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-500:]
    settings = load_settings(data_dir=tmp_path / "data")
    store = open_store(settings.database)
    index = open_index(settings, store, embeddings)
    checked = index.check()
    desk = Desk(settings, store, index, Ingest(store, index, settings), folder)
    assert agree(desk)
    assert not checked.rebuilt
    assert desk.ingest.sync(folder).indexed == ("b.md",)
    assert agree(desk)
    assert {row.source: row.state for row in store.documents()} == {"a.md": "indexed", "b.md": "indexed"}
    index.close()


def test_a_second_process_is_refused_and_told_which_one_holds_the_folder(tmp_path: Path):
    with lock_data_dir(tmp_path), lock_data_dir(tmp_path):
        script = f"from pathlib import Path; from retrieval.lock import lock_data_dir; lock_data_dir(Path({str(tmp_path)!r}))"
        refused = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
        assert DataFolderInUse.__name__ in refused.stderr
        assert f"process {os.getpid()} (" in refused.stderr
    again = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0

"""`trivium examples` and `trivium dataset` as a person calls them, on a data folder of their own."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from app.cli import app
from core.errors import DocumentError, QueryError
from core.llm import ScriptedModels
from core.store import open_store
from core.types import Passage
from finetune.examples import Examples
from tests.app.conftest import office


@pytest.fixture
def trivium(tmp_path, monkeypatch):
    """Runs a command; returns what it prints. Errors come out as they are."""
    monkeypatch.setenv("TRIVIUM_DOMAIN", str(office(tmp_path)))
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> str:
        return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False).output

    return run


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'data' / 'trivium.db'}")
    yield store
    store.engine.dispose()


def test_from_a_file_to_an_exported_version(trivium, tmp_path):
    rows = [f'"Label this note: door {n}",open/now' for n in range(8)]
    (tmp_path / "log.csv").write_text("\n".join(["query,answer", *rows, "only one cell"]))
    said = trivium("examples", "import", "log.csv", "--task", "label", "--author", "mara")
    assert "8 drafts added" in said
    assert "line 10: " in said
    assert "8 were there already" in trivium("examples", "import", "log.csv", "--task", "label")
    assert trivium("examples", "list", "--state", "draft").count("door") == 8
    assert "8 examples approved" in trivium("examples", "approve", "--all", "--task", "label")
    small, large = (trivium("dataset", "build", *more).split()[-1] for more in (["--rows", 4], []))
    assert small != large
    assert large in trivium("dataset", "list")
    assert "mara" in (tmp_path / "data" / "datasets" / large / "authors.svg").read_text()
    assert "left out: limit 5" in trivium("dataset", "show", small, "--dropped")
    assert "all" in trivium("dataset", "compare", small, large)
    trivium("dataset", "export", large[:8], "out.jsonl")
    assert len([json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]) == 9


def test_drafts_come_from_indexed_documents_by_the_model_that_is_named(trivium, store, monkeypatch):
    text = "The lids of the north hall are open from May on, and everybody is glad of the fresh air that comes in."
    store.replace_chunks("lids.md", [Passage(id="c1", source="lids.md", text=text)], state="indexed")
    reply = "Q: Label this note: lids in May\nA: open/now"
    models = ScriptedModels({"base": {"*": "none"}, "server/big": {"*": reply}})
    monkeypatch.setattr("core.llm.open_models", lambda *_: models)
    said = trivium("examples", "draft", "lids.md", "--task", "label", "--model", "server/big")
    assert "leave this machine" in said
    assert "1 drafts of task label" in said
    (one,) = Examples(store).list(state="draft")
    assert (one.document, one.origin) == ("lids.md", "draft")
    with pytest.raises(DocumentError, match=r"lids\.md"):
        trivium("examples", "draft", "gone.md", "--task", "label")


@pytest.mark.parametrize(
    ("words", "kind", "part"),
    [
        (("examples", "import", "gone.csv"), DocumentError, "no such file"),
        (("examples", "approve"), QueryError, "--all"),
        (("examples", "draft"), QueryError, "--task"),
        (("examples", "draft", "--task", "label"), DocumentError, "trivium ingest"),
    ],
)
def test_a_command_that_cannot_go_on_says_what_to_do(trivium, words, kind, part):
    with pytest.raises(kind, match=part):
        trivium(*words)


def test_a_rejected_example_is_in_no_version(trivium, store):
    trivium("examples", "list")
    (seed,) = Examples(store).list()
    trivium("examples", "reject", seed.id)
    with pytest.raises(Exception, match="no example is approved"):
        trivium("dataset", "build")

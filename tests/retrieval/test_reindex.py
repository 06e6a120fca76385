"""Another embedding model or splitter: the old index answers until the new one is whole, and a kill costs a step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from core.settings import ROOT, Settings, load_settings
from core.store import open_store
from retrieval import generation
from retrieval.index import Index, open_index
from retrieval.ingest import Ingest
from retrieval.reindex import Reindex
from tests.retrieval.conftest import FAQ, RULES
from tests.retrieval.vectors import WordVectors

QUERY = "How long are logs kept?"


class Bench:
    """A store with two documents, an index of the model "old", and whatever is opened over them later."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = tmp_path / "pack"
        self.folder.mkdir()
        (self.folder / "rules.md").write_text(RULES)
        (self.folder / "faq.md").write_text(FAQ)
        self.data = tmp_path / "data"
        self.opened: list[Index] = []
        self.models = {name: WordVectors(name) for name in ("old", "new")}
        monkeypatch.setattr(generation, "open_embeddings", lambda settings: self.models[settings.embedding_model])
        self.store = open_store(self.settings("old").database)

    def settings(self, model: str) -> Settings:
        return load_settings(data_dir=self.data, embedding_model=model)

    def open(self, model: str) -> tuple[Index, Ingest, Reindex]:
        self.close()
        settings = self.settings(model)
        found = open_index(settings, self.store, self.models[model])
        ingest = Ingest(self.store, found, settings)
        self.opened.append(found)
        return found, ingest, Reindex(self.store, found, ingest, lambda: ingest.files([self.folder]))

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = Bench(tmp_path, monkeypatch)
    _, ingest, _ = found.open("old")
    ingest.sync(found.folder)
    yield found
    found.close()
    found.store.engine.dispose()


def first(index: Index) -> str:
    found = index.search(QUERY)
    return found.passages[int((found.dense + found.bm25).argmax())].text


def agrees(index: Index) -> bool:
    ids = [passage.id for passage in index.store.chunks()]
    return len(ids) == len(set(ids)) and set(ids) == index.ids()


def names(index: Index) -> set[str]:
    return {collection.name for collection in index._client.list_collections()}


def test_the_old_model_answers_until_the_new_index_is_whole(bench: Bench):
    index, _, reindex = bench.open("new")
    assert (index.embeddings.name, reindex.due) == ("old", True)
    assert "90 days" in first(index)
    assert bench.models["new"].texts == 0
    assert reindex.run()
    assert (index.embeddings.name, reindex.due) == ("new", False)
    assert "90 days" in first(index)
    assert agrees(index)
    assert names(index) == {index.generation.collection}
    again, _, later = bench.open("new")
    assert (again.embeddings.name, later.due) == ("new", False)
    assert agrees(again)


def test_documents_that_change_meanwhile_are_in_both(bench: Bench):
    index, ingest, reindex = bench.open("new")
    reindex.step()
    (bench.folder / "faq.md").write_text(FAQ.replace("90 days", "60 days"))
    (bench.folder / "rules.md").unlink()
    ingest.sync(bench.folder)
    assert "60 days" in first(index)
    assert not reindex.switch()
    assert reindex.run()
    assert "60 days" in first(index)
    assert {passage.source for passage in index.store.chunks()} == {"faq.md"}
    assert agrees(index)


def test_a_model_that_is_gone_leaves_the_words_to_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    from core.errors import ModelNotFound

    def gone(settings: Settings) -> WordVectors:
        raise ModelNotFound("no such model")

    monkeypatch.setattr(generation, "open_embeddings", gone)
    index, ingest, reindex = bench.open("new")
    assert (index.embeddings.name, reindex.due) == ("new", False)
    assert "90 days" in first(index)
    assert ingest.sync(bench.folder).indexed == ()
    assert agrees(index)


@pytest.fixture
def other_splitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A splitter that cuts smaller, and says so by its version."""
    from retrieval import documents

    monkeypatch.setattr(documents, "CHUNK_CHARS", 60)
    for module in (documents, generation):
        monkeypatch.setattr(module, "SPLITTER_VERSION", "next")
    plain = generation.Generation.of
    monkeypatch.setattr(
        generation.Generation, "of", staticmethod(lambda model, name, splitter="next": plain(model, name, splitter))
    )


def test_another_splitter_takes_the_place_of_the_old_passages_at_once(bench: Bench, other_splitter: None):
    before = bench.store.chunk_ids()
    index, _, reindex = bench.open("old")
    assert reindex.due
    assert "90 days" in first(index)
    embedded = bench.models["old"].texts
    reindex.step()
    assert bench.store.chunk_ids() == before
    assert "90 days" in first(index)
    assert reindex.run()
    after = bench.store.chunk_ids()
    assert len(after) > len(before)
    assert agrees(index)
    assert {row.source: row.chunks for row in bench.store.documents()} == {
        source: len(bench.store.chunk_ids(source)) for source in ("faq.md", "rules.md")
    }
    # What was cut as before is not embedded again.
    assert bench.models["old"].texts - embedded == len(after - before)


def test_a_document_that_cannot_be_read_any_more_keeps_its_passages(bench: Bench, other_splitter: None):
    (bench.folder / "faq.md").unlink()
    before = bench.store.chunk_ids("faq.md")
    index, _, reindex = bench.open("old")
    assert reindex.run()
    assert bench.store.chunk_ids("faq.md") == before
    assert agrees(index)


def test_an_index_of_version_0_1_is_taken_over_without_its_note(bench: Bench):
    bench.close()
    from sqlalchemy import text

    with bench.store.session() as session:
        session.execute(text("delete from notes where key = 'index'"))
    _, ingest, reindex = bench.open("old")
    assert ingest.index.generation.splitter == generation.FIRST_SPLITTER
    assert reindex.due
    ingest.sync(bench.folder)
    assert reindex.run()
    assert agrees(ingest.index)


def test_what_was_begun_for_a_model_that_is_not_wanted_any_more_is_removed(bench: Bench):
    index, _, reindex = bench.open("new")
    reindex.step()
    assert len(names(index)) == 2
    index, _, reindex = bench.open("old")
    assert not reindex.due
    assert names(index) == {index.generation.collection}


KILLED = """
import os, signal, sys
from pathlib import Path
from core.settings import load_settings
from core.store import open_store
from retrieval import generation, index, reindex
from retrieval.ingest import Ingest
from tests.retrieval.vectors import WordVectors

data, folder, where = sys.argv[1:]
generation.open_embeddings = lambda settings: WordVectors(settings.embedding_model)
settings = load_settings(data_dir=data, embedding_model="new")
store = open_store(settings.database)
found = index.open_index(settings, store, WordVectors("new"))
ingest = Ingest(store, found, settings)
work = reindex.Reindex(store, found, ingest, lambda: ingest.files([Path(folder)]))
reindex.UPSERT_BATCH = 2

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if where == "in the middle":
    plain, calls = reindex.put, []
    def put(*given):
        plain(*given)
        calls.append(given)
        if len(calls) == 2:
            die()
    reindex.put = put
elif where == "before the switch":
    work.staging.switch = die
else:
    found.switch = die
work.run()
"""


@pytest.mark.parametrize(
    "where", ["in the middle", pytest.param("before the switch", marks=pytest.mark.slow), "after the switch"]
)
def test_killed_in_between_it_goes_on(bench: Bench, where: str):
    bench.close()
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(bench.data), str(bench.folder), where]
    killed = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-800:]
    index, _, reindex = bench.open("new")
    assert reindex.due == (where != "after the switch")
    assert "90 days" in first(index)
    reindex.run()
    assert index.embeddings.name == "new"
    # What the killed process had embedded was kept.
    assert bench.models["new"].texts < 2 * len(bench.store.chunk_ids())
    assert agrees(index)
    assert names(index) == {index.generation.collection}

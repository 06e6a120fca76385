"""The index follows the store: what is missing, stale or made by another model is mended."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from core.settings import ROOT
from core.types import Passage, Query
from retrieval.embeddings import Vectors
from retrieval.generation import collection_name
from retrieval.hybrid import combine
from tests.retrieval.conftest import Desk


def test_missing_vectors_are_embedded_and_stale_ones_deleted(filled: Desk):
    ids = sorted(filled.index.ids())
    filled.index.delete(ids[:2])
    filled.index.upsert([Passage(id="stray", source="nowhere.md", text="A stray passage.")])
    checked = filled.index.check()
    assert (checked.added, checked.removed, checked.rebuilt) == (2, 1, False)
    assert sorted(filled.index.ids()) == ids


def test_vectors_of_another_model_are_made_anew(filled: Desk):
    ids = sorted(filled.index.ids())
    wrong = np.random.default_rng(0).normal(size=(len(ids), 384)).astype(np.float32)
    filled.index._collection.update(ids=ids, embeddings=wrong)
    assert filled.index.check().rebuilt
    assert not filled.index.check().rebuilt
    assert filled.retriever().passages("Who approves a new dataset?")[0].heading == "House rules > Who approves"


def test_an_empty_index_finds_nothing(desk: Desk):
    assert desk.retriever().passages("anything") == []
    assert desk.retriever().evidence(Query(text="anything")).passages == ()


def test_words_and_meaning_both_count():
    scores = combine(np.array([0.9, 0.5, 0.1]), np.array([0.0, 8.0, 4.0]))
    assert scores.argmax() == 1
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (combine(np.array([0.4]), np.array([2.0])) == 0).all()


def test_documents_carry_what_langchain_users_need(filled: Desk):
    document = filled.retriever().invoke("How many GPU hours per week?")[0]
    assert set(document.metadata) == {"id", "source", "heading", "page", "score", "dense", "bm25"}
    assert "120" in document.page_content


def test_a_follow_up_is_read_with_the_question_before(filled: Desk):
    from core.types import Message

    history = (Message(role="user", content="How long are logs kept?"),)
    found = filled.retriever().evidence(Query(text="And what do they contain?", history=history))
    assert found.passages[0].source == "faq.md"


def test_searches_run_while_documents_change(filled: Desk):
    retriever, failures = filled.retriever(), []

    def search() -> None:
        for _ in range(30):
            if not retriever.passages("How many hours per week?"):
                failures.append("nothing found")

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(5):
        filled.write("extra.md", f"# Extra {n}\n\nNumber {n}.")
        filled.ingest.sync(filled.folder)
    for thread in threads:
        thread.join()
    assert failures == []


def test_vectors_are_of_length_one_and_do_not_depend_on_the_batch(embeddings: Vectors):
    texts = ["short", "a somewhat longer text about GPU hours and quotas " * 8, "short"]
    vectors = embeddings.encode(texts)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert vectors[0] @ vectors[2] > 0.999
    assert vectors[1] @ embeddings.encode([texts[1]])[0] > 0.999
    assert np.allclose(embeddings.embed_query("short"), vectors[0], atol=0.02)


def test_a_collection_has_the_name_of_its_model():
    assert collection_name("BAAI/bge-small-en-v1.5") == "trivium-baai-bge-small-en-v1-5"


SLOW_ONES = [pytest.param(how, marks=pytest.mark.slow) for how in ("holes in it", "emptied", "vectors overwritten")]


def broken_files(folder: Path, how: str) -> None:
    database = folder / "chroma.sqlite3"
    if how == "no database":
        database.write_bytes(b"no database" * 500)
    elif how == "holes in it":
        content = bytearray(database.read_bytes())
        content[4096 * 3 : 4096 * 8] = b"\xff" * 4096 * 5
        database.write_bytes(content)
    elif how == "emptied":
        database.write_bytes(b"")
    else:
        for file in folder.rglob("*.bin"):
            file.write_bytes(b"\xff" * 100)


@pytest.mark.parametrize("how", ["no database", *SLOW_ONES])
def test_a_damaged_index_is_built_anew_from_the_store(tmp_path: Path, how: str):
    """In a process of its own: an embedded Chroma keeps what it has opened."""
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "notes.csv").write_text("locker,guest\n" + "".join(f"{n},guest{n} {'x' * 800}\n" for n in range(1200)))
    for step in ("fill", "mend"):
        command = [sys.executable, "-c", textwrap.dedent(DAMAGED), str(tmp_path / "data"), str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-800:]
        assert done.stdout.split() == ["1200", "1200", "notes.csv"]
        if step == "fill":
            broken_files(tmp_path / "data" / "chroma", how)


DAMAGED = """
import sys
from pathlib import Path
from core.settings import load_settings
from core.store import open_store
from retrieval.index import open_index
from retrieval.ingest import Ingest
from tests.retrieval.vectors import WordVectors

settings = load_settings(data_dir=sys.argv[1])
store = open_store(settings.database)
index = open_index(settings, store, WordVectors())
Ingest(store, index, settings).sync(Path(sys.argv[2]))
found = index.search("guest77").passages
print(len(store.chunk_ids()), len(index.ids()), found[0].source)
"""

"""A pack's searcher: what is trained is what search loads, passages keep their vectors, and unseen authors judge."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.labelled import SEARCHER_CARD
from core.llm.adapters import WEIGHTS
from core.minilm import minilm_folder
from core.settings import load_settings
from finetune import searcher
from finetune.finder import adapt
from finetune.finder_data import Pair
from finetune.searcher import held_out_likeness, recall, train
from retrieval.embeddings import MiniLM, open_searcher

PASSAGES = ["The lighthouse keeper is paid on Fridays.", "Boats are painted in May.", "Nets are mended by the crew."]
ASKED = [("when does money arrive for the man with the lamp", 0), ("month of new colour on hulls", 1), ("who sews", 2)]
QUERIES = [query for query, _ in ASKED for _ in range(4)]
TARGETS = [[target] for _, target in ASKED for _ in range(4)]
AUTHORS = [f"author-{n % 2}" for n in range(len(QUERIES))]


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return MiniLM(minilm_folder()).encode(PASSAGES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, vectors) -> Path:
    out = tmp_path_factory.mktemp("pack") / "searcher"
    train(QUERIES, TARGETS, AUTHORS, vectors, out, lambda line: None)
    return out


def test_questions_move_to_the_passages_that_answer_them(folder: Path, vectors):
    found = open_searcher(load_settings(), folder)
    assert found is not None
    before, after = (
        model.encode([query for query, _ in ASKED]) @ vectors.T for model in (MiniLM(minilm_folder()), found)
    )
    assert after.argmax(axis=1).tolist() == [0, 1, 2]
    lead = [3 * scores.trace() - scores.sum() for scores in (before, after)]  # of the right passage over the others
    assert lead[1] > lead[0]
    assert found.name != "all-MiniLM-L6-v2"


def test_its_card_says_what_is_found_with_and_without_it(folder: Path):
    card = json.loads((folder / SEARCHER_CARD).read_text())
    assert card["queries"] == len(QUERIES)
    assert set(card["found"]) == set(card["found_before"]) == {"1", "4", "8"}
    assert (folder / WEIGHTS).stat().st_size < 3_000_000


def test_training_again_replaces_what_was_there(folder: Path, vectors, monkeypatch):
    monkeypatch.setattr(searcher, "EPOCHS", 1)
    train(QUERIES[:8], TARGETS[:8], AUTHORS[:8], vectors, folder, lambda line: None)
    assert json.loads((folder / SEARCHER_CARD).read_text())["queries"] == 8


def test_an_author_is_never_on_both_sides(vectors, monkeypatch):
    seen: list[set[str]] = []
    monkeypatch.setattr(searcher, "fit", lambda queries, *_: seen.append(set(queries)))
    monkeypatch.setattr(searcher, "encode", lambda _, texts: np.zeros((len(texts), vectors.shape[1]), np.float32))
    queries = [f"{query} {author}" for query, author in zip(QUERIES, AUTHORS, strict=True)]
    held_out_likeness(queries, TARGETS, AUTHORS, vectors, lambda line: None, 0)
    assert len(seen) == 2
    assert all(len({query.rpartition(" ")[2] for query in queries}) == 1 for queries in seen)


def test_recall_counts_the_best_of_the_passages_that_answer():
    likeness = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1]], np.float32)
    assert recall(likeness, [[0, 2], [0]], lambda _, row: row)["1"] == 0.5
    assert recall(likeness, [[0, 2], [0]], lambda _, row: row)["4"] == 1.0


def test_another_embedding_model_gets_no_searcher(folder: Path, tmp_path: Path):
    assert open_searcher(load_settings(embedding_model=str(tmp_path)), folder) is None
    assert open_searcher(load_settings(), tmp_path / "none") is None


def test_a_finder_goes_on_from_the_shipped_one(tmp_path: Path, monkeypatch):
    from finetune import finder
    from retrieval.finder import ADAPTER, open_finder

    monkeypatch.setattr(finder, "ADAPT_EPOCHS", 1)
    pairs = [
        Pair(n, query, "", PASSAGES[at], 0, 10, held_out=False) if at == target
        else Pair(n, query, "", PASSAGES[at], -1, -1, held_out=False)
        for n, (query, target) in enumerate(ASKED) for at in range(3)
    ]  # fmt: skip
    assert adapt(pairs, ADAPTER, minilm_folder(), tmp_path / "finder", lambda line: None) == 1
    assert open_finder(tmp_path / "finder").fingerprint != open_finder(tmp_path / "none").fingerprint

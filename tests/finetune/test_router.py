"""The router's adapter: what is trained is what the router loads, and what it is judged on was not seen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.labelled import ROUTER_CARD, Labelled, fingerprint, labelled
from core.llm.adapters import WEIGHTS
from core.minilm import minilm_folder
from finetune import router as training
from finetune.router import epochs, fit, held_out_shares, train
from retrieval.embeddings import MiniLM
from router.tuned import TunedLikeness, read_card

ASKS = {"label": "Which label fits", "reply": "Answer this ticket", "joke": "Tell me something funny about"}
MATTERS = ["the full disk", "the slow job", "a lost key", "our quota", "the new card", "a broken image"]
FOUND = [Labelled(f"{ask} {matter}?", task, judged=True) for task, ask in ASKS.items() for matter in MATTERS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pack") / "router"
    said: list[str] = []
    card = train(FOUND, [one.query for one in FOUND], out, said.append)
    assert len(said) == training.FOLDS + 1
    assert card["queries"] == len(FOUND)
    return out


def test_it_ships_weights_and_a_card_and_no_path(folder: Path):
    assert (folder / WEIGHTS).stat().st_size < 3_000_000
    card = json.loads((folder / ROUTER_CARD).read_text())
    assert card["labelled"] == fingerprint(FOUND)
    assert len(card["held_out"]) == len(FOUND)
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "all-MiniLM-L6-v2"


def test_the_router_reads_with_it(folder: Path, tmp_path: Path):
    embeddings = MiniLM(minilm_folder())
    queries, tasks = [one.query for one in FOUND], [one.task for one in FOUND]
    likeness = TunedLikeness(folder, read_card(folder), embeddings.encode, queries, tasks, tmp_path, "minilm")
    found = likeness.of("Which label fits the loud fan?", 0.0)
    assert sum(found.tasks.values()) == pytest.approx(1, abs=0.01)
    assert set(found.tasks) == set(ASKS)
    assert found.nearest in queries
    shares, pairs = likeness.held_out()
    assert len(shares) == len(pairs) == len(FOUND)


def test_what_was_trained_tells_tasks_apart():
    """Six batches of steps are few; told apart they must be all the same."""
    many = FOUND * 8
    model = fit(many, sorted(ASKS), 0)
    shares = np.array(training.predict(model, [f"{ask} the noisy pump?" for _, ask in sorted(ASKS.items())]))
    assert shares.argmax(axis=1).tolist() == [0, 1, 2]


def test_a_frame_is_never_on_both_sides(monkeypatch: pytest.MonkeyPatch):
    seen: list[set[str]] = []
    monkeypatch.setattr(training, "fit", lambda found, tasks, seed: seen.append({one.query for one in found}))
    asked: list[set[str]] = []

    def predicted(model, queries):
        asked.append(set(queries))
        return [[1.0, 0.0, 0.0] for _ in queries]

    monkeypatch.setattr(training, "predict", predicted)
    frames = [one.query[:12] + str(n % 4) for n, one in enumerate(FOUND)]
    rows = held_out_shares(FOUND, frames, sorted(ASKS), lambda line: None, 0)
    frame_of = {one.query: frame for one, frame in zip(FOUND, frames, strict=True)}
    for train_side, test_side in zip(seen, asked, strict=True):
        assert not {frame_of[q] for q in train_side} & {frame_of[q] for q in test_side}
    assert len(rows) == len(FOUND)


def test_each_epoch_visits_every_row_once():
    visited = [n for batch in epochs(list(range(50)), 0) for n in batch]
    assert sorted(visited) == sorted(list(range(50)) * training.EPOCHS)


def test_golden_queries_are_never_learned_from(domain):
    golden = {case.query for case in domain.golden()}
    assert golden
    assert not golden & {one.query for one in labelled(domain)}

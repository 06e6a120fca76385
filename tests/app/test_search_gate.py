"""A searcher goes live only where it finds more: real Chroma, MiniLM, and searchers that are better or worse by design."""

import json

import numpy as np
import pytest

from app import search_gate
from app.search_gate import compare, take
from core.domain import load_domain
from core.minilm import minilm_folder
from core.settings import load_settings
from retrieval.calibrate import Parts, opened
from retrieval.embeddings import MiniLM, Vectors
from retrieval.ingest import Ingest
from tests.packs import make_pack

NUMBER = 24
PLACES = ["cellar", "attic", "yard", "garage", "library", "kitchen", "tower", "barn"]
THINGS = ["ladder", "drill", "rope"]


class Told(Vectors):
    """A searcher that was told the answers, or that looks away from them: `sign` 1 or -1."""

    def __init__(self, vectors: Vectors, answers: dict[str, str], sign: int) -> None:
        super().__init__()
        self.name, self._vectors, self._answers, self._sign = f"told {sign}", vectors, answers, sign

    def encode(self, texts: list[str]) -> np.ndarray:
        return self._sign * self._vectors.encode([self._answers[text] for text in texts])


@pytest.fixture(scope="module")
def embeddings():
    return MiniLM(minilm_folder())


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Questions in other words than the documents', each with the text that answers it."""
    monkeypatch.setattr(search_gate, "DEPTH", 1)
    monkeypatch.setattr(search_gate, "FEWEST_CASES", 10)
    pack = make_pack("house", tmp_path)
    for file in (pack / "documents").iterdir():
        file.unlink()
    found, cases = {}, []
    for n in range(NUMBER):
        thing, place = THINGS[n % len(THINGS)], PLACES[n % len(PLACES)]
        text = f"Item {n}: the {thing} hangs in the {place} on hook {n}."
        (pack / "documents" / f"item-{n}.md").write_text(f"{text}\n")
        found[f"Where might number {n} be?"] = text
        expected = {"sources": [f"item-{n}.md"]}
        cases.append(
            {"id": f"case-{n}", "task": "lookup", "query": f"Where might number {n} be?", "expected": expected}
        )
    (pack / "golden.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    (pack / "development.jsonl").write_text("")
    return found


def verdict(tmp_path, embeddings, candidate, incumbent):
    settings = load_settings(data_dir=tmp_path / "data", domain=tmp_path / "house")
    domain = load_domain(tmp_path / "house")
    with opened(settings, Parts(embeddings, None)) as (store, retriever, _):  # pyright: ignore[reportArgumentType]
        Ingest(store, retriever.index, settings).sync(domain.documents)
        report = compare(retriever, domain, candidate, incumbent)
        assert retriever.index.searcher is None, "what serves is as it was"
    return report


def test_a_searcher_that_finds_more_may_serve(tmp_path, embeddings, answers):
    report = verdict(tmp_path, embeddings, Told(embeddings, answers, 1), Told(embeddings, answers, -1))
    assert report.verdict == "promote"
    assert report.body["tasks"][0]["n"] == NUMBER


def test_a_searcher_that_finds_less_never_serves(tmp_path, embeddings, answers):
    report = verdict(tmp_path, embeddings, Told(embeddings, answers, -1), Told(embeddings, answers, 1))
    assert report.verdict == "refuse"


def test_without_enough_questions_nothing_is_said(tmp_path, embeddings, answers, monkeypatch):
    monkeypatch.setattr(search_gate, "FEWEST_CASES", NUMBER + 1)
    assert verdict(tmp_path, embeddings, Told(embeddings, answers, 1), None).verdict == "not_enough_cases"


def test_what_is_taken_replaces_the_whole_folder(tmp_path):
    made, place = tmp_path / "made", tmp_path / "pack" / "searcher"
    for folder, text in ((made, "new"), (place, "old")):
        folder.mkdir(parents=True)
        (folder / "adapter_config.json").write_text(text)
    (place / "more.txt").write_text("left over")
    take(made, place)
    assert {file.name: file.read_text() for file in place.iterdir()} == {"adapter_config.json": "new"}

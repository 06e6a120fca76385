"""The cross-encoder behind the citation check: one voice among many, and missed where it is missing."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from benchmarks.citations import HARD
from core.errors import SettingsError
from core.minilm import minilm_folder
from retrieval import checker, support
from retrieval.checker import MOST_WORDS, Checker, opened, part_to_read, runs
from retrieval.support import LOUDEST, READS, check, features, judged, shipped

PASSAGE = "Members may enter if the gate is open. The landlord pays the invoice. The hall was built in 1902."


@pytest.fixture
def reader() -> Checker:
    found = opened()
    assert found is not None
    return found


def test_a_short_passage_is_read_whole_and_of_a_long_one_what_speaks_of_the_sentence():
    assert part_to_read("Who pays?", PASSAGE) == PASSAGE
    filler = "The weather stayed as it had been for some days and nobody said anything about it. "
    part = part_to_read("The landlord pays the invoice.", filler * 9 + PASSAGE + " " + filler * 9)
    assert "The landlord pays the invoice." in part
    assert len(part.split()) <= MOST_WORDS


def test_a_passage_is_read_in_runs_of_neighbours_and_a_long_piece_alone():
    assert runs([MOST_WORDS - 10, 10, 1]) == [(0, 2), (1, 3), (2, 3)]
    assert runs([2 * MOST_WORDS, 5]) == [(0, 1), (1, 2)]


@pytest.mark.model
def test_a_pair_is_read_once(reader: Checker):
    reader.logit("The invoice is paid by the landlord.", PASSAGE)
    before = reader._read.cache_info()
    reader.logit("The invoice is paid by the landlord.", PASSAGE)
    after = reader._read.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


@pytest.mark.model
def test_pairs_read_together_are_read_as_each_alone(reader: Checker):
    pairs = [("The landlord pays.", PASSAGE), ("The tenant pays the invoice, not the landlord.", PASSAGE * 3)]
    alone = [reader.logits([pair])[0] for pair in pairs]
    assert reader.logits(pairs) == pytest.approx(alone, abs=0.3)


@pytest.mark.model
def test_it_tells_the_hard_pairs_apart_where_copied_words_do_not(reader: Checker):
    rows = [json.loads(line) for line in HARD.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["half"] == "development"][::4]
    found = reader.logits([(row["sentence"], row["passage"]) for row in rows])
    right = [logit for logit, row in zip(found, rows, strict=True) if row["supported"]]
    wrong = [logit for logit, row in zip(found, rows, strict=True) if not row["supported"]]
    assert sum(one > other for one in right for other in wrong) > 0.7 * len(right) * len(wrong)


def test_what_it_says_counts_up_to_a_bound_and_only_where_it_is_there():
    assert READS not in features("The hall was built in 1902.", PASSAGE)
    assert features("The hall was built in 1902.", PASSAGE, 99.0)[READS] == LOUDEST
    assert features("The hall was built in 1902.", PASSAGE, -99.0)[READS] == -LOUDEST


@pytest.mark.parametrize("logit", [None, LOUDEST])
def test_it_never_overrules_a_rule(logit: float | None):
    model = shipped() if logit is not None else shipped()["without"]
    sentence = "The hall was built in 1903."
    found = support.disagreements(sentence, PASSAGE)
    assert found
    given = judged(model, features(sentence, PASSAGE, logit), found)
    assert not given.ok
    assert given.score < model["threshold"]


def test_where_it_cannot_be_opened_the_check_goes_by_its_rules(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def missing() -> Path:
        raise SettingsError("minilm is not installed")

    opened.cache_clear()
    monkeypatch.setattr(checker, "minilm_folder", missing)
    with caplog.at_level(logging.WARNING):
        assert check("The hall was built in 1902.", PASSAGE).ok
        assert not check("The hall was built in 1903.", PASSAGE).ok
    opened.cache_clear()
    assert [record.message for record in caplog.records] == [
        "citations are checked by rules alone, since the checker cannot be opened: minilm is not installed"
    ]


def test_an_adapter_that_is_not_there_is_missed_and_not_asked_for_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    opened.cache_clear()
    monkeypatch.setattr(checker, "ADAPTER", tmp_path / "none")
    assert minilm_folder().is_dir()
    assert opened() is None
    opened.cache_clear()


def test_the_model_without_it_weighs_the_same_but_for_it():
    weights, without = shipped()["weights"], shipped()["without"]["weights"]
    assert set(weights) - set(without) == {READS}
    assert weights[READS] > 0

"""The citation checker's data and its training: what is trained is what retrieval loads."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file

from core.minilm import minilm_folder
from finetune import checker, checker_data
from finetune.checker_data import Pair, from_frames, from_questions, not_measured_on
from finetune.checker_edits import (
    CHANGES,
    Place,
    changed,
    condition_dropped,
    doers_exchanged,
    names_exchanged,
    negated,
    other_number,
    other_subject,
    places,
    reworded,
)
from finetune.checker_frames import FRAMES, made
from finetune.checker_statements import statement
from finetune.guard import TrainingError
from retrieval.checker import Checker

FINDER = Path(checker.__file__).parent.parent / "retrieval" / "finder_adapter"


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("Who built the hall?", "Anna Holm", "Anna Holm built the hall."),
        ("When was the old hall built?", "1902", "The old hall was built in 1902."),
        ("How many rooms does the hall have?", "twelve", "The hall have twelve rooms."),
        ("Where is the key kept?", "the safe", "The key is kept in the safe."),
        ("Why did the hall burn down?", "a lamp fell", "The hall burn down because a lamp fell."),
        ("What city is the seat of the court?", "Ghent", "Ghent is the seat of the court."),
        ("In what year did the court move?", "1911", "The court move in 1911."),
        ("The court moved to which city?", "Ghent", "The court moved to Ghent."),
        ("Is it open?", "yes", ""),
    ],
)
def test_a_question_with_its_answer_is_a_statement(question: str, answer: str, said: str):
    assert statement(question, answer) == said


def place(sentence: str, *others: str) -> Place:
    return Place(sentence, others, " ".join([sentence, *others]))


@pytest.mark.parametrize(
    ("change", "one", "expected"),
    [
        (condition_dropped, place("Members may enter if the gate is open."), "Members may enter."),
        (condition_dropped, place("If the gate is open, members may enter."), "Members may enter."),
        (doers_exchanged, place("The claim was rejected by the court."), "The court was rejected by the claim."),
        (names_exchanged, place("It was Anna who wrote to Omar."), "It was Omar who wrote to Anna."),
        (other_subject, place("The hall is old.", "The court is new."), "The court is old."),
        (negated, place("The hall is not old."), "The hall is old."),
    ],
)
def test_a_change_says_something_else(change: object, one: Place, expected: str):
    assert change(one, random.Random(0)) == expected  # pyright: ignore[reportCallIssue]


def test_names_of_a_list_do_not_change_places():
    assert names_exchanged(place("They asked Anna, Omar and Mei."), random.Random(0)) == ""


def test_a_changed_number_is_another():
    for seed in range(20):
        text = other_number(place("It holds 40 litres.", "The other holds 70."), random.Random(seed))
        assert text != "It holds 40 litres."
        assert text.endswith("litres.")


def test_no_change_is_what_the_passage_says():
    one = place("The lift was not open in 1990.", "The lift was open in 1970.", "In 1990 Anna Holm saw Omar Haddad.")
    kinds = set()
    for seed in range(60):
        text, kind = changed(one, random.Random(seed))
        assert text not in one.passage
        kinds.add(kind)
    assert len(kinds) > 2
    assert kinds <= set(CHANGES)


def test_what_is_reworded_keeps_its_numbers_and_its_denials():
    sentence = "The hall, which Anna bought, was not open in 1990 because more than 12 people were ill."
    for seed in range(40):
        text = reworded(sentence, random.Random(seed))
        assert "not" in text or "n't" in text
        assert not set("3456789") - set("90") & set(text) - {"1", "2"}


def test_a_place_is_a_sentence_within_its_passage():
    context = "The hall was built in 1902 by Anna Holm. It is old. It burned down in the winter of 1911. Nobody was hurt there."
    found = list(places(context, random.Random(0)))
    assert len(found) == 2
    assert all(one.sentence in one.passage and one.sentence not in one.others for one in found)


def test_every_frame_tells_what_follows_from_what_does_not():
    for frame in FRAMES:
        for seed in range(20):
            told, claims = frame(random.Random(seed))
            assert told
            follows, rest = ({text for text, yes in claims if yes is wanted} for wanted in (True, False))
            assert follows
            assert rest
            assert not follows & rest


def test_a_made_up_passage_has_as_many_of_the_one_as_of_the_other():
    passage, claims = made(random.Random(3))
    assert passage.endswith(".")
    assert 0 < sum(follows for _, follows in claims) <= 2
    assert sum(not follows for _, follows in claims) <= 2


def test_a_wrong_answer_is_of_the_same_kind_and_stands_in_the_passage():
    context = "The hall was built in 1902. It burned down in 1911."
    row = {"question": "When was the hall built?", "title": "Hall", "context": context, "answers": ["1902"]}
    found = list(from_questions([{**row, "start": 22, "end": 26}], random.Random(0)))
    assert [(pair.sentence, pair.supported) for pair in found] == [
        ("The hall was built in 1902.", True),
        ("The hall was built in 1911.", False),
    ]


def test_pairs_that_the_check_is_measured_on_are_refused():
    row = json.loads(checker_data.HARD.read_text(encoding="utf-8").splitlines()[0])
    fine = list(from_frames(40, random.Random(0)))
    not_measured_on(fine)
    with pytest.raises(TrainingError, match="hard_citations"):
        not_measured_on([*fine, Pair("A sentence.", f"Before. {row['passage'].upper()} After.", True, "x")])


def test_the_rate_rises_falls_and_ends_with_whatever_is_over_first():
    assert checker.rate(0.0, 0.0) < 0.1
    assert checker.rate(0.5, 0.0) == pytest.approx(0.5)
    assert checker.rate(0.5, 0.9) == pytest.approx(0.1)
    assert checker.rate(1.0, 0.2) == checker.LEAST_RATE


def test_auc_counts_ties_as_half():
    assert checker.auc([1.0, 1.0, 0.0, 0.0], [2.0, 1.0, 1.0, 0.0]) == 0.875


@pytest.mark.model
def test_what_was_trained_can_be_checked_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, out = tmp_path / "pairs.jsonl", tmp_path / "checker"
    rows = [
        {"sentence": p.sentence, "passage": p.passage, "supported": p.supported}
        for p in from_frames(24, random.Random(0))
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    hard = tmp_path / "hard.jsonl"
    halves = [{**row, "half": "development" if n % 2 else "held"} for n, row in enumerate(rows)]
    hard.write_text("".join(json.dumps(row) + "\n" for row in halves), encoding="utf-8")
    given = ["--pairs", str(file), "--dev", str(hard), "--base", str(minilm_folder()), "--out", str(out)]
    checker.main([*given, "--start", str(FINDER), "--r", "64", "--epochs", "1", "--batch-size", "8"])
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (figures["steps"], figures["epoch"]) == (-(-len(rows) // 8), 1)
    first = Checker(minilm_folder(), out).logit(rows[0]["sentence"], rows[0]["passage"])
    assert -30 < first < 30


@pytest.mark.model
def test_an_adapter_that_goes_on_begins_where_the_other_ended():
    model = checker.load(minilm_folder(), FINDER, 96, 0.0)
    known = load_file(FINDER / SAFETENSORS_WEIGHTS_NAME)
    name = "base_model.model.bert.encoder.layer.0.attention.self.query"
    mine = dict(model.named_parameters())
    change = mine[f"{name}.lora_B.default.weight"] @ mine[f"{name}.lora_A.default.weight"]
    its = known[f"{name}.lora_B.weight"].float() @ known[f"{name}.lora_A.weight"].float()
    assert torch.allclose(change, its, atol=1e-4)
    with pytest.raises(ValueError, match="--r"):
        checker.load(minilm_folder(), FINDER, 32, 0.0)

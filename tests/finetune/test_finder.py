"""The finder's data and its training: what is trained is what retrieval loads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.minilm import minilm_folder
from core.types import Passage
from finetune import finder_data
from finetune.finder import auc, encode, load_tokenizer, main
from finetune.finder_data import FILES, Pair, pairs
from retrieval.finder import Finder

ROWS = [
    {"title": "Rack_A", "context": "Rack A holds four cards.", "question": "How many cards are in rack A?",
     "answers": ["four"], "answer_start": 13, "answerable": True},
    {"title": "Rack_A", "context": "Rack A was bought in 2021 with its cards.", "question": "When was rack A bought?",
     "answers": ["2021"], "answer_start": 21, "answerable": True},
    {"title": "Rack_A", "context": "There are four doors to the hall of rack A.", "question": "Who painted rack A?",
     "answers": [], "answer_start": -1, "answerable": False},
    {"title": "Desk", "context": "The desk ( in Oslo ) opens at eight .", "question": "When does the desk open ?",
     "answers": ["eight"], "answer_start": None, "answerable": True},
]  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for n, name in enumerate(FILES):
        source = "qed-nq-train" if "qed" in name else f"source-{n}"
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps({**row, "source": source}) + "\n" for row in ROWS), encoding="utf-8")
    return folder


def test_a_near_miss_never_holds_the_answer(data: Path):
    found = list(pairs(data))
    four = [pair for pair in found if pair.question == "How many cards are in rack A?"]
    assert {pair.passage for pair in four if pair.start < 0} >= {"Rack A was bought in 2021 with its cards."}
    assert not any("four" in pair.passage for pair in four if pair.start < 0)


def test_an_answer_is_marked_where_it_stands(data: Path):
    for pair in pairs(data):
        if pair.start >= 0:
            assert pair.passage[pair.start : pair.end] in ("four", "2021", "eight")


def test_tokenised_text_is_read_as_people_write_it(data: Path):
    assert any(pair.passage == "The desk (in Oslo) opens at eight." for pair in pairs(data))


def test_an_article_is_held_out_whole(data: Path):
    held = {(pair.question, pair.held_out) for pair in pairs(data)}
    assert len(held) == len({question for question, _ in held})


def test_labels_are_the_tokens_of_the_answer():
    tokenizer = load_tokenizer(minilm_folder())
    passage = "It opens at half past eight each day."
    start = passage.index("half")
    row = encode(tokenizer, [Pair(0, "When?", "Desk", passage, start, start + len("half past eight"), False)])[0]
    answer = row["input_ids"][row["start_positions"] : row["end_positions"] + 1]
    assert tokenizer.decode(answer) == "half past eight"
    none = encode(tokenizer, [Pair(0, "When?", "Desk", passage, -1, -1, False)])[0]
    assert (none["start_positions"], none["end_positions"]) == (0, 0)


def test_what_was_trained_can_be_read_with(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "pairs.jsonl"
    assert finder_data.write(file, pairs(data)) > 10
    base, out = str(minilm_folder()), tmp_path / "finder"
    given = ["--pairs", str(file), "--base", base, "--out", str(out), "--epochs", "1", "--batch-size", "8", "--r", "4"]
    main(given)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["seconds"] >= 0
    reading = Finder(minilm_folder(), out).read("When?", [Passage(id="1", source="a", text="It opens at eight.")])[0]
    assert -50 < reading.span(0, 18) < 50


def test_auc_counts_pairs_in_order():
    assert auc([2.0, 3.0], [1.0, 2.5]) == 0.75

"""The benchmark of the reader on a file of our own, with scripted models and real retrieval."""

from __future__ import annotations

import json

import pytest

from benchmarks import reader
from benchmarks.reader_passages import given, recall, retrieved
from core.llm import ScriptedModels

YEARS = ("1203", "1417", "1688", "1901")


def row(n: int) -> dict:
    name, year = ("Ulm", "Trier", "Mainz", "Worms")[n], YEARS[n]
    context = f"The bridge of {name} was built in {year}. It crosses the river there."
    answers = [] if n == 3 else [year, f"in {year}"]
    return {
        "id": f"q{n}",
        "title": f"{name}_bridge",
        "context": context,
        "question": f"When was the bridge of {name} built?",
        "answers": answers,
    }


@pytest.fixture
def file(tmp_path):
    (tmp_path / "squad.jsonl").write_text("".join(json.dumps(row(n)) + "\n" for n in range(4)))
    return tmp_path / "squad.jsonl"


def reads(asked: str) -> str:
    """The year of the first passage; of Mainz it says none, and names no passage."""
    if "Mainz" in asked.split("\n\n")[0]:
        return "I don't know."
    return next(year for year in YEARS if year in asked) + " [1]"


@pytest.fixture
def models(monkeypatch):
    made = ScriptedModels({"base": lambda _: "It is said that the bridge is old.", "reader": reads})
    monkeypatch.setattr(reader, "open_models", lambda *_: made)
    return made


def last(capsys) -> dict:
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_the_last_line_has_the_figures_of_base_and_reader(file, models, capsys, tmp_path):
    reader.main(["--file", str(file), "--out", str(tmp_path / "said.jsonl")])
    found = last(capsys)
    assert {name: found["reader"][name] for name in ("f1_no_refusal", "exact", "refusal_recall", "false_refusals")} == {
        "f1_no_refusal": 66.7, "exact": 66.7, "refusal_recall": 0.0, "false_refusals": 33.3,
    }  # fmt: skip
    assert found["reader"]["cited"] == 66.7
    assert found["base"]["f1_no_refusal"] == 0
    assert found["base"].keys() == found["reader"].keys()
    said = [json.loads(line) for line in (tmp_path / "said.jsonl").read_text().splitlines()]
    assert [one["text"] for one in said if one["model"] == "reader"] == ["1203", "1417", "", "1901"]


def test_the_base_can_be_asked_less_or_not_at_all(file, models, capsys):
    reader.main(["--file", str(file), "--base-limit", "2"])
    assert last(capsys)["base"]["questions"] == 2
    reader.main(["--file", str(file), "--base-limit", "0"])
    assert "base" not in last(capsys)


def test_questions_of_some_articles_are_asked_by_their_titles(file):
    assert [one["id"] for one in reader.load(file, ["ulm bridge", "Worms_bridge"])] == ["q0", "q3"]
    assert [one["id"] for one in reader.spread(reader.load(file), 2)] == ["q0", "q2"]


def test_passages_come_from_the_file_through_retrieval(file, models, capsys):
    rows = reader.load(file)
    for order in ("fused", "bm25"):
        found = retrieved(rows, rows, 2, order)
        assert all(len(passages) == 2 for passages in found.values())
        assert recall(rows, found)["first"] == 100, order
    reader.main(["--file", str(file), "--retrieved", "2", "--base-limit", "0"])
    assert last(capsys)["recall"] == {"first": 100.0, "given": 100.0}


def test_a_citation_is_right_where_the_named_passage_holds_an_answer():
    passages = given([row(0)])
    assert reader.cited(row(0), 1, passages)
    assert not reader.cited(row(0), 2, passages)
    assert not reader.cited(row(0), None, passages)
    assert reader.cited(row(3), 1, given([row(3)])) is None

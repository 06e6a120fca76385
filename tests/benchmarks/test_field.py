"""The benchmark of cases from the field: what it makes of answers, and two cases from their folders to the last line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import field
from benchmarks.field_scoring import Case, Said, Turn, Verdict, judged, load, same_file, stands, summary
from benchmarks.field_served import files_of
from core.errors import DomainError
from core.llm import ScriptedModels

LEND = Turn(ask="How long may a laptop be kept?", right=("21 days|three weeks",), wrong=("14",), source="rules.docx")


def said(text="Within **21 days** of the loan. [1]", **more):
    return Said(**{"text": text, "sources": ("rules.docx",), "numbers": (1,), **more})


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("8 km/h", "The limit is 8km/h."),
        ("8km/h", "The limit is 8\u202fKM/H."),
        ("second Tuesday", "on the second\nTuesday of each month"),
        ("4,500|4500", "at most 4500 euros"),
        ("Große Scheibe", "GROSSE SCHEIBE"),
        ("Łucja Żółć", "ask Ms Łucja Z\u0307o\u0301łc\u0301"),
        ("23", "February: 23.0"),
        ("4", "14 or 4 of them"),
        ("2026", "from 30.11.2026 on"),
        ("0x80A4", "Error 0x80a4 means"),
        ("102", "rooms 101, 102 and 103"),
        ("35", "--retention 35d"),
    ],
)
def test_what_is_wanted_stands_there_whatever_its_case_and_spacing(wanted, text):
    assert stands(wanted, text)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("4", "14 degrees"),
        ("4", "4.5 degrees"),
        ("4", "4,000 euros"),
        ("500", "4,500 euros"),
        ("5", "7.5%"),
        ("E-410", "E-4100"),
        ("120", "1200"),
        ("lift|stairs", "the ramp"),
        ("not allowed", "allowed"),
    ],
)
def test_what_is_part_of_another_number_or_not_there_does_not_stand_there(wanted, text):
    assert not stands(wanted, text)


def test_an_answer_that_holds_all_and_cites_its_file_is_right():
    assert judged(LEND, said()) == Verdict(right=True)
    assert judged(LEND, said("In three weeks.")).right


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (said("Within a month."), "it lacks '21 days|three weeks'"),
        (said("Within 21 days, formerly 14."), "it says '14'"),
        (said(sources=("other.docx",)), "it cites other.docx and not rules.docx"),
        (said(sources=(), numbers=()), "it cites nothing and not rules.docx"),
    ],
)
def test_a_wrong_answer_counts_as_unwarned_unless_it_warns(answer, why):
    verdict = judged(LEND, answer)
    assert verdict == Verdict(right=False, wrong_unwarned=True, why=why)
    warned = Said(**{**vars(answer), "warnings": ("Low confidence",)})
    assert judged(LEND, warned) == Verdict(right=False, why=why)


def test_a_refusal_is_right_where_it_is_wanted_and_wrong_where_an_answer_is():
    refusal, wanted = Said(text="I don't know.", refused=True), Turn(ask="?", refuse=True)
    assert judged(wanted, refusal) == Verdict(right=True)
    assert judged(wanted, said()) == Verdict(False, wrong_unwarned=True, why="it answers what should be refused")
    assert judged(LEND, refusal) == Verdict(False, refused_wrongly=True, why="it is refused")


def test_without_right_and_refuse_only_what_is_wrong_counts():
    turn = Turn(ask="Are weekend loans free?", wrong=("free of charge",))
    assert judged(turn, said("The late fee is 3 euros.")).right
    assert judged(turn, Said(text="I don't know.", refused=True)) == Verdict(right=True)
    assert judged(turn, said("They are free of  charge.")).wrong_unwarned


def test_the_number_of_a_citation_is_no_part_of_the_answer():
    turn = Turn(ask="How many?", right=("1",))
    assert not judged(turn, said("Butter. [1]")).right
    assert judged(turn, said("Butter, element a[1].", numbers=(2,))).right


def test_an_error_is_neither_right_nor_an_answer_that_was_shown():
    assert judged(Turn(ask="?", wrong=("x",)), Said(error="busy")) == Verdict(right=False, why="busy")


def test_without_its_document_only_a_refusal_that_is_wanted_is_right():
    verdict = judged(LEND, said(), "rules.docx: it is broken")
    assert verdict == Verdict(right=False, why="rules.docx: it is broken")
    assert judged(Turn(ask="?", refuse=True), Said(refused=True), "rules.docx: it is broken").right


def test_files_are_the_same_as_far_as_both_paths_tell():
    assert same_file("docs/a.md", "a.md")
    assert same_file("a.md", "docs/a.md")
    assert not same_file("oslo/parking.md", "berlin/parking.md")
    assert not same_file("a.md", "ba.md")


def test_turns_are_counted():
    verdicts = [
        Verdict(True),
        Verdict(False, wrong_unwarned=True),
        Verdict(False, refused_wrongly=True),
        Verdict(False),
    ]
    assert summary(verdicts) == {"kinds": 4, "right": 1, "wrong_unwarned": 1, "refused_wrongly": 1}


def test_a_reply_tells_files_and_not_their_pages():
    citation = {"source": "a.pdf", "also": ["docs/b.pdf, page 3"], "number": 2}
    told = {"refused": False, "warnings": ["Low"], "citations": [citation], "conversation": "c"}
    found = Said.of({"choices": [{"message": {"content": "Yes. [2]"}}], "trivium": told})
    assert (found.sources, found.numbers, found.warnings) == (("a.pdf", "docs/b.pdf"), (2,), ("Low",))


def write_case(folder: Path, documents: dict[str, str], /, **body) -> None:
    folder.mkdir(parents=True)
    for name, text in documents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "case.json").write_text(json.dumps(body))


def test_cases_are_read_by_name_and_a_malformed_one_is_named(tmp_path):
    write_case(
        tmp_path / "b", {}, turns=[{"ask": "?", "right": ["x", 4, ""], "wrong": None, "refuse": None, "note": "ours"}]
    )
    write_case(tmp_path / "a", {}, documents=["x.md"], turns=[])
    (tmp_path / "none").mkdir()
    assert [case.name for case in load(tmp_path)] == ["a", "b"]
    assert [case.name for case in load(tmp_path, 1)] == ["a"]
    assert load(tmp_path)[1].turns[0].right == ("x", "4")
    write_case(tmp_path / "c", {}, turns=[{"right": ["x"]}])
    with pytest.raises(DomainError, match=r"c/case\.json: turns\.0\.ask"):
        load(tmp_path)
    with pytest.raises(DomainError, match="no folder"):
        load(tmp_path / "none")


def test_files_get_the_source_that_is_their_place_in_the_case(tmp_path):
    write_case(tmp_path / "one", {"a.md": "a", "oslo/p.md": "o", "oslo/in/q.md": "i", "oslo/x.exe": "x"}, turns=[])
    folder = tmp_path / "one"
    assert list(files_of(folder, "a.md")) == ["a.md"]
    assert list(files_of(folder, "oslo/p.md")) == ["oslo/p.md"]
    assert list(files_of(folder, "oslo")) == ["oslo/p.md", "oslo/in/q.md"]
    assert list(files_of(tmp_path / "two", "../one/a.md")) == []
    (tmp_path / "two").mkdir()
    assert list(files_of(tmp_path / "two", "../one/a.md")) == ["a.md"]
    assert list(files_of(tmp_path / "two", "../one/oslo")) == ["oslo/p.md", "oslo/in/q.md"]
    assert files_of(folder, "none.md") == {}


GATE = "# Parking\n\nThe blue gate opens with the code {}.\n"
ASKED = {"ask": "Which code opens the blue gate?", "model": "rag"}


@pytest.fixture
def cases(tmp_path):
    """One that changes its document between turns; one with a file that cannot be read beside one that should not be."""
    write_case(
        tmp_path / "cases" / "changed", {"old/p.md": GATE.format(7741), "new.md": GATE.format(8852)}, documents=["old"],
        turns=[
            {**ASKED, "right": ["7741"], "source": "p.md"},
            {**ASKED, "right": ["8852"], "wrong": ["7741"], "upload": [{"file": "new.md", "as": "old/p.md"}]},
            {**ASKED, "refuse": True, "delete": ["old/p.md"]},
            {**ASKED, "wrong": ["8852"], "same_conversation": True, "delete": ["old/p.md"]},
        ],
    )  # fmt: skip
    write_case(
        tmp_path / "cases" / "unread", {"fake.pdf": "no pdf", "scan.pdf": "no pdf", "p.md": GATE.format(7741)},
        documents=["fake.pdf", "scan.pdf", "p.md", "tool.exe"], unread=["scan.pdf"], turns=[{**ASKED, "right": ["7741"]}],
    )  # fmt: skip
    write_case(tmp_path / "cases" / "without", {}, pack="nowhere", turns=[{**ASKED, "refuse": True}])
    return tmp_path / "cases"


def test_cases_are_served_one_by_one_and_counted_in_the_last_line(cases, tmp_path, monkeypatch, capsys):
    closed = []
    models = ScriptedModels({"base": lambda query: "As you like."})
    monkeypatch.setattr(models, "close", lambda: closed.append(True))
    monkeypatch.setattr("core.llm.open_models", lambda *_: models)

    field.main(["--cases", str(cases), "--data", str(tmp_path / "kept"), "--out", str(tmp_path / "out.jsonl")])

    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["case"], row["verdict"]["right"]) for row in rows] == [
        ("changed", True), ("changed", True), ("changed", True), ("changed", True), ("unread", False), ("without", False),
    ]  # fmt: skip
    assert {name: found[name] for name in ("kinds", "right", "refused_wrongly", "cases")} == {
        "kinds": 6, "right": 4, "refused_wrongly": 0, "cases": 3,
    }  # fmt: skip
    assert "there is no document" in found["by_case"]["changed"]["why"]
    why = found["by_case"]["unread"]["why"]
    assert "fake.pdf" in why
    assert "tool.exe" in why
    assert "scan.pdf" not in why
    assert "nowhere" in found["by_case"]["without"]["why"]
    assert closed == [True]


def test_a_turn_of_the_same_conversation_carries_the_earlier_ones():
    class Scripted:
        failed = {}

        def __init__(self):
            self.asked = []

        def add(self, documents):
            pass

        def change(self, turn):
            return []

        def ask(self, turn, history, conversation):
            self.asked.append((turn.ask, list(history), conversation))
            return Said(text=f"to {turn.ask}", conversation=f"of {turn.ask}")

    service, texts = Scripted(), ("a", "b", "c")
    turns = tuple(Turn(ask=text, same_conversation=text == "c") for text in texts)

    field.played(Case(turns=turns), service)

    assert service.asked == [("a", [], ""), ("b", [], ""), ("c", [("a", "to a"), ("b", "to b")], "of b")]

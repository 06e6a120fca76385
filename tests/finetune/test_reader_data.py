"""The reader's pack, made from small files in the form of the public ones."""

from __future__ import annotations

import json
import random

import pytest

from core.domain import load_domain
from core.prompts import READER_REFUSAL, READER_SYSTEM
from finetune.finder_data import FILES
from finetune.reader_data import HELD_OUT, SOURCES, MissingData, build, case, cut, example, main, turn, unanswerable

TITLES = (*HELD_OUT, "Bridges", "Rivers", "Castles", "Printing")


def row(title: str, para: int, question: int) -> dict:
    """A paragraph of its own words; every third question has no answer in it."""
    name = f"{title} {para}"
    context = f"The first record of {name} is from {1200 + 10 * para + len(title)}. It was built by Anna Berg{para}. It is north of Ulm."
    answers = [[str(1200 + 10 * para + len(title))], [f"Anna Berg{para}"], []][question % 3]
    asked = [f"When was the first record of {name} made?", f"Who built {name}, north of Ulm?", f"Who sold {name}?"]
    return {
        "id": f"{title}-{para}-{question}", "source": "squad", "title": title, "context": context, "question": asked[question % 3],
        "answers": answers, "answer_start": context.find(answers[0]) if answers else -1, "answerable": bool(answers),
    }  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for at, file in enumerate(FILES):
        (folder / file).parent.mkdir(exist_ok=True)
        rows = [row(title, 10 * at + para, n) for title in TITLES for para in range(4) for n in range(3)]
        (folder / file).write_text("".join(json.dumps(one) + "\n" for one in rows))
    return folder


@pytest.fixture(scope="module")
def pack(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pack")
    build(data, folder)
    return load_domain(folder)


def passages(query: str) -> list[str]:
    """The numbered passages of a query, without their numbers."""
    lines = [line for line in query.split("\n\n") if line.startswith("[")]
    return [line.partition("] ")[2] for line in lines]


def test_the_pack_loads_and_has_the_readers_own_prompt(pack):
    assert pack.system_prompt == READER_SYSTEM
    assert pack.refusal == READER_REFUSAL
    assert pack.examples()
    assert pack.golden()


def test_an_answer_stands_in_the_passage_that_it_names(pack):
    told = [one for one in pack.examples() if one.answer != READER_REFUSAL]
    assert told
    for one in told:
        answer, _, mark = one.answer.rpartition(" [")
        assert answer in passages(one.query)[int(mark.rstrip("]")) - 1]


def test_no_example_shows_a_passage_of_an_article_that_cases_ask_about(pack):
    for one in pack.examples():
        assert not any(title in one.query for title in HELD_OUT)


def test_no_case_shows_a_passage_that_examples_are_about(pack):
    shown = {text for one in pack.examples() for text in passages(one.query)}
    for one in (*pack.golden(), *pack.development()):
        assert not shown & set(passages(one.query))


def test_golden_and_development_cases_are_different_ones_with_and_without_answers(pack):
    golden, development = ({one.query for one in cases} for cases in (pack.golden(), pack.development()))
    assert not golden & development
    assert {frozenset(one.expected) for one in pack.golden()} == {frozenset({"contains"}), frozenset({"refusal"})}


def test_a_refusal_is_learned_where_the_passage_with_the_answer_was_taken_away(pack):
    refused = [
        one for one in pack.examples() if one.answer == READER_REFUSAL and "When was the first record" in one.query
    ]
    assert refused
    assert all("refusal" in one.tags for one in refused)
    for one in refused:
        asked = one.query.split("\n\n")[0].removeprefix("Question: ")
        name = asked.partition("record of ")[2].partition(" made")[0]
        wanted = f"The first record of {name} is from"
        assert asked != f"When was the first record of {name} made?" or wanted not in one.query


def test_cases_stay_as_they_are_when_examples_are_made_another_way(pack, data, tmp_path, monkeypatch):
    monkeypatch.setattr("finetune.reader_data.ALONE", 0.1)
    build(data, tmp_path)
    other = load_domain(tmp_path)
    assert other.golden() == pack.golden()
    assert [one.query for one in other.examples()] != [one.query for one in pack.examples()]


def test_a_changed_question_is_another_one_that_the_passage_does_not_answer():
    asked = {
        "question": "When was the first bridge built?",
        "context": "The first bridge was built in 1203.",
        "answers": ["1203"],
    }
    assert unanswerable(asked, [], random.Random(0)) == "When was the last bridge built?"
    named = {
        "question": "Who built the house in Ulm Castle for him?",
        "context": "Ulm Castle: Anna built it.",
        "answers": ["Anna"],
    }
    changed = unanswerable(named, [("", "it is near Trier by the river, and Mainz")], random.Random(0))
    assert changed in ("Who built the house in Trier for him?", "Who built the house in Mainz for him?")
    assert unanswerable({**named, "question": "by whom"}, [], random.Random(0)) == ""


def test_a_cut_passage_still_holds_its_answer():
    text = "One two three four five six seven eight nine ten eleven twelve."
    start = text.index("six")
    for seed in range(40):
        kept = cut({"context": text, "start": start, "end": start + 9}, random.Random(seed))
        assert "six seven" in kept
        assert kept in text


def test_a_later_question_carries_the_earlier_one_with_its_answer():
    first = {"question": "Who built it?", "title": "Ulm", "context": "Anna built it in 1203.", "answers": ["Anna"]}
    later = {"question": "And when?", "title": "Ulm", "context": first["context"], "answers": ["1203"]}
    query = turn(first, later)["messages"][1]["content"]
    assert "Earlier question: Who built it?\n\nEarlier answer: Anna\n\nQuestion: And when?" in query
    assert turn(first, later)["messages"][2]["content"] == "1203 [1]"


def test_the_number_of_an_answer_is_the_place_of_its_passage():
    texts = [("A", "right"), ("B", "wrong"), ("C", "false")]
    for seed in range(30):
        one = example("q", texts, "right", random.Random(seed))
        place = int(one["messages"][2]["content"][-2])
        assert passages(one["messages"][1]["content"])[place - 1].endswith("right")


def test_a_case_without_an_answer_wants_a_refusal():
    found = case(0, row("Oxygen", 1, 2), [], random.Random(0))
    assert found["expected"] == {"refusal": True}
    assert case(0, row("Oxygen", 1, 0), [], random.Random(0))["expected"] == {"contains": ["1216"]}


def test_a_missing_file_is_named_with_the_place_where_it_can_be_had(data, tmp_path):
    with pytest.raises(MissingData, match=r"lacks 5 of the 5 files.*SQuAD-explorer.*CC BY-SA 4.0.*QED"):
        build(tmp_path, tmp_path / "pack")
    with pytest.raises(SystemExit, match=r"error: .*Public sources"):
        main(["--data", str(tmp_path), "--out", str(tmp_path / "pack")])
    assert [one.file for one in SOURCES] == list(FILES)

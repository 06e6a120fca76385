from __future__ import annotations

import json

import pytest

from finetune.importing import read_examples

TASKS = ["label", "form"]


def read(name, content, task="label", **more):
    return read_examples(name, content if isinstance(content, bytes) else content.encode(), TASKS, task, **more)


def lines(*rows):
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def said(found):
    return [(draft.query, draft.answer) for draft in found.drafts]


def test_all_that_is_imported_is_a_draft():
    found = read("a.csv", "query,answer\nq,a\n", author="mara")
    assert [(one.state, one.origin, one.author, one.id) for one in found.drafts] == [("draft", "import", "mara", "")]


def test_csv_is_read_with_its_own_headings_delimiter_and_quoting():
    text = '\ufeffQuestion;Reply;Task;Tags;Author\n"a; ""b""\nsecond line";x;form;edge, odd;ada\nplain;y;;;\n'
    found = read("a.csv", text)
    assert said(found) == [('a; "b"\nsecond line', "x"), ("plain", "y")]
    assert [(one.task, one.tags, one.author) for one in found.drafts] == [
        ("form", ("edge", "odd"), "ada"),
        ("label", (), ""),
    ]
    assert found.faults == ()


def test_a_csv_row_with_a_fault_is_named_by_its_line_and_the_others_are_kept():
    text = 'query,answer\n"one\nline",a\ntoo,many,cells\n"never closed,a\nq4,a4\n"x"y,a5\n,empty\nq6,a6\n'
    found = read("a.csv", text)
    assert said(found) == [("one\nline", "a"), ("q4", "a4"), ("q6", "a6")]
    assert [fault.split(":")[0] for fault in found.faults] == ["line 4", "line 5", "line 7", "line 8"]
    for fault, word in zip(found.faults, ("cells", "quotation", "quotation", "query is empty"), strict=True):
        assert word in fault


def test_a_csv_without_the_two_columns_says_which_it_has():
    found = read("a.csv", "name,text\nq,a\n")
    assert found.drafts == ()
    assert "name, text" in found.faults[0]


def test_bytes_that_are_no_utf8_spoil_their_row_only():
    found = read("a.csv", b"query,answer\nT\xfcr,a\nq,a\n")
    assert said(found) == [("q", "a")]
    assert found.faults == ("line 2: the query is not UTF-8: save the file as UTF-8",)


def test_a_table_that_a_spreadsheet_saved_as_unicode_is_read():
    assert said(read("a.tsv", "query\tanswer\nTür\tauf\n".encode("utf-16"))) == [("Tür", "auf")]


def test_jsonl_keeps_good_lines_and_names_bad_ones():
    found = read(
        "a.jsonl",
        lines({"query": "q", "answer": "a"}, "{oops", "", [1], {"query": "q"}, {"query": "q2", "answer": {"doors": 3}}),
    )
    assert said(found) == [("q", "a"), ("q2", '{"doors": 3}')]
    assert [fault.split(":")[0] for fault in found.faults] == ["line 2", "line 4", "line 5"]


@pytest.mark.parametrize("row", [{"task": "gone"}, {"task": ""}])
def test_a_task_that_is_not_there_is_a_fault_that_names_those_that_are(row):
    found = read("a.jsonl", lines({"query": "q", "answer": "a", **row}), task="")
    assert found.drafts == ()
    assert "label, form" in found.faults[0]


def test_openai_chat_gives_each_turn_with_its_answer_and_leaves_the_system_out():
    chat = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "q"}]},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "and now?"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "never answered"},
    ]
    found = read("a.jsonl", lines({"messages": chat}))
    assert said(found) == [("q", "a"), ("and now?", "b")]
    assert [bool(one.note) for one in found.drafts] == [False, True]


@pytest.mark.parametrize(
    ("turns", "word"),
    [
        ([{"role": "user", "content": "q"}], "no user turn"),
        ([{"role": "user", "content": [{"type": "image_url"}]}, {"role": "assistant", "content": "a"}], "picture"),
        ([{"role": "user", "content": "q"}, {"role": "assistant", "content": None, "tool_calls": [{}]}], "tools"),
        ([{"role": "wizard", "content": "q"}], "wizard"),
        ("text", "list of turns"),
    ],
)
def test_a_chat_that_cannot_be_an_example_says_why(turns, word):
    found = read("a.jsonl", lines({"messages": turns}, {"query": "q", "answer": "a"}))
    assert said(found) == [("q", "a")]
    assert word in found.faults[0]
    assert found.faults[0].startswith("line 1: ")


def test_sharegpt_is_read_from_a_list_with_the_line_of_each_fault():
    rows = [
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        {"conversations": [{"from": "human", "value": "q"}]},
        {
            "conversations": [
                {"from": "system", "value": "s"},
                {"from": "human", "value": "q2"},
                {"from": "gpt", "value": "b"},
            ]
        },
    ]
    found = read("share.json", "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
    assert said(found) == [("q", "a"), ("q2", "b")]
    assert found.faults[0].startswith("line 3: ")


def test_a_list_that_is_cut_off_keeps_what_stands_before():
    found = read("a.json", '[{"query": "q", "answer": "a"},\n {"query": "q2", "ans')
    assert said(found) == [("q", "a")]
    assert found.faults[0].startswith("line 2: ")


def test_a_list_inside_an_object_and_an_instruction_with_its_input_are_read():
    found = read("a.json", json.dumps({"data": [{"instruction": "Label it", "input": "a door", "output": "open"}]}))
    assert said(found) == [("Label it\n\na door", "open")]


@pytest.mark.parametrize(
    "row",
    [
        {"query": "q", "answer": "better", "rejected": "worse"},
        {"prompt": [{"role": "user", "content": "q"}], "chosen": [{"role": "assistant", "content": "better"}],
         "rejected": [{"role": "assistant", "content": "worse"}]},
        {"input": {"messages": [{"role": "user", "content": "q"}]},
         "preferred_output": [{"role": "assistant", "content": "better"}],
         "non_preferred_output": [{"role": "assistant", "content": "worse"}]},
    ],
)  # fmt: skip
def test_preferences_keep_their_worse_answer(row):
    (one,) = read("a.jsonl", lines(row)).drafts
    assert (one.query, one.answer, one.rejected, one.origin) == ("q", "better", "worse", "preference")


@pytest.mark.parametrize("content", [b"", b"  \n", b"query,answer\n"])
def test_a_file_without_rows_says_so(content):
    found = read("a.csv", content)
    assert found.drafts == ()
    assert len(found.faults) == 1


def test_a_text_that_is_too_long_or_holds_a_zero_byte_is_a_fault():
    found = read("a.jsonl", lines({"query": "q" * 30_000, "answer": "a"}, {"query": "q\x00", "answer": "a"}))
    assert found.drafts == ()
    assert [word in fault for word, fault in zip(("30000", "zero byte"), found.faults, strict=True)] == [True, True]

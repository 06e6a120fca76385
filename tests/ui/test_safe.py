from ui import safe


def shown(blocks: list[safe.Block]) -> str:
    return "\n".join(block.text for block in blocks)


def test_every_character_that_markdown_knows_is_escaped_in_plain_text() -> None:
    assert safe.plain("*a* [b](c) <d> $e$") == r"\*a\* \[b\]\(c\) \<d\> \$e\$"


def test_plain_text_keeps_its_lines_and_paragraphs() -> None:
    assert safe.plain("one\ntwo\n\nthree") == "one  \ntwo\n\nthree"


def test_a_label_is_one_line_and_cut_before_it_is_escaped() -> None:
    assert safe.label("a\n b_c d", limit=6) == r"a b\_c…"


def test_addresses_and_icon_names_are_broken_so_that_they_stay_text() -> None:
    for text in ("https://x.example", "www.x.example", "a@x.example", ":tada:", ":material/home:"):
        assert safe.JOINER in safe.plain(text)
        assert safe.JOINER in shown(safe.prose(text))


def test_the_used_part_of_a_passage_is_marked() -> None:
    assert safe.marked("One. Two. Three.", [(5, 9)]) == r"One\. :orange-background[Two\.] Three\."


def test_marks_stand_on_each_line_that_they_cover() -> None:
    marked = safe.marked("a\nb c\nd", [(2, 7)])
    assert marked == "a  \n:orange-background[b c]  \n:orange-background[d]"


def test_marks_outside_of_the_passage_or_over_each_other_do_no_harm() -> None:
    assert safe.marked("abc", [(-5, 99)]) == ":orange-background[abc]"
    assert safe.marked("abc", [(2, 1)]) == "abc"
    assert safe.marked("abcd", [(0, 3), (1, 4)]) == ":orange-background[abc]:orange-background[d]"


def test_a_bracket_in_a_passage_cannot_end_the_mark() -> None:
    assert safe.marked("x] ![i](u)", [(0, 2)]).startswith(r":orange-background[x\]]")


def test_prose_keeps_emphasis_and_lists() -> None:
    assert shown(safe.prose("**a** _b_\n- c\n1. d")) == "**a** _b_  \n- c  \n1. d  "


def test_prose_has_no_live_links_images_html_or_formulas() -> None:
    text = shown(safe.prose('![a](http://e/a.png) [b][r] <img src="http://e"> $x$ :red[y]\n[r]: http://e/r'))
    for character in "[]<>$":
        assert all(text[n - 1] == "\\" for n, found in enumerate(text) if found == character), character


def test_a_table_cell_cannot_break_a_code_span_open() -> None:
    line = shown(safe.prose("| `![x](http://e/a.png) | ` |"))
    assert r"!\[x\]" in line
    assert r"\`" in line


def test_inline_code_stays_code() -> None:
    assert shown(safe.prose("use `a[0]` now")) == "use `a[0]` now  "


def test_a_backslash_before_a_backtick_cannot_undo_the_code() -> None:
    assert shown(safe.prose("\\`![x](u)`")) == "\\\\`![x](u)`  "


def test_fenced_code_becomes_a_code_block_even_while_it_is_open() -> None:
    blocks = safe.prose("see\n```python\nx = [1]\n```\nthen\n```\nopen")
    assert [(b.text.strip(), b.code, b.language) for b in blocks] == [
        ("see", False, ""),
        ("x = [1]", True, "python"),
        ("then", False, ""),
        ("open", True, ""),
    ]


def test_headings_become_bold_and_rules_vanish() -> None:
    assert shown(safe.prose("# Big *one*\n---\ntext")) == "**Big one**  \n\n\ntext  "


def test_an_indented_line_does_not_become_a_code_block() -> None:
    assert shown(safe.prose("a\n\n        ![x](u)")).endswith(r"!\[x\](u)  ")


def test_only_a_whole_json_value_is_shown_as_json() -> None:
    assert safe.as_json('{"a": 1}') == '{\n  "a": 1\n}'
    assert safe.as_json('{"a": ') is None
    assert safe.as_json("7") is None
    assert safe.as_json("[1] is the source") is None


def test_an_open_emphasis_is_closed_while_the_answer_grows() -> None:
    assert safe.closed("may use **120") == "may use **120**"
    assert safe.closed("may use **120** GPU") == "may use **120** GPU"
    assert safe.closed("may use **") == "may use**"

"""PDFs are read as one reads them: paragraphs whole, column after column, without what repeats on every page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fpdf import FPDF

from core.errors import DocumentError
from retrieval import bidi
from retrieval.documents import read_here
from retrieval.limits import Limits
from retrieval.pdf import pdf_pages, scans

FERRY = (
    "The ferry to the island leaves at seven in the morning and at noon. Bicycles are carried for two euros. Dogs travel"
    " free of charge, but they must be kept on a lead. In winter the second crossing is cancelled when the wind is stronger"
    " than force nine. Tickets are sold on board only."
)
MUSEUM = (
    "The museum opens at ten. A guided tour takes fifty minutes and costs eleven euros for adults. Photographs may be taken"
    " without flash. The cloakroom closes half an hour before the museum does. School classes book at least three weeks"
    " ahead by telephone."
)
TRAM = FERRY.replace("ferry", "tram").replace("two euros", "one euro")
# From 1.2 to 2.3 times the size of the font.
SPACINGS = (4.2, 5.3, 6.0, 7.0, 8.0)
DRAWING = ("by row", "by column")


def page(size: float = 10, style: str = "") -> FPDF:
    made = FPDF()
    made.add_page()
    made.set_font("helvetica", style, size)
    return made


def say(made: FPDF, text: str, spacing: float, width: float = 0, style: str = "", align: str = "L") -> None:
    made.set_font("helvetica", style)
    made.multi_cell(width, spacing, text, align=align, new_x="LMARGIN", new_y="NEXT")


def columns(made: FPDF, texts: tuple[str, ...], spacing: float, drawing: str, top: float = 35) -> float:
    """Texts side by side from `top` on. Returns where they end."""
    width = 180 / len(texts)
    lines: list[Any] = [
        made.multi_cell(width - 8, spacing, one, dry_run=True, output="LINES", align="L") for one in texts
    ]
    pieces = [(row, column, line) for column, own in enumerate(lines) for row, line in enumerate(own)]
    for row, column, line in sorted(pieces, key=lambda one: one[0] if drawing == "by row" else -one[1]):
        made.text(12 + column * width, top + row * spacing, line)
    return top + max(map(len, lines)) * spacing


@pytest.fixture
def read(tmp_path: Path) -> Callable[[FPDF], tuple[list[str], list[str]]]:
    """The text of each page, and what was noted."""

    def of(made: FPDF) -> tuple[list[str], list[str]]:
        path, notes = tmp_path / "made.pdf", []
        made.output(str(path))
        texts = [text for _, text in pdf_pages(path, Limits(), lambda *_: None, notes.append)]
        return [text.removeprefix("# Made\n\n") for text in texts], notes

    return of


Read = Callable[[FPDF], tuple[list[str], list[str]]]


@pytest.mark.parametrize("spacing", SPACINGS)
def test_lines_are_joined_by_the_spacing_of_their_own_block(read: Read, spacing: float):
    made = page()
    say(made, FERRY, spacing, 90)
    made.ln(0.8 * spacing)
    say(made, MUSEUM, spacing, 90)
    assert read(made)[0] == [f"{FERRY}\n\n{MUSEUM}"]


@pytest.mark.parametrize("spacing", SPACINGS)
def test_an_indented_line_begins_a_paragraph_though_no_gap_does(read: Read, spacing: float):
    made = page()
    for text in (FERRY, MUSEUM):
        say(made, f"     {text}", spacing, 90)
    assert read(made)[0] == [f"{FERRY}\n\n{MUSEUM}"]


@pytest.mark.parametrize("spacing", SPACINGS)
def test_two_spacings_on_a_page_each_count_for_their_own_block(read: Read, spacing: float):
    made = page()
    say(made, FERRY, 4.2, 90)
    made.ln(12)
    say(made, MUSEUM, spacing, 90)
    made.ln(12)
    say(made, TRAM, 4.2, 90)
    assert read(made)[0] == [f"{FERRY}\n\n{MUSEUM}\n\n{TRAM}"]


@pytest.mark.parametrize("drawing", DRAWING)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_two_columns_under_a_title_are_each_read_to_their_end(read: Read, spacing: float, drawing: str):
    made = page(16)
    made.text(12, 20, "Island news")
    made.set_font_size(10)
    columns(made, (FERRY, MUSEUM), spacing, drawing)
    assert read(made)[0] == [f"# Island news\n\n{FERRY}\n\n{MUSEUM}"]


@pytest.mark.parametrize("drawing", DRAWING)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_three_columns_between_lines_over_the_whole_page(read: Read, spacing: float, drawing: str):
    made = page(16)
    made.cell(0, 10, "Island news", align="C")
    made.set_font_size(9)
    made.set_y(columns(made, (FERRY, MUSEUM, TRAM), spacing, drawing) + 6)
    say(made, MUSEUM, spacing)
    assert read(made)[0] == [f"# Island news\n\n{FERRY}\n\n{MUSEUM}\n\n{TRAM}\n\n{MUSEUM}"]


def test_a_sentence_goes_on_in_the_next_column(read: Read):
    made = page()
    half = FERRY.index("they must")
    columns(made, (FERRY[:half].strip(), FERRY[half:]), 6, "by row")
    assert read(made)[0] == [FERRY]


def test_columns_whose_lines_stand_at_other_heights(read: Read):
    made = page()
    columns(made, (FERRY, " "), 6, "by row", top=30)
    columns(made, (" ", MUSEUM), 6, "by row", top=33)
    assert read(made)[0] == [f"{FERRY}\n\n{MUSEUM}"]


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_bold_or_larger_line_is_a_heading_and_a_line_that_goes_on_is_none(read: Read, spacing: float):
    made = page(16)
    say(made, "Harbour guide", 10)
    made.set_font_size(10)
    say(made, "Crossings", spacing, style="B")
    say(made, FERRY, spacing)
    made.ln(spacing)
    say(made, "Opening hours", spacing)
    made.ln(0.6 * spacing)
    say(made, MUSEUM, spacing)
    (text,) = read(made)[0]
    assert text == f"# Harbour guide\n\n## Crossings\n\n{FERRY}\n\n## Opening hours\n\n{MUSEUM}"


@pytest.mark.parametrize("spacing", [5.3, 7.0])
def test_a_short_paragraph_is_not_torn_into_headings(read: Read, spacing: float):
    made = page()
    for line in ("The allotment society meets on the second", "Tuesday of each month. Members", "pay fifteen euros."):
        say(made, line, spacing)
    assert read(made)[0] == [
        "The allotment society meets on the second Tuesday of each month. Members pay fifteen euros."
    ]


class Manual(FPDF):
    head, foot = "Harbour handbook HB-2291", "Confidential - page {} of 3"

    def header(self) -> None:
        self.set_y(8)
        self.set_font("helvetica", size=11)
        self.cell(0, 5, self.head, new_x="LMARGIN", new_y="NEXT")
        self.set_y(18)

    def footer(self) -> None:
        self.set_y(-12)
        self.cell(0, 5, self.foot.format(self.page_no()), align="C")


@pytest.mark.parametrize("spacing", SPACINGS)
def test_headers_and_footers_are_dropped_and_a_sentence_over_a_page_break_is_whole(read: Read, spacing: float):
    made = Manual()
    made.set_auto_page_break(True, 20)
    made.add_page()
    said = " ".join([FERRY, MUSEUM] * 16)
    say(made, said, spacing)
    pages, _ = read(made)
    assert len(pages) > 1
    head, first = pages[0].split("\n\n", 1)
    assert head == f"# {Manual.head}"
    # The number of the document is evidence, once.
    number, first = first.split("\n\n", 1)
    assert number == f"{Manual.head}."
    assert " ".join([first, *pages[1:]]).replace("\n\n", " ") == said
    assert all(text.endswith(".") for text in pages)


def test_a_header_without_a_number_is_no_evidence(read: Read, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Manual, "head", "Glen Foundation - Grant guide")
    made = Manual()
    for text in (FERRY, MUSEUM):
        made.add_page()
        say(made, text, 6)
    assert read(made)[0] == [f"# Glen Foundation - Grant guide\n\n{FERRY}", MUSEUM]


def test_of_a_header_that_counts_the_pages_the_rest_is_kept_once(read: Read, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Manual, "foot", "Order QX-7730 | {}")
    monkeypatch.setattr(Manual, "head", "Harbour handbook")
    made = Manual()
    for text in (FERRY, MUSEUM, TRAM):
        made.add_page()
        say(made, text, 6)
    assert read(made)[0] == [f"# Harbour handbook\n\nOrder QX-7730.\n\n{FERRY}", MUSEUM, TRAM]


def test_white_that_runs_through_a_paragraph_by_chance_is_no_gutter(read: Read):
    made = page()
    for left, right in (
        ("The notation to access the group", "is shown in the list below. The"),
        ("the members of the club use such", "words every day, and the harbour"),
        ("master reads them out in a hall", "to all who wait."),
    ):
        y = made.get_y()
        made.text(12, y, left)
        made.text(18.17 + made.get_string_width(left), y, right)
        made.ln(6)
    (text,) = read(made)[0]
    assert "the group is shown in the list below. The the members" in text


def test_chapters_and_the_heads_of_tables_repeat_and_stay(read: Read):
    made = FPDF()
    for n in (1, 2, 3):
        made.add_page()
        made.set_font("helvetica", "B", 18)
        made.cell(0, 12, f"Chapter {n}", new_x="LMARGIN", new_y="NEXT")
        made.set_font("helvetica", size=10)
        for row in (("Part", "Weight"), (f"Bolt {n}", f"{n + 3} g"), (f"Nut {n}", f"{n + 1} g")):
            for cell in row:
                made.cell(50, 6, cell)
            made.ln(6)
    table = "| Part | Weight |\n| --- | --- |\n| Bolt {0} | {1} g |\n| Nut {0} | {2} g |"
    assert [text.split("\n\n", 1) for text in read(made)[0]] == [
        [f"{'#' if n == 1 else '##'} Chapter {n}", table.format(n, n + 3, n + 1)] for n in (1, 2, 3)
    ]


def test_rows_of_a_table_are_read_across_and_become_sentences(tmp_path: Path):
    made = page()
    say(made, "All fees are paid in cash at the desk before the boat is handed over to the member.", 6)
    made.ln(3)
    for row in (("Item", "Price per day"), ("Canoe", "12 euros"), ("Rowing boat", "25 euros")):
        for cell in row:
            made.cell(60, 6, cell)
        made.ln(6)
    made.output(str(tmp_path / "fees.pdf"))
    text = "\n".join(one.text for one in read_here(tmp_path / "fees.pdf", "fees.pdf"))
    assert "Item: Rowing boat; Price per day: 25 euros." in text


def test_words_cut_at_a_line_end_are_whole_and_lists_keep_their_lines(read: Read):
    made = page()
    say(made, "The berths are let for a whole sea-\nson. Long-term members pay less for long-\nterm berths.", 6, 90)
    say(made, "The Nord-\nund Ostsee maps are free.", 6, 90)
    made.ln(4)
    for line in (
        "1. Bring a passport, since the desk keeps it until the boat is back in its place.",
        "2. Wear a vest.",
    ):
        say(made, line, 6, 80)
    (text,) = read(made)[0]
    assert "for a whole season. Long-term members pay less for long-term berths." in text
    assert "The Nord- und Ostsee maps" in text
    assert text.endswith(
        "1. Bring a passport, since the desk keeps it until the boat is back in its place.\n2. Wear a vest."
    )


def test_a_page_without_text_is_named(read: Read):
    from PIL import Image

    made = page()
    say(made, FERRY, 6)
    for _ in range(3):
        made.add_page()
        made.image(Image.new("L", (60, 84), 200), 0, 0, 210, 297)
        if made.page_no() == 3:
            say(made, MUSEUM, 6)
    pages, notes = read(made)
    assert pages == [FERRY, MUSEUM]
    assert notes == ["pages 2, 4 have no text; they are probably scans"]
    assert scans([2]) == "page 2 has no text; it is probably a scan"


def test_an_empty_page_is_no_scan(read: Read):
    made = page()
    say(made, FERRY, 6)
    made.add_page()
    assert read(made) == ([FERRY], [])


def test_hebrew_that_is_stored_as_it_is_seen_is_read_in_its_order():
    path = Path(__file__).parent / "pdfs" / "library-he-visual.pdf"
    text = "\n".join(one.text for one in read_here(path, path.name))
    assert "הספרייה פתוחה בימי ראשון עד חמישי" in text
    assert "דמי האיחור הם שלושה שקלים ליום" in text


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        (".17:30-ל 9:00 ןיב החותפ", "פתוחה בין 9:00 ל-17:30."),
        ("רפס לכל (השולש) םילקש 3", "3 שקלים (שלושה) לכל ספר"),
        ("המסיסה םע Wi-Fi 6 תשרל רבחתהל", "להתחבר לרשת Wi-Fi 6 עם הסיסמה"),
        ("The word םולש means peace.", "The word שלום means peace."),
        ("ﺮﺤﺑ", "بحر"),
        ("Only English (8 am).", "Only English (8 am)."),
    ],
)
def test_a_line_as_it_is_seen_is_put_into_the_order_of_reading(seen: str, read: str):
    assert bidi.logical(seen) == read


def test_the_words_tell_how_right_to_left_text_is_stored():
    read = ["שלום עולם ימים חמישים", "דמי האיחור הם שקלים"]
    seen = [text[::-1] for text in read]
    assert bidi.is_visual(seen, rightwards=True) is True
    assert bidi.is_visual(read, rightwards=True) is False
    assert bidi.is_visual([*read, *seen], rightwards=True) is None


def test_right_to_left_text_whose_order_cannot_be_told_is_not_readable(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bidi, "is_visual", lambda *_, **__: None)
    path = Path(__file__).parent / "pdfs" / "library-he-visual.pdf"
    with pytest.raises(DocumentError, match="not readable: right-to-left text stored in visual order"):
        pdf_pages(path, Limits(), lambda *_: None, lambda _: None)

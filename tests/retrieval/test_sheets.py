"""Workbooks as people make them: merged cells, headings of two rows, titles, sections, what is hidden, formulas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Font, PatternFill

from core.types import Passage
from retrieval import workbooks
from retrieval.documents import read_here

Rows = list[list[Any]]


def made(path: Path, rows: Rows, merges: str = "", change: Callable[[Any], None] | None = None) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for one in merges.split():
        sheet.merge_cells(one)
    if change:
        change(sheet)
    book.save(path)
    return path


def read(path: Path) -> tuple[list[Passage], list[str]]:
    notes: list[str] = []
    return read_here(path, path.name, note=notes.append), notes


def lines(path: Path) -> list[str]:
    return [line for passage in read(path)[0] for line in passage.text.split("\n")]


def bold(*places: str) -> Callable[[Any], None]:
    def change(sheet: Any) -> None:
        for place in places:
            for row in sheet[place] if ":" in place else ((sheet[place],),):
                for cell in row:
                    cell.font = Font(bold=True)

    return change


def test_a_cell_merged_over_rows_and_columns_gives_its_value_to_all_of_them(tmp_path: Path):
    rows = [
        ["Site", "Dock", "Gate", "Opens"],
        ["Kiel", "D1", 4, "06:00"],
        [None, "D2", 5, "07:00"],
        ["Riga", "shut", None, "-"],
    ]
    assert lines(made(tmp_path / "a.xlsx", [*rows, [None, None, None, "in May"]], "A2:A3 A4:A5 B4:C5")) == [
        "Site: Kiel; Dock: D1; Gate: 4; Opens: 06:00.",
        "Site: Kiel; Dock: D2; Gate: 5; Opens: 07:00.",
        "Site: Riga; Dock: shut; Gate: shut; Opens: -.",
        "Site: Riga; Dock: shut; Gate: shut; Opens: in May.",
    ]


def test_a_value_merged_over_columns_of_one_name_is_said_once(tmp_path: Path):
    rows = [["Code", "Remark", None], ["A1", "Call the desk", None]]
    assert lines(made(tmp_path / "a.xlsx", rows, "B1:C1 B2:C2")) == ["Code: A1; Remark: Call the desk."]


@pytest.mark.parametrize("merges", ["A1:A2 B1:C1 D1:E1", ""])
def test_a_heading_of_two_rows_names_columns_by_both(tmp_path: Path, merges: str):
    rows = [["Room", "Weekday", None, "Weekend", None], [None, "Half day", "Full day", "Half day", "Full day"]]
    assert lines(made(tmp_path / "a.xlsx", [*rows, ["Lark", 40, 70, 60, 110]], merges)) == [
        "Room: Lark; Weekday / Half day: 40; Weekday / Full day: 70; Weekend / Half day: 60; Weekend / Full day: 110."
    ]


def test_a_heading_of_three_rows(tmp_path: Path):
    rows: Rows = [
        ["Plan", "Fees", None, None, None, "Term"],
        [None, "Home", None, "Office", None, None],
        [None, "Month", "Year", "Month", "Year", None],
        ["Basic", 5, 50, 9, 90, "12 months"],
    ]
    assert lines(made(tmp_path / "a.xlsx", rows, "A1:A3 B1:E1 B2:C2 D2:E2 F1:F3")) == [
        "Plan: Basic; Fees / Home / Month: 5; Fees / Home / Year: 50; Fees / Office / Month: 9; "
        "Fees / Office / Year: 90; Term: 12 months."
    ]


def test_a_value_under_a_merged_name_is_not_a_part_of_the_heading(tmp_path: Path):
    rows = [["Store", "Limits", None], ["Butter", "cool", "dry"], ["Rice", "any", "dry"]]
    assert lines(made(tmp_path / "a.xlsx", rows, "B1:C1")) == [
        "Store: Butter; Limits: cool; Limits: dry.",
        "Store: Rice; Limits: any; Limits: dry.",
    ]


def test_title_rows_become_the_heading_and_what_they_say_is_kept(tmp_path: Path):
    rows: Rows = [["Sales report", None, None], ["Status: 4 April 2026"], [], ["Branch", "January", "February"]]
    (found,), _ = read(made(tmp_path / "q1.xlsx", [*rows, ["Holm", 1200, 1350]], "A1:C1"))
    assert found.heading == "Q1 > Sheet > Sales report > Status: 4 April 2026"
    assert found.text == "Status: 4 April 2026.\nBranch: Holm; January: 1200; February: 1350."
    assert found.line_rows == (2, 5)


def test_pairs_above_the_table_are_no_heading(tmp_path: Path):
    rows: Rows = [["Price list"], ["Valid from:", "2026-03-01"], ["Item", "Price", "Unit"], ["Kettle", 39, "piece"]]
    found, _ = read(made(tmp_path / "a.xlsx", rows))
    assert [one.text for one in found] == ["Valid from: 2026-03-01.\nItem: Kettle; Price: 39; Unit: piece."]


@pytest.mark.parametrize(("merges", "change"), [("A2:C2 A4:C4", None), ("", bold("A2", "A4")), ("", None)])
def test_sections_of_a_sheet_are_headings_of_what_follows(tmp_path: Path, merges: str, change: Callable[[Any], None]):
    rows: Rows = [["Dish", "Price", "Size"], ["Starters"], ["Soup", 5, "small"], ["Mains"], ["Stew", 12, "large"]]
    found, _ = read(made(tmp_path / "menu.xlsx", rows, merges, change))
    assert [(one.heading, one.text, one.line_rows) for one in found] == [
        ("Menu > Sheet > Starters", "Dish: Soup; Price: 5; Size: small.", (3,)),
        ("Menu > Sheet > Mains", "Dish: Stew; Price: 12; Size: large.", (5,)),
    ]


def test_an_item_without_a_value_and_a_remark_below_are_no_sections(tmp_path: Path):
    rows: Rows = [["Name", "Phone"], ["Anna", 12], ["Bob"], ["Carl", 14], ["Ask the desk for others."]]
    found, _ = read(made(tmp_path / "a.xlsx", rows))
    assert [one.text.split("\n") for one in found] == [
        ["Name: Anna; Phone: 12.", "Name: Bob.", "Name: Carl; Phone: 14.", "Ask the desk for others."]
    ]


def test_a_second_table_further_down_has_names_of_its_own(tmp_path: Path):
    rows: Rows = [
        ["Keys"],
        ["Room", "Holder"],
        [101, "Ms Adair"],
        [],
        ["Fees"],
        ["Kind", "Price", "VAT"],
        ["Day", 5, "7%"],
    ]
    found, _ = read(made(tmp_path / "desk.xlsx", rows))
    assert [(one.heading, one.text) for one in found] == [
        ("Desk > Sheet > Keys", "Room: 101; Holder: Ms Adair."),
        ("Desk > Sheet > Fees", "Kind: Day; Price: 5; VAT: 7%."),
    ]


def test_a_second_table_in_bold_after_an_empty_row(tmp_path: Path):
    rows: Rows = [["Team", "Lead"], ["Data", "Ann"], ["Ops", "Bo"], [], ["Room", "Guard"], ["Mill", "Cy"]]
    assert lines(made(tmp_path / "a.xlsx", rows, "", bold("A1:B1", "A5:B5"))) == [
        "Team: Data; Lead: Ann.",
        "Team: Ops; Lead: Bo.",
        "Room: Mill; Guard: Cy.",
    ]


def test_an_empty_row_alone_begins_no_table_and_a_repeated_heading_is_no_row(tmp_path: Path):
    rows: Rows = [["Card", "Use"], ["H200", "train"], [], ["T4", "demo"], ["Card", "Use"], ["L4", "serve"]]
    assert lines(made(tmp_path / "a.xlsx", rows)) == [
        "Card: H200; Use: train.",
        "Card: T4; Use: demo.",
        "Card: L4; Use: serve.",
    ]


def test_what_is_hidden_is_left_out_and_said(tmp_path: Path):
    def hide(sheet: Any) -> None:
        sheet.row_dimensions[3].hidden = True
        sheet.column_dimensions.group("B", "C", hidden=True)
        sheet["D4"].font = Font(color="FFFFFF")
        for name, state in (("draft", "hidden"), ("salary", "veryHidden")):
            other = sheet.parent.create_sheet(name)
            other.append(["Name", "Salary"])
            other.append(["Ann", 51000])
            other.sheet_state = state

    rows: Rows = [
        ["Item", "Cost", "Margin", "Price"],
        ["Kettle", 14, 25, 39],
        ["Old kettle", 13, 16, 29],
        ["Pan", 5, 6, 11],
    ]
    found, notes = read(made(tmp_path / "a.xlsx", rows, "", hide))
    assert [one.text for one in found] == ["Item: Kettle; Price: 39.\nItem: Pan."]
    assert notes == ["2 hidden sheets, 1 hidden row, 2 hidden columns and 1 hidden cell were left out."]


def test_white_text_on_a_colour_is_read(tmp_path: Path):
    def paint(sheet: Any) -> None:
        for cell in sheet[1]:
            cell.font, cell.fill = Font(color="FFFFFF"), PatternFill("solid", start_color="1F4E79")

    path = made(tmp_path / "a.xlsx", [["Item", "Price"], ["Pan", 11]], "", paint)
    assert read(path)[0][0].text == "Item: Pan; Price: 11."
    assert read(path)[1] == []


def test_a_formula_without_a_result_is_computed_or_named(tmp_path: Path):
    rows: Rows = [
        ["Item", "Fee", "Year", "Share"],
        ["Desk", 10, "=B2*12", "=B2/$B$4"],
        ["Chair", 2.5, "=ROUND(B3*12.01,1)", "=VLOOKUP(A3,A2:B3,2)"],
        ["Total", "=SUM(B2:B3)", "=C2+C3", "=Other!A1"],
    ]
    found, notes = read(made(tmp_path / "a.xlsx", rows))
    assert found[0].text.split("\n") == [
        "Item: Desk; Fee: 10; Year: 120; Share: 0.8.",
        "Item: Chair; Fee: 2.5; Year: 30.",
        "Item: Total; Fee: 12.5; Year: 150.",
    ]
    assert notes == [
        "Sheet, row 3 Chair: a formula without a stored result.",
        "Sheet, row 4 Total: a formula without a stored result.",
    ]


@pytest.mark.parametrize("formula", ["=B3", "=B2+A2", '=IF(B2>1,"a","b")', "=1/0", "=SUM(A:A)", "=B2^99999", "=C2"])
def test_what_cannot_be_computed_is_not_guessed(tmp_path: Path, formula: str):
    found, notes = read(made(tmp_path / "a.xlsx", [["Item", "Fee", "Sum"], ["Desk", 10, formula], ["Pan", "=B3"]]))
    assert found[0].text.split("\n")[0] == "Item: Desk; Fee: 10."
    assert "Sheet, row 2 Desk: a formula without a stored result." in notes


def test_a_large_workbook_is_read_row_by_row_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbooks, "WHOLE_CELLS", 5)
    found, notes = read(made(tmp_path / "a.xlsx", [["Item", "Price"], ["Pan", 11], ["Pot", 12]]))
    assert found[0].text == "Item: Pan; Price: 11.\nItem: Pot; Price: 12."
    assert notes == [
        "The workbook is large: merged cells were not filled, and hidden rows and columns were not looked for."
    ]


def test_one_far_cell_and_a_merge_over_all_rows_take_no_time(tmp_path: Path):
    def far(sheet: Any) -> None:
        sheet["XFD90000"] = "far"

    assert "Item: Pan; Price: 11." in lines(made(tmp_path / "a.xlsx", [["Item", "Price"], ["Pan", 11]], "", far))


def test_titles_and_two_heading_rows_of_a_csv(tmp_path: Path):
    (tmp_path / "a.csv").write_text("Stock list;;\n;;\nItem;Store;\n;North;South\nPan;4;5\n")
    (found,), _ = read(tmp_path / "a.csv")
    assert (found.heading, found.text) == ("A > Stock list", "Item: Pan; Store / North: 4; Store / South: 5.")


def test_names_beside_their_values_need_no_heading(tmp_path: Path):
    rows: Rows = [
        ["Opening hours"],
        ["Monday", "08:00-17:00"],
        ["Tuesday", "09:00-18:00"],
        [],
        ["Pool"],
        ["Adult", 5],
        ["Child", 3],
    ]
    found, _ = read(made(tmp_path / "a.xlsx", rows))
    assert [(one.heading, one.text) for one in found] == [
        ("A > Sheet > Opening hours", "Monday: 08:00-17:00.\nTuesday: 09:00-18:00."),
        ("A > Sheet > Pool", "Adult: 5.\nChild: 3."),
    ]


def test_a_year_names_a_column(tmp_path: Path):
    assert lines(made(tmp_path / "a.xlsx", [["Branch", 2024], ["Holm", 5], ["Vik", 7]])) == [
        "Branch: Holm; 2024: 5.",
        "Branch: Vik; 2024: 7.",
    ]


def test_another_table_in_bold_without_a_gap(tmp_path: Path):
    rows: Rows = [["Room", "Seats"], ["Oak", 12], ["Device", "Serial"], ["Printer", "PX-1"]]
    assert lines(made(tmp_path / "a.xlsx", rows, "", bold("A1:B1", "A3:B3"))) == [
        "Room: Oak; Seats: 12.",
        "Device: Printer; Serial: PX-1.",
    ]


def test_coloured_rows_of_one_value_are_sections_but_not_stripes(tmp_path: Path):
    def tint(*places: str) -> Callable[[Any], None]:
        return lambda sheet: [setattr(sheet[one], "fill", PatternFill("solid", start_color="DDDDDD")) for one in places]

    rows: Rows = [["Employee", "Phone"], ["Sales"], ["Ann", 11], ["Support"], ["Cy", 13]]
    found, _ = read(made(tmp_path / "a.xlsx", rows, "", tint("A1", "B1", "A2", "A4")))
    assert [one.heading for one in found] == ["A > Sheet > Sales", "A > Sheet > Support"]
    rows = [["Employee", "Phone"], ["Ann", 11], ["Bob"], ["Cy", 13], ["Di", 14]]
    found, _ = read(made(tmp_path / "b.xlsx", rows, "", tint("A3", "B3", "A5", "B5")))
    assert [one.heading for one in found] == ["B > Sheet"]

"""Word files as people make them: numbers, page headers, text boxes, merged cells, hidden text."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import RGBColor

from retrieval.documents import read_here
from retrieval.numbering import written


def read(path: Path) -> tuple[str, list[str]]:
    notes: list[str] = []
    return "\n".join(one.text for one in read_here(path, path.name, note=notes.append)), notes


def saved(document: Any, path: Path) -> Path:
    document.save(str(path))
    return path


def numbered(document: Any, levels: list[tuple[str, str]], style: str = "") -> None:
    """A list of these forms and texts, as number 50; its first level belongs to a style."""
    made = "".join(
        f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
        + (f'<w:pStyle w:val="{style}{n + 1}"/>' if style else "")
        + f'<w:lvlText w:val="{text}"/></w:lvl>'
        for n, (form, text) in enumerate(levels)
    )
    root = document.part.numbering_part.element
    root.insert(0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="50">{made}</w:abstractNum>'))
    root.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="50"><w:abstractNumId w:val="50"/></w:num>'))
    root.append(
        parse_xml(
            f'<w:num {nsdecls("w")} w:numId="51"><w:abstractNumId w:val="50"/>'
            '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride></w:num>'
        )
    )


def item(document: Any, text: str, level: int, id: int = 50) -> None:
    properties = document.add_paragraph(text)._p.get_or_add_pPr()
    properties.append(parse_xml(f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{level}"/><w:numId w:val="{id}"/></w:numPr>'))


def test_automatic_numbers_stand_before_their_paragraphs(tmp_path: Path):
    document = docx.Document()
    document.add_heading("Order", 1)
    numbered(document, [("decimal", "%1."), ("decimal", "%1.%2"), ("lowerLetter", "(%3)")])
    for text, level in [("Entry", 0), ("Sign.", 1), ("Forklifts", 0), ("Licence.", 1), ("Speed.", 1), ("Day.", 2)]:
        item(document, text, level)
    document.add_paragraph("Between.")
    item(document, "Night.", 2)
    item(document, "Alarms", 0)
    item(document, "Anew", 0, id=51)
    text, _ = read(saved(document, tmp_path / "a.docx"))
    said = [line for line in text.split("\n") if line]
    assert said == [
        "1. Entry", "1.1 Sign.", "2. Forklifts", "2.1 Licence.", "2.2 Speed.", "(a) Day.", "Between.", "(b) Night.",
        "3. Alarms", "1. Anew",
    ]  # fmt: skip


def test_headings_numbered_by_their_style(tmp_path: Path):
    document = docx.Document()
    numbered(document, [("upperRoman", "%1"), ("decimal", "%1.%2")], style="Heading")
    for n in (1, 2):
        properties = document.styles[f"Heading {n}"].element.get_or_add_pPr()
        properties.append(parse_xml(f'<w:numPr {nsdecls("w")}><w:numId w:val="50"/></w:numPr>'))
    for level, text in ((1, "Scope"), (1, "Duties"), (2, "Guards"), (2, "Cleaners")):
        document.add_heading(text, level)
    document.add_paragraph("They work at night.")
    (found,) = read_here(saved(document, tmp_path / "a.docx"), "a.docx")
    assert found.heading == "II Duties > II.2 Cleaners"


def test_bullets_stay_bullets(tmp_path: Path):
    document = docx.Document()
    document.add_paragraph("Bring:")
    document.add_paragraph("a lamp", style="List Bullet")
    document.add_paragraph("First the lamp.", style="List Number")
    document.add_paragraph("Then the rope.", style="List Number")
    text, _ = read(saved(document, tmp_path / "a.docx"))
    assert "1. First the lamp." in text
    assert "2. Then the rope." in text
    assert "1. a lamp" not in text
    assert "a lamp" in text


@pytest.mark.parametrize(
    ("count", "form", "said"),
    [
        (4, "lowerRoman", "iv"),
        (28, "upperLetter", "BB"),
        (7, "decimalZero", "07"),
        (3, "none", ""),
        (12, "decimal", "12"),
    ],
)
def test_forms_of_numbers(count: int, form: str, said: str):
    assert written(count, form) == said


def test_headers_and_footers_of_pages_are_read_once_without_page_numbers(tmp_path: Path):
    document = docx.Document()
    document.add_heading("Order", 1)
    document.add_paragraph("Vests are worn.")
    section = document.sections[0]
    section.different_first_page_header_footer = True
    section.header.paragraphs[0].text = "Document QM-7731"
    section.first_page_header.paragraphs[0].text = "Document QM-7731"
    foot = section.footer.paragraphs[0]
    foot.add_run("Page ")
    foot._p.append(parse_xml(f'<w:fldSimple {nsdecls("w")} w:instr=" PAGE "><w:r><w:t>7</w:t></w:r></w:fldSimple>'))
    (found,) = read_here(saved(document, tmp_path / "a.docx"), "a.docx")
    assert found.heading == "Order"
    assert found.text == "Page header: Document QM-7731.\n\nVests are worn."


def test_a_text_box_is_read_once_in_whichever_form_it_is_held(tmp_path: Path):
    box = "<w:txbxContent><w:p><w:r><w:t>Call extension {}.</w:t></w:r></w:p></w:txbxContent>"
    spaces = (
        f'{nsdecls("w")} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        'xmlns:v="urn:schemas-microsoft-com:vml" '
        'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
    )
    choice = f'<mc:Choice Requires="wps"><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing></mc:Choice>'
    fallback = f"<mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback>"
    document = docx.Document()
    for number, held in ((11, choice + fallback), (22, choice)):
        run = document.add_paragraph(f"Near {number}.")
        made = f"<w:r {spaces}><mc:AlternateContent>{held}</mc:AlternateContent></w:r>".replace("{}", str(number))
        run._p.append(parse_xml(made))
    text, _ = read(saved(document, tmp_path / "a.docx"))
    assert [line for line in text.split("\n") if line] == [
        "Near 11.", "Call extension 11.", "Near 22.", "Call extension 22.",
    ]  # fmt: skip


def table(document: Any, rows: list[list[str]], merges: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    made = document.add_table(rows=len(rows), cols=len(rows[0]))
    for line, cells in zip(made.rows, rows, strict=True):
        for cell, text in zip(line.cells, cells, strict=True):
            cell.text = text
    for first, last in merges:
        made.cell(*first).merge(made.cell(*last))


def test_merged_cells_and_headings_of_two_rows(tmp_path: Path):
    document = docx.Document()
    document.add_heading("Bonus", 1)
    rows = [
        ["Site", "Role", "Per hour", "", "Limit"],
        ["", "", "Night", "Sunday", ""],
        ["Mill", "Cook", "3.10", "4.50", "120"],
    ]
    table(
        document,
        [*rows, ["", "Porter", "2.40", "none", ""]],
        [((0, 0), (1, 0)), ((0, 1), (1, 1)), ((0, 2), (0, 3)), ((0, 4), (1, 4)), ((2, 0), (3, 0))],
    )
    text, _ = read(saved(document, tmp_path / "a.docx"))
    assert text.split("\n") == [
        "Site: Mill; Role: Cook; Per hour / Night: 3.10; Per hour / Sunday: 4.50; Limit: 120.",
        "Site: Mill; Role: Porter; Per hour / Night: 2.40; Per hour / Sunday: none.",
    ]


def test_a_title_and_sections_within_a_table(tmp_path: Path):
    document = docx.Document()
    rows = [
        ["Fees 2026", "", ""],
        ["Kind", "Price", "Unit"],
        ["Indoors", "", ""],
        ["Hall", "5", "hour"],
        ["Outdoors", "", ""],
    ]
    table(document, [*rows, ["Court", "3", "hour"]], [((0, 0), (0, 2)), ((2, 0), (2, 2)), ((4, 0), (4, 2))])
    text, _ = read(saved(document, tmp_path / "a.docx"))
    said = [line for line in text.split("\n") if line]
    assert said[-2:] == ["Indoors; Kind: Hall; Price: 5; Unit: hour.", "Outdoors; Kind: Court; Price: 3; Unit: hour."]


def test_a_box_of_one_cell_is_text(tmp_path: Path):
    document = docx.Document()
    document.add_paragraph("Before the box there is a sentence.")
    table(document, [["Never open the valve."]], [])
    assert "Never open the valve." in read(saved(document, tmp_path / "a.docx"))[0]


def test_hidden_and_white_text_and_comments_are_left_out_and_said(tmp_path: Path):
    document = docx.Document()
    paragraph = document.add_paragraph("The fee is 3 euros.")
    hidden = paragraph.add_run(" The fee was 9 euros.")
    hidden.font.hidden = True
    white = document.add_paragraph("The door is open. ").add_run("Ignore this.")
    white.font.color.rgb = RGBColor(255, 255, 255)
    document.add_comment(paragraph.runs[0], text="Is it 4?", author="A", initials="A")
    text, notes = read(saved(document, tmp_path / "a.docx"))
    assert [line for line in text.split("\n") if line] == ["The fee is 3 euros.", "The door is open."]
    assert notes == ["2 hidden texts and 1 comment were left out."]


def test_white_text_on_the_colour_of_a_cell_is_read(tmp_path: Path):
    document = docx.Document()
    made = document.add_table(rows=2, cols=2)
    for cell, text in zip([*made.rows[0].cells, *made.rows[1].cells], ["Item", "Price", "Pan", "11"], strict=True):
        run = cell.paragraphs[0].add_run(text)
        run.font.color.rgb = RGBColor(255, 255, 255)
    assert "Item: Pan; Price: 11." in read(saved(document, tmp_path / "a.docx"))[0]


def test_what_a_tracked_deletion_took_is_not_counted(tmp_path: Path):
    document = docx.Document()
    numbered(document, [("decimal", "%1.")])
    for text in ("First.", "Gone.", "Second."):
        item(document, text, 0)
    gone = document.paragraphs[1]._p
    run = gone.find(qn("w:r"))
    run.find(qn("w:t")).tag = qn("w:delText")
    deletion = parse_xml(f'<w:del {nsdecls("w")} w:id="1" w:author="A"/>')
    gone.replace(run, deletion)
    deletion.append(run)
    text, _ = read(saved(document, tmp_path / "a.docx"))
    assert [line for line in text.split("\n") if line] == ["1. First.", "2. Second."]


def test_a_file_without_numbering_and_styles_is_read(tmp_path: Path):
    whole = saved(docx.Document(), tmp_path / "whole.docx")
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(tmp_path / "a.docx", "w") as made:
        for name in archive.namelist():
            if name not in ("word/numbering.xml", "word/styles.xml"):
                content = archive.read(name)
                if name == "word/document.xml":
                    content = content.replace(b"<w:body>", b"<w:body><w:p><w:r><w:t>Bare.</w:t></w:r></w:p>")
                made.writestr(name, content)
    assert "Bare." in read(tmp_path / "a.docx")[0]

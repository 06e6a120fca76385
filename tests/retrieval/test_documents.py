"""Files become passages; what is not what its name says is refused with advice."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from core.errors import DocumentError
from retrieval.documents import split
from retrieval.reader import Reader
from tests.retrieval.files import docx, pdf, pptx, xlsx

READER = Reader()


@pytest.fixture(scope="module", autouse=True)
def _no_process_is_left():
    yield
    READER.close()


def test_headings_are_kept_with_each_passage():
    found = split("a.md", [(None, "# Rules\n\nFirst.\n\n## Quota\n\nEach team has 120 hours.")])
    assert [(p.heading, p.text) for p in found] == [("Rules", "First."), ("Rules > Quota", "Each team has 120 hours.")]


def test_equal_content_has_equal_ids_and_repeats_have_their_own():
    pages = [(None, "# A\n\nSame.\n\n# B\n\nOther.\n\n# A\n\nSame.")]
    first, again = split("a.md", pages), split("a.md", pages)
    assert [p.id for p in first] == [p.id for p in again]
    assert len({p.id for p in first}) == len(first) == 3


def test_a_row_is_a_sentence_and_is_never_split():
    rows = "\n".join(f"| item {n} | {'long text ' * 12} |" for n in range(30))
    found = split("a.md", [(None, f"# T\n\n| Name | Text |\n|---|---|\n{rows}")])
    lines = [line for passage in found for line in passage.text.split("\n")]
    assert len(found) > 1
    assert len(lines) == 30
    assert all(line.startswith("Name: item ") and line.endswith(".") for line in lines)


def test_a_word_file_keeps_headings_and_tables(tmp_path: Path):
    text = "\n".join(p.text for p in READER.read(docx(tmp_path / "a.docx"), "a.docx"))
    assert "An endpoint answers within 800 ms." in text
    assert "Label: gpu/oom; Owner: The engineer on duty." in text


def test_pages_of_a_pdf_are_known(tmp_path: Path):
    found = READER.read(pdf(tmp_path / "a.pdf"), "a.pdf")
    assert [p.page for p in found] == [1, 2]
    assert "ten minutes" in found[1].text


def test_a_sheet_becomes_rows_that_know_their_sheet_and_number(tmp_path: Path):
    cards, desks = READER.read(xlsx(tmp_path / "gpu-fleet.xlsx"), "gpu-fleet.xlsx")
    assert cards.heading == "Gpu fleet > Cards"
    assert cards.text == "Card: H200; Memory (GB): 141.\nCard: T4; Memory (GB): 16.5."
    assert (cards.sheet, cards.rows, cards.line_rows) == ("Cards", (2, 4), (2, 4))
    assert cards.rows_at(cards.text.index("T4"), cards.text.index("T4") + 2) == (4, 4)
    assert cards.rows_at(0, len(cards.text)) == (2, 4)
    assert (desks.sheet, desks.rows) == ("Desks", (2, 3))


def test_every_row_of_a_long_table_is_in_one_passage_with_its_number(tmp_path: Path):
    found = [p for p in READER.read(xlsx(tmp_path / "a.xlsx", rows=200), "a.xlsx") if p.sheet == "Desks"]
    assert len(found) > 5
    assert [row for passage in found for row in passage.line_rows] == list(range(2, 202))
    for passage in found:
        assert len(passage.line_rows) == len(passage.text.split("\n"))
        assert f"Desk: D{passage.line_rows[0] - 2};" in passage.text.split("\n")[0]


def test_slides_of_a_presentation_are_its_pages(tmp_path: Path):
    found = READER.read(pptx(tmp_path / "talk.pptx"), "talk.pptx")
    assert [(p.page, p.heading, p.text) for p in found] == [
        (1, "Gate", "A candidate must win."),
        (2, "Gate > Roll-back", "It takes ten minutes at most."),
    ]


def test_rows_of_a_csv_are_counted_as_a_spreadsheet_does(tmp_path: Path):
    (tmp_path / "a.csv").write_text('team,note\nFirmware,"two\nlines"\n\nOrders,"a, b"\n')
    (passage,) = READER.read(tmp_path / "a.csv", "a.csv")
    assert passage.text == "team: Firmware; note: two lines.\nteam: Orders; note: a, b."
    assert (passage.sheet, passage.rows) == ("", (2, 4))


@pytest.mark.parametrize(
    ("delimiter", "text"), [(";", "a;b\n1,5;2\n"), ("\t", "a\tb\n1,5\t2\n"), ("|", "a|b\n1,5|2\n")]
)
def test_the_delimiter_of_a_csv_is_found(tmp_path: Path, delimiter: str, text: str):
    (tmp_path / "a.csv").write_text(text)
    assert READER.read(tmp_path / "a.csv", "a.csv")[0].text == "a: 1,5; b: 2."


def test_passages_come_back_from_the_store_with_their_place(tmp_path: Path):
    from core.store import open_store

    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    found = READER.read(xlsx(tmp_path / "a.xlsx"), "a.xlsx") + READER.read(pptx(tmp_path / "b.pptx"), "b.pptx")
    for source in ("a.xlsx", "b.pptx"):
        store.replace_chunks(source, [passage for passage in found if passage.source == source], state="indexed")
    assert store.chunks() == found
    store.engine.dispose()


def test_csv_and_html_are_read(tmp_path: Path):
    (tmp_path / "a.csv").write_text("team;hours\nFirmware;120\n")
    (tmp_path / "a.html").write_text("<h1>Desk</h1><p>The desk is open from 08:00.</p><script>alert(1)</script>")
    assert READER.read(tmp_path / "a.csv", "a.csv")[0].text == "team: Firmware; hours: 120."
    (passage,) = READER.read(tmp_path / "a.html", "a.html")
    assert (passage.heading, passage.text) == ("Desk", "The desk is open from 08:00.")


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("empty.md", b"", "empty"),
        ("blank.txt", b" \n \n", "empty"),
        ("text.pdf", b"This is only a text.", "not a PDF"),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj\n<<", "breaks off"),
        ("text.docx", b"hello", "save or upload it again"),
        ("binary.txt", b"a\0b\0c", "not a text file"),
        ("program.exe", b"MZ", "save it as one of"),
        ("headings.md", b"# Only\n\n## Headings\n", "headings only"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused_with_advice(tmp_path: Path, name: str, content: bytes, advice: str):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DocumentError, match=advice):
        READER.read(path, name)


def test_a_truncated_word_file_is_refused(tmp_path: Path):
    whole = docx(tmp_path / "a.docx").read_bytes()
    (tmp_path / "cut.docx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DocumentError, match="save or upload it again"):
        READER.read(tmp_path / "cut.docx", "cut.docx")


def test_another_archive_named_docx_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(DocumentError, match="holds no docx document"):
        READER.read(tmp_path / "a.docx", "a.docx")

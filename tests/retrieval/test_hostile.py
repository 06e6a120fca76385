"""Hostile files: each costs only itself, and says why. The files are real; what reads them is the process that serves."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import DocumentError
from core.types import Passage
from retrieval.limits import Limits
from retrieval.reader import Reader, Stopped
from tests.retrieval import files
from tests.waiting import until

# Less than what is served with, so that the files of the tests can be small.
SMALL = Limits(seconds=30, memory_mb=700, pages=5, inflated_mb=8, text_mb=4)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    found = Reader(SMALL)
    yield found
    found.close()


@pytest.fixture
def hasty() -> Iterator[Reader]:
    # Enough for an ordinary file beside other work; what never ends takes as long as it may.
    found = Reader(Limits(seconds=12))
    yield found
    found.close()


def refused(reader: Reader, path: Path, says: str) -> None:
    """The file is refused with this sentence, and the next one is read as if nothing had been."""
    with pytest.raises(DocumentError, match=says) as found:
        reader.read(path, path.name)
    assert path.name in str(found.value)
    assert texts(reader.read(files.docx(path.with_name("next.docx")), "next.docx"))


def texts(passages: list[Passage]) -> str:
    return "\n".join(passage.text for passage in passages)


@pytest.mark.parametrize("part", ["word/document.xml", "ppt/presentation.xml", "xl/workbook.xml"])
def test_an_archive_that_unpacks_to_too_much_is_not_opened(reader: Reader, tmp_path: Path, part: str):
    ending = {"word": "docx", "ppt": "pptx", "xl": "xlsx"}[part.split("/")[0]]
    path = files.archive(tmp_path / f"bomb.{ending}", {part: b"\0" * (9 << 20)})
    assert path.stat().st_size < 20_000
    refused(reader, path, "unpacks to more than 8 MB")


def test_an_archive_that_lies_about_its_size_is_refused(reader: Reader, tmp_path: Path):
    path = files.archive(tmp_path / "lies.docx", {"word/document.xml": b"\0" * (9 << 20)})
    refused(reader, files.understated(path, "word/document.xml"), "damaged|unpacks")


def test_an_archive_of_a_hundred_thousand_parts_is_refused_by_its_last_bytes(reader: Reader, tmp_path: Path):
    path = tmp_path / "parts.xlsx"
    whole = files.archive(path, {"xl/workbook.xml": b"<x/>"}).read_bytes()
    at = whole.rfind(b"PK\x05\x06")
    path.write_bytes(whole[: at + 10] + b"\xff\xff" + whole[at + 12 :])
    refused(reader, path, "65,535 parts")


def test_entities_that_multiply_are_not_unpacked(reader: Reader, tmp_path: Path):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 12}">' for n in range(1, 12))
    doctype = f'<!DOCTYPE d [<!ENTITY l0 "ha">{laughs}]>'
    refused(reader, files.word_of(tmp_path / "laughs.docx", files.paragraph("&l11;"), doctype), "damaged|memory|text")


def test_a_word_file_of_a_thousand_nested_tables_costs_only_itself(reader: Reader, tmp_path: Path):
    deep = "<w:tbl><w:tr><w:tc>" * 1000 + files.paragraph("deep") + "</w:tc></w:tr></w:tbl>" * 1000
    refused(reader, files.word_of(tmp_path / "deep.docx", deep), "nested|damaged|memory")


def test_deep_html_is_read_as_plain_text(reader: Reader, tmp_path: Path):
    path = tmp_path / "deep.html"
    path.write_text("<div>" * 50_000 + "The key is under the mat." + "</div>" * 50_000)
    assert "The key is under the mat." in texts(reader.read(path, path.name))


def test_a_pdf_of_too_many_pages_is_refused(reader: Reader, tmp_path: Path):
    refused(reader, files.pdf(tmp_path / "long.pdf", tuple(f"Page {n}" for n in range(6))), "more than 5 pages")


def test_a_pdf_whose_pages_contain_themselves_comes_to_an_end(reader: Reader, tmp_path: Path):
    circle = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 9 >>"]
    circle.append(b"<< /Type /Pages /Kids [2 0 R] /Count 9 >>")
    refused(reader, files.raw_pdf(tmp_path / "circle.pdf", circle), "holds no text|damaged")


def test_a_pdf_that_unpacks_without_end_costs_only_itself(reader: Reader, tmp_path: Path):
    refused(reader, files.inflating_pdf(tmp_path / "inflates.pdf", 450), "too much memory")


def test_a_pdf_that_draws_without_end_is_stopped_in_time(hasty: Reader, tmp_path: Path):
    drawing = b"BT /F1 1 Tf " + b"(a) Tj 1 0 Td " * 600_000 + b"ET"
    refused(hasty, files.raw_pdf(tmp_path / "draws.pdf", files.one_page(drawing)), "took over 12 s")


def test_a_file_that_only_waits_is_stopped_in_time(hasty: Reader, tmp_path: Path):
    os.mkfifo(tmp_path / "waits.pdf")  # whoever opens it sleeps, and spends no CPU time
    refused(hasty, tmp_path / "waits.pdf", "took over 12 s")


def test_reading_can_be_called_off(reader: Reader, tmp_path: Path):
    os.mkfifo(tmp_path / "waits.pdf")
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(Stopped):
        reader.read(tmp_path / "waits.pdf", "waits.pdf", stop)
    assert reader.read(files.docx(tmp_path / "next.docx"), "next.docx")


def test_a_reader_that_crashes_costs_only_its_file(tmp_path: Path):
    path = tmp_path / "crash.pdf"
    os.mkfifo(path)
    reader = Reader(SMALL)

    def crash() -> None:
        for _ in range(2):  # the second time in a process of its own
            handle = os.open(path, os.O_WRONLY)  # waits until it is read
            process = reader._process
            assert process is not None
            process.kill()
            process.wait()
            os.close(handle)

    reader.read(files.docx(tmp_path / "first.docx"), "first.docx")
    thread = threading.Thread(target=crash)
    thread.start()
    refused(reader, path, "crashed")
    thread.join()
    reader.close()


def test_a_reader_dies_with_the_process_that_started_it(tmp_path: Path):
    import signal
    import subprocess
    import sys

    from core.settings import ROOT

    os.mkfifo(tmp_path / "waits.pdf")
    script = (
        "import sys, threading, time\nfrom pathlib import Path\nfrom retrieval.reader import Reader\nreader = Reader()\n"
        "threading.Thread(target=reader.read, args=(Path(sys.argv[1]), 'x'), daemon=True).start()\n"
        "while reader._process is None: time.sleep(0.01)\ntime.sleep(1)\nprint(reader._process.pid, flush=True)\ntime.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "waits.pdf")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until(lambda: not (Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes()))


def test_one_endless_word_is_cut(reader: Reader, tmp_path: Path):
    path = tmp_path / "data.txt"
    path.write_text("QUJD" * 200_000)
    found = reader.read(path, path.name)
    assert max(len(passage.text) for passage in found) <= 4000
    assert "".join(passage.text for passage in found) == "QUJD" * 200_000


def test_a_row_without_end_is_cut_and_keeps_its_number(reader: Reader, tmp_path: Path):
    path = tmp_path / "wide.csv"
    path.write_text("name,text\na," + "long text " * 2000 + "\nb,short\n")
    found = reader.read(path, path.name)
    assert max(len(passage.text) for passage in found) <= 4000
    assert {row for passage in found for row in passage.line_rows} == {2, 3}


def test_marks_of_pictures_and_tables_without_end_take_no_time(hasty: Reader, tmp_path: Path):
    for name, text in (
        ("pictures.md", "![" * 30_000),
        ("rule.md", "|" + "-" * 60_000),
        ("rows.md", "| a " * 15_000),
        ("quotes.csv", '"a",' * 15_000),
        ("heading.md", "# " + "h" * 60_000 + "\n\ntext\n"),
    ):
        (tmp_path / name).write_text(text)
        found = hasty.read(tmp_path / name, name) if name != "quotes.csv" else []
        assert all(len(passage.heading) < 400 for passage in found)


def test_more_text_than_the_limit_is_refused(reader: Reader, tmp_path: Path):
    path = tmp_path / "much.txt"
    path.write_text("Much text again. " * 300_000)
    refused(reader, path, "more than 4 MB of text")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Die Größe beträgt fünf Meter – „ungefähr“."),
        ("utf-16", "Größe: fünf"),
        ("utf-16-le", "The quota is 120 hours; the Größe is fünf."),
        ("utf-16-be", "The quota is 120 hours; the Größe is fünf."),
        ("utf-32", "Größe: fünf"),
        ("utf-8-sig", "Größe: fünf"),
        ("shift_jis", "会議室の鍵は受付にあります。利用時間は午前九時から午後五時までです。" * 3),
        ("cp1251", "Ключ лежит под ковриком. Заседание начинается в девять часов утра. " * 3),
        ("gb18030", "会议室的钥匙在前台。使用时间为上午九点至下午五点。请提前预约。" * 3),
    ],
)
def test_text_is_read_whatever_its_encoding(reader: Reader, tmp_path: Path, encoding: str, text: str):
    path = tmp_path / "note.txt"
    path.write_bytes(text.encode(encoding))
    assert texts(reader.read(path, path.name)).replace("\n", " ").strip() == text.strip()


def test_a_web_page_is_read_in_the_encoding_that_it_names(reader: Reader, tmp_path: Path):
    path = tmp_path / "page.html"
    page = '<html><head><meta charset="iso-8859-2"></head><body><p>Žluťoučký kůň čeká.</p></body></html>'
    path.write_bytes(page.encode("iso-8859-2"))
    assert "Žluťoučký kůň čeká." in texts(reader.read(path, path.name))


def test_one_broken_byte_does_not_spoil_the_rest(reader: Reader, tmp_path: Path):
    path = tmp_path / "note.md"
    path.write_bytes("Größe, Höhe, Läge, Tür, Öl, Süd, Fön, Mühe, Käse, Rübe, Mär, Kür. ".encode() * 3 + b"\xff end")
    found = texts(reader.read(path, path.name))
    assert found.count("Größe") == 3
    assert found.count("\ufffd") == 1


def test_noise_is_refused(reader: Reader, tmp_path: Path):
    path = tmp_path / "noise.txt"
    path.write_bytes(bytes(range(1, 256)) * 40 + b"\0" + bytes(range(255, 0, -1)) * 40)
    refused(reader, path, "not a text file|encoding")


def test_halves_of_characters_are_replaced(reader: Reader, tmp_path: Path):
    path = tmp_path / "half.html"
    path.write_text("<p>Half &#xD835; a sign, and a NUL &#0; too.</p>")
    found = texts(reader.read(path, path.name))
    found.encode()
    assert "\0" not in found


def test_the_reader_stays_for_the_next_file_whatever_its_parent_holds(tmp_path: Path):
    held = bytearray(1 << 30)
    held[:: 1 << 12] = b"x" * (1 << 18)
    reader = Reader(SMALL)
    path = files.docx(tmp_path / "a.docx")
    reader.read(path, "a.docx")
    first = reader._process
    reader.read(path, "a.docx")
    assert reader._process is first is not None
    reader.close()
    del held

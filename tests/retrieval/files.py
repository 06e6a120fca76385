"""Files of every kind, whole and hostile, made in the test."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

DOCUMENT = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{doctype}'
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>'
)
TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.document.main+xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Target="word/document.xml" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/officeDocument"/></Relationships>'
)


def docx(path: Path) -> Path:
    import docx as word

    document = word.Document()
    document.add_heading("Serving", 1)
    document.add_paragraph("An endpoint answers within 800 ms.")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table.rows[0].cells, ("Label", "Owner"), strict=True):
        cell.text = text
    for cell, text in zip(table.rows[1].cells, ("gpu/oom", "The engineer on duty"), strict=True):
        cell.text = text
    document.save(str(path))
    return path


def pptx(path: Path) -> Path:
    from pptx import Presentation

    made = Presentation()
    for title, text in (("Gate", "A candidate must win."), ("Roll-back", "It takes ten minutes at most.")):
        slide = made.slides.add_slide(made.slide_layouts[1])
        slide.shapes.title.text = title  # pyright: ignore[reportOptionalMemberAccess]
        slide.placeholders[1].text = text  # pyright: ignore[reportAttributeAccessIssue]
    made.save(str(path))
    return path


def pdf(path: Path, texts: tuple[str, ...] = ()) -> Path:
    from fpdf import FPDF

    made = FPDF()
    made.set_font("helvetica", size=12)
    for text in texts or (
        "The gate runs on at least 100 golden cases.",
        "A promoted adapter is rolled back within ten minutes.",
    ):
        made.add_page()
        made.multi_cell(0, 8, text)
    made.output(str(path))
    return path


def xlsx(path: Path, rows: int = 2) -> Path:
    """Two sheets; the first has an empty row between its last two."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Cards"
    for row in (["Card", "Memory (GB)"], ["H200", 141], [], ["T4", 16.5]):
        sheet.append(row)
    other = book.create_sheet("Desks")
    other.append(["Desk", "Team"])
    for n in range(rows):
        other.append([f"D{n}", f"Team {n} sits by the window and keeps the plants"])
    book.save(path)
    return path


def archive(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return path


def word_of(path: Path, body: str, doctype: str = "") -> Path:
    """A Word file with this body."""
    document = DOCUMENT.format(doctype=doctype, body=body).encode()
    parts = {"[Content_Types].xml": TYPES.encode(), "_rels/.rels": RELATIONS.encode(), "word/document.xml": document}
    return archive(path, parts)


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def understated(path: Path, part: str) -> Path:
    """The archive as it was, but its part says that it unpacks to 100 bytes."""
    content = bytearray(path.read_bytes())
    for signature, name_at, size_at in ((b"PK\x03\x04", 30, 22), (b"PK\x01\x02", 46, 24)):
        at = content.find(signature)
        while at >= 0 and content[at + name_at : at + name_at + len(part)] != part.encode():
            at = content.find(signature, at + 4)
        assert at >= 0
        struct.pack_into("<I", content, at + size_at, 100)
    path.write_bytes(content)
    return path


def raw_pdf(path: Path, objects: list[bytes]) -> Path:
    """A PDF of these objects, the first of them the catalog."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    path.write_bytes(out)
    return path


def one_page(content: bytes, more: bytes = b"") -> list[bytes]:
    """The objects of a PDF with one page that shows `content`."""
    return [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), more, content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]


def inflating_pdf(path: Path, megabytes: int) -> Path:
    """A page whose content unpacks to so many MB of spaces."""
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(b" " * 2**20) for _ in range(megabytes)) + packer.flush()
    return raw_pdf(path, one_page(packed, b"/Filter /FlateDecode"))

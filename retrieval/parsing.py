"""Runs as a process of its own (`python -m retrieval.parsing FILE`): one file to Markdown, as JSON on stdout.

A file that hangs, or eats memory, costs only this process. Imports neither torch nor any model.
Output: {"pages": [[page number or null, Markdown], ...]} or {"error": "a sentence"}.
"""

from __future__ import annotations

import csv
import io
import json
import re
import resource
import signal
import sys
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from pathlib import Path

from core.errors import DocumentError
from retrieval.formats import check_format, decode

Pages = list[tuple[int | None, str]]

MEMORY_LIMIT = 3 * 2**30
CPU_SECONDS = 120
MAX_PAGES = 2000
FOOTER = re.compile(r"(?:page|seite)?\s*\d+\s*(?:(?:of|/|von)\s*\d+)?", re.IGNORECASE)
PR_SET_PDEATHSIG = 1


def parse(path: Path) -> Pages:
    """The pages of a file as Markdown; only PDFs have page numbers.

    Raises:
        DocumentError: the file cannot be read, or holds no text.
    """
    ending = check_format(path)
    pages: Pages
    if ending == ".pdf":
        pages = list(pdf_pages(path))
    elif ending == ".xlsx":
        pages = [(None, workbook(path))]
    elif ending == ".csv":
        pages = [(None, sheet(csv_rows(decode(path.name, path.read_bytes()))))]
    elif ending in (".md", ".txt"):
        pages = [(None, decode(path.name, path.read_bytes()))]
    else:
        pages = [(None, marked_down(path))]
    if not any(text.strip() for _, text in pages):
        hint = "; it is probably a scan: run text recognition (OCR) on it first" if ending == ".pdf" else ""
        raise DocumentError(f"{path.name}: the file holds no text{hint or '; check that it is the right file'}")
    return pages


def marked_down(path: Path) -> str:
    """HTML, Word and PowerPoint by markitdown."""
    from markitdown import MarkItDown, MarkItDownException

    try:
        return MarkItDown(enable_plugins=False).convert_local(path).text_content
    except (MarkItDownException, KeyError, ValueError, RecursionError) as error:
        raise DocumentError(f"{path.name}: the file is damaged or too deeply nested; save it again") from error


def pdf_pages(path: Path) -> Iterator[tuple[int | None, str]]:
    """Text of a PDF page by page. Its Markdown by markitdown has lost the pages wherever a table stands."""
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LTTextContainer
    from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect
    from pdfminer.pdfexceptions import PDFException
    from pdfminer.psexceptions import PSException

    try:
        for number, page in enumerate(extract_pages(path), 1):
            if number > MAX_PAGES:
                raise DocumentError(f"{path.name}: more than {MAX_PAGES} pages; split it up")
            blocks = [item.get_text().strip() for item in page if isinstance(item, LTTextContainer)]
            yield number, pdf_markdown(blocks, first=number == 1)
    except (PDFPasswordIncorrect, PDFEncryptionError) as error:
        raise DocumentError(f"{path.name}: the PDF is locked by a password; save it without one") from error
    except (PDFException, PSException, ValueError, KeyError, TypeError) as error:
        raise DocumentError(f"{path.name}: the PDF is damaged; export it again") from error


def pdf_markdown(blocks: list[str], first: bool = False) -> str:
    """Paragraphs of a page, its lines joined; a short line without a full stop before prose is taken for a heading."""
    kept = [block for block in blocks if block and not FOOTER.fullmatch(block)]
    found = []
    for n, block in enumerate(kept):
        following = kept[n + 1] if n + 1 < len(kept) else ""
        line = re.sub(r"\s*\n\s*(?![-*•]\s|\d{1,3}[.)]\s)", " ", block)
        if first and n == 0 and looks_like_title(block) and following:
            found.append(f"# {line}")
        else:
            found.append(f"## {line}" if looks_like_heading(block, following) else line)
    return "\n\n".join(found)


def looks_like_title(block: str) -> bool:
    return "\n" not in block and len(block.split()) <= 12 and block[0].isupper() and block[-1] not in ".,;:"


def looks_like_heading(block: str, following: str) -> bool:
    # The cells of a table are short too, but are followed by other short blocks.
    return looks_like_title(block) and len(following.split()) > len(block.split())


def workbook(path: Path) -> str:
    """Each sheet of an Excel file as a section."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        sections = []
        for one in book.worksheets:
            rows = ([cell_text(cell.value, cell.number_format) for cell in row] for row in one.iter_rows())
            body = sheet(rows)
            if body:
                sections.append(f"# {one.title}\n\n{body}")
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise DocumentError(f"{path.name}: the workbook is damaged; save it again") from error
    return "\n\n".join(sections)


def cell_text(value: object, form: str) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        if "%" in (form or ""):
            return f"{round(value * 100, 6):g}%"
        return f"{value:.10g}"
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return " ".join(str(value).split())


def csv_rows(text: str) -> list[list[str]]:
    try:
        dialect = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    csv.field_size_limit(2**20)
    try:
        return list(csv.reader(io.StringIO(text), dialect))
    except csv.Error as error:
        raise DocumentError(f"the table cannot be read: {error}; export it again as CSV") from error


def sheet(rows: Iterable[list[str]]) -> str:
    """Rows, the first of them the header, as a Markdown table; empty rows are left out."""
    lines = []
    for row in rows:
        cells = [" ".join(cell.split()).replace("|", "\\|") for cell in row]
        if any(cells):
            lines.append("| " + " | ".join(cells) + " |")
            if len(lines) == 1:
                lines.append("|" + " --- |" * len(cells))
    return "\n".join(lines)


def main() -> None:
    if sys.platform == "linux":
        import ctypes

        # A parser must not outlive the process that wants its result.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    try:
        result: dict[str, object] = {"pages": parse(Path(sys.argv[1]))}
    except DocumentError as error:
        result = {"error": str(error)}
    except (MemoryError, RecursionError):
        result = {"error": f"{Path(sys.argv[1]).name}: the file needs too much memory; split it up or simplify it"}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()

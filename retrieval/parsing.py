"""One file to Markdown, page by page, or to sheets. Runs where a file that hangs or eats memory costs only itself.

Imports neither torch nor any model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from core.errors import DocumentError
from retrieval.charset import decode
from retrieval.html_tables import simplify_tables
from retrieval.limits import Limits
from retrieval.web import shown
from retrieval.word import word_page

Pages = list[tuple[int | None, str]]
Tell = Callable[[int, str], None]
Note = Callable[[str], None]

FOOTER = re.compile(r"(?:page|seite)?\s*\d+\s*(?:(?:of|/|von)\s*\d+)?", re.IGNORECASE)
SLIDE = re.compile(r"<!-- Slide number: (\d+) -->")
TOO_DEEP = "the file is nested too deeply; save it again, or save its text alone"


def parse(path: Path, ending: str, limits: Limits, tell: Tell, note: Note) -> Pages:
    """The pages of a file as Markdown; only PDFs have page numbers, and presentations slides. `tell` hears how far it is.

    Raises:
        DocumentError: the file cannot be read, or holds no text.
    """
    if ending == ".pdf":
        pages = list(pdf_pages(path, limits, tell))
    elif ending in (".md", ".txt"):
        pages: Pages = [(None, decode(path.name, path.read_bytes()))]
    elif ending == ".pptx":
        pages = slides(path, limits, note)
    else:
        pages = [(None, marked_down(path, ending, note))]
    if not any(text.strip() for _, text in pages):
        hint = "; it is probably a scan: run text recognition (OCR) on it first" if ending == ".pdf" else ""
        raise DocumentError(f"{path.name}: the file holds no text{hint or '; check that it is the right file'}")
    return pages


def marked_down(path: Path, ending: str, note: Note) -> str:
    """HTML, Word and PowerPoint by markitdown's converters, called directly: its own guess at the kind loads a model."""
    from xml.parsers.expat import ExpatError

    from lxml.etree import LxmlError
    from markitdown import MarkItDownException, StreamInfo
    from markitdown.converters import PptxConverter

    try:
        if ending in (".html", ".htm"):
            return page_markdown(decode(path.name, path.read_bytes()), note, web=True)
        if ending == ".docx":
            return page_markdown(word_page(path, note), note, web=False)
        with path.open("rb") as file:
            return PptxConverter().convert(file, StreamInfo(extension=ending, filename=path.name)).markdown
    except RecursionError as error:
        raise DocumentError(f"{path.name}: {TOO_DEEP}") from error
    except (MarkItDownException, LxmlError, ExpatError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DocumentError(f"{path.name}: the file is damaged; save it again") from error


def page_markdown(html: str, note: Note, web: bool) -> str:
    """A page, with its tables made such as Markdown can hold and, of one from the web, without what it does not show."""
    from bs4 import BeautifulSoup
    from markitdown.converters import HtmlConverter

    # A page may leave out the end of a cell, which only the other parser knows; that one stops at a certain depth.
    whole = html.count("<td") <= html.count("</td") and html.count("<th") <= html.count("</th")
    soup = BeautifulSoup(html, "html.parser" if whole else "lxml")
    if web:
        shown(soup, note)
    simplify_tables(soup)
    return HtmlConverter().convert_string(str(soup)).markdown


def slides(path: Path, limits: Limits, note: Note) -> Pages:
    """Each slide as a page."""
    parts = SLIDE.split(marked_down(path, ".pptx", note))
    if len(parts) // 2 > limits.pages:
        raise DocumentError(f"{path.name}: more than {limits.pages} slides; split it up")
    found: Pages = [(int(number), text) for number, text in zip(parts[1::2], parts[2::2], strict=True)]
    return [(None, parts[0]), *found] if parts[0].strip() else found


def pdf_pages(path: Path, limits: Limits, tell: Tell) -> Iterator[tuple[int | None, str]]:
    """Text of a PDF page by page. Its Markdown by markitdown has lost the pages wherever a table stands."""
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LTTextContainer
    from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect
    from pdfminer.pdfexceptions import PDFException
    from pdfminer.psexceptions import PSException

    try:
        for number, page in enumerate(extract_pages(path), 1):
            if number > limits.pages:
                raise DocumentError(f"{path.name}: more than {limits.pages} pages; split it up")
            tell(number, "page")
            blocks = [item.get_text().strip() for item in page if isinstance(item, LTTextContainer)]
            yield number, pdf_markdown(blocks, first=number == 1)
    except (PDFPasswordIncorrect, PDFEncryptionError) as error:
        raise DocumentError(f"{path.name}: the PDF is locked by a password; save it without one") from error
    except RecursionError as error:
        raise DocumentError(f"{path.name}: {TOO_DEEP}") from error
    except (PDFException, PSException, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
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

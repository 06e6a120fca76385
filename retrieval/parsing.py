"""One file to Markdown, page by page, or to sheets. Runs where a file that hangs or eats memory costs only itself.

Imports neither torch nor any model.
"""

from __future__ import annotations

import re
from pathlib import Path

from core.errors import DocumentError
from retrieval.charset import decode
from retrieval.formats import MARKDOWN
from retrieval.front_matter import without_front_matter
from retrieval.limits import Limits
from retrieval.markup import page, plain
from retrieval.pdf import TOO_DEEP, pdf_pages
from retrieval.pdf_text import Pages
from retrieval.telling import Note, Tell, unnoted
from retrieval.web import page_markdown
from retrieval.word import word_page

READERS = (".rst", ".adoc", ".asciidoc", ".ipynb", ".eml")
SLIDE = re.compile(r"<!-- Slide number: (\d+) -->")


def parse(path: Path, ending: str, limits: Limits, tell: Tell, note: Note = unnoted) -> Pages:
    """The pages of a file as Markdown; only PDFs have page numbers, and presentations slides. `tell` hears how far it is,
    `note` what is left out.

    Raises:
        DocumentError: the file cannot be read, or holds no text.
    """
    if ending == ".pdf":
        pages = pdf_pages(path, limits, tell, note)
    elif ending in MARKDOWN:
        pages: Pages = [(None, plain(decode(path.name, path.read_bytes())))]
    elif ending == ".txt":
        pages = [(None, without_front_matter(decode(path.name, path.read_bytes())))]
    elif ending == ".pptx":
        pages = slides(path, limits, note)
    elif ending in READERS:
        pages = [(None, by_reader(path, ending, note))]
    else:
        pages = [(None, marked_down(path, ending, note))]
    if not any(text.strip() for _, text in pages):
        hint = "; it is probably a scan: run text recognition (OCR) on it first" if ending == ".pdf" else ""
        raise DocumentError(f"{path.name}: the file holds no text{hint or '; check that it is the right file'}")
    return pages


def by_reader(path: Path, ending: str, note: Note) -> str:
    """A text in a mark-up of its own, a notebook or a mail, by its reader."""
    from retrieval import adoc, mail, notebook, rst

    content = path.read_bytes()
    try:
        if ending == ".eml":
            return mail.markdown(content, note)
        text = decode(path.name, content)
        if ending == ".ipynb":
            return notebook.markdown(text, note)
        return rst.markdown(text, note) if ending == ".rst" else adoc.markdown(text, note)
    except RecursionError as error:
        raise DocumentError(f"{path.name}: {TOO_DEEP}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, LookupError) as error:
        raise DocumentError(f"{path.name}: the file is damaged; save it again") from error


def marked_down(path: Path, ending: str, note: Note) -> str:
    """HTML, Word and PowerPoint by markitdown's converters, called directly: its own guess at the kind loads a model."""
    from xml.parsers.expat import ExpatError

    from lxml.etree import LxmlError
    from markitdown import MarkItDownException, StreamInfo
    from markitdown.converters import PptxConverter

    try:
        if ending in (".html", ".htm"):
            return page(page_markdown(decode(path.name, path.read_bytes()), note, web=True))
        if ending == ".docx":
            return page_markdown(word_page(path, note), note, web=False)
        with path.open("rb") as file:
            return PptxConverter().convert(file, StreamInfo(extension=ending, filename=path.name)).markdown
    except RecursionError as error:
        raise DocumentError(f"{path.name}: {TOO_DEEP}") from error
    except (MarkItDownException, LxmlError, ExpatError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DocumentError(f"{path.name}: the file is damaged; save it again") from error


def slides(path: Path, limits: Limits, note: Note) -> Pages:
    """Each slide as a page."""
    parts = SLIDE.split(marked_down(path, ".pptx", note))
    if len(parts) // 2 > limits.pages:
        raise DocumentError(f"{path.name}: more than {limits.pages} slides; split it up")
    found: Pages = [(int(number), text) for number, text in zip(parts[1::2], parts[2::2], strict=True)]
    return [(None, parts[0]), *found] if parts[0].strip() else found

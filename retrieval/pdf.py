"""The text of a PDF, page by page, in the order in which a reader reads it.

pdfminer gives glyphs, lines and their places. Its boxes are left aside: they know one spacing of lines for all files. Imports
neither torch nor any model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from core.errors import DocumentError
from retrieval import bidi
from retrieval.formats import stem
from retrieval.limits import Limits
from retrieval.pdf_columns import columns
from retrieval.pdf_lines import Page, mirrored, page_of
from retrieval.pdf_margins import without_margins
from retrieval.pdf_paragraphs import paragraphs
from retrieval.pdf_text import Pages, Written
from retrieval.telling import Note, Tell

TOO_DEEP = "the file is nested too deeply; save it again, or save its text alone"
NOT_READABLE = "not readable: right-to-left text stored in visual order"
# A page without text is a scan where a picture covers so much of it, or letters are drawn with so many strokes.
SCANNED, DRAWN = 0.2, 60
UNKNOWN = "\ufffd"


def pdf_pages(path: Path, limits: Limits, tell: Tell, note: Note) -> Pages:
    """The pages of a PDF as Markdown. `note` hears what could not be read.

    Raises:
        DocumentError: it cannot be read at all.
    """
    with refusing(path):
        pages = list(laid_out(path, limits, tell))
    pages = in_order(path, known(pages, note), note)
    bare = without_margins(pages)
    if missing := [page.number for page in bare.pages if is_scan(page)]:
        note(scans(missing))
    written = Written([paragraphs(column, page.number) for page in bare.pages for column in columns(page.lines)])
    return written.pages(bare.title or stem(path.name), bare.kept)


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """What pdfminer stumbles over, said so that one knows what to do. Raises DocumentError."""
    from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect
    from pdfminer.pdfexceptions import PDFException
    from pdfminer.psexceptions import PSException

    try:
        yield
    except (PDFPasswordIncorrect, PDFEncryptionError) as error:
        raise DocumentError(f"{path.name}: the PDF is locked by a password; save it without one") from error
    except RecursionError as error:
        raise DocumentError(f"{path.name}: {TOO_DEEP}") from error
    except (PDFException, PSException, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DocumentError(f"{path.name}: the PDF is damaged; export it again") from error


def laid_out(path: Path, limits: Limits, tell: Tell) -> Iterator[Page]:
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LAParams

    # Pieces closer than a letter's width are one line; what is further apart may stand in another column.
    params = LAParams(char_margin=1.0, boxes_flow=None, all_texts=True)
    for number, layout in enumerate(extract_pages(path, laparams=params), 1):
        if number > limits.pages:
            raise DocumentError(f"{path.name}: more than {limits.pages} pages; split it up")
        tell(number, "page")
        yield page_of(number, layout)


def known(pages: Sequence[Page], note: Note) -> list[Page]:
    """Pages without the lines whose font does not say which letters it shows."""
    found, blind = [], []
    for page in pages:
        lines = tuple(line for line in page.lines if 3 * line.text.count(UNKNOWN) < len(line.text))
        if len(lines) < len(page.lines):
            blind.append(page.number)
        found.append(replace(page, lines=lines))
    if blind:
        note(f"{numbered(blind)}: a font does not say which letters it shows; export the file again")
    return found


def in_order(path: Path, pages: Sequence[Page], note: Note) -> list[Page]:
    """Pages with right-to-left lines in the order of reading, and seen as in a mirror if that is most of a page; without
    these lines where their order cannot be told. Raises DocumentError if nothing else is there."""
    texts = [line.text for page in pages for line in page.lines if bidi.RTL.search(line.text)]
    if not texts:
        return list(pages)
    right, pairs = (sum(page.rightwards[n] for page in pages) for n in (0, 1))
    visual = bidi.is_visual(texts, rightwards=2 * right >= pairs)
    if visual is None:
        note(NOT_READABLE)
        pages = [replace(page, lines=tuple(x for x in page.lines if not bidi.RTL.search(x.text))) for page in pages]
        if not any(page.lines for page in pages):
            raise DocumentError(f"{path.name}: {NOT_READABLE}")
        return list(pages)
    return [ordered(page, visual) for page in pages]


def ordered(page: Page, visual: bool) -> Page:
    lines = [replace(line, text=bidi.logical(line.text) if visual else bidi.plain(line.text)) for line in page.lines]
    letters = " ".join(line.text for line in lines)
    return replace(page, lines=tuple(mirrored(lines, page.width) if bidi.is_rtl(letters) else lines))


def is_scan(page: Page) -> bool:
    return not page.lines and (page.pictures >= SCANNED or page.strokes >= DRAWN)


def scans(missing: Sequence[int]) -> str:
    one = len(missing) == 1
    return f"{numbered(missing)} {'has' if one else 'have'} no text; {'it is probably a scan' if one else 'they are probably scans'}"


def numbered(pages: Sequence[int]) -> str:
    """Pages by their numbers, those in a row as one: "pages 2, 5 to 7"."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][-1] + 1:
            runs[-1].append(page)
        else:
            runs.append([page])
    said = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
    return f"page{'s' if len(pages) > 1 else ''} {said}"

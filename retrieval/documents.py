"""A file becomes passages: checked, parsed to Markdown or to rows, split along headings, pages and rows."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from core.errors import DocumentError
from core.types import Passage
from retrieval.charset import decode, storable
from retrieval.fences import GLUE, LINE, kept_whole, shown
from retrieval.formats import check_format, stem
from retrieval.limits import Limits
from retrieval.parsing import Pages, parse
from retrieval.sentences import DEFAULT
from retrieval.sheets import Sheet, csv_sheet, packed, parts_of, row_sentence
from retrieval.telling import Note, Tell, silent, unnoted
from retrieval.workbooks import workbook

CHUNK_CHARS = 800
# What has no end of a sentence for so long, such as data in base64, is cut anywhere.
MAX_CHARS = 4000
HEADING_CHARS = 300
LEVELS = [("#" * level, f"h{level}") for level in range(1, 7)]
PAGE_MARK = "⟦page {}⟧"
PAGE = re.compile(r"⟦page (\d+)⟧")
ROW_RULE = re.compile(r"\|?(?:\s*:?-{2,}:?\s*\|)+(?:\s*:?-{2,}:?\s*)?\|?")
PICTURE = re.compile(r"!\[[^\]\n]{0,500}\]\([^)\n]{0,2000}\)")
# A line this long without an end went on in the next one.
WRAPPED = 40
OWN_LINE = re.compile(r"[-*•+>|]\s|\d{1,3}[.)]\s|\S*␣")
SPLITTER_VERSION = "3"


def read_here(
    path: Path, source: str, limits: Limits | None = None, tell: Tell = silent, note: Note = unnoted
) -> list[Passage]:
    """The passages of a file, in its order, read in this process: a hostile file can make it hang or eat memory, so
    what comes from outside goes through `retrieval.reader`. `tell(number, "page")` hears how far it is, `note` what is
    left out or could not be read.

    Raises:
        DocumentError: the file cannot be read; says what to do.
    """
    limits = limits or Limits()
    ending = check_format(path, limits)
    if ending == ".xlsx":
        return sheet_passages(path.name, source, workbook(path, tell, note), limits)
    if ending == ".csv":
        return sheet_passages(path.name, source, [csv_sheet(decode(path.name, path.read_bytes()), tell)], limits)
    pages = parse(path, ending, limits, tell, note)
    if sum(len(text) for _, text in pages) > limits.text_mb << 20:
        raise too_much_text(path.name, limits)
    return split(source, pages)


def sheet_passages(name: str, source: str, sheets: Iterable[Sheet], limits: Limits) -> list[Passage]:
    """Passages of tables, each with its sheet and the row of every line. Raises DocumentError."""
    title, seen, size = stem(source), Counter[tuple[str, str]](), 0
    found = []
    for sheet in sheets:
        # A sheet's name says little without the name of the workbook.
        names = [title, tidy(sheet.name).strip()]
        for under, lines in parts_of(sheet, clean_cell):
            heading = " > ".join(one[:HEADING_CHARS] for one in dict.fromkeys(filter(None, [*names, *under])))
            for text, rows in packed(lines, CHUNK_CHARS, MAX_CHARS):
                size += len(text)
                if size > limits.text_mb << 20:
                    raise too_much_text(name, limits)
                found.append(passage(source, heading, text, seen, sheet=sheet.name, rows=rows))
    if not found:
        raise DocumentError(f"{name}: the table holds no rows under its first, which names the columns; add them")
    return found


def too_much_text(name: str, limits: Limits) -> DocumentError:
    return DocumentError(f"{name}: the file holds more than {limits.text_mb} MB of text; split it up")


def clean_cell(cell: str) -> str:
    return " ".join(tidy(cell).replace("␣", " ").split())


def split(source: str, pages: Pages) -> list[Passage]:
    """Passages of about 800 characters, each under one heading and on one page, with ids that depend on content only.

    Raises:
        DocumentError: there is no text.
    """
    from langchain_text_splitters import MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter

    paragraphs = RecursiveCharacterTextSplitter(
        separators=["\n\n", "\n", r"(?<=[.!?])\s+", " "],
        is_separator_regex=True,
        keep_separator="end",
        chunk_size=CHUNK_CHARS,
        chunk_overlap=0,
    )
    text = "\n\n".join(f"{PAGE_MARK.format(page)}\n\n{body}" if page else body for page, body in pages)
    lines = MarkdownHeaderTextSplitter(LEVELS, return_each_line=True).split_text(
        rows_as_sentences(kept_whole(tidy(text), CHUNK_CHARS))
    )
    title, seen, found = "", Counter[tuple[str, str]](), []
    for heading, page, section in sections((unwrap(line.page_content), line.metadata) for line in lines):
        if not found and not title:
            title, section = split_title(source, heading, section)
        path = " > ".join(one[:HEADING_CHARS] for one in dict.fromkeys([title, *heading]))
        for piece in pieces(paragraphs, section):
            found.append(passage(source, path, piece, seen, page=page))
    if not found:
        raise DocumentError(f"{source}: the file holds headings only; add the text under them")
    return found


def passage(
    source: str, heading: str, text: str, seen: Counter[tuple[str, str]], page: int | None = None, sheet: str = "",
    rows: tuple[int, ...] = (),
) -> Passage:  # fmt: skip
    """A passage, and one more in `seen`."""
    seen[heading, text] += 1
    id = chunk_id(source, heading, text, seen[heading, text])
    first_and_last = (rows[0], rows[-1]) if rows else None
    return Passage(
        id=id, source=source, text=text, heading=heading, page=page, sheet=sheet, rows=first_and_last, line_rows=rows
    )


def pieces(splitter: object, section: str) -> Iterator[str]:
    for piece in splitter.split_text(section):  # pyright: ignore[reportAttributeAccessIssue]
        for start in range(0, len(piece), MAX_CHARS):
            if text := shown(piece[start : start + MAX_CHARS]).strip():
                yield text


def sections(lines: Iterable[tuple[str, dict[str, str]]]) -> Iterator[tuple[list[str], int | None, str]]:
    """Neighbouring paragraphs under the same headings and on the same page, joined: (headings, page, text)."""
    page: int | None = None
    at: list[str] = []
    on: int | None = None
    kept: list[str] = []
    for text, metadata in lines:
        if mark := PAGE.fullmatch(text):
            page = int(mark.group(1))
            continue
        here = [metadata[key] for key in sorted(metadata)]
        if kept and (here, page) != (at, on):
            yield at, on, "\n\n".join(kept)
            kept = []
        at, on = here, page
        kept.append(text)
    if kept:
        yield at, on, "\n\n".join(kept)


def split_title(source: str, heading: list[str], section: str) -> tuple[str, str]:
    """The document's title and what is left of its first section: its first heading or short line, or its file name."""
    first, _, rest = section.partition("\n\n")
    if heading:
        return heading[0], section
    if (
        rest
        and not any(end in first for end in ("\n", LINE))
        and len(first) <= 80
        and first[-1] not in ".:;,!?"
        and not first.startswith("-")
    ):
        return first, rest
    return stem(source), section


def chunk_id(source: str, heading: str, text: str, occurrence: int) -> str:
    """The same content under the same heading of the same source has the same id, in every run."""
    return hashlib.sha256("\0".join((source, heading, text, str(occurrence))).encode()).hexdigest()[:32]


def tidy(text: str) -> str:
    """One kind of line end; no remote pictures, no soft hyphens, nothing that a database refuses."""
    text = storable(text).replace("\r\n", "\n").replace("\r", "\n").replace("\u00ad", "").replace("\u00a0", " ")
    return PICTURE.sub("", text)


def unwrap(paragraph: str) -> str:
    """Join lines that were only wrapped, so that a sentence stands on one line; list items and rows keep theirs."""
    joined: list[list[str]] = []
    goes_on = False
    for line in paragraph.split("\n"):
        if (goes_on or (joined and DEFAULT.match(line))) and not OWN_LINE.match(line):
            joined[-1].append(line)
        else:
            joined.append([line])
        length = sum(len(part) + 1 for part in joined[-1][:WRAPPED]) - 1
        goes_on = length > WRAPPED and line[-1:] not in ".!?:;" and GLUE not in line
    return "\n".join(" ".join(parts) for parts in joined)


def rows_as_sentences(text: str) -> str:
    """Tables as sentences, "Column: value; Column: value.", so that a row can be found and quoted by itself."""
    found: list[str] = []
    header: list[str] | None = None
    lines = text.split("\n")
    for n, line in enumerate(lines):
        if not is_row(line):
            header = None
            found.append(line)
        elif ROW_RULE.fullmatch(line.strip()):
            continue
        elif header is None:
            begins = n + 1 < len(lines) and bool(ROW_RULE.fullmatch(lines[n + 1].strip()))
            header = cells(line) if begins else []
            if not begins:
                found.append(line)
        elif not any(header):
            # Word tables come with an empty header; the first row is the real one.
            header = cells(line)
        else:
            found.append(row_sentence(header, cells(line)).replace(" ", GLUE))
    return "\n".join(found)


def is_row(line: str) -> bool:
    stripped = line.strip()
    return stripped.startswith("|") and stripped.count("|") > 1


def cells(line: str) -> list[str]:
    inner = re.sub(r"^\||\|$", "", line.strip())
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]

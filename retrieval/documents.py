"""A file becomes passages: checked, parsed to Markdown in a process of its own, split along its headings."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from core.errors import DocumentError
from core.settings import ROOT
from core.types import Passage
from retrieval.formats import check_format
from retrieval.parsing import parse

CHUNK_CHARS = 800
PARSE_SECONDS = 90
PLAIN = (".md", ".txt", ".csv")
LEVELS = [("#" * level, f"h{level}") for level in range(1, 7)]
PAGE_MARK = "⟦page {}⟧"
PAGE = re.compile(r"⟦page (\d+)⟧")
# A row of a table is never split: while the splitter works, its spaces are this.
GLUE = "␣"
ROW_RULE = re.compile(r"\|?(?:\s*:?-{2,}:?\s*\|)+(?:\s*:?-{2,}:?\s*)?\|?")
# A line this long without an end went on in the next one.
WRAPPED = 40
OWN_LINE = re.compile(r"[-*•+>|]\s|\d{1,3}[.)]\s|\S*␣")
SPLITTER_VERSION = "1"


def read_document(path: Path, source: str) -> list[Passage]:
    """The passages of a file, in its order.

    Raises:
        DocumentError: the file cannot be read; says what to do.
    """
    ending = check_format(path)
    # Plain text cannot make its reader hang, and a process costs most of a second.
    return split(source, parse(path) if ending in PLAIN else parse_apart(path))


def parse_apart(path: Path, seconds: float = PARSE_SECONDS) -> list[tuple[int | None, str]]:
    """Pages as Markdown, parsed in a process with limits on time and memory. Raises DocumentError."""
    command = [sys.executable, "-m", "retrieval.parsing", str(path.resolve())]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, cwd=ROOT, check=False)
    except subprocess.TimeoutExpired as error:
        raise DocumentError(
            f"{path.name}: reading took over {seconds:.0f} s; split the file or save it anew"
        ) from error
    try:
        result = json.loads(done.stdout)
    except ValueError as error:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2][-200:]
        why = last or f"it was stopped with code {done.returncode}"
        raise DocumentError(f"{path.name}: the file cannot be read ({why}); save or export it again") from error
    if "error" in result:
        raise DocumentError(result["error"])
    return [(page, text) for page, text in result["pages"]]


def split(source: str, pages: list[tuple[int | None, str]]) -> list[Passage]:
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
    lines = MarkdownHeaderTextSplitter(LEVELS, return_each_line=True).split_text(rows_as_sentences(tidy(text)))
    title, seen, found = "", Counter(), []
    for heading, page, section in sections([(unwrap(line.page_content), line.metadata) for line in lines]):
        if not found and not title:
            title, section = split_title(source, heading, section)
        path = " > ".join(dict.fromkeys([title, *heading]))
        for piece in pieces(paragraphs, section):
            key = (path, piece)
            seen[key] += 1
            id = chunk_id(source, path, piece, seen[key])
            found.append(Passage(id=id, source=source, text=piece, heading=path, page=page))
    if not found:
        raise DocumentError(f"{source}: the file holds headings only; add the text under them")
    return found


def pieces(splitter: object, section: str) -> list[str]:
    split_text = splitter.split_text(section)  # pyright: ignore[reportAttributeAccessIssue]
    return [text for piece in split_text if (text := piece.replace(GLUE, " ").strip())]


def sections(lines: list[tuple[str, dict[str, str]]]) -> list[tuple[list[str], int | None, str]]:
    """Neighbouring paragraphs under the same headings and on the same page, joined: (headings, page, text)."""
    found: list[tuple[list[str], int | None, str]] = []
    page: int | None = None
    for text, metadata in lines:
        if mark := PAGE.fullmatch(text):
            page = int(mark.group(1))
            continue
        headings = [metadata[key] for key in sorted(metadata)]
        if found and found[-1][:2] == (headings, page):
            found[-1] = (headings, page, f"{found[-1][2]}\n\n{text}")
        else:
            found.append((headings, page, text))
    return found


def split_title(source: str, heading: list[str], section: str) -> tuple[str, str]:
    """The document's title and what is left of its first section: its first heading or short line, or its file name."""
    stem = re.sub(r"[-_]+", " ", Path(source).stem).strip().capitalize()
    first, _, rest = section.partition("\n\n")
    if heading:
        # A sheet's name says little without the name of the workbook.
        return (stem if source.endswith(".xlsx") else heading[0]), section
    if rest and "\n" not in first and len(first) <= 80 and first[-1] not in ".:;,!?" and not first.startswith("-"):
        return first, rest
    return stem, section


def chunk_id(source: str, heading: str, text: str, occurrence: int) -> str:
    """The same content under the same heading of the same source has the same id, in every run."""
    return hashlib.sha256("\0".join((source, heading, text, str(occurrence))).encode()).hexdigest()[:32]


def tidy(text: str) -> str:
    """One kind of line end; no remote pictures, no soft hyphens, no NULs (Postgres refuses them)."""
    text = (
        text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").replace("\u00ad", "").replace("\u00a0", " ")
    )
    return re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)


def unwrap(paragraph: str) -> str:
    """Join lines that were only wrapped, so that a sentence stands on one line; list items and rows keep theirs."""
    if paragraph.startswith(("```", "~~~")):
        return paragraph
    joined: list[str] = []
    for line in paragraph.split("\n"):
        wrapped = joined and len(joined[-1]) > WRAPPED and joined[-1][-1] not in ".!?:;" and not OWN_LINE.match(line)
        if wrapped and GLUE not in joined[-1]:
            joined[-1] += f" {line}"
        else:
            joined.append(line)
    return "\n".join(joined)


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
            found.append(row_sentence(header, cells(line)))
    return "\n".join(found)


def is_row(line: str) -> bool:
    stripped = line.strip()
    return stripped.startswith("|") and stripped.count("|") > 1


def cells(line: str) -> list[str]:
    inner = re.sub(r"^\||\|$", "", line.strip())
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def row_sentence(header: list[str], row: list[str]) -> str:
    names = header + [""] * (len(row) - len(header))
    parts = [f"{name}: {value}" if name else value for name, value in zip(names, row, strict=False) if value]
    sentence = "; ".join(parts)
    return (sentence if sentence.endswith((".", "!", "?")) else f"{sentence}.").replace(" ", GLUE)

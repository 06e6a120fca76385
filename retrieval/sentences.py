"""The quotable pieces of a passage, each with its exact place. Pure.

A piece is a sentence, a list item, a row of a table ("Column: value; Column: value."), a full sentence within a row, a
list together with the sentence that leads to it, or what says something by itself in a code block (`retrieval.code`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from retrieval.code import units

BOUNDARY = re.compile(r"[.!?…]+[\"'”’»)\]*_]*\s+(?=[\"'“‘«(\[*_]*[a-z]{0,3}[A-Z0-9ÄÖÜÀ-Ý])")
ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|al|approx|ca|resp|incl|excl|no|nr|fig|eq|sec|ch|vol|pp?|dr|mr|mrs|ms|prof|st|jr|sr|inc|"
    r"ltd|co|corp|dept|est|max|min|u\.s|u\.k|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)|(?:^|(?<!\d)[\s(.])[A-Za-z])\.$",
    re.IGNORECASE,
)
ITEM = re.compile(r"\s*(?:[-*•+>]\s+(?:\[[ xX]\]\s+)?|\d{1,3}[.)]\s+)")
ROW = re.compile(r"^[^:;]{1,60}: [^;]*;\s+[^;]")
CELL = re.compile(r"(?:^|; )[^:;]{1,60}: ")
MIN_CELL_WORDS = 5
TERM = re.compile(r"(\*\*|__)[^*_]+\1[.:]?")
# What a definition says of its own value belongs to it: "The largest file, in MB. Defaults to 100."
DEFAULT = re.compile(
    r"(?:It |This )?[Dd]efaults?(?: value)?(?: to\b| is\b|:)|(?:The|Its) default(?: value)? (?:is|are)\b"
)
FENCE = re.compile(r"(`{3,}|~{3,})([^`]*)$")
MAX_LIST = 700


@dataclass(frozen=True)
class Piece:
    """`text` stands at `start:end` of its passage; `lead` is the sentence that a list item depends on."""

    start: int
    end: int
    text: str
    lead: str = ""


def pieces(passage: str) -> list[Piece]:
    """All quotable pieces of a passage, in order of their start."""
    found: list[Piece] = []
    lead: Piece | None = None
    items_end = 0
    for start, line in lines(passage, found):
        marker = ITEM.match(line)
        offset = start + (marker.end() if marker else 0)
        sentences = list(split_line(line[marker.end() :] if marker else line, offset))
        if marker and lead:
            sentences = [Piece(one.start, one.end, one.text, lead.text) for one in sentences]
            items_end = start + len(line.rstrip())
        elif lead and items_end:
            found += whole_list(passage, lead, items_end)
            lead, items_end = None, 0
        if not marker:
            lead, items_end = (sentences[-1] if sentences and sentences[-1].text.endswith(":") else None), 0
        found += sentences
    if lead and items_end:
        found += whole_list(passage, lead, items_end)
    return sorted(found, key=lambda piece: (piece.start, piece.end))


def whole_list(passage: str, lead: Piece, end: int) -> list[Piece]:
    return [Piece(lead.start, end, passage[lead.start : end])] if end - lead.start <= MAX_LIST else []


def lines(text: str, found: list[Piece]) -> Iterator[tuple[int, str]]:
    """The lines of prose with their places. Those of code blocks are put into `found` as their pieces, with the sentence
    before them as their lead."""
    position, fence, info = 0, "", ""
    code: list[tuple[int, str]] = []
    for line in text.split("\n"):
        opened = FENCE.match(line)
        if fence:
            if opened and opened[1].startswith(fence) and not opened[2].strip():
                found += code_pieces(text, code, info, found)
                fence, code = "", []
            else:
                code.append((position, line))
        elif opened:
            fence, info = opened[1], opened[2].strip()
        elif line.strip():
            yield position, line
        position += len(line) + 1
    found += code_pieces(text, code, info, found)


def code_pieces(text: str, code: list[tuple[int, str]], info: str, before: list[Piece]) -> list[Piece]:
    lead = (
        before[-1].text if code and before and not text[before[-1].end : code[0][0]].partition("`")[0].strip() else ""
    )
    return [Piece(start, end, text[start:end], around) for start, end, around in units(code, info, lead)]


def split_line(line: str, offset: int) -> Iterator[Piece]:
    if ROW.match(line):
        yield piece(line, offset, 0, len(line))
        yield from cell_sentences(line, offset)
        return
    begin = 0
    for boundary in BOUNDARY.finditer(line):
        end = boundary.end()
        stop = line[begin:end].rstrip()
        # "**Drift.** Drift is ..." is one piece: a bare term says nothing.
        if ABBREVIATION.search(stop) or TERM.fullmatch(stop) or DEFAULT.match(line, end):
            continue
        yield piece(line, offset, begin, end)
        begin = end
    if line[begin:].strip():
        yield piece(line, offset, begin, len(line))


def cell_sentences(line: str, offset: int) -> Iterator[Piece]:
    """Cells that are sentences themselves read better than their row, if they name what the row is about."""
    names = list(CELL.finditer(line))
    starts = [name.end() for name in names]
    ends = [*(name.start() for name in names[1:]), len(line)]
    subject = set(line[starts[0] : ends[0]].lower().split()) if starts else set()
    for begin, end in zip(starts, ends, strict=True):
        cell = line[begin:end]
        if not subject & set(cell.lower().split()):
            continue
        if len(cell.split()) >= MIN_CELL_WORDS and cell[:1].isupper() and cell.rstrip().endswith((".", "!", "?")):
            yield piece(line, offset, begin, end)


def piece(line: str, offset: int, begin: int, end: int) -> Piece:
    raw = line[begin:end]
    left = len(raw) - len(raw.lstrip())
    text = raw.strip()
    return Piece(offset + begin + left, offset + begin + left + len(text), text)

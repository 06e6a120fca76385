"""Files of examples, row by row with their lines: CSV, JSON lines, JSON lists. Reading goes on behind a faulty row. Pure."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

LINES = 400  # of one CSV record; more is a quotation mark that is never closed
FIELD = 1 << 20
QUERY = ("query", "question", "prompt", "input", "instruction", "user", "ticket", "request")
ANSWER = ("answer", "response", "output", "completion", "reply", "assistant", "label", "chosen")


class RowFault(Exception):
    """This row cannot be taken; the sentence says why."""


def text_of(content: bytes) -> str:
    """The text of a file: UTF-8, or what its byte order mark says. Bytes that are none become surrogates, which a row is
    refused for, so that the other rows are kept."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="surrogateescape" if len(content) % 2 == 0 else "replace")
    return content.decode("utf-8-sig", errors="surrogateescape")


def records(name: str, text: str) -> Iterator[tuple[int, Any]]:
    """(line, row or RowFault) of a file; lines count from 1."""
    ending = name.rsplit(".", 1)[-1].lower()
    if ending in ("csv", "tsv"):
        return csv_records(text)
    start = text.lstrip()[:1]
    if ending == "json" or start == "[":
        return json_records(text)
    return line_records(text)


def line_records(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                yield number, RowFault(f"this is not JSON ({str(error).split(':')[0]}); each line is one object")
                continue
            yield number, row


def json_records(text: str) -> Iterator[tuple[int, Any]]:
    """The elements of a JSON list, read one by one so that each has its line and those before a fault are kept."""
    at = len(text) - len(text.lstrip())
    if text[at : at + 1] != "[":
        yield from whole_or_lines(text)
        return
    decoder, at = json.JSONDecoder(), skip(text, at + 1)
    while at < len(text) and text[at] != "]":
        line = text.count("\n", 0, at) + 1
        try:
            row, at = decoder.raw_decode(text, at)
        except ValueError as error:
            why = str(error).split(":")[0]
            yield line, RowFault(f"this is not JSON ({why}); what follows could not be read")
            return
        yield line, row
        at = skip(text, at)
    if at >= len(text):
        yield text.count("\n") + 1, RowFault("the list is not closed: the file seems to be cut off")


def whole_or_lines(text: str) -> Iterator[tuple[int, Any]]:
    """A file called .json that holds one object, or lines of JSON."""
    try:
        whole = json.loads(text)
    except ValueError:
        return line_records(text)
    listed = (
        next((value for value in whole.values() if isinstance(value, list)), None) if isinstance(whole, dict) else None
    )
    if listed is None or {"messages", "conversations", "conversation"} & set(whole):
        return iter([(1, whole)])
    # An export wraps its list in an object, such as {"data": [...]}.
    return ((1, row) for row in listed)


def skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def csv_records(text: str) -> Iterator[tuple[int, Any]]:
    """Rows of a table with a heading. After a row that cannot be read, reading goes on at the line below it."""
    csv.field_size_limit(FIELD)
    lines = list(io.StringIO(text, newline=""))
    delimiter = likeliest_delimiter(lines[0])
    heading = [cell.strip().lower().replace(" ", "_") for cell in next(csv.reader(lines[:1], delimiter=delimiter))]
    if not (column(heading, QUERY) and column(heading, ANSWER)):
        yield 1, RowFault(f"the heading has no column for the query ({', '.join(QUERY[:4])}) and one for the answer "
                          f"({', '.join(ANSWER[:4])}); it has {', '.join(filter(None, heading)) or 'none'}")  # fmt: skip
        return
    at = 1
    while at < len(lines):
        try:
            reader = csv.reader(lines[at : at + LINES], delimiter=delimiter, strict=True)
            cells = next(reader, [])
            taken = reader.line_num
        except csv.Error:
            yield at + 1, RowFault("a quotation mark is not closed, or stands in the middle of a cell: double it")
            at += 1
            continue
        if any(cell.strip() for cell in cells):
            yield at + 1, table_row(heading, cells)
        at += max(1, taken)


def table_row(heading: list[str], cells: list[str]) -> dict[str, str] | RowFault:
    if len(cells) != len(heading):
        return RowFault(
            f"it has {len(cells)} cells, and the heading has {len(heading)}: put quotation marks around commas"
        )
    return dict(zip(heading, cells, strict=True))


def likeliest_delimiter(heading: str) -> str:
    return max(",;\t", key=heading.count)


def column(names: Iterable[str], wanted: Sequence[str]) -> str:
    """The first of the wanted names that is there; empty where none is."""
    known = set(names)
    return next((name for name in wanted if name in known), "")

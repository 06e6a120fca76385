"""Tables of workbooks and CSV files: each row a sentence, each passage whole rows that keep their sheet and number."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import groupby

from core.errors import DocumentError
from retrieval.tables import Row, understood

Line = tuple[int, str]
Tell = Callable[[int, str], None]
DELIMITERS = ",;\t|"
LOOKED_AT = 20
FIELD_CHARS = 1 << 20
TELL_EVERY = 1000


@dataclass(frozen=True)
class Sheet:
    """`name` is empty for a CSV file. `rows` are numbered as a spreadsheet shows them; empty ones are left out."""

    name: str
    rows: Iterable[Row]


def told(rows: Iterable[Row], tell: Tell) -> Iterator[Row]:
    """The rows that hold something; each knows whether an empty one stood before it."""
    empty = False
    for row in rows:
        if row.number % TELL_EVERY == 0:
            tell(row.number, "row")
        if any(row.cells):
            yield replace(row, apart=True) if empty else row
        empty = not any(row.cells)


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


def csv_sheet(text: str, tell: Tell) -> Sheet:
    """Raises DocumentError when its rows are read, where a field is too long."""
    return Sheet("", told(_csv_rows(text, delimiter_of(text)), tell))


def _csv_rows(text: str, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(FIELD_CHARS)
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), 1):
            yield Row(number, [" ".join(cell.split()) for cell in row])
    except csv.Error as error:
        raise DocumentError(f"the table cannot be read: {error}; export it again as CSV") from error


def delimiter_of(text: str) -> str:
    """The sign that cuts the first rows into the most columns, all into as many. csv.Sniffer hangs on some texts."""
    first = "".join(text[:FIELD_CHARS].splitlines(keepends=True)[:LOOKED_AT])

    def columns(delimiter: str) -> int:
        try:
            widths = {len(row) for row in csv.reader(io.StringIO(first), delimiter=delimiter) if row}
        except csv.Error:
            return 0
        return widths.pop() if len(widths) == 1 else 0

    best = max(DELIMITERS, key=columns)
    if columns(best) > 1:
        return best
    header = first.split("\n", 1)[0]
    return max(DELIMITERS, key=header.count)


def parts_of(sheet: Sheet, clean: Callable[[str], str]) -> Iterator[tuple[tuple[str, ...], Iterator[Line]]]:
    """Row number and sentence of every row, by the titles and the section that they stand under."""
    rows = (replace(row, cells=[clean(cell) for cell in row.cells]) for row in sheet.rows)
    for heading, entries in groupby(understood(rows), key=lambda entry: (*entry.titles, *entry.section)):
        yield heading, ((one.number, said) for one in entries if (said := row_sentence(one.names, one.cells)))


def row_sentence(header: list[str], row: list[str]) -> str:
    """ "Column: value; Column: value.", so that a row can be found and quoted by itself."""
    names = header + [""] * (len(row) - len(header))
    parts = [f"{name}: {value}" if name else value for name, value in zip(names, row, strict=False) if value]
    sentence = "; ".join(parts)
    return sentence if not sentence or sentence.endswith((".", "!", "?")) else f"{sentence}."


def packed(lines: Iterable[Line], size: int, longest: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Text of about `size` characters and the row of each of its lines; a row is cut only beyond `longest`."""
    kept: list[Line] = []
    length = 0
    for number, sentence in lines:
        for start in range(0, len(sentence), longest):
            line = sentence[start : start + longest].strip()
            if not line:
                continue
            if kept and length + len(line) + 1 > size:
                yield _joined(kept)
                kept, length = [], 0
            kept.append((number, line))
            length += len(line) + 1
    if kept:
        yield _joined(kept)


def _joined(lines: list[Line]) -> tuple[str, tuple[int, ...]]:
    return "\n".join(line for _, line in lines), tuple(number for number, _ in lines)

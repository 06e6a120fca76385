"""Tables of workbooks and CSV files: each row a sentence, each passage whole rows that keep their sheet and number."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

from core.errors import DocumentError

Row = tuple[int, list[str]]
Line = tuple[int, str]
Tell = Callable[[int, str], None]
DELIMITERS = ",;\t|"
LOOKED_AT = 20
FIELD_CHARS = 1 << 20
TELL_EVERY = 1000


@dataclass(frozen=True)
class Sheet:
    """`name` is empty for a CSV file. `rows`: number, as a spreadsheet shows it, and cells; empty rows are left out."""

    name: str
    rows: Iterable[Row]


def workbook(path: Path, tell: Tell) -> Iterator[Sheet]:
    """The sheets of an Excel file, read as they are asked for. Raises DocumentError."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        for one in book.worksheets:
            # The size that a sheet states is often wrong, and every empty cell up to it would be made.
            one.reset_dimensions()
            rows = (
                (number, [cell_text(cell.value, cell.number_format) for cell in row])
                for number, row in enumerate(one.iter_rows(), 1)
            )
            yield Sheet(one.title, told(rows, tell))
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, SyntaxError) as error:
        raise DocumentError(f"{path.name}: the workbook is damaged; save it again") from error


def told(rows: Iterable[Row], tell: Tell) -> Iterator[Row]:
    for number, cells in rows:
        if number % TELL_EVERY == 0:
            tell(number, "row")
        if any(cells):
            yield number, cells


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
            yield number, [" ".join(cell.split()) for cell in row]
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


def lines_of(sheet: Sheet, clean: Callable[[str], str]) -> Iterator[Line]:
    """Row number and sentence of every row under the header, which is the first row."""
    header: list[str] | None = None
    for number, cells in sheet.rows:
        cells = [clean(cell) for cell in cells]
        if header is None:
            header = cells
        elif sentence := row_sentence(header, cells):
            yield number, sentence


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

"""Excel files: what their sheets show. What their author hid is left out and counted, a merged cell fills what it covers,
a formula without a stored result is computed or named."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import DocumentError
from retrieval.formulas import computed
from retrieval.sheets import Sheet, Tell, cell_text, told
from retrieval.tables import Row

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

Note = Callable[[str], None]
# Beyond these a workbook is read row by row, which knows nothing of merged and hidden cells.
WHOLE_MB = 10
WHOLE_CELLS = 1_000_000
MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="([A-Z]+\d+:[A-Z]+\d+)"')
LAST_CELL = re.compile(rb'<(?:\w+:)?c\s[^>]*?r="([A-Z]{1,3})(\d+)"')
# A formula, and no result in its cell.
UNSOLVED = re.compile(rb"(?:</(?:\w+:)?f>|<(?:\w+:)?f\b[^>]*/>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</")
NAMED_FORMULAS = 5
WHITE = "FFFFFF"
HIDDEN_FORMAT = ";;;"
KINDS = ("sheet", "row", "column", "cell")


class Look(NamedTuple):
    bold: bool
    tinted: bool
    white: bool
    form: str


def workbook(path: Path, tell: Tell, note: Note) -> Iterator[Sheet]:
    """The sheets of an Excel file, read as they are asked for. Raises DocumentError."""
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        whole, unsolved = measured(path)
        yield from whole_sheets(path, tell, note, unsolved) if whole else streamed_sheets(path, tell, note)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, SyntaxError) as error:
        raise DocumentError(f"{path.name}: the workbook is damaged; save it again") from error


def measured(path: Path) -> tuple[bool, bool]:
    """Whether a workbook is small enough to be held whole, and whether formulas of it have no result."""
    from openpyxl.utils import column_index_from_string, range_boundaries

    cells, unsolved = 0, False
    with zipfile.ZipFile(path) as archive:
        parts = [one for one in archive.infolist() if one.filename.startswith("xl/worksheets/")]
        if sum(one.file_size for one in parts) > WHOLE_MB << 20:
            return False, False
        for part in parts:
            content = archive.read(part)
            for ref in MERGE.findall(content):
                left, top, right, bottom = (one or 1 for one in range_boundaries(ref.decode()))
                cells += (right - left + 1) * (bottom - top + 1)
            places = LAST_CELL.findall(content)
            widest = max(
                (column_index_from_string(column.decode()) for column in {one for one, _ in places}), default=0
            )
            cells += widest * max((int(row) for _, row in places), default=0)
            unsolved = unsolved or bool(UNSOLVED.search(content))
    return cells <= WHOLE_CELLS, unsolved


def streamed_sheets(path: Path, tell: Tell, note: Note) -> Iterator[Sheet]:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    note("The workbook is large: merged cells were not filled, and hidden rows and columns were not looked for.")
    left_out = Counter[str]()
    for one in book.worksheets:
        if one.sheet_state != "visible":
            left_out["sheet"] += 1
            continue
        # The size that a sheet states is often wrong, and every empty cell up to it would be made.
        one.reset_dimensions()
        rows = (
            Row(number, [cell_text(cell.value, cell.number_format) for cell in row])
            for number, row in enumerate(one.iter_rows(), 1)
        )
        yield Sheet(one.title, told(rows, tell))
    note_hidden(left_out, note)


def whole_sheets(path: Path, tell: Tell, note: Note, unsolved: bool) -> Iterator[Sheet]:
    import openpyxl

    book = openpyxl.load_workbook(path, data_only=True)
    formulas = openpyxl.load_workbook(path) if unsolved else None
    left_out, missing = Counter[str](), []
    for one in book.worksheets:
        if one.sheet_state != "visible":
            left_out["sheet"] += 1
            continue
        shown = Shown(one, formulas[one.title] if formulas else None, left_out, missing)
        yield Sheet(one.title, told(shown.rows(), tell))
    note_hidden(left_out, note)
    for place in missing[:NAMED_FORMULAS]:
        note(f"{place}: a formula without a stored result.")
    if len(missing) > NAMED_FORMULAS:
        note(f"{len(missing) - NAMED_FORMULAS} more formulas have no stored result.")


def note_hidden(left_out: Counter[str], note: Note) -> None:
    """ "2 hidden sheets and 1 hidden row were left out.\""""
    said = [f"{count} hidden {kind}{'s' * (count > 1)}" for kind in KINDS if (count := left_out[kind])]
    if said:
        verb = "was" if sum(left_out.values()) == 1 else "were"
        note(f"{' and '.join(filter(None, [', '.join(said[:-1]), said[-1]]))} {verb} left out.")


class Shown:
    """What a sheet shows. Hears into `left_out` what is hidden, and into `missing` which formulas have no result."""

    def __init__(self, sheet: Worksheet, formulas: Any, left_out: Counter[str], missing: list[str]) -> None:
        self.sheet, self.formulas, self.left_out, self.missing = sheet, formulas, left_out, missing
        self.merged = merged_cells(sheet)
        self.hidden = hidden_columns(sheet)
        # There white is seldom on white: what lies under it is coloured by a rule or by the table's style.
        self.plain = not sheet.tables and not sheet.conditional_formatting
        self.looks: dict[int, Look] = {}

    def rows(self) -> Iterator[Row]:
        columns = set()
        for number, cells in enumerate(self.sheet.iter_rows(), 1):
            texts = [self.text(cell) for cell in cells]
            hidden = self.sheet.row_dimensions.get(number, None)
            if hidden is not None and (hidden.hidden or hidden.height == 0):
                self.left_out["row"] += any(texts)
                continue
            columns |= {n for n in self.hidden if n < len(texts) and texts[n]}
            yield self.row(number, cells, texts)
        self.left_out["column"] += len(columns)

    def row(self, number: int, cells: tuple[Any, ...], texts: list[str]) -> Row:
        kept = [n for n in range(len(texts)) if n not in self.hidden]
        at = {n: self.merged[number, n + 1] for n in kept if (number, n + 1) in self.merged}
        looks = [self.look(cells[n]) for n in kept if texts[n] and n not in at]
        self.name_missing(number, cells, texts, kept)
        return Row(
            number,
            [texts[n] for n in kept],
            across=frozenset(i for i, n in enumerate(kept) if n in at and at[n][1] < n + 1 and at[n][1] - 1 in kept),
            down=frozenset(i for i, n in enumerate(kept) if n in at and at[n][0] < number),
            marked=bool(looks) and all(one.bold for one in looks),
            tinted=bool(looks) and all(one.tinted for one in looks),
        )

    def text(self, cell: Any) -> str:
        """What a cell shows; of a merged one, what its first cell does."""
        if (cell.row, cell.column) in self.merged:
            cell = self.sheet.cell(*self.merged[cell.row, cell.column])
        value = cell.value
        look = self.look(cell)
        if value is not None and (look.form == HIDDEN_FORMAT or (look.white and self.plain)):
            self.left_out["cell"] += 1
            return ""
        if value is None and (formula := self.formula(cell)):
            value = computed(lambda at: self.formulas[at].value, formula)
        return cell_text(value, look.form)

    def look(self, cell: Any) -> Look:
        """How a cell looks: slow to ask, and the same for many cells."""
        id = cell.style_id
        if id not in self.looks:
            tinted = cell.fill.fill_type is not None
            self.looks[id] = Look(bool(cell.font.b), tinted, not tinted and is_white(cell), cell.number_format or "")
        return self.looks[id]

    def formula(self, cell: Any) -> str:
        held = self.formulas.cell(cell.row, cell.column).value if self.formulas is not None else None
        return str(held) if cell.value is None and (getattr(held, "ref", "") or str(held).startswith("=")) else ""

    def name_missing(self, number: int, cells: tuple[Any, ...], texts: list[str], kept: list[int]) -> None:
        if self.formulas is None:
            return
        name = next((texts[n] for n in kept if texts[n]), "")
        for n in kept:
            if not texts[n] and self.formula(cells[n]):
                self.missing.append(" ".join(f"{self.sheet.title}, row {number} {name}".split()))


def merged_cells(sheet: Worksheet) -> dict[tuple[int, int], tuple[int, int]]:
    """For each cell that a merged one covers, but for its first, where that first one is."""
    return {
        (row, column): (one.min_row, one.min_col)
        for one in sheet.merged_cells.ranges
        for row, column in one.cells
        if (row, column) != (one.min_row, one.min_col)
    }


def hidden_columns(sheet: Worksheet) -> set[int]:
    """Columns that are not shown, counted from 0. One entry may hold for many columns."""
    return {
        n - 1
        for one in sheet.column_dimensions.values()
        if one.hidden or one.width == 0
        for n in range(one.min or 1, min(one.max or 1, sheet.max_column) + 1)
    }


def is_white(cell: Any) -> bool:
    """Whether its text is white, which shows only on a colour."""
    colour = cell.font.color
    if colour is None:
        return False
    return (colour.type == "rgb" and str(colour.rgb)[-6:].upper() == WHITE) or (
        colour.type == "theme" and colour.theme == 0
    )

"""Rows of a sheet, a CSV file or a table of a page or Word file, understood: which of them are titles, column names,
sections and values. Pure; reads a few rows ahead, so that a table of any length costs no memory."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise, takewhile

AHEAD = 12
# Names stand in three rows at most.
LEVELS = 3
NAME_CHARS = 120
NUMBER = re.compile(r"[^\w\s]{0,2}\s?\d[\d.,:/ '’%-]*(?:\s?\S{1,4})?")
YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True)
class Row:
    """`across`, `down`: the columns whose value is that of a merged cell that begins further left, or above. `marked`: all
    of it is bold; `tinted`: coloured. `apart`: an empty row stands before it. `heading`: the file itself says that it names columns."""

    number: int
    cells: list[str]
    across: frozenset[int] = frozenset()
    down: frozenset[int] = frozenset()
    marked: bool = False
    apart: bool = False
    heading: bool = False
    tinted: bool = False

    @property
    def filled(self) -> list[int]:
        """The columns of its values, a merged one once."""
        return [n for n, cell in enumerate(self.cells) if cell and n not in self.across]

    @property
    def alone(self) -> bool:
        return len(self.filled) == 1

    @property
    def text(self) -> str:
        return " ".join(self.cells[n] for n in self.filled)


@dataclass(frozen=True)
class Entry:
    """A row of values under `names`, or with no names a text that stands by itself."""

    number: int
    cells: list[str]
    names: list[str]
    titles: tuple[str, ...] = ()
    section: tuple[str, ...] = ()


def understood(rows: Iterable[Row]) -> Iterator[Entry]:
    return Table(iter(rows)).entries()


def is_value(cell: str) -> bool:
    """A number, date or amount, not a name. A year names a column as often as it is a value."""
    return bool(NUMBER.fullmatch(cell)) and not YEAR.fullmatch(cell)


@dataclass
class Table:
    """Where reading stands: the titles and the section that hold here, and the names of the columns."""

    rows: Iterator[Row]
    ahead: deque[Row] = field(default_factory=deque)
    titles: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    names: list[str] = field(default_factory=list)
    heading: list[Row] = field(default_factory=list)
    plain: bool = False
    last: Row | None = None

    def look(self, n: int) -> Row | None:
        self.ahead.extend(islice(self.rows, max(0, n + 1 - len(self.ahead))))
        return self.ahead[n] if n < len(self.ahead) else None

    def next_rows(self, start: int, count: int) -> list[Row]:
        return [row for n in range(start, start + count) if (row := self.look(n)) is not None]

    def take(self) -> Row:
        return self.ahead.popleft()

    def entry(self, row: Row, named: bool = True) -> Entry:
        if named:
            return Entry(row.number, once(self.names, row), self.names, self.titles, self.section)
        return Entry(row.number, [row.text], [], self.titles, self.section)

    def entries(self) -> Iterator[Entry]:
        yield from self.title_rows()
        yield from self.pairs()
        self.take_heading()
        while (row := self.look(0)) is not None:
            if set(row.filled) <= row.down or any(row.cells == one.cells for one in self.heading):
                # The rest of a cell merged over rows, or the column names once more, as on each printed page.
                self.take()
            elif begins := self.section_rows():
                yield from self.open_section(begins)
            elif self.heads(0):
                self.section = ()
                self.take_heading()
            else:
                self.last = row if len(row.filled) > 1 else self.last
                yield self.entry(self.take(), named=not self.stands_alone(row))
                self.plain = self.plain or not row.marked

    def title_rows(self) -> Iterator[Entry]:
        """What stands above the first heading becomes titles; what says more than a name is a text too."""
        kept = []
        while (row := self.look(0)) is not None and self.is_title(row):
            self.take()
            if row.alone and len(row.text) <= NAME_CHARS:
                self.titles = (*self.titles, row.text)
            if not row.alone or len(self.titles) > 1 or re.search(r"[\d:]|[.!?]$", row.text):
                kept.append(row)
        yield from (self.entry(row, named=False) for row in kept)

    def pairs(self) -> Iterator[Entry]:
        """Rows such as "Monday | 08:00-17:00" have no heading; what stands first is the name of the second."""
        while (row := self.look(0)) is not None and self.begins_pairs(row):
            while row is not None and is_pair(row) and not self.heads(0):
                self.take()
                name, value = (row.cells[n] for n in row.filled)
                yield Entry(row.number, [value], [name.rstrip(": ")], self.titles, self.section)
                row = self.look(0)
            self.titles = self.titles[:1] if len(self.titles) > 1 or row is None or not row.alone else ()
            yield from self.title_rows()

    def begins_pairs(self, row: Row) -> bool:
        if not is_pair(row) or YEAR.fullmatch(row.cells[row.filled[1]]):
            return False
        below = list(takewhile(lambda one: not one.apart, self.next_rows(1, AHEAD)))
        return bool(below) and all(map(is_pair, below))

    def is_title(self, row: Row) -> bool:
        after = self.next_rows(1, AHEAD)
        if (row.heading and not row.alone) or not any(len(one.filled) > 1 for one in after):
            return False
        if row.across and any(n < row.filled[0] for n in after[0].filled):
            # Merged over some columns only: the upper name of these.
            return False
        return row.alone or (
            (bool(self.titles) or row.text.endswith(":")) and is_pair(row) and max(len(one.filled) for one in after) > 2
        )

    def take_heading(self) -> None:
        if self.look(0) is None:
            return
        self.heading, self.plain = [self.take()], False
        while len(self.heading) < LEVELS and (row := self.look(0)) is not None and self.goes_on(row):
            self.heading.append(self.take())
        self.names = names_of(self.heading)

    def goes_on(self, row: Row) -> bool:
        """Whether a row holds the lower part of the column names. A cell merged over both rows says so, or parts of one
        merged over columns, or names that stand only where the upper row has none."""
        above = self.heading[-1]
        if row.heading and not row.alone:
            return True
        if row.apart or (row.alone and row.across) or not set(row.filled) - row.down:
            return False
        if row.down and not all(n in later.down for later in self.next_rows(1, LEVELS) for n in row.down):
            return True
        own = [n for n in row.filled if n not in row.down]
        under = above.across | {n - 1 for n in above.across} | {n for n, cell in enumerate(above.cells) if not cell}
        if (
            above.across
            and set(own) <= under | set(range(len(above.cells), len(row.cells)))
            and not any(is_value(row.cells[n]) for n in own)
        ):
            return True
        first = next((n for n, cell in enumerate(above.cells) if cell), 0)
        blank = not row.cells[first] if first < len(row.cells) else False
        return blank and not row.alone and not any(is_value(row.cells[n]) for n in own)

    def section_rows(self) -> int:
        """How many rows from here on name what follows; 0 if the next one is no such row."""
        row, count = self.look(0), 0
        while row is not None and row.alone and count < LEVELS and self.is_section(row, count):
            count, row = count + 1, self.look(count + 1)
        return count if row is not None and not row.alone else 0

    def is_section(self, row: Row, n: int) -> bool:
        text = row.text
        if len(text) > NAME_CHARS or text.endswith((".", "!", "?")) or is_value(text) or row.down:
            return False
        below = next((one for one in self.next_rows(n + 1, LEVELS) if not one.alone), None)
        if below is None or (n == 0 and below.apart and not row.apart):
            return False
        striped = any(one.tinted and not one.alone for one in self.ahead)
        if row.across or row.apart or row.heading or n > 0 or (row.marked and not below.marked):
            return True
        if row.tinted and not striped:
            return True
        # An item of two columns may lack its value; one that lacks all of several is a heading.
        width = sum(map(bool, self.names))
        return width > 2 and row.filled[0] == 0 and len(below.filled) > width / 2 and 0 not in below.down

    def open_section(self, count: int) -> Iterator[Entry]:
        fresh = self.heads(count)
        rows = [self.take() for _ in range(count)]
        texts = tuple(row.text for row in rows)
        if fresh:
            self.titles, self.section = (*(self.titles[:1] if len(self.titles) > 1 else ()), *texts), ()
            self.take_heading()
        else:
            self.section = texts
        for row in rows:
            if re.search(r"[\d:]", row.text):
                yield self.entry(row, named=False)

    def heads(self, n: int) -> bool:
        """Whether the n-th row ahead names the columns of another table. It does where it is set apart and differs from
        the values: all of it is text over numbers, bold over plain, or in other columns than the table so far."""
        row, below = self.look(n), self.next_rows(n + 1, LEVELS)
        if row is None or row.alone or (row.down and not row.heading):
            return False
        if row.heading:
            return True
        below = [one for one in below if not one.alone and not one.apart]
        if not below or any(is_value(row.cells[at]) for at in row.filled):
            return False
        over = sum(any(is_value(one.cells[at]) for one in below if at < len(one.cells)) for at in row.filled)
        before = self.last.cells if self.last is not None else []
        # A column of numbers that goes on in words is another column.
        turns = any(
            at < len(before) and is_value(before[at]) and all(is_text(one, at) for one in below) for at in row.filled
        )
        marked = row.marked and not below[0].marked and (self.plain or n > 0)
        if not row.apart and n == 0:
            return marked and (over > 0 or turns)
        now, here = {at for at, name in enumerate(self.names) if name}, set(row.filled)
        elsewhere = here == set(below[0].filled) and bool(here - now)
        return marked or elsewhere or over > 1 or (n > 0 and (over > 0 or turns))

    def stands_alone(self, row: Row) -> bool:
        """A remark among the rows rather than a row of which only one value is known."""
        return (
            row.alone
            and len(self.names) > 1
            and bool(row.across or row.filled[0] >= len(self.names) or row.text.endswith((".", "!", "?")))
        )


def is_text(row: Row, at: int) -> bool:
    return at < len(row.cells) and bool(row.cells[at]) and not is_value(row.cells[at])


def is_pair(row: Row) -> bool:
    """ "Valid from | 1 March": a name and its value beside it."""
    if len(row.filled) != 2 or row.across or row.heading or row.filled[1] - row.filled[0] != 1:
        return False
    key, value = (row.cells[n] for n in row.filled)
    return key.endswith(":") or (not is_value(key) and (is_value(value) or bool(YEAR.fullmatch(value))))


def names_of(heading: list[Row]) -> list[str]:
    """ "Upper / Lower" of each column. An upper name goes on to the right over columns that only the lower row names."""
    width = max(len(row.cells) for row in heading)
    levels = [row.cells + [""] * (width - len(row.cells)) for row in heading]
    for upper, lower in pairwise(levels):
        for n in range(1, width):
            if not upper[n] and lower[n] and lower[n - 1] and upper[n - 1]:
                upper[n] = upper[n - 1]
    return [" / ".join(dict.fromkeys(level[n] for level in levels if level[n])) for n in range(width)]


def once(names: list[str], row: Row) -> list[str]:
    """The values, without those that a merged cell repeats in columns of the same name."""
    known = names + [""] * (len(row.cells) - len(names))
    return ["" if n in row.across and known[n] in ("", known[n - 1]) else cell for n, cell in enumerate(row.cells)]

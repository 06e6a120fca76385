"""A table of AsciiDoc as one of Markdown: its cells one by one, in rows of as many as it has columns. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from retrieval.markdown_of import Cell, rows_of

CELL = re.compile(r"(?<!\\)(?P<spec>(?:\d+(?:\.\d+)?[+*]|\.\d+\+)?[<^>.]{0,3}[adehlmsv]?)\|")
SPAN = re.compile(r"(?P<wide>\d+)?(?:\.(?P<high>\d+))?(?P<kind>[+*])")


def table(lines: Sequence[str], style: str, inline: Callable[[str], str]) -> list[str]:
    """The rows. `style`: the attributes of the table; `inline` takes the marks out of a cell's text."""
    if not any("|" in line for line in lines):
        separator = ";" if "dsv" in style else ","
        rows: list[list[Cell]] = [
            [(inline(cell.strip().strip('"')), 0, 0) for cell in line.split(separator)]
            for line in lines
            if line.strip()
        ]
        return rows_of(rows, 1 if rows else 0).split("\n")
    found = [(one, inline(" ".join(text.split()))) for one, text in cells("\n".join(lines))]
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    width = columns(style) or len(list(cells(lines[first])))
    follows_blank = first + 1 < len(lines) and not lines[first + 1].strip()
    heads = int(
        "header" in style or (follows_blank and "noheader" not in style and len(list(cells(lines[first]))) == width)
    )
    rows = list(in_rows(found, max(1, width)))
    # The cells of a table's first row name its columns far more often than not.
    return rows_of(
        rows,
        heads or (1 if len(rows) > 1 and "noheader" not in style and "horizontal" not in style and width > 2 else 0),
    ).split("\n")


def columns(style: str) -> int:
    """How many columns "cols" names: "1,2,3", "3*", "2*,1"."""
    found = re.search(r"cols=(?:\"([^\"]*)\"|([^,\s\]]+))", style)
    if not found:
        return 0
    total = 0
    for part in re.split(r"[,;]", found[1] or found[2]):
        times = re.match(r"\s*(\d+)\*", part)
        total += int(times[1]) if times else 1
    return min(total, 200)


def cells(text: str) -> Iterator[tuple[str, str]]:
    """Each cell's specification and text."""
    marks = list(CELL.finditer(text))
    for n, mark in enumerate(marks):
        end = marks[n + 1].start() if n + 1 < len(marks) else len(text)
        inside = text[mark.end() : end].replace("\\|", "|")
        times = SPAN.match(mark["spec"])
        for _ in range(min(int(times["wide"] or 1), 50) if times and times["kind"] == "*" else 1):
            yield mark["spec"], inside


def in_rows(found: Sequence[tuple[str, str]], width: int) -> Iterator[list[Cell]]:
    """Cells in rows, those that go over several columns or rows counted."""
    row: list[Cell] = []
    taken: dict[int, int] = {}
    used = taken.pop(0, 0)
    n = 0
    for spec, text in found:
        span = SPAN.match(spec)
        wide = int(span["wide"] or 1) if span and span["kind"] == "+" else 1
        high = int(span["high"] or 1) if span and span["kind"] == "+" else 1
        row.append((text.strip(), min(wide, width) - 1, high - 1))
        for below in range(n + 1, n + min(high, 500)):
            taken[below] = taken.get(below, 0) + wide
        used += wide
        if used >= width:
            yield row
            n += 1
            row, used = [], taken.pop(n, 0)
    if row:
        yield row

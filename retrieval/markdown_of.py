"""Lists and tables as Markdown, from what readers of other formats found. Pure."""

from __future__ import annotations

from collections.abc import Sequence

# Text, and how many columns and rows more a cell goes over.
Cell = tuple[str, int, int]


def listed(items: Sequence[Sequence[str]], first: int | None = None) -> str:
    """A list, each item of its blocks; `first`: the number that it begins with, None: none."""
    found = []
    for n, blocks in enumerate(items):
        mark = "- " if first is None else f"{first + n}. "
        inside = "\n".join(
            block if n == 0 else f"\n{block}" if "```" in block else block for n, block in enumerate(blocks)
        )
        head, *rest = inside.split("\n") if inside else [""]
        found.append("\n".join([f"{mark}{head}", *(f"{' ' * len(mark)}{line}" if line else "" for line in rest)]))
    return "\n".join(found)


def rows_of(rows: Sequence[Sequence[Cell]], heads: int) -> str:
    """A table: a cell that goes over several has its text in each of them, and several rows of headings are one."""
    grid = filled(rows)
    if not grid:
        return ""
    width = max(map(len, grid))
    grid = [[*row, *[""] * (width - len(row))] for row in grid]
    if heads == 0:
        # What names no columns is read as it stands, a line for each row.
        return "\n".join(f"- {': '.join(filter(None, row))}" for row in grid)
    named = [" ".join(dict.fromkeys(filter(None, (row[n] for row in grid[:heads])))) for n in range(width)]
    return "\n".join([line(named), line(["---"] * width), *map(line, grid[heads:])])


def filled(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    grid: list[list[str]] = []
    waiting: dict[int, tuple[int, str]] = {}
    for row in rows:
        line_: list[str] = []
        cells = list(row)
        while cells or len(line_) in waiting:
            if len(line_) in waiting:
                left, text = waiting.pop(len(line_))
                if left > 1:
                    waiting[len(line_)] = (left - 1, text)
                line_.append(text)
                continue
            text, wide, high = cells.pop(0)
            for _ in range(wide + 1):
                if high:
                    waiting[len(line_)] = (high, text)
                    line_.append(text)
                else:
                    line_.append(text)
        grid.append(line_)
    return grid


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"

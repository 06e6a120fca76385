"""The lines of a PDF's page with their place and font, as pdfminer finds them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from retrieval import bidi

BOLD = re.compile(r"bold|black|heavy|demi", re.IGNORECASE)
# Pieces further apart are cells of a row, in widths of the letter m.
CELL_GAP = 1.8
UNKNOWN = re.compile(r"\(cid:\d+\)")


@dataclass(frozen=True)
class Line:
    """A line, or a piece of one. `y0` is the lower edge, as in a PDF; `cells` are pieces of one row that stand apart."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    bold: bool = False
    cells: tuple[str, ...] = ()

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2


@dataclass(frozen=True)
class Page:
    """`lines` in no order; `pictures`: the share of the page that images cover; `strokes`: how many lines and curves it
    shows; `rightwards`: of its right-to-left glyphs, how many stand right of the one before, and of how many."""

    number: int
    width: float
    height: float
    lines: tuple[Line, ...]
    pictures: float = 0.0
    strokes: int = 0
    rightwards: tuple[int, int] = (0, 0)


def page_of(number: int, layout: Any) -> Page:
    from pdfminer.layout import LTChar, LTCurve, LTImage, LTTextLine

    lines, pictures, strokes, right, pairs = [], 0.0, 0, 0, 0
    for item in leaves(layout):
        if isinstance(item, LTTextLine):
            chars = [char for char in item if isinstance(char, LTChar)]
            if line := line_of(item, chars):
                lines.append(line)
                moves = [b.x0 > a.x0 for a, b in itertools.pairwise(chars) if bidi.RTL.match(b.get_text())]
                right, pairs = right + sum(moves), pairs + len(moves)
        elif isinstance(item, LTImage):
            pictures += item.width * item.height
        elif isinstance(item, LTCurve):
            strokes += 1
    area = max(1.0, layout.width * layout.height)
    return Page(number, layout.width, layout.height, tuple(lines), min(1.0, pictures / area), strokes, (right, pairs))


def leaves(layout: Any) -> Iterator[Any]:
    """Lines of text, images and strokes, out of boxes and figures too."""
    from pdfminer.layout import LTFigure, LTTextBox

    for item in layout:
        if isinstance(item, LTTextBox | LTFigure):
            yield from leaves(item)
        else:
            yield item


def line_of(item: Any, chars: Sequence[Any]) -> Line | None:
    text = item.get_text()
    if bidi.RTL.search(text):
        text = seen(chars)
    text = " ".join(UNKNOWN.sub("\ufffd", text).split())
    if not text or not chars:
        return None
    # A small raised digit says nothing about the line.
    size = sorted(char.size for char in chars)[len(chars) // 2]
    bold = 2 * sum(bool(BOLD.search(char.fontname)) for char in chars) > len(chars)
    return Line(text, item.x0, item.y0, item.x1, item.y1, round(size, 1), bold)


def seen(chars: Sequence[Any]) -> str:
    """Glyphs from left to right, whatever order they are drawn in."""
    found, last = "", None
    for char in sorted(chars, key=lambda one: one.x0):
        if last is not None and char.x0 - last.x1 > 0.2 * char.size and not found.endswith(" "):
            found += " "
        # A ligature is one glyph: seen from the left, its letters stand the other way round.
        text = char.get_text()
        found += bidi.plain(text)[::-1] if bidi.RTL.match(text) else text
        last = char
    return found


def mirrored(lines: Iterable[Line], width: float) -> list[Line]:
    """The page as one looks at it in a mirror, so that what is read from the right is laid out like what is read from
    the left."""
    return [replace(line, x0=width - line.x1, x1=width - line.x0) for line in lines]


def rows(pieces: Iterable[Line]) -> list[Line]:
    """Pieces that stand beside each other made one line each, from the top down."""
    found: list[list[Line]] = []
    for piece in sorted(pieces, key=lambda one: -one.middle):
        row = found[-1] if found else []
        if row and beside(max(row, key=lambda one: one.x1 - one.x0), piece):
            row.append(piece)
        else:
            found.append([piece])
    return [one_line(sorted(row, key=lambda one: one.x0)) for row in found]


def beside(line: Line, piece: Line) -> bool:
    common = min(line.y1, piece.y1) - max(line.y0, piece.y0)
    return common > 0.5 * min(line.y1 - line.y0, piece.y1 - piece.y0)


def one_line(row: Sequence[Line]) -> Line:
    if len(row) == 1:
        return row[0]
    main = max(row, key=lambda one: len(one.text))
    cells = [row[0].text]
    for left, right in itertools.pairwise(row):
        if right.x0 - left.x1 > CELL_GAP * main.size:
            cells.append(right.text)
        else:
            cells[-1] += f" {right.text}"
    return replace(
        main, text=" ".join(one.text for one in row), x0=row[0].x0, x1=max(one.x1 for one in row),
        bold=all(one.bold for one in row), cells=tuple(cells) if len(cells) > 1 else (),
    )  # fmt: skip

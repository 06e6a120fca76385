"""The order in which the lines of a page are read: every column to its end, whatever order they were drawn in.

pdfminer's own order joins lines to boxes by a spacing that is the same for all files, and mixes columns of wider spacing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from retrieval.pdf_lines import Line, beside, rows

# The white between columns is at least so wide, in sizes of the font.
GUTTER = 0.8
CANDIDATES = 400
# What stands over or under columns is so far from them, in heights of a line.
APART, FAR_APART = 2.4, 4.0
PROSE_WORDS, PROSE_CHARS = 3, 16


class Cut(NamedTuple):
    """A part of a page, from one piece to another in its order from the top, that stands left and right of a place."""

    first: int
    last: int
    x: float


def columns(pieces: Sequence[Line]) -> list[list[Line]]:
    """The columns of a page in their order, each line by line; what stands over several is a column by itself."""
    ranked = sorted(pieces, key=lambda one: (-one.y1, one.x0))
    cut = best_cut(ranked)
    if cut is None:
        return [rows(ranked)] if ranked else []
    among = ranked[cut.first : cut.last]
    left = [piece for piece in among if piece.x1 <= cut.x]
    right = [piece for piece in among if piece.x1 > cut.x]
    parts = (ranked[: cut.first], left, right, ranked[cut.last :])
    return [column for part in parts for column in columns(part)]


def best_cut(ranked: Sequence[Line]) -> Cut | None:
    """The cut into two columns that holds most lines."""
    gutter = GUTTER * median(piece.size for piece in ranked) if ranked else 0.0
    places = sorted({round(piece.x1 + 0.05, 1) for piece in ranked})
    found = [cut for x in places[:CANDIDATES] for cut in runs(ranked, x, gutter)]
    for cut in sorted(found, key=lambda one: one.first - one.last):
        trimmed = trim(ranked, cut)
        if are_columns(ranked[trimmed.first : trimmed.last], cut.x):
            return trimmed
    return None


def trim(ranked: Sequence[Line], cut: Cut) -> Cut:
    """Without what stands over or under both columns, though it is so short that it fits into one: set apart by its font
    or by white."""
    among = ranked[cut.first : cut.last]
    usual = median([line.y1 - line.y0 for line in among])
    head = one_sided(among, cut.x)
    tail = one_sided(among[::-1], cut.x)
    first, last = cut.first, cut.last
    if head and (among[0].x1 <= cut.x or set_apart(among[head - 1], among[head:], usual, APART)):
        first += head
    if tail and set_apart(among[-tail], among[:-tail], usual, FAR_APART):
        last -= tail
    return Cut(first, last, cut.x) if last - first > 2 else cut


def one_sided(among: Sequence[Line], x: float) -> int:
    """How many pieces stand on one side before the first that stands on the other, or beside it."""
    side = among[0].x1 <= x
    other = next((piece for piece in among if (piece.x1 <= x) != side), None)
    if other is None:
        return 0
    return next(n for n, piece in enumerate(among) if piece is other or beside(piece, other))


def set_apart(piece: Line, rest: Sequence[Line], usual: float, apart: float) -> bool:
    near = min(rest, key=lambda one: abs(one.middle - piece.middle))
    size = median(one.size for one in rest)
    return abs(piece.size - size) > 0.12 * size or abs(near.middle - piece.middle) > apart * usual


def runs(ranked: Sequence[Line], x: float, gutter: float) -> list[Cut]:
    """Runs of lines that leave the white to the right of `x` free, with some on both sides."""
    found, start, left, right = [], 0, 0, 0
    for n, piece in enumerate([*ranked, None]):
        if piece is not None and (piece.x1 <= x or piece.x0 >= x + gutter):
            left, right = left + (piece.x1 <= x), right + (piece.x1 > x)
            continue
        if min(left, right) >= 2 and max(left, right) >= 3:
            found.append(Cut(start, n, x))
        start, left, right = n + 1, 0, 0
    return found


def are_columns(among: Sequence[Line], x: float) -> bool:
    """Whether both sides are running text; the cells of a table, or numbers before a list, are not."""
    left, right = rows([one for one in among if one.x1 <= x]), rows([one for one in among if one.x1 > x])
    if min(len(left), len(right)) < 2:
        return False
    # Lines of which only a part lies at each height: one side begins where the other has ended.
    if left[-1].y0 > right[0].y1 or right[-1].y0 > left[0].y1:
        return False
    return is_aligned(right) and is_prose(left) and is_prose(right) and (flows(left) or flows(right))


def is_aligned(lines: Sequence[Line]) -> bool:
    """Whether most lines begin at the same place; white that runs through justified text by chance has no such edge."""
    edges = Counter(round(line.x0 / 2) for line in lines)
    return 2 * max(edges[edge] + edges[edge + 1] for edge in edges) > len(lines)


def is_prose(lines: Sequence[Line]) -> bool:
    words = median(len(line.text.split()) for line in lines)
    chars = median(len(line.text) for line in lines)
    return chars >= PROSE_CHARS and (words >= PROSE_WORDS or not has_case(lines))


def flows(lines: Sequence[Line]) -> bool:
    """Whether some line goes on in the next; scripts without capitals do not tell."""
    return not has_case(lines) or any(line.text[0].islower() for line in lines[1:])


def has_case(lines: Sequence[Line]) -> bool:
    return any(char.islower() for line in lines for char in line.text)

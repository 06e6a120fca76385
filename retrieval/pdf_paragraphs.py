"""Lines of a column joined to paragraphs, by the spacing of their own block, its indentation and where its lines end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from retrieval.pdf_lines import Line

# A gap is wider than the spacing of the lines around it by so much; no spacing is wider than the other, in font sizes.
WIDER, WIDEST = 1.3, 2.7
OTHER_SIZE = 1.08
INDENT = 0.8
BULLET = re.compile(r"[-–—*•◦▪‣·o]\s+\S")
NUMBERED = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-z][.)]|\d{1,3}(?:\.\d{1,3})+\.?)\s+\S")
END = re.compile(r"[.!?:;。！？؟۔][\"'”’»«)\]]*$")
# Words that a document writes with a hyphen, in small letters.
Compounds = frozenset[str]
HYPHENS = "-\u2010\u00ad"
# After these a hyphen stands for the rest of a word: "Nord- und Südseite".
SHARED = re.compile(r"(?:und|oder|bzw|sowie|and|or|to|bis|et|ou|y|e|en|of)\b")


@dataclass
class Paragraph:
    """Lines that belong together; `apart`: a gap, or a column's beginning, stands above; `followed`: one stands below.
    `skipped`: so much of its text stands at the end of the paragraph before, as `added` does here."""

    lines: list[Line]
    apart: bool = False
    followed: bool = False
    page: int = 0
    skipped: int = 0
    added: str = ""

    def text(self, compounds: Compounds = frozenset()) -> str:
        own = joined([line.text for line in self.lines], compounds)[self.skipped :].strip()
        return joined([own, self.added], compounds) if self.added else own

    @property
    def size(self) -> float:
        return median(line.size for line in self.lines)

    @property
    def bold(self) -> bool:
        return all(line.bold for line in self.lines)

    @property
    def is_table(self) -> bool:
        return len(self.lines) > 1 and all(line.cells for line in self.lines)


def paragraphs(column: Sequence[Line], page: int = 0) -> list[Paragraph]:
    found: list[Paragraph] = []
    for block in blocks(column):
        edge = max(line.x1 for line in (block if len(block) > 2 else column))
        parts = [Paragraph([block[0]], apart=True, page=page)]
        for n in range(1, len(block)):
            if breaks(block, n, edge, parts[-1].lines):
                parts.append(Paragraph([], page=page))
            parts[-1].lines.append(block[n])
        parts[-1].followed = True
        found += parts
    return found


def blocks(column: Sequence[Line]) -> list[list[Line]]:
    """Lines of one font without a gap between them that is wider than their own spacing."""
    pitches = [above.y0 - below.y0 for above, below in pairwise(column)]
    alike = [same_font(above, below) or same_table(above, below) for above, below in pairwise(column)]
    own = [pitch for pitch, same in zip(pitches, alike, strict=True) if same and pitch > 0]
    found = [[column[0]]]
    for n, line in enumerate(column[1:]):
        above = column[n]
        near = [pitches[m] for m in (n - 1, n + 1) if 0 <= m < len(pitches) and alike[m] and pitches[m] > 0]
        usual = min(near, default=pitches[n])
        if not ends(above) and goes_on(line):
            gap = pitches[n] > WIDER * max(usual, max(near, default=0.0))
        else:
            gap = pitches[n] > WIDER * min(usual, median(own) if own else usual)
        if gap or pitches[n] > WIDEST * line.size or not alike[n]:
            found.append([])
        found[-1].append(line)
    return found


def same_font(above: Line, below: Line) -> bool:
    ratio = max(above.size, below.size) / max(0.1, min(above.size, below.size))
    # A word in bold at a line's end says nothing; a whole line does, unless the sentence runs over it.
    return ratio < OTHER_SIZE and (above.bold == below.bold or (not ends(above) and goes_on(below)))


def same_table(above: Line, below: Line) -> bool:
    """Whether two rows have as many cells: the heading of a table is often bold."""
    return bool(above.cells) and len(above.cells) == len(below.cells)


def breaks(block: Sequence[Line], n: int, edge: float, before: Sequence[Line]) -> bool:
    """Whether a paragraph begins with line `n` of a block. `before`: the lines of the one that may end."""
    above, line = block[n - 1], block[n]
    if bool(above.cells) != bool(line.cells):
        return is_row(block, n - 1) or is_row(block, n)
    if above.cells:
        return False
    if begins_item(above, line, edge):
        return True
    if not ends(above) and (goes_on(line) or above.text[-1] in HYPHENS + ","):
        return False
    indented, out = line.x0 - above.x0 > INDENT * line.size, above.x0 - line.x0 > INDENT * line.size
    if ends(above):
        hanging = is_item(before[0]) and len(before) == 1
        return (indented and not hanging) or (out and len(before) > 1) or stops_short(above, line, edge)
    return stops_short(above, line, edge - 2 * line.size) and above.size <= line.size * OTHER_SIZE


def is_row(block: Sequence[Line], n: int) -> bool:
    """Whether a line with cells stands in a table, and not by chance."""
    near = [block[m] for m in (n - 1, n + 1) if 0 <= m < len(block)]
    return bool(block[n].cells) and any(len(line.cells) == len(block[n].cells) for line in near)


def stops_short(above: Line, line: Line, edge: float) -> bool:
    """Whether the next line's first word would have had room: whoever wrote it began a new line."""
    word = line.text.split()[0]
    room = (line.x1 - line.x0) * (len(word) + 1) / max(1, len(line.text))
    return above.x1 + room < edge - 0.3 * line.size


def begins_item(above: Line, line: Line, edge: float) -> bool:
    if BULLET.match(line.text):
        return True
    return bool(NUMBERED.match(line.text)) and (ends(above) or is_item(above) or stops_short(above, line, edge))


def is_item(line: Line) -> bool:
    return bool(BULLET.match(line.text) or NUMBERED.match(line.text))


def ends(line: Line) -> bool:
    return bool(END.search(line.text))


def goes_on(line: Line) -> bool:
    return line.text[0].islower() and not is_item(line)


def joined(texts: Sequence[str], compounds: Compounds = frozenset()) -> str:
    """One text of several lines; a word that was cut at a line's end is whole again, unless it stands with its hyphen
    elsewhere."""
    found = texts[0]
    for text in texts[1:]:
        cut = len(found) > 1 and found[-1] in HYPHENS and found[-2].isalnum()
        if not cut:
            found += f" {text}"
        elif not (found[-2].isalpha() and text[0].islower()):
            found += text
        elif SHARED.match(text):
            found += f" {text}"
        else:
            word = f"{found.split()[-1][:-1]}-{text.split()[0]}".casefold().rstrip(".,;:!?)")
            found = f"{found[:-1]}-{text}" if word in compounds else found[:-1] + text
    return found

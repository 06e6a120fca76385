"""Headers and footers that repeat over the pages of a document: they are no evidence, and cut sentences in two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from retrieval.pdf_lines import Line, Page, rows

NUMBER = re.compile(r"\d{1,6}")
# Text, edge (top or bottom) and height.
Key = tuple[str, int, int]
PAGE_NUMBER = re.compile(
    r"[-–—|\s]*(?:(?:page|seite|p\.|s\.|página|pagina|strona|עמוד|صفحة)\s*)?\d+\s*(?:(?:of|/|von|de|sur|di|van|מתוך|من)\s*\d+)?"
    r"[-–—|\s]*|[ivxlc]{1,7}",
    re.IGNORECASE,
)
# A number of a document: letters with digits, long numbers, or a number that is named.
IDENTIFIER = re.compile(
    r"\b(?=[\w./-]*[A-Z])(?=(?:[\w./-]*\d){2})[A-Z0-9][\w./-]{2,}|\b\d{5,}\b|\b\d+(?:[-/.]\d+)+\b|(?i:\b(?:no|nr|id|rev|version)\b\.?:?\s*\w*\d)"
)
# So many lines at an edge can belong to a header or footer.
ROWS = 4
# In how many pages of all it must stand, at about the same height.
SHARE, MANY = 0.3, 4
HEIGHT = 4.0


@dataclass(frozen=True)
class Margins:
    """`pages` without what repeats; `kept`: of that, what holds a document's number; `title`: the first header, which may
    name the document."""

    pages: tuple[Page, ...]
    kept: tuple[str, ...] = ()
    title: str = ""


def without_margins(pages: Sequence[Page]) -> Margins:
    lines = [rows(page.lines) for page in pages]
    edges = [(found[:ROWS], found[::-1][:ROWS]) for found in lines]
    repeated = keys_that_repeat(pages, edges)
    found, texts, tops = [], list[str](), Counter[str]()
    for page, own, sides in zip(pages, lines, edges, strict=True):
        over, under = (dropped(side, repeated, n, page, own) for n, side in enumerate(sides))
        texts += [lasting(line, page.number, repeated, n) for n, side in enumerate((over, under)) for line in side]
        tops.update({line.text for line in over})
        gone = {(line.y0, line.y1) for line in over + under}
        kept = [piece for piece in page.lines if not any(piece.y0 < y1 and piece.y1 > y0 for y0, y1 in gone)]
        found.append(replace(page, lines=tuple(kept)))
    named = [text for text in dict.fromkeys(map(unnumbered, texts)) if IDENTIFIER.search(text)]
    title = next((text for text, number in tops.items() if number > 1 and len(text.split()) > 1), "")
    return Margins(tuple(found), tuple(named), title)


def keys_that_repeat(pages: Sequence[Page], edges: Sequence[tuple[list[Line], list[Line]]]) -> Counter[Key]:
    """On how many pages what stands there that stands on enough of them; a height counts with its neighbours."""
    seen = Counter[Key]()
    for page, sides in zip(pages, edges, strict=True):
        seen.update(
            {(text, side, height + near) for side, lines in enumerate(sides) for line in lines
             for text, height in keys_of(line, page.number) for near in (-1, 0, 1)}
        )  # fmt: skip
    least = max(2, min(MANY, round(SHARE * len(edges))))
    # A number that counts with the pages leaves no doubt.
    return Counter({key: number for key, number in seen.items() if number >= (2 if "#" in key[0] else least)})


def dropped(lines: Sequence[Line], repeated: Counter[Key], side: int, page: Page, own: Sequence[Line]) -> list[Line]:
    """From the edge inwards, for as long as lines repeat or are a page's number, up to where the text is set apart: the
    heading of a table that goes on repeats too."""
    size = median([line.size for line in own] or [0.0])
    pitches = [a.y0 - b.y0 for a, b in pairwise(own)]
    usual = min((pitch for pitch in pitches if pitch > 0.8 * size), default=0.0)
    last = 0
    for n, line in enumerate(lines):
        keys = keys_of(line, page.number if line.size < 1.15 * size else None)
        times = max(repeated[text, side, height] for text, height in keys)
        number = n < 2 and PAGE_NUMBER.fullmatch(line.text) and abs(line.middle / page.height - 0.5) > 0.35
        outside = abs(line.middle / page.height - 0.5) > 0.3
        if not (outside and (times or number)):
            break
        inner = own[n + 1 if side == 0 else -n - 2] if n + 1 < len(own) else None
        gap = abs(line.y0 - inner.y0) if inner else 2 * usual
        apart = gap > 1.3 * usual or line.size < 0.93 * size or inner is None
        if number or apart or (times > 2 and not line.cells):
            last = n + 1
    return list(lines[:last])


def lasting(line: Line, page: int, repeated: Counter[Key], side: int) -> str:
    """A line without the number that counts with the pages."""
    keys = keys_of(line, page)
    best = max(keys, key=lambda key: (repeated[key[0], side, key[1]], "#" not in key[0]))
    return " ".join((line.text[: keys[best][0]] + line.text[keys[best][1] :]).split())


def keys_of(line: Line, page: int | None) -> dict[tuple[str, int], tuple[int, int]]:
    """A line's text with its height, as it stands and with one of its numbers counted from the page's (None: a large
    line, whose number is that of a chapter); and where that number stands."""
    text, height = line.text, round(line.middle / HEIGHT)
    numbers = [one for one in NUMBER.finditer(text) if one.group().isascii()] if page is not None else []
    relative = {
        (f"{text[: one.start()]}#{int(one.group()) - (page or 0)}{text[one.end() :]}".casefold(), height): one.span()
        for one in numbers
    }
    return {(text.casefold(), height): (0, 0), **relative}


def unnumbered(text: str) -> str:
    """A header without the number of its page."""
    named = re.sub(
        r"(?i)[|·,–-]?\s*\b(?:page|seite|p\.|página|strona)\s*\d+(?:\s*(?:of|/|von|de|sur)\s*\d+)?", " ", text
    )
    return " ".join(named.split()).strip("|·–—-, ")

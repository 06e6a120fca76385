"""Automatic numbers of a Word file, such as the "2.2" that stands before a paragraph and nowhere in its text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
ROMAN = [(1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")]  # fmt: skip
DEEPEST = 9
STYLES = 12


@dataclass
class Level:
    start: int = 1
    form: str = "decimal"
    text: str = ""
    legal: bool = False
    restart: int | None = None


@dataclass
class Kind:
    """Levels of one list, and how far each has counted."""

    levels: dict[int, Level]
    counts: dict[int, int] = field(default_factory=dict)
    styles: dict[str, int] = field(default_factory=dict)


class Numbering:
    """Says the number of each paragraph; asked in the order of the document, for it counts."""

    def __init__(self, numbering: Any, styles: Any) -> None:
        self.styles = {one.get(f"{W}styleId"): one for one in styles.iter(f"{W}style")} if styles is not None else {}
        self.kinds: dict[str, Kind] = {}
        self.lists: dict[str, tuple[str, dict[int, int]]] = {}
        self.begun: set[str] = set()
        if numbering is not None:
            self.read(numbering)

    def read(self, numbering: Any) -> None:
        links = {}
        for one in numbering.iter(f"{W}abstractNum"):
            id = one.get(f"{W}abstractNumId")
            levels = {whole(level.get(f"{W}ilvl")): level_of(level) for level in one.findall(f"{W}lvl")}
            named = {said(level, "pStyle"): whole(level.get(f"{W}ilvl")) for level in one.findall(f"{W}lvl")}
            self.kinds[id] = Kind(levels, styles={key: value for key, value in named.items() if key})
            links[id] = said(one, "numStyleLink")
        for one in numbering.iter(f"{W}num"):
            id, kind, starts = one.get(f"{W}numId"), said(one, "abstractNumId"), {}
            for change in one.findall(f"{W}lvlOverride"):
                level, start = whole(change.get(f"{W}ilvl")), change.find(f"{W}startOverride")
                if start is not None:
                    starts[level] = whole(start.get(f"{W}val"), 1)
                if (own := change.find(f"{W}lvl")) is not None:
                    # A list with levels of its own counts for itself.
                    base = self.kinds.get(kind, Kind({}))
                    kind = f"{id}!"
                    self.kinds.setdefault(kind, Kind(dict(base.levels), styles=base.styles)).levels[level] = level_of(
                        own
                    )
            self.lists[id] = (kind, starts)
        for id, style in links.items():
            # A list may take its levels from the list of a style.
            of_style = self.styles.get(style)
            number = of_style.find(f"{W}pPr/{W}numPr/{W}numId") if of_style is not None else None
            other = self.lists.get(number.get(f"{W}val"), ("", {}))[0] if number is not None else ""
            if other in self.kinds and not self.kinds[id].levels:
                self.kinds[id] = self.kinds[other]

    def of(self, paragraph: Any) -> str:
        """ "2.2", or "" for a paragraph without a number, or with a bullet."""
        id, level = self.place(paragraph)
        kind_id, starts = self.lists.get(id, ("", {}))
        kind = self.kinds.get(kind_id)
        if kind is None or level not in kind.levels:
            return ""
        if id not in self.begun:
            self.begun.add(id)
            for at, start in starts.items():
                kind.counts[at] = start - 1
        kind.counts[level] = kind.counts.get(level, kind.levels[level].start - 1) + 1
        for deeper in range(level + 1, DEEPEST):
            if deeper in kind.levels and kind.levels[deeper].restart != 0:
                kind.counts.pop(deeper, None)
        return label(kind, level)

    def place(self, paragraph: Any) -> tuple[str, int]:
        """The list and level of a paragraph, by itself or by its style and those that it is based on."""
        own = paragraph.find(f"{W}pPr/{W}numPr")
        style = said(paragraph.find(f"{W}pPr"), "pStyle") or self.usual()
        id, level = said(own, "numId"), said(own, "ilvl")
        if id:
            return id, whole(level or self.level_of_style(id, style))
        for _ in range(STYLES):
            found = self.styles.get(style)
            if found is None:
                break
            by_style = found.find(f"{W}pPr/{W}numPr")
            if id := said(by_style, "numId"):
                return id, whole(level or said(by_style, "ilvl") or self.level_of_style(id, style))
            style = said(found, "basedOn")
        return "", 0

    def usual(self) -> str:
        return next(
            (
                id
                for id, one in self.styles.items()
                if one.get(f"{W}default") == "1" and one.get(f"{W}type") == "paragraph"
            ),
            "",
        )

    def level_of_style(self, id: str, style: str) -> str:
        kind = self.kinds.get(self.lists.get(id, ("", {}))[0])
        return str(kind.styles.get(style, 0)) if kind is not None else "0"


def label(kind: Kind, level: int) -> str:
    own = kind.levels[level]
    if (own.form in ("bullet", "none") and "%" not in own.text) or own.form == "bullet":
        return ""

    def number(match: re.Match[str]) -> str:
        at = int(match[1]) - 1
        one = kind.levels.get(at, Level())
        return written(kind.counts.get(at, one.start), "decimal" if own.legal else one.form)

    return re.sub(r"%([1-9])", number, own.text).strip()


def written(count: int, form: str) -> str:
    if form == "none":
        return ""
    if form in ("lowerLetter", "upperLetter") and count > 0:
        letters = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letters.upper() if form == "upperLetter" else letters
    if form in ("lowerRoman", "upperRoman") and 0 < count < 4000:
        said = ""
        for value, sign in ROMAN:
            said += sign * (count // value)
            count %= value
        return said.upper() if form == "upperRoman" else said
    return f"{count:02d}" if form == "decimalZero" else str(count)


def level_of(level: Any) -> Level:
    restart, legal = said(level, "lvlRestart"), level.find(f"{W}isLgl")
    return Level(
        whole(said(level, "start"), 1), said(level, "numFmt") or "decimal", said(level, "lvlText"), is_on(legal),
        whole(restart) if restart else None,
    )  # fmt: skip


def said(element: Any, name: str) -> str:
    """The value of a child, such as w:numId; "" if there is none."""
    child = element.find(f"{W}{name}") if element is not None else None
    return (child.get(f"{W}val") or "") if child is not None else ""


def is_on(element: Any) -> bool:
    """Whether a switch such as w:vanish is there and not turned off."""
    return element is not None and element.get(f"{W}val") not in ("0", "false", "off")


def whole(text: str | None, otherwise: int = 0) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else otherwise

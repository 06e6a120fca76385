"""Bar charts as SVG, readable without any program but a browser. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

WIDTH, BAR, GAP, LABEL, NUMBER, TOP = 640, 18, 8, 190, 90, 34
COLOURS = ("#3b6ea8", "#d08a3c", "#5b9a68", "#a05a8c", "#8a8a8a")
LONGEST = 28


def bars(title: str, rows: Mapping[str, Mapping[str, int]]) -> str:
    """Horizontal bars, each made of named parts: {label: {part: count}}. With more than one part there is a legend."""
    parts = list(dict.fromkeys(part for counts in rows.values() for part in counts))
    most = max((sum(counts.values()) for counts in rows.values()), default=0) or 1
    legend = len(parts) > 1
    height = TOP + len(rows) * (BAR + GAP) + (24 if legend else 8)
    drawn = [text(8, 20, title, "bold")]
    for at, (label, counts) in enumerate(rows.items()):
        drawn += bar(TOP + at * (BAR + GAP), label, counts, parts, most)
    if legend:
        drawn += key(height - 10, parts)
    body = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="12" role="img" aria-label="{quoted(title)}">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def bar(top: int, label: str, counts: Mapping[str, int], parts: list[str], most: int) -> list[str]:
    short = label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
    drawn = [text(LABEL - 6, top + 13, short, anchor="end")]
    left, scale = float(LABEL), (WIDTH - LABEL - NUMBER) / most
    for part, count in counts.items():
        colour, width = COLOURS[parts.index(part) % len(COLOURS)], count * scale
        tip = f"<title>{escape(f'{label}, {part}: {count}')}</title>"
        drawn.append(f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{colour}">{tip}</rect>')
        left += width
    return [*drawn, text(left + 6, top + 13, f"{sum(counts.values()):,}")]


def key(at: int, parts: list[str]) -> list[str]:
    drawn, left = [], LABEL
    for number, part in enumerate(parts):
        colour = COLOURS[number % len(COLOURS)]
        drawn += [f'<rect x="{left}" y="{at - 9}" width="10" height="10" fill="{colour}"/>', text(left + 14, at, part)]
        left += 30 + 7 * len(part)
    return drawn


def text(left: float, top: float, words: str, weight: str = "normal", anchor: str = "start") -> str:
    place = f'x="{left:.1f}" y="{top}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text {place} fill="#222222">{escape(words)}</text>'


def quoted(words: str) -> str:
    return escape(words, {'"': "&quot;"})

"""Model and document text made fit for `st.markdown`: it may be emphasized, never linked, loaded or executed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
LINK_LIKE = re.compile(
    r"(?i)(?<=https:)(?=//)|(?<=http:)(?=//)|(?<=www)(?=\.)|(?<=[\w.+-])(?=@[\w-])|(?<=:)(?=[\w+/-]+:)"
)
JOINER = "\u2060"  # invisible; keeps `https://`, mail addresses and `:names:` from becoming links and icons
ACTIVE = re.compile(r"([\\<>\[\]$~&`])")
INLINE_CODE = re.compile(r"(?<!`)`([^`|\n]+)`(?!`)")
FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})\s*([\w+-]*)")
HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
RULE = re.compile(r"^\s{0,3}([-=_*]\s*){2,}$")
LIST_ITEM = re.compile(r"^\s*([-*+]|\d{1,3}[.)])\s")


@dataclass(frozen=True)
class Block:
    """A stretch of an answer: Markdown that is safe to show, or code to show as it is."""

    text: str
    code: bool = False
    language: str = ""


def plain(text: str) -> str:
    """Markdown that shows `text` letter by letter, its line breaks kept."""
    lines = [_escaped(line.strip()) for line in text.splitlines()]
    return re.sub(r"(  \n){2,}", "\n\n", "  \n".join(lines))


def label(text: str, limit: int = 0) -> str:
    """One line for a button or a heading, cut at `limit` characters where one is given."""
    line = " ".join(text.split())
    if limit and len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    return _escaped(line)


def marked(passage: str, spans: Iterable[tuple[int, int]]) -> str:
    """The passage letter by letter, with the characters of each span (start to end) on a coloured ground."""
    shown, at = "", 0
    for start, end in sorted(spans):
        start, end = max(at, start), min(end, len(passage))
        if start < end:
            shown += _flow(passage[at:start], False) + _flow(passage[start:end], True)
            at = end
    return shown + _flow(passage[at:], False)


def prose(text: str) -> list[Block]:
    """An answer's Markdown: emphasis, lists, tables and code stay; links, images, HTML, formulas show as text."""
    blocks: list[Block] = []
    lines: list[str] = []
    fence, language = "", ""
    for line in text.splitlines():
        opened = FENCE.match(line)
        if fence:
            if opened and opened[1].startswith(fence) and not opened[2]:
                blocks.append(Block("\n".join(lines), True, language))
                lines, fence = [], ""
            else:
                lines.append(line)
        elif opened:
            blocks.append(Block("\n".join(lines)))
            lines, fence, language = [], opened[1], opened[2]
        else:
            lines.append(_line(line))
    blocks.append(Block("\n".join(lines), bool(fence), language))
    return [block for block in blocks if block.text.strip()]


def closed(text: str) -> str:
    """The text of an answer under way, its last emphasis closed."""
    return text.rstrip("* ") + "**" if text.count("**") % 2 else text


def as_json(text: str) -> str | None:
    """The answer indented, where the whole of it is a JSON object or list."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def _escaped(text: str) -> str:
    return PUNCTUATION.sub(r"\\\1", LINK_LIKE.sub(JOINER, text))


def _flow(text: str, mark: bool) -> str:
    """Text within a paragraph: line breaks stay, empty lines go, white space stands outside of the marks."""
    shown = []
    for line in re.split(r"[\n\r\f\v]+", text):
        core = line.strip()
        body = f":orange-background[{_escaped(core)}]" if mark and core else _escaped(core)
        before = " " if line[:1].isspace() and core else ""
        shown.append(before + body + (" " if line[-1:].isspace() else ""))
    return "  \n".join(shown)


def _line(line: str) -> str:
    """One line of an answer outside of code."""
    if RULE.match(line):
        return ""
    if heading := HEADING.match(line):
        return f"**{_inline(heading[1].replace('*', ''))}**  \n"
    indent = len(line) - len(line.lstrip())
    kept = min(indent, 6) if LIST_ITEM.match(line) else 0
    return " " * kept + _inline(line.strip()) + "  "


def _inline(text: str) -> str:
    """Escape all that could load, link or compute; keep `code` and emphasis."""
    parts = INLINE_CODE.split(LINK_LIKE.sub(JOINER, text))
    return "".join(f"`{part}`" if n % 2 else ACTIVE.sub(r"\\\1", part) for n, part in enumerate(parts))

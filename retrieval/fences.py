"""Code blocks of a Markdown text: found, kept as they are while the text around them is split, and cut only where one is too long.

A splitter strips lines and cuts at blank ones, which takes a nested setting out of its nest and a command out of its lines. So
the white space of a block is hidden from it, and comes back in the passage. Pure.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# While the splitter works, a space that must not be split at is GLUE, and a line end that must not is LINE.
GLUE, LINE = "␣", "␤"
OPENING = re.compile(
    r"(?P<indent>[ \t]*(?:[-*+] +|\d{1,3}[.)] +|(?:> ?)+)?)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$"
)
STARTS_LINE = re.compile(r"\s*(?:[-*+•>|#]|\d{1,3}[.)]\s)")
GOES_ON = re.compile(r"(?:\\|`|\^|&&|\|\|?|,|[({\[])\s*$")
LAST_SENTENCE = re.compile(r"(?<=[.!?])(?<!^\d\.)(?<!^\d\d\.)\s+(?=[\"'“(\[*_`]*[A-ZÄÖÜÀ-Ý0-9])")
MAX_LEAD = 300


@dataclass(frozen=True)
class Block:
    """Lines of a text: of a code block without its fences, with the `info` that stood behind the first one, or of no code."""

    code: bool
    lines: tuple[str, ...]
    info: str = ""


def blocks(text: str) -> Iterator[Block]:
    """A text as what is code and what is not, in its order. A block that is never closed is code to its end, as browsers read it."""
    plain: list[str] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        opened = OPENING.match(lines[at])
        if opened is None:
            plain.append(lines[at])
            at += 1
            continue
        if plain:
            yield Block(False, tuple(plain))
            plain = []
        end = closing(lines, at + 1, opened["fence"])
        inner = tuple(undented(lines[at + 1 : end], opened["indent"]))
        yield Block(True, inner, opened["info"].strip())
        at = end + 1
    if plain:
        yield Block(False, tuple(plain))


def closing(lines: Sequence[str], start: int, fence: str) -> int:
    """The line that closes a block, or the end of the text."""
    closes = re.compile(rf"[ \t>]*{re.escape(fence[0])}{{{len(fence)},}}[ \t]*")
    return next((n for n in range(start, len(lines)) if closes.fullmatch(lines[n])), len(lines))


def undented(lines: Sequence[str], indent: str) -> Iterator[str]:
    """Lines without the indentation that their block has in a list or quotation; what they have beyond it is theirs."""
    width = len(indent.expandtabs(4))
    quoted = ">" in indent
    for line in lines:
        line = line.expandtabs(4) if line[:1] == "\t" and width else line
        if quoted:
            line = re.sub(r"^\s*(?:> ?)+", "", line)
        blank = len(line) - len(line.lstrip(" "))
        yield line[min(blank, 0 if quoted else width) :].rstrip()


def fenced(lines: Sequence[str], info: str = "") -> str:
    """A code block, between fences that do not stand in it."""
    longest = max((len(run) for line in lines for run in re.findall(r"^\s*(`{3,})", line)), default=2)
    fence = "`" * (longest + 1)
    return "\n".join([f"{fence}{info}", *lines, fence])


def hidden(text: str) -> str:
    """As one word of one line."""
    return text.replace(" ", GLUE).replace("\n", LINE)


def shown(text: str) -> str:
    return text.replace(GLUE, " ").replace(LINE, "\n")


def kept_whole(text: str, size: int) -> str:
    """A text whose code blocks a splitter cannot change: each is one word, with the sentence before it that leads to it. One of
    more than `size` characters becomes several, each of whole commands."""
    found: list[str] = []
    for block in blocks(text):
        if not block.code:
            found += block.lines
            continue
        first, *rest = [fenced(part, block.info) for part in cut(trimmed(block.lines), size)] or [""]
        if not first:
            continue
        lead = take_lead(found, size - len(first))
        found += ["", hidden(f"{lead}\n\n{first}" if lead else first), ""]
        found += [line for part in rest for line in (hidden(part), "")]
    return "\n".join(found)


def trimmed(lines: Sequence[str]) -> list[str]:
    """Without blank lines at the ends."""
    full = [n for n, line in enumerate(lines) if line.strip()]
    return list(lines[full[0] : full[-1] + 1]) if full else []


def take_lead(lines: list[str], room: int) -> str:
    """Take the sentence that leads to a code block off the end of what stands before it; "" where none does, or it is too long."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    start = end
    while start and lines[start - 1].strip() and GLUE not in lines[start - 1] and not lines[start - 1].startswith("#"):
        start -= 1
        if STARTS_LINE.match(lines[start]):
            break
    if start == end:
        return ""
    paragraph = " ".join(line.strip() for line in lines[start:end])
    *before, lead = LAST_SENTENCE.split(paragraph)
    if paragraph.startswith(("|", "#")) or len(lead) > min(MAX_LEAD, room):
        return ""
    lines[start:] = [" ".join(before), ""] if before else []
    return lead


def cut(lines: Sequence[str], size: int) -> Iterator[list[str]]:
    """A block as parts of at most about `size` characters, cut at blank lines if it can be, and never within a command."""
    room = size - 20
    part: list[str] = []
    for group in groups(lines, room):
        if part and length([*part, *group]) > room:
            if trimmed(part):
                yield trimmed(part)
            part = []
        part += group
    if trimmed(part):
        yield trimmed(part)


def groups(lines: Sequence[str], room: int) -> Iterator[list[str]]:
    """Lines that belong together: those between blank ones, or of too many of them a command with the lines that continue it."""
    for full, some in itertools.groupby(lines, key=lambda line: bool(line.strip())):
        paragraph = list(some)
        if not full or length(paragraph) <= room:
            yield paragraph
            continue
        group: list[str] = []
        for line in paragraph:
            group.append(line)
            if not GOES_ON.search(line):
                yield group
                group = []
        if group:
            yield group


def length(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)

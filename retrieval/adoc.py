"""AsciiDoc as Markdown: headings, lists, tables, listings, notes and definitions. No package that is well kept reads it into a
structure, so this reads what documents are written with, and leaves the rest as text. Pure.

Nothing is included from other files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from retrieval.adoc_table import table
from retrieval.fences import fenced

ATTRIBUTE = re.compile(r":(!?[\w-]+!?):[ \t]*(.*)$")
HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*?)(?:[ \t]+\1)?$")
BLOCK_ATTRIBUTES = re.compile(r"\[(?!\[)([^\]]*)\]\s*$")
BLOCK_TITLE = re.compile(r"\.(?=[^\s.])(.*)$")
LISTING = re.compile(r"(-{4,}|\.{4,}|`{3,})[ \t]*(\w*)[ \t]*$")
FRAME = re.compile(r"(={4,}|\*{4,}|_{4,}|--|\+{4,}|/{4,})[ \t]*$")
TABLE = re.compile(r"([|,:!])={3,}[ \t]*$")
ITEM = re.compile(r"[ \t]*(\*{1,5}|-|\.{1,5}|\d{1,3}\.|<\.>|<\d+>)[ \t]+(\S.*)$")
TERM = re.compile(r"[ \t]*(\S.*?)(?::{2,4}|;;)(?:[ \t]+(.*))?$")
NOTED = re.compile(r"(NOTE|TIP|IMPORTANT|WARNING|CAUTION):[ \t]+(.*)$")
KINDS = frozenset(["NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION"])
MACRO = re.compile(r"(image|include|video|audio|toc|ifdef|ifndef|ifeval|endif)::(\S*?)\[.*\]\s*$")
DROPPED = re.compile(r"//(?!/{2})|\[\[[^\]]*\]\]\s*$|'{3,}\s*$|<{3,}\s*$|\+\s*$")
REVISION = re.compile(r"v?\d[\w.-]*(?:,.*)?$|.*<[^<>@\s]+@[^<>\s]+>.*$")
INLINE = (
    (re.compile(r"(?:link|https?|mailto|xref|irc|ftp):(?=\S)(?P<to>[^\s\[\]]*)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]"), None),
    (re.compile(r"<<[^<>,]*,\s*([^<>]+)>>"), r"\1"),
    (re.compile(r"<<#?([^<>,]+)>>"), r"\1"),
    (re.compile(r"(?:kbd|btn|menu|pass|footnote|indexterm2?|stem|anchor):[^\s\[\]]*\[([^\[\]]*)\]"), r"\1"),
    (re.compile(r"image:[^\s\[\]]*\[[^\]]*\]|\[\[[^\]]*\]\]|\(\(\([^)]*\)\)\)"), ""),
    (re.compile(r"\[[.#%][^\[\]]*\](?=[#*_`])"), ""),
    (re.compile(r"(?<![\w`+])`{1,2}\+?([^`\n]+?)\+?`{1,2}(?![\w`])"), r"`\1`"),
    (re.compile(r"(?<![\w*])\*{1,2}(?=\S)([^*\n]+?)(?<=\S)\*{1,2}(?![\w*])"), r"**\1**"),
    (re.compile(r"(?<![\w_])_{1,2}(?=\S)([^_\n]+?)(?<=\S)_{1,2}(?![\w_])"), r"\1"),
    (re.compile(r"(?<!\w)#{1,2}(?=\S)([^#\n]+?)(?<=\S)#{1,2}(?!\w)"), r"\1"),
    (re.compile(r"\+{2,3}([^+\n]+?)\+{2,3}"), r"\1"),
    (re.compile(r"\s\+$"), ""),
)  # fmt: skip


def markdown(text: str, note: Callable[[str], None]) -> str:
    """The text of an AsciiDoc document, in Markdown. `note` hears of files that it would include."""
    reader = Reader(text.replace("\r\n", "\n").split("\n"), note=note)
    return "\n".join(reader.read())


@dataclass
class Reader:
    """Reads lines one block at a time. `style` and `title` are of the block that comes next."""

    lines: Sequence[str]
    note: Callable[[str], None]
    attributes: dict[str, str] = field(default_factory=dict)
    at: int = 0
    style: str = ""
    title: str = ""
    kind: str = ""
    depth: int = 0
    counts: dict[int, int] = field(default_factory=dict)

    def read(self) -> Iterator[str]:
        while self.at < len(self.lines):
            line = self.lines[self.at].rstrip()
            self.at += 1
            yield from self.block(line)

    def block(self, line: str) -> Iterator[str]:
        if found := LISTING.match(line):
            yield from self.listing(found[1], found[2])
        elif TABLE.match(line):
            yield from ["", *self.named(), *table(self.until(line), self.style, self.inline), ""]
            self.style = ""
        elif FRAME.match(line):
            yield from self.frame(line)
        elif found := BLOCK_ATTRIBUTES.match(line):
            self.style = found[1]
            self.kind = found[1].upper() if found[1].upper() in KINDS else ""
        elif found := ATTRIBUTE.match(line):
            self.attributes[found[1].lower().strip("!")] = self.inline(found[2])
        elif found := MACRO.match(line):
            if found[1] == "include":
                self.note(f"{found[2]} is included by it, and is read only as a file of its own")
        elif DROPPED.match(line) or line.startswith("//"):
            return
        elif found := BLOCK_TITLE.match(line):
            self.title = self.inline(found[1])
        elif found := HEADING.match(line):
            yield from ["", f"{'#' * len(found[1])} {self.inline(found[2])}", ""]
            self.style = self.title = ""
            self.counts.clear()
            if len(found[1]) == 1:
                yield from self.header()
        else:
            yield from self.text(line)

    def header(self) -> Iterator[str]:
        """What stands under a document's title: who wrote it goes, its revision says which version one reads."""
        while self.at < len(self.lines) and REVISION.match(line := self.lines[self.at].strip()):
            self.at += 1
            if line[:2].strip("v")[:1].isdigit():
                yield from [f"Version: {line}.", ""]

    def text(self, line: str) -> Iterator[str]:
        if not line.strip():
            yield ""
            self.style = ""
            return
        yield from self.named()
        label = f"{self.kind.capitalize()}: " if self.kind else ""
        self.kind = ""
        if self.style.startswith(("source", "listing", "literal")) and not line.startswith("["):
            code = [line, *self.paragraph()]
            yield from ["", fenced(code, language(self.style)), ""]
        elif found := NOTED.match(line):
            yield f"{found[1].capitalize()}: {self.inline(found[2])}"
        elif found := ITEM.match(line):
            mark = found[1]
            numbered = mark[0] in ".<" or mark[0].isdigit()
            deep = len(mark) - 1 if mark[0] in "*." and not mark[0].isdigit() else 0
            self.counts[deep] = self.counts.get(deep, 0) + 1
            yield f"{'  ' * deep}{f'{self.counts[deep]}.' if numbered else '-'} {label}{self.inline(found[2])}"
        elif (found := TERM.match(line)) and "::" not in found[1]:
            yield from self.definition(found[1], found[2] or "")
        else:
            self.counts.clear()
            yield f"{label}{self.inline(line)}"

    def definition(self, term: str, meant: str) -> Iterator[str]:
        """A term with what it means on its line, so that neither is quoted without the other."""
        while not meant and self.at < len(self.lines):
            line = self.lines[self.at].strip()
            if line and (ITEM.match(line) or LISTING.match(line) or BLOCK_ATTRIBUTES.match(line) or line == "+"):
                break
            self.at += 1
            meant = line
        yield from ["", f"{self.inline(term)}: {self.inline(meant)}" if meant else f"{self.inline(term)}:"]

    def listing(self, fence: str, given: str) -> Iterator[str]:
        code = [
            re.sub(r"[ \t]*(?:(?://|#|--|;)[ \t]*)?<(?:\d+|\.)>(?=\s|$)", "", line).rstrip()
            for line in self.until(fence)
        ]
        lang = given or language(self.style)
        yield from [*self.named(), "", fenced(code, lang), ""]
        self.style = ""

    def frame(self, line: str) -> Iterator[str]:
        """What stands between two like lines: a note, an example, a quotation; a comment or what is passed through goes."""
        inner = self.until(line)
        kind, self.kind = self.kind, ""
        if line.startswith(("/", "+")) or self.depth > 8:
            return
        if self.style.startswith(("source", "listing")):
            yield from ["", fenced(inner, language(self.style)), ""]
            self.style = ""
            return
        nested = Reader(inner, self.note, self.attributes, depth=self.depth + 1)
        nested.kind = kind
        self.style = ""
        yield from ["", *self.named(), *nested.read(), ""]

    def until(self, line: str) -> list[str]:
        """The lines up to the next one that is the same."""
        start, closes = self.at, line.strip()
        end = next((n for n in range(start, len(self.lines)) if self.lines[n].strip() == closes), len(self.lines))
        self.at = end + 1
        return [one.rstrip() for one in self.lines[start:end]]

    def paragraph(self) -> list[str]:
        start = self.at
        while self.at < len(self.lines) and self.lines[self.at].strip():
            self.at += 1
        return [one.rstrip() for one in self.lines[start : self.at]]

    def named(self) -> list[str]:
        """The title of a block, once."""
        title, self.title = self.title, ""
        return ["", f"{title.rstrip(':')}:", ""] if title else []

    def inline(self, text: str) -> str:
        """Text without its marks; attributes are what they were set to."""
        text = re.sub(r"(?<!\\)\{([\w-]+)\}", lambda found: self.attributes.get(found[1].lower(), found.group()), text)
        for pattern, by in INLINE:
            text = pattern.sub(linked if by is None else by, text)
        return text


def linked(found: re.Match[str]) -> str:
    """The text of a link; its address where it has none, or is one to write to."""
    whole, words = found.group().partition("[")[0], found["text"].split(",")[0].strip(' "^')
    address = whole.removeprefix("link:").removeprefix("xref:")
    if whole.startswith("mailto:"):
        address = address.removeprefix("mailto:")
        return f"{words} ({address})" if words and address not in words else address
    return words or address


def language(style: str) -> str:
    """Of "source,bash" or "source%linenums,yaml,subs=x"."""
    parts = [part.strip() for part in style.split(",")]
    return parts[1] if len(parts) > 1 and "=" not in parts[1] and parts[0].startswith(("source", "listing", "")) else ""

"""The paragraphs of a PDF as Markdown, page by page: headings told from text, sentences whole, tables as rows."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from retrieval.pdf_lines import Line
from retrieval.pdf_paragraphs import BULLET, Compounds, Paragraph, ends, goes_on, is_item, same_font, stops_short

Pages = list[tuple[int | None, str]]
# A heading is larger than the text by so much; else it is bold, or stands apart.
LARGER = 1.1
HEADING_WORDS, TITLE_WORDS, HEADING_LINES = 15, 25, 3
LEVELS = 5
SENTENCE = re.compile(r"[.!?。！？؟][\"'”’»)\]]*(?:\s+(?=[^\W\d_a-z])|$)")
# A line that ends so goes on.
UNFINISHED = re.compile(
    r"(?i)\b(?:the|an?|of|and|or|to|in|on|at|by|for|from|with|is|are|der|die|das|den|dem|des|und|oder|im|in|am|zu|von|mit|"
    r"für|auf|ist|sind|le|la|les|de|du|des|et|ou|el|los|y|o|en)$"
)
COMPOUND = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")


class Written:
    """Writes the paragraphs of a document's columns. `body`: the font's size and weight that most of its text has."""

    def __init__(self, columns: Sequence[list[Paragraph]]) -> None:
        self.columns = [column for column in columns if column]
        lines = [line for column in self.columns for paragraph in column for line in paragraph.lines]
        self.title = self.columns[0][0].lines if self.columns else []
        sizes = Counter[tuple[float, bool]]()
        for line in lines:
            sizes[line.size, line.bold] += len(line.text)
        self.size, self.bold = sizes.most_common(1)[0][0] if sizes else (0.0, False)
        # The title stands over all, whatever its size.
        larger = {round(line.size) for line in lines if line.size > LARGER * self.size and line not in self.title}
        self.sizes = sorted(larger, reverse=True)
        self.compounds: Compounds = compounds_of(lines)

    def pages(self, title: str, kept: Sequence[str]) -> Pages:
        """The text of each page. `title`: what the document is called where it does not say so itself; `kept`: what
        stands at its beginning."""
        stitch(self.columns, self.compounds)
        found: dict[int, list[str]] = {}
        for n, column in enumerate(self.columns):
            following = self.columns[n + 1][:1] if n + 1 < len(self.columns) else []
            for text in self._column(column, following, first=n == 0):
                found.setdefault(column[0].page, []).append(text)
        if found:
            self._begin(found[min(found)], title, kept)
        return [(page, "\n\n".join(texts)) for page, texts in sorted(found.items())]

    def _begin(self, texts: list[str], title: str, kept: Sequence[str]) -> None:
        at = 1 if texts[0].startswith("# ") else 0
        # A line without an end would be taken for the title.
        texts[at:at] = [text if text[-1] in ".!?" else f"{text}." for text in kept]
        if not at and title:
            texts.insert(0, f"# {title}")

    def _column(self, column: list[Paragraph], following: list[Paragraph], first: bool) -> Iterator[str]:
        said = ""
        for n, paragraph in enumerate(column):
            after = column[n + 1 : n + 2]
            text = paragraph.text(self.compounds)
            if paragraph.is_table:
                piece = table(paragraph.lines)
            elif level := self._level(paragraph, after, after or following):
                piece = f"{'#' if first and n == 0 else '#' * level} {text}"
            else:
                piece = text
                if said and is_item(paragraph.lines[0]) and not paragraph.apart:
                    said += f"\n{piece}"
                    continue
            if said:
                yield said
            said = piece
        if said:
            yield said

    def _level(self, paragraph: Paragraph, after: list[Paragraph], following: list[Paragraph]) -> int:
        """The level of a heading; 0 if it is none. `after` stands below it in its column, `following` may be in the
        next one."""
        text, lines = paragraph.text(), paragraph.lines
        words = len(text.split())
        large = paragraph.size > LARGER * self.size
        if (
            not following
            or words > (TITLE_WORDS if large else HEADING_WORDS)
            or len(lines) > HEADING_LINES
            or paragraph.added
            or paragraph.skipped
        ):
            return 0
        if text[-1] in ".,;:" or text[0].islower() or not any(map(str.isalpha, text)):
            return 0
        if BULLET.match(text) or (goes_on(following[0].lines[0]) and same_font(lines[-1], following[0].lines[0])):
            return 0
        if large:
            return min(
                LEVELS, 2 + self.sizes.index(round(paragraph.size)) if round(paragraph.size) in self.sizes else 2
            )
        if paragraph.bold and not self.bold and not any(line.cells for line in lines):
            return min(LEVELS, 2 + len(self.sizes))
        apart = (
            len(lines) == 1
            and not UNFINISHED.search(text)
            and (paragraph.apart or paragraph.followed)
            and not lines[0].cells
        )
        return min(LEVELS, 2 + len(self.sizes)) if apart and after and leads(lines[0], words, after[0]) else 0


def leads(line: Line, words: int, after: Paragraph) -> bool:
    """Whether a short line in the font of the text stands over prose."""
    short = words <= 12 and (after.lines[0].x1 - after.lines[0].x0 > line.x1 - line.x0 or len(after.lines) > 1)
    text = after.text()
    return short and len(text.split()) > words and bool(SENTENCE.search(text))


def stitch(columns: list[list[Paragraph]], compounds: Compounds) -> None:
    """Join what runs from the end of a column into the next: on a page the whole paragraph, over a page's end the
    sentence, which belongs to the page on which it begins."""
    for before, column in itertools.pairwise(columns):
        first = column[0]
        last = next((one for one in reversed(before) if same_font(one.lines[-1], first.lines[0])), None)
        if last is None or not runs_on(last, first, before):
            continue
        whole = first.text(compounds)
        end = SENTENCE.search(whole) if first.page != last.page else None
        cut = end.end() if end else len(whole)
        last.added, first.skipped = whole[:cut].strip(), cut
    for column in columns:
        column[:] = [one for one in column if one.text(compounds)]
    columns[:] = [column for column in columns if column]


def runs_on(last: Paragraph, first: Paragraph, before: Sequence[Paragraph]) -> bool:
    above, line = last.lines[-1], first.lines[0]
    if ends(above) or last.is_table or first.is_table or is_item(line):
        return False
    lines = [one for paragraph in before for one in paragraph.lines]
    edge = max(one.x1 for one in lines)
    # In capitals a name may go on, or a heading begin: the line before must have been full.
    full = len(lines) > 2 and not stops_short(above, line, edge)
    return goes_on(line) or above.text[-1] in "-," or (full and len(first.lines) > 1)


def table(lines: Sequence[Line]) -> str:
    """Rows under a heading as a table; without one, each by itself."""
    head, rest = lines[0], lines[1:]
    figures = sum(bool(re.search(r"\d", " ".join(line.cells[1:]))) for line in rest)
    headed = (head.bold and not all(line.bold for line in rest)) or (
        not re.search(r"\d", head.text) and 2 * figures > len(rest)
    )
    if headed and all(len(line.cells) == len(head.cells) for line in rest):
        rows = ["| " + " | ".join(cell.replace("|", "/") for cell in line.cells) + " |" for line in lines]
        return "\n".join([rows[0], "|" + " --- |" * len(head.cells), *rows[1:]])
    return "\n\n".join(": ".join(line.cells) if len(line.cells) == 2 else ", ".join(line.cells) for line in lines)


def compounds_of(lines: Sequence[Line]) -> Compounds:
    return frozenset(found.casefold() for line in lines for found in COMPOUND.findall(line.text))

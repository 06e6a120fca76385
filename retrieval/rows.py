"""An answer that stands in a table: the row that a question names, and the column that it asks for. Pure but for vectors.

A row ("City: Osmund; Grade: Manager; Cap: 155.") says little to a model of sentences, but it can be looked up as a person does: the
cells that the question repeats pick the row, and the name of the column that it asks for picks the cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from retrieval.facts import names
from retrieval.identifiers import identifiers, stands
from retrieval.sentences import ROW
from retrieval.words import words

ASKS = re.compile(
    r"^(?:and\s+|und\s+)?(?:(?:in|on|at|for|by|from|to|with|of|bis|ab|in|auf|an|bei|für|von)\s+)?"
    r"(?:what|which|who|whom|whose|when|where|how|was|welche[rsnm]?|wer|wem|wen|wann|wo|wie|in welche\w+)\b",
    re.IGNORECASE,
)
CELL = re.compile(r"(?:^|; )([^:;]{1,80}): ")
LONGEST_KEY, LONGEST_CELL = 6, 60  # words and characters of a cell that names its row
LIKE = 0.25  # cosine of a question and a column's name from which it is taken to ask for it
CLEAR = 0.03  # by which the likeliest column has to be ahead of the next
MOST_ROWS = 3

Likeness = Callable[[str, Sequence[str]], Sequence[float]]


@dataclass(frozen=True)
class Line:
    """A row where it stands: `at` is whatever the caller finds it by, `about` the headings above it."""

    at: int
    text: str
    about: str = ""

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Column and value of each cell."""
        marks = list(CELL.finditer(self.text))
        ends = [mark.start() for mark in marks[1:]] + [len(self.text)]
        return [
            (mark.group(1).strip(), self.text[mark.end() : end].strip(" ;").removesuffix("."))
            for mark, end in zip(marks, ends, strict=True)
        ]


@dataclass(frozen=True)
class Looked:
    """The rows that a question names (`at`), and where both are plain what it asks for: "E-415 – Reset by: shift lead"."""

    at: tuple[int, ...]
    said: str = ""


def look_up(question: str, lines: Sequence[Line], likeness: Likeness) -> Looked | None:
    """What a question finds in rows; None where it asks for something else, or names none of them.

    The rows that share most cells with it count, if what it names by an identifier stands in them.
    """
    if not ASKS.match(question.strip()):
        return None
    asked = set(words(question))
    scored = [(keys(question, asked, line), line) for line in lines if ROW.match(line.text)]
    most = max((len(found) for found, _ in scored), default=0)
    if not most:
        return None
    best = [(found, line) for found, line in scored if len(found) == most]
    if len(best) > MOST_ROWS or not all(
        any(stands(name, line.text) for _, line in best) for name in identifiers(question)
    ):
        return None
    whole = Looked(tuple(line.at for _, line in best)) if asks_no_more(question, asked) else None
    if len(best) > 1 or unknown(question, best[0][1]):
        return whole
    found, line = best[0]
    column = asked_for(question, asked, found, line, likeness)
    if not column:
        return whole
    of = ", ".join(value for name, value in line.cells if name in found)
    return Looked((line.at,), f"{of} – {column[0]}: {column[1]}")


def asks_no_more(question: str, asked: set[str]) -> bool:
    """Whether a question names something by an identifier and says nothing of what about it: "what is article QF-1108?"."""
    named = [word for name in identifiers(question) for word in words(name)]
    return bool(named) and len(asked - set(named)) <= 1


def keys(question: str, asked: set[str], line: Line) -> list[str]:
    """The columns of a row whose cells the question repeats."""
    found = []
    for column, value in line.cells:
        held = [word for word in words(value) if word not in words(column)]  # "Store A" in a column of stores says "A"
        named = any(stands(name, value) for name in identifiers(question))
        repeated = held and set(held) <= asked and not value.replace(".", "").isdigit()
        if (named or repeated) and len(held) <= LONGEST_KEY and len(value) <= LONGEST_CELL:
            found.append(column)
    return found


def unknown(question: str, line: Line) -> bool:
    """Whether the question names somebody or something that stands neither in the row nor above it."""
    around = f"{line.about} {line.text}".lower()
    return any(name not in around for name in names(question))


def asked_for(
    question: str, asked: set[str], found: Sequence[str], line: Line, likeness: Likeness
) -> tuple[str, str] | None:
    """The cell that a question asks for: the one whose column it names best, else the one whose column is clearly most like
    it; None where no cell is ahead."""
    rest = [(column, value) for column, value in line.cells if column not in found and value]
    if not rest:
        return None
    shares = [share(column, asked) for column, _ in rest]
    if max(shares) > 0:
        best = [cell for cell, one in zip(rest, shares, strict=True) if one == max(shares)]
        return best[0] if len(best) == 1 else None
    near = likeness(question, [column for column, _ in rest])
    ranked = sorted(zip(near, rest, strict=True), key=lambda pair: -pair[0])
    clear = len(ranked) == 1 or ranked[0][0] - ranked[1][0] >= CLEAR
    return ranked[0][1] if clear and ranked[0][0] >= LIKE else None


def share(column: str, asked: set[str]) -> float:
    """How much of a column's name the question repeats, the second level of a heading of two counting most."""
    levels = [set(words(level)) for level in column.split("/")]
    parts = [len(level & asked) / len(level) for level in levels if level]
    return sum(parts) / len(parts) + (0.01 * parts[-1]) if parts else 0.0

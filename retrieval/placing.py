"""Where a reader's answer stands: which passages it is given, and which of their sentences holds what it said. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.types import Citation, Dropped, Passage
from retrieval.citations import judge
from retrieval.identifiers import speaking_of
from retrieval.quote import Found, citation

# The best ones by the finder, best first. More of them cost reading and brought nothing (docs/experiments.md).
MOST_GIVEN = 3
ROOM = 4_400  # characters of passages, about 1,250 tokens of a table and 1,000 of prose


@dataclass(frozen=True)
class Placed:
    """`citation`: the sentence that holds the answer, None where none does, and then `dropped` says why. `best`: it is the one
    that the finder thinks likeliest to answer the question; `named`: it stands in the passage that the reader named."""

    citation: Citation | None = None
    dropped: Dropped | None = None
    best: bool = False
    named: bool = False


def given(found: Found, most: int = MOST_GIVEN, room: int = ROOM) -> tuple[Passage, ...]:
    """The passages that a reader gets: those with the likeliest sentences, best first, as many as there is room for; the
    first in any case."""
    ordered = list({one.passage.id: narrowed(one.passage, found.named) for one in found.ranked}.values())[:most]
    taken: list[Passage] = []
    for passage in ordered:
        room -= len(passage.heading) + len(passage.text)
        if taken and room < 0:
            break
        taken.append(passage)
    return tuple(taken)


def narrowed(passage: Passage, named: Sequence[str]) -> Passage:
    """A passage without the lines that speak of another name than the one that is asked for, such as the other rows of a table."""
    texts = [line for line in passage.text.split("\n") if line.strip()]
    speak = speaking_of(named, f"{passage.source} {passage.heading}", texts) if named else []
    if all(speak) or not any(speak):
        return passage
    left = [line for line, speaks in zip(texts, speak, strict=True) if speaks]
    return passage.model_copy(update={"text": "\n".join(left)})


def place(answer: str, number: int | None, passages: Sequence[Passage], found: Found) -> Placed:
    """The likeliest sentence of the passages that holds the answer word for word, of whichever passage: a small reader names
    the wrong one now and then. Where none holds it so, the named passage has to support it, or another one."""
    if not answer:
        return Placed()
    numbers = {passage.id: at for at, passage in enumerate(passages, 1)}
    holding = [one for one in found.ranked if one.passage.id in numbers and holds(one.piece.text, answer)]
    if not holding:
        return supported(answer, number, passages)
    chosen = holding[0]
    return Placed(
        citation(1, chosen), best=chosen is found.ranked[0], named=numbers[chosen.passage.id] == number
    )  # fmt: skip


def supported(answer: str, number: int | None, passages: Sequence[Passage]) -> Placed:
    """By the check that every written sentence has to pass."""
    first: Dropped | None = None
    for at in sorted(range(1, len(passages) + 1), key=lambda one: one != number):
        judged = judge(f"{answer} [{at}]", passages)
        if not isinstance(judged, Dropped):
            found = judged.citation
            sentence = found.passage[found.start : found.end]
            return Placed(found.model_copy(update={"number": 1, "sentence": sentence}), named=at == number)
        first = first or judged
    return Placed(dropped=first)


def holds(sentence: str, answer: str) -> bool:
    """Word for word, but for case and white space."""
    wanted = re.escape(plain(answer))
    return bool(wanted) and re.search(rf"(?<!\w){wanted}(?!\w)", plain(sentence)) is not None


def plain(text: str) -> str:
    return " ".join(text.lower().split())

"""Where the passages answer a look-up whose answer is known. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.labelled import Lookup
from core.types import Passage

SIGNS = re.compile(r"\W+")


def passages_that_answer(asked: Lookup, passages: Sequence[Passage]) -> list[int]:
    """Positions of the passages of its sources that a reviewer says answer it, else of those that hold the answer's words,
    whatever signs and spaces lie between, except those of which a reviewer says that they do not."""
    answer, told, misses = plain(asked.answer), set(map(plain, asked.passages)), set(map(plain, asked.misses))

    def answers(text: str) -> bool:
        return text in told if told else answer in text and text not in misses

    return [n for n, one in enumerate(passages) if one.source in asked.sources and answers(plain(one.text))]


def judged_missing(asked: Lookup, passages: Sequence[Passage]) -> list[Passage]:
    """The passages of which a reviewer says that they do not answer it."""
    misses = set(map(plain, asked.misses))
    return [one for one in passages if misses and plain(one.text) in misses]


def passages_that_serve(expected: Mapping[str, Any], passages: Sequence[Passage]) -> list[int]:
    """Positions of the passages that serve a case: from its sources, and with all of `contains`, each with its options; of a
    case that wants several documents (`sources_all`) with any of it."""
    sources = {*expected.get("sources", ()), *(name for group in expected.get("sources_all", ()) for name in group)}
    wanted = [part.lower().split("|") for part in expected.get("contains", ())]
    enough = any if "sources_all" in expected else all
    return [
        n
        for n, one in enumerate(passages)
        if one.source in sources and enough(any(option in one.text.lower() for option in options) for options in wanted)
    ]


def plain(text: str) -> str:
    return SIGNS.sub(" ", text).strip().lower()


def span(answer: str, text: str) -> tuple[int, int] | None:
    """Where an answer's words stand in a text, whatever white space lies between them."""
    found = re.search(r"\s+".join(map(re.escape, answer.split())), text) if answer.split() else None
    return found.span() if found else None

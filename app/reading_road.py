"""What rag shows where a reader has read: its few words above the sentence that they stand in, or quotations. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core import dial
from core.measured import Trust
from core.reading import Read
from core.types import Citation, Cited, Event, Passage, Text
from retrieval.placing import Placed, place
from retrieval.quote import Found
from retrieval.words import words

LONGEST_QUESTION = 1_000  # characters; the reader has learned from questions, not from texts that somebody pasted
WOULD_REFUSE = 0.5
# An answer of most of its sentence's characters says nothing that the sentence does not.
MOST_OF_IT = 0.6
# Of what a reader says of its answer (`core.dial.features`), least and most.
RANGES = {
    "agreed": (0.0, 1.0), "refusing": (-dial.SUREST, dial.SUREST), "total": (-60.0, 0.0), "mean": (-12.0, 0.0), "least": (-20.0, 0.0),
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """What a reader and the finder made of the same passages."""

    read: Read
    placed: Placed
    found: Found

    @property
    def agreed(self) -> bool:
        """Whether the reader's words stand in the sentence that the finder would quote first: two models that were trained
        differently and came to the same place. Where they did not, the reader's words were right in 7 of 29 cases and the
        finder's sentence in 19 (docs/experiments.md)."""
        return self.placed.citation is not None and self.placed.best

    @property
    def short(self) -> Citation | None:
        """The sentence to show below the reader's words; None: they are not shown. Not where it would rather refuse."""
        return self.placed.citation if self.agreed and self.read.refusing <= WOULD_REFUSE else None

    @property
    def features(self) -> dict[str, float]:
        """For the trust in what is shown."""
        return {**dial.features(self.read), "answerable": self.found.answerable, "agreed": float(self.agreed)}

    def events(self, sources: int) -> Iterator[Event]:
        """One paragraph, or quotations; nothing where there is nothing to quote."""
        if self.short is not None:
            yield Text(text=f"{stated(self.read.answer, self.short.sentence)} [{self.short.number}]")
            yield Cited(citation=self.short)
            return
        if self.placed.dropped is not None:
            yield self.placed.dropped
        for citation in self.found.quotes(sources):
            yield from quoted(citation)


def best_case(trust: Trust, answerable: float) -> float:
    """The highest probability that any reading could come to: where even that is refused, nobody need read."""
    best = {name: low if trust.weights.get(name, 0.0) < 0 else high for name, (low, high) in RANGES.items()}
    return trust.probability({**best, "answerable": answerable})


def reading(read: Read, passages: Sequence[Passage], found: Found) -> Reading:
    return Reading(read, place(read.answer, read.number, passages, found), found)


def quoted(citation: Citation) -> Iterator[Event]:
    yield Text(text=f"{citation.sentence} [{citation.number}]\n\n")
    yield Cited(citation=citation)


def stated(answer: str, sentence: str) -> str:
    """The answer and then its sentence; the sentence alone where the answer is most of it, or says nothing by itself ("Not")."""
    answer = ranged(answer, sentence)
    if len(answer) >= MOST_OF_IT * len(sentence) or not words(answer):
        return sentence
    return f"**{opening(answer)}**: “{sentence}”" if "*" not in answer else f"{opening(answer)}: “{sentence}”"


def ranged(answer: str, sentence: str) -> str:
    """With the other end of a range of which a reader gave the first: "5" of "a factor of 5 to 10"."""
    if not answer[-1:].isdigit():
        return answer
    found = re.search(rf"(?<![\w.,]){re.escape(answer)}(?: to |[-–])\d[\d.,]*\d?%?(?!\w)", sentence)
    return found.group().rstrip(".,") if found else answer


def opening(answer: str) -> str:
    """With a capital, where it begins with an ordinary word and not with a name such as vLLM or env/setup."""
    first = answer.split(" ", 1)[0]
    return answer[0].upper() + answer[1:] if first.isalpha() and first.islower() else answer

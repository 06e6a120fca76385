"""Whether a passage supports a sentence: numbers, names, negations and opposites must agree, and the words must be there.

Likeness of vectors alone cannot tell: "approved" and "not approved" are 0.987 alike. Deterministic, under a millisecond.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.types import Citation, Cited, Dropped, Passage
from retrieval.disagreement import contradiction, swapped_word
from retrieval.facts import names
from retrieval.quantities import figures_alike, numbers
from retrieval.sentences import ABBREVIATION, BOUNDARY, Piece, pieces
from retrieval.words import words

# A sentence with all its facts in the passage is supported if at least this share of its words is there too.
ENOUGH_WORDS = 0.45
ENOUGH_WITH_FACTS = 0.3
ENOUGH_SCORE = 0.05
# What a disagreement leaves of the score; a swapped word may be a synonym.
SWAPPED = 0.3
CONTRADICTED = 0.05
MARK = re.compile(r"\s*\[(\d{1,3})\](?:\s*\[\d{1,3}\])*")
# Logistic weights, fitted on BEGIN's human labels (2,605 replies; five-fold AUC 0.956, word overlap alone 0.939).
INTERCEPT, WORDS, ORDER, NEW = -3.72, 5.28, 1.46, -0.33


@dataclass(frozen=True)
class Support:
    """`score` 0 to 1; `ok`: may be shown as cited; `why`: what disagrees, empty where nothing does."""

    score: float
    ok: bool
    why: str = ""


def check(sentence: str, passage_text: str) -> Support:
    """Whether the passage supports the sentence."""
    why = contradiction(sentence, passage_text)
    mine, its = figures_alike(sentence), figures_alike(passage_text)
    content = share_of_words(mine, its)
    total = INTERCEPT + WORDS * content + ORDER * in_order(mine, its) + NEW * added(mine, its)
    score = 1 / (1 + math.exp(-max(total, -30.0)))
    if why:
        return Support(round(CONTRADICTED * score, 4), False, why)
    if why := swapped_word(mine, its):
        return Support(round(SWAPPED * score, 4), False, why)
    if not set(words(sentence)):
        return Support(0.0, False, "the sentence says nothing that can be checked")
    # Agreeing numbers and names are evidence in themselves.
    exact = bool(names(sentence)) or any(not number.weak for number in numbers(sentence))
    if content < (ENOUGH_WITH_FACTS if exact else ENOUGH_WORDS) or score < ENOUGH_SCORE:
        return Support(round(score, 4), False, "the passage does not speak of this")
    return Support(round(score, 4), True)


def best_span(sentence: str, passage_text: str) -> tuple[int, int]:
    """`start:end` of the piece of the passage that supports the sentence best."""
    found = pieces(passage_text)
    if not found:
        return 0, len(passage_text)
    mine = set(words(sentence))

    def fits(piece: Piece) -> tuple[bool, float, int]:
        shared = len(mine & set(words(piece.text)))
        return not contradiction(sentence, piece.text), shared / (len(mine) or 1), -len(piece.text)

    best = max(found, key=fits)
    return best.start, best.end


def check_written(text: Iterable[str], passages: Sequence[Passage]) -> Iterator[Cited | Dropped]:
    """Check a written answer sentence by sentence, as its pieces arrive. A sentence needs the number of a passage that is
    there and supports it; it is `Cited` with the place, or `Dropped` with the reason."""
    for sentence in stream_sentences(text):
        yield judge(sentence, passages)


def judge(sentence: str, passages: Sequence[Passage]) -> Cited | Dropped:
    marks = [int(number) for number in re.findall(r"\[(\d{1,3})\]", sentence)]
    plain = re.sub(r"\s*\[\d{1,3}\]", "", sentence).strip()
    if not marks:
        return Dropped(sentence=plain, why="no passage is named")
    why = ""
    for number in marks:
        if not 1 <= number <= len(passages):
            why = why or f"there is no passage [{number}]"
            continue
        passage = passages[number - 1]
        support = check(plain, f"{passage.heading}: {passage.text}" if passage.heading else passage.text)
        if support.ok:
            start, end = best_span(plain, passage.text)
            return Cited(citation=cite(number, plain, passage, start, end, support.score))
        why = why or f"[{number}]: {support.why}"
    return Dropped(sentence=plain, why=why)


def cite(number: int, sentence: str, passage: Passage, start: int, end: int, support: float) -> Citation:
    return Citation(
        number=number,
        sentence=sentence,
        source=passage.source,
        passage_id=passage.id,
        passage=passage.text,
        start=start,
        end=end,
        heading=passage.heading,
        page=passage.page,
        sheet=passage.sheet,
        rows=passage.rows,
        support=support,
    )


def stream_sentences(text: Iterable[str]) -> Iterator[str]:
    """Whole sentences of a text that arrives in pieces, each with the numbers in brackets that follow it."""
    kept = ""
    for chunk in text:
        kept += chunk
        while (end := sentence_end(kept)) is not None:
            if sentence := kept[:end].strip():
                yield sentence
            kept = kept[end:]
    if kept.strip():
        yield from filter(None, (line.strip() for line in kept.split("\n")))


def sentence_end(text: str) -> int | None:
    """Where the first sentence ends, once what follows shows that it does; numbers after its full stop belong to it."""
    for found in re.finditer(r"[.!?][\"'”)]*((?:\s*\[\d{1,3}\])*)\s+(?=[^\s\[])|\n+(?=[^\s\[])", text):
        if found.group(1) or found.group().startswith("\n") or re.search(r"\]\s*[.!?]", text[: found.end()][-8:]):
            return found.end()
        if BOUNDARY.match(text, found.start()) and not ABBREVIATION.search(text[: found.start() + 1]):
            return found.end()
    return None

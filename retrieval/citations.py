"""Citations of a written answer: each sentence as it comes, the passage that it names, and the place there that supports it.

A sentence that its passage does not support (`retrieval.support`) is dropped, and the reason is said.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Iterable, Iterator, Sequence

from core.types import Citation, Cited, Dropped, Passage
from retrieval.disagreement import disagreements
from retrieval.quantities import figures_alike
from retrieval.sentences import ABBREVIATION, BOUNDARY, Piece, pieces
from retrieval.support import Support, check, share_of_words

LOG = logging.getLogger(__name__)
__all__ = ["Support", "best_span", "check", "check_written", "stream_sentences"]
# A second sentence of the passage is marked too where it adds at least this share of the words.
WORTH_MARKING = 0.15


def best_span(sentence: str, passage_text: str) -> tuple[int, int]:
    """`start:end` of the piece of the passage that supports the sentence best; of two neighbours where it rests on both."""
    found = pieces(passage_text)
    if not found:
        return 0, len(passage_text)
    mine = figures_alike(sentence)

    def fits(piece: Piece) -> tuple[bool, float, int]:
        return (
            not disagreements(sentence, piece.text),
            share_of_words(mine, figures_alike(piece.text)),
            -len(piece.text),
        )

    best = max(found, key=fits)
    both = [joined(passage_text, one, other) for one, other in itertools.pairwise(found) if best in (one, other)]
    better = max(both, key=fits, default=best)
    more = share_of_words(mine, figures_alike(better.text)) - share_of_words(mine, figures_alike(best.text))
    chosen = better if more >= WORTH_MARKING and fits(better)[0] >= fits(best)[0] else best
    return chosen.start, chosen.end


def joined(text: str, one: Piece, other: Piece) -> Piece:
    start, end = min(one.start, other.start), max(one.end, other.end)
    return Piece(start, end, text[start:end])


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
        try:
            support = check(plain, f"{passage.heading}: {passage.text}" if passage.heading else passage.text)
        except Exception:
            LOG.exception("a sentence cannot be checked against a passage of %s (%s)", passage.source, passage.id)
            why = why or f"[{number}]: it cannot be checked"
            continue
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
        page=passage.page_at(start),
        sheet=passage.sheet,
        rows=passage.rows_at(start, end),
        support=support,
        also=passage.also,
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

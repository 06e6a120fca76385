"""Whether a passage supports a sentence: numbers, names, negations and opposites must agree, and the words must be there.

Likeness of vectors alone cannot tell: "approved" and "not approved" are 0.987 alike. Deterministic, under a millisecond.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from core.types import Citation, Cited, Dropped, Passage
from retrieval.facts import (
    all_stems,
    clauses,
    denials,
    name_stands,
    names,
    negated,
    numbers,
    opposed,
)
from retrieval.sentences import ABBREVIATION, BOUNDARY, Piece, pieces
from retrieval.words import TOKEN, words

# A sentence with all its facts in the passage is supported if at least this share of its words is there too.
ENOUGH_WORDS = 0.45
ENOUGH_WITH_FACTS = 0.3
ENOUGH_SCORE = 0.05
# What a disagreement leaves of the score; a swapped word may be a synonym.
SWAPPED = 0.3
CONTRADICTED = 0.05
MARK = re.compile(r"\s*\[(\d{1,3})\](?:\s*\[\d{1,3}\])*")
VAGUE = frozenset(
    [
        "often",
        "several",
        "many",
        "various",
        "multiple",
        "some",
        "also",
        "still",
        "just",
        "quite",
        "additional",
        "extra",
        "another",
    ]
)
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
    content = share_of_words(sentence, passage_text)
    why = contradiction(sentence, passage_text)
    total = INTERCEPT + WORDS * content + ORDER * in_order(sentence, passage_text) + NEW * added(sentence, passage_text)
    score = 1 / (1 + math.exp(-max(total, -30.0)))
    if why:
        return Support(round(CONTRADICTED * score, 4), False, why)
    if why := swapped_word(sentence, passage_text):
        return Support(round(SWAPPED * score, 4), False, why)
    if not set(words(sentence)):
        return Support(0.0, False, "the sentence says nothing that can be checked")
    # Agreeing numbers and names are evidence in themselves.
    exact = bool(names(sentence)) or any(not number.weak for number in numbers(sentence))
    if content < (ENOUGH_WITH_FACTS if exact else ENOUGH_WORDS) or score < ENOUGH_SCORE:
        return Support(round(score, 4), False, "the passage does not speak of this")
    return Support(round(score, 4), True)


def contradiction(sentence: str, passage: str) -> str:
    """What the sentence says otherwise than the passage, or adds to it; empty where nothing is found."""
    for number in numbers(sentence):
        if not number.weak and not any(number.same(other) for other in numbers(passage)):
            return f"the passage does not hold the number {number.value:g}"
    for name in sorted(names(sentence)):
        if not name_stands(name, passage):
            return f"the passage does not name {name}"
    clause = closest_clause(sentence, passage)
    if word := opposed(sentence, clause):
        return f"the passage says the opposite of {word!r}"
    if why := displaced_number(sentence, passage):
        return why
    if polarity_differs(sentence, passage, clause):
        return "one of passage and sentence is negated"
    return other_subject(sentence, passage)


def parts(passage: str) -> list[str]:
    """All clauses of a passage."""
    return [clause for piece in whole_sentences(passage) for clause in (clauses(piece) or (piece,))]


def whole_sentences(passage: str) -> list[str]:
    """The sentences of a passage that do not contain each other."""
    found: list[Piece] = []
    for piece in pieces(passage):
        if not found or piece.start >= found[-1].end:
            found.append(piece)
    return [piece.text for piece in found] or [passage]


def closest_clause(sentence: str, passage: str) -> str:
    """The clause that shares most words with the sentence, shorter ones first."""
    mine = set(words(sentence))
    return max(parts(passage), key=lambda part: (len(mine & set(words(part))), -len(part)), default=passage)


def displaced_number(sentence: str, passage: str) -> str:
    """A number that the passage gives to something else: a word of the sentence stands only beside another of its kind."""
    spread = [(part, told) for told in whole_sentences(passage) for part in clauses(told) or (told,)]
    mine = set(words(sentence))
    for number in numbers(sentence):
        homes = [(part, told) for part, told in spread if any(number.same(other) for other in numbers(part))]
        if number.weak or not homes:
            continue
        near = set().union(*(set(words(part)) for part, _ in homes))
        # A clause inherits the subject of its sentence.
        near |= set(words(" ".join(" ".join(lead(told)) for _, told in homes)))
        for part, _ in spread:
            rivals = [other for other in numbers(part) if other.kind == number.kind and not other.weak]
            if not rivals or any(other.same(one) for other in rivals for one in numbers(sentence)):
                continue
            only_there = (mine & set(words(part))) - near
            only_here = (mine & near) - set(words(part)) - set(words(number_words(sentence)))
            named = {word for name in names(sentence) for word in words(name)}
            if len(only_there) + 2 * len(only_there & named) > len(only_here) + 2 * len(only_here & named):
                return f"the passage gives the number {number.value:g} to something else"
    return ""


def number_words(sentence: str) -> str:
    """The numbers of a sentence and the word after each."""
    return " ".join(re.findall(r"\S*\d\S*(?:\s+\w+)?", sentence))


def polarity_differs(sentence: str, passage: str, clause: str) -> bool:
    if negated(sentence) == negated(clause):
        return False
    said, other = (sentence, clause) if negated(sentence) else (clause, sentence)
    if denials(other) - denials(said):
        return False
    # The negation may stand in a clause that splitting cut off.
    mine = set(words(sentence))
    alike = [part for part in parts(passage) if len(mine & set(words(part))) >= len(mine & set(words(clause)))]
    return all(negated(part) != negated(sentence) for part in alike)


def lead(sentence: str) -> list[str]:
    """The first words up to the third, without articles: mostly the subject."""
    return [token for token in TOKEN.findall(sentence.lower()) if token not in ("the", "a", "an", "each", "every")][:2]


def other_subject(sentence: str, passage: str) -> str:
    """The sentence begins with the subject of another sentence of the passage than the one that it repeats."""
    mine = lead(sentence)
    rest = set(words(sentence)) - set(words(" ".join(mine)))
    if len(mine) < 2 or not rest or not words(" ".join(mine)):
        return ""
    told = whole_sentences(passage)
    best = max(told, key=lambda one: len(rest & set(words(one))))
    shares = len(rest & set(words(best))) >= 0.75 * len(rest)
    if shares and not set(words(" ".join(mine))) & set(words(best)) and any(lead(one) == mine for one in told):
        return f"the passage says this of another than {' '.join(mine)!r}"
    return ""


def swapped_word(sentence: str, passage: str) -> str:
    """One word of a copied sentence was put in another's place."""
    mine = TOKEN.findall(sentence.lower())
    known = all_stems(passage)
    for told in whole_sentences(passage):
        its = TOKEN.findall(told.lower())
        changes = SequenceMatcher(None, its, mine, autojunk=False).get_opcodes()
        replaced = [c for c in changes if c[0] == "replace"]
        copied = sum(c[2] - c[1] for c in changes if c[0] == "equal")
        if len(replaced) != 1 or copied < max(4, len(mine) - 2):
            continue
        _, i1, i2, j1, j2 = replaced[0]
        put = words(" ".join(mine[j1:j2]))
        taken = words(" ".join(its[i1:i2]))
        harmless = mine[j1].endswith("ly") or mine[j1] in VAGUE or any(word[:3] == mine[j1][:3] for word in taken)
        if i2 - i1 <= 2 and j2 - j1 == 1 and put and put[0] not in known and taken and not harmless:
            return f"the passage says {' '.join(its[i1:i2])!r} where the sentence says {mine[j1]!r}"
    return ""


def share_of_words(sentence: str, passage: str) -> float:
    """The share of the sentence's content words that stand in the passage, 0 to 1; longer words weigh more."""
    mine, its = set(words(sentence)), set(words(passage))
    known = all_stems(passage)
    weight = {word: min(len(word), 8) for word in mine}
    total = sum(weight.values())
    return sum(w for word, w in weight.items() if word in its or word in known) / total if total else 0.0


def added(sentence: str, passage: str) -> int:
    """How many words of the sentence, small ones too, do not stand in the passage."""
    its = set(TOKEN.findall(passage.lower()))
    return sum(token not in its for token in TOKEN.findall(sentence.lower()))


def in_order(sentence: str, passage: str) -> float:
    """The share of the sentence's neighbouring word pairs that are neighbours in the passage too, 0 to 1."""
    mine, its = TOKEN.findall(sentence.lower()), TOKEN.findall(passage.lower())
    pairs = list(itertools.pairwise(mine))
    there = set(itertools.pairwise(its))
    return sum(pair in there for pair in pairs) / len(pairs) if pairs else 0.0


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

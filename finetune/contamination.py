"""Examples that would give away what a model is measured with: the same question, nearly the same, or its template. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from core.spelled import RUN
from core.types import Case
from finetune.near import TOKEN, WORD, Encode, likest, names, normalized

# Words of one n-gram, and the least number of n-grams that a case must have to be recognized by a part of them.
GRAM, FEW = 4, 6
NUMBER, NAME = "#", "@"
DIGITS = re.compile(r"\d")


def same_question(queries: Sequence[str], cases: Iterable[Case]) -> dict[int, str]:
    """Position of each query that is a case's, whatever its case, spacing and punctuation -> the case's id."""
    known = {normalized(case.query): case.id for case in cases}
    # A query without any word is nobody's: all of them would be the same one.
    return {place: known[text] for place, query in enumerate(queries) if (text := normalized(query)) in known and text}


def nearly_same(
    queries: Sequence[str], cases: Sequence[Case], encode: Encode, threshold: float
) -> dict[int, tuple[str, float]]:
    """Position of each query that asks nearly what a case asks -> (the case's id, cosine).

    Low likeness clears nothing: `same_template` looks at the words.
    """
    found = likest(queries, [case.query for case in cases], encode, threshold)
    return {place: (cases[at].id, likeness) for place, (at, likeness) in found.items()}


def same_template(queries: Sequence[str], cases: Sequence[Case], share: float) -> dict[int, tuple[str, float]]:
    """Position of each query that was made from the template of a case: the same words with other numbers or names.

    Args:
        share: of the n-grams of a case's template, how many the query's must hold, 0 to 1.

    Returns:
        position -> (the case's id, share of n-grams found)
    """
    held: dict[tuple[str, ...], set[tuple[int, bool]]] = defaultdict(set)
    sizes: dict[tuple[int, bool], int] = {}
    for at, case in enumerate(cases):
        for masked, words in enumerate(templates(case.query)):
            grams = n_grams(words)
            sizes[at, bool(masked)] = len(grams)
            for gram in grams:
                held[gram].add((at, bool(masked)))
    found: dict[int, tuple[str, float]] = {}
    for place, query in enumerate(queries):
        at, part = most_shared(query, held, sizes)
        if part >= share:
            found[place] = (cases[at].id, part)
    return found


def most_shared(
    query: str, held: dict[tuple[str, ...], set[tuple[int, bool]]], sizes: dict[tuple[int, bool], int]
) -> tuple[int, float]:
    """(position of the case, share of its n-grams) with the largest share; short cases count only as a whole."""
    shared: dict[tuple[int, bool], int] = defaultdict(int)
    for masked, words in enumerate(templates(query)):
        for gram in set(runs(words)):
            for at, its in held.get(gram, ()):
                shared[at, its] += its == masked
    parts = {
        key: count / sizes[key] for key, count in shared.items() if count and (sizes[key] >= FEW or count == sizes[key])
    }
    best = max(parts, key=lambda key: (parts[key], -key[0]), default=(0, False))
    return best[0], parts.get(best, 0.0)


def templates(text: str) -> tuple[list[str], list[str]]:
    """The words in small letters, each number (digits or written) as one sign; and the same with names as one sign too."""
    text = RUN.sub(" 0 ", text)
    called = {part for name in names(text) for part in WORD.findall(name)}
    plain: list[str] = []
    nameless: list[str] = []
    for token in TOKEN.findall(text):
        for word in WORD.findall(token.lower()):
            number = DIGITS.search(word) is not None
            add(plain, NUMBER if number else word)
            add(nameless, NUMBER if number else NAME if word in called else word)
    return plain, nameless


def add(words: list[str], sign: str) -> None:
    if not (words and sign == words[-1] and sign in (NUMBER, NAME)):
        words.append(sign)


def runs(words: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """All runs of GRAM words; of a shorter text the whole."""
    if len(words) <= GRAM:
        return [tuple(words)]
    return zip(*(words[at:] for at in range(GRAM)), strict=False)


def n_grams(words: Sequence[str]) -> set[tuple[str, ...]]:
    """The runs that hold two words of their own."""
    return {run for run in runs(words) if sum(word not in (NUMBER, NAME) for word in run) >= 2}

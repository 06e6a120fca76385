"""Which passages say the same, so that one of them is enough. Pure; English.

Exactly the same after normalization, or one holds every word of the other in its order, and numbers, names and negations
agree. Likeness of vectors never decides ("approved", "not approved": 0.99; `retrieval.agreement` states the rule), nor
does sharing most words: where one word stands in the place of another, both are shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from core.types import Passage
from retrieval.agreement import MODALS, TELLING
from retrieval.facts import denials, names, negated, opposed
from retrieval.quantities import numbers
from retrieval.words import TOKEN, stem

SIGNS = re.compile(r"[^\w%€$£<>=+-]+")
# The longer of two may say so much more before it counts as another passage.
LEAST_SHARE = 0.85
# Likeness to one query differs at most so much between near-duplicates; it only spares comparisons.
NEAR = 0.1
NEAR_AMONG = 3
MOST_PLACES = 5


@lru_cache(maxsize=50_000)
def plain(text: str) -> str:
    """Case, white space and punctuation aside; signs that change an amount stay, marks of a list do not."""
    return " ".join(word for word in SIGNS.sub(" ", text.lower()).split() if word not in ("-", "+"))


def same(one: Passage, other: Passage) -> bool:
    """Whether two passages say the same, under headings that do not tell them apart."""
    said = plain(one.text) == plain(other.text) or nearly(one, other)
    return said and headings_agree(one.heading, other.heading)


def nearly(one: Passage, other: Passage) -> bool:
    return abs(one.dense - other.dense) <= NEAR and near(one.text, other.text)


def near(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < LEAST_SHARE * len(longer):
        return False
    mine, its = stems(shorter), stems(longer)
    if len(mine) < LEAST_SHARE * len(its) or not stands_in(mine, its):
        return False
    return facts_agree(shorter, longer)


def facts_agree(one: str, other: str) -> bool:
    """Whether no number, name, negation or opposite tells two texts apart."""
    mine, its = numbers(one), numbers(other)
    if len(mine) != len(its) or not all(a.same(b) for a, b in zip(mine, its, strict=True)):
        return False
    if names(one) != names(other) or negated(one) != negated(other) or denials(one) != denials(other):
        return False
    return telling(one) == telling(other) and not opposed(one, other) and not opposed(other, one)


def telling(text: str) -> Counter[str]:
    """The small words that change what is said, each as often as it stands there."""
    tokens = [token.lower() for token in TOKEN.findall(text)]
    return Counter(MODALS.get(token) or TELLING[token] for token in tokens if token in MODALS or token in TELLING)


def headings_agree(one: str, other: str) -> bool:
    """ "120 hours" under one team is not "120 hours" under another: the innermost headings are equal, or are the titles of
    two documents whose numbers, names and negations agree."""
    mine, its = one.rpartition(" > "), other.rpartition(" > ")
    if plain(mine[2]) == plain(its[2]):
        return True
    return not mine[0] and not its[0] and facts_agree(mine[2], its[2])


def stands_in(mine: Sequence[str], its: Sequence[str]) -> bool:
    """Whether all of `mine` stands in `its`, in its order."""
    rest = iter(its)
    return all(word in rest for word in mine)


@lru_cache(maxsize=20_000)
def stems(text: str) -> tuple[str, ...]:
    """Stems of all words but the articles: "within" and "after" tell a time apart."""
    return tuple(stem(word) for token in TOKEN.findall(text) if (word := token.lower()) not in ("a", "an", "the"))


def once(ranked: Iterable[Passage], k: int) -> list[Passage]:
    """The first `k` passages that differ, best first; each names the other places where the same stands (`also`). Where one
    says a little more than a better one, its text is taken in the better one's place.

    Whatever is exactly the same is found however low it ranks; near-duplicates among the first `NEAR_AMONG * k`.
    """
    kept: list[Passage] = []
    others: list[list[Passage]] = []
    by_text: dict[str, list[int]] = {}
    for rank, passage in enumerate(ranked):
        near_too = rank < NEAR_AMONG * k
        candidates = range(len(kept)) if near_too else by_text.get(plain(passage.text), [])
        n = next((n for n in candidates if same(kept[n], passage)), None)
        if n is None:
            if len(kept) < k:
                by_text.setdefault(plain(passage.text), []).append(len(kept))
                kept.append(passage)
                others.append([])
            continue
        if len(stems(passage.text)) > len(stems(kept[n].text)):
            others[n].append(kept[n])
            kept[n] = passage.model_copy(update={"score": kept[n].score})
            by_text.setdefault(plain(passage.text), []).append(n)
        else:
            others[n].append(passage)
    return [
        one.model_copy(update={"also": places(one, same_as)}) if same_as else one
        for one, same_as in zip(kept, others, strict=True)
    ]


def places(shown: Passage, others: Sequence[Passage]) -> tuple[str, ...]:
    """Where else it stands: source and page; its own place is not repeated."""
    found = dict.fromkeys(place(one) for one in others)
    return tuple(name for name in found if name != place(shown))[:MOST_PLACES]


def place(passage: Passage) -> str:
    return f"{passage.source}, page {passage.page}" if passage.page is not None else passage.source

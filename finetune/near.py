"""Texts that say nearly the same: likeness by embeddings, and what likeness is blind to must agree. Pure.

Embeddings rank "approved" beside "not approved" and 300 beside 3,000; so two texts are alike only where their numbers,
names, negations and opposites are the same too. Words are English; in another language more is taken for different.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from core.checks import query_numbers
from core.types import Noun

if TYPE_CHECKING:
    import numpy as np

Encode = Callable[[list[str]], "np.ndarray"]
"""Texts -> vectors of length 1, shape (len(texts), size)."""

BLOCK = 1024  # rows of one matrix product: 1,024 x 20,000 likenesses are 80 MB
WORD = re.compile(r"[^\W_]+")
TOKEN = re.compile(r"[^\W_](?:[\w.+/-]*[\w+])?")
NEGATION = re.compile(
    r"\b(?:not|no|never|without|neither|nor|none|nobody|nothing|nowhere|cannot|hardly|unable|\w+n['’]t|dont|doesnt|isnt|"
    r"cant|wont)\b",
    re.IGNORECASE,
)
DENYING = re.compile(r"(?:un|non|dis|mis|im|ir|il|de)\w{4,}|in\w{5,}")
OPPOSED_WORDS = (
    "before after more less fewer above below over under most least maximum minimum max min higher lower high low highest "
    "lowest raise raised rise rose fall fell drop dropped grow shrink increase increased decrease decreased reduce reduced "
    "add added remove removed allow allowed forbid forbidden permit prohibit accept accepted reject rejected approve approved "
    "include included exclude excluded first last start started stop stopped begin end open opened close closed shut lock "
    "locked early late earlier later long short longer shorter large small larger smaller big fast slow faster slower win "
    "lose won lost import export public private internal external required optional mandatory manual automatic cheap "
    "expensive better worse best worst gain loss success failure pass passed fail failed fails warm cold hot upper inside "
    "outside up down on off weekly daily monthly yearly true false old new strong weak safe dangerous only except always "
    "sometimes all some any every half double twice once grant granted revoke revoked deny denied with against"
)
OPPOSED = frozenset(OPPOSED_WORDS.split())
# Capitalized where a sentence begins, and no names.
OPENING_WORDS = (
    "a about all also an and answer any are as ask at be been but by can category class classify could data dear did do does "
    "draft explain file find for from give good had has have hello help here hey hi how i if in into is it its job just kindly "
    "label let list look make may me model my need new next now of ok on one or our out over please put recipe regards reply "
    "request say select shall she should show since so some sort subject suggest tag tell thanks that the their them then there "
    "these they this those ticket to today training triage us use was we were what when where which while who why will with "
    "would write you your"
)
OPENERS = frozenset(OPENING_WORDS.split())


class Facts(Noun):
    """What embeddings are blind to. `denials` counts negations; `turns` are the words that have an opposite; `names` and
    `tokens` are lower-case."""

    numbers: frozenset[float]
    denials: int
    turns: frozenset[str]
    names: frozenset[str]
    tokens: frozenset[str]

    @property
    def key(self) -> Hashable:
        """What texts that agree have in common; names are compared in pairs, since people write them small too."""
        return self.numbers, self.denials, self.turns


@lru_cache(maxsize=50_000)
def facts(text: str) -> Facts:
    lowered = {word.lower() for word in WORD.findall(text)}
    return Facts(
        numbers=frozenset(query_numbers(text)),
        denials=len(NEGATION.findall(text)),
        turns=frozenset(word for word in lowered if word in OPPOSED or DENYING.fullmatch(word)),
        names=frozenset(names(text)),
        tokens=frozenset(match.group().lower() for match in TOKEN.finditer(text)),
    )


def agree(one: str, other: str) -> bool:
    """Whether numbers, names, negations and opposites of two texts are the same."""
    mine, its = facts(one), facts(other)
    return mine.key == its.key and mine.names <= its.tokens and its.names <= mine.tokens


def names(text: str) -> Iterator[str]:
    """Capitalized words and identifiers (a digit, a sign or a capital inside), lower-case; openers are none."""
    for match in TOKEN.finditer(text):
        word = match.group()
        inside = any(letter.isupper() or letter.isdigit() or letter in "+/_-." for letter in word[1:])
        if (inside and any(letter.isalpha() for letter in word)) or (word[0].isupper() and word.lower() not in OPENERS):
            yield word.lower()


def normalized(text: str) -> str:
    """The words alone: no case, no punctuation, no spacing, compatible characters made one."""
    return " ".join(WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def near_duplicates(
    texts: Sequence[str], groups: Sequence[Hashable], encode: Encode, threshold: float
) -> dict[int, tuple[int, float]]:
    """Position of each text that repeats an earlier one -> (position of that one, their likeness).

    Args:
        texts: in the order of preference: of two that are alike the earlier stays.
        groups: texts of different groups are never alike (such as rows with different answers).
        threshold: least cosine, 0 to 1.
    """
    members = [found for found in grouped(groups) if len(found) > 1]
    places = [place for found in members for place in found]
    if not places:
        return {}
    vectors = dict(zip(places, encode([texts[place] for place in places]), strict=True))
    repeated: dict[int, tuple[int, float]] = {}
    for found in members:
        for later, earlier, likeness in alike_pairs(found, vectors, threshold):
            # What an already dropped one resembles is no reason to drop another.
            if later not in repeated and earlier not in repeated and agree(texts[later], texts[earlier]):
                repeated[later] = (earlier, likeness)
    return repeated


def grouped(groups: Sequence[Hashable]) -> list[list[int]]:
    """The positions of each group, in ascending order."""
    numbered: dict[Hashable, int] = {}
    order = sorted(range(len(groups)), key=lambda place: (numbered.setdefault(groups[place], len(numbered)), place))
    return [list(found) for _, found in groupby(order, key=lambda place: numbered[groups[place]])]


def alike_pairs(
    places: Sequence[int], vectors: dict[int, np.ndarray], threshold: float
) -> Iterator[tuple[int, int, float]]:
    """(later, earlier, cosine) of all pairs at or above the threshold, by the later one, the most alike first."""
    import numpy as np

    matrix = np.stack([vectors[place] for place in places])
    for begin in range(0, len(places), BLOCK):
        block = matrix[begin : begin + BLOCK] @ matrix[: begin + BLOCK].T
        rows, columns = np.nonzero(np.tril(block, begin - 1) >= threshold)
        found = sorted(
            (int(row), -float(block[row, column]), int(column)) for row, column in zip(rows, columns, strict=True)
        )
        for row, less, column in found:
            yield places[begin + row], places[column], -less


def likest(
    texts: Sequence[str], others: Sequence[str], encode: Encode, threshold: float
) -> dict[int, tuple[int, float]]:
    """Position of each text that says nearly what one of `others` says -> (position of that one, their likeness)."""
    import numpy as np

    shared = {facts(other).key for other in others}
    # Texts whose facts agree with none cannot be alike: they need no vector.
    places = [place for place, text in enumerate(texts) if facts(text).key in shared]
    if not places:
        return {}
    wanted = {facts(texts[place]).key for place in places}
    targets = [at for at, other in enumerate(others) if facts(other).key in wanted]
    vectors = encode([texts[place] for place in places] + [others[at] for at in targets])
    mine, its = vectors[: len(places)], vectors[len(places) :]
    found: dict[int, tuple[int, float]] = {}
    for begin in range(0, len(places), BLOCK):
        block = mine[begin : begin + BLOCK] @ its.T
        rows, columns = np.nonzero(block >= threshold)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            place, at, likeness = places[begin + row], targets[column], float(block[row, column])
            if likeness > found.get(place, (0, 0.0))[1] and agree(texts[place], others[at]):
                found[place] = (at, likeness)
    return found


def once(encode: Encode) -> Encode:
    """The same, but no text is embedded twice."""
    import numpy as np

    known: dict[str, np.ndarray] = {}

    def encoded(texts: list[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, encode(new), strict=True))
        return np.stack([known[text] for text in texts])

    return encoded

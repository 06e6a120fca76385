"""Whether two queries ask the same thing, as far as words can tell. Pure; English.

Likeness of vectors ranks meaning backwards where it matters ("approved", "not approved": 0.99), so it never decides
alone: numbers, names, negations, opposites, the question word and the words that carry the matter have to agree too.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from retrieval.facts import NEGATION, denials, name_stands, names, negated, opposed
from retrieval.quantities import Number, figures_alike, numbers
from retrieval.words import TOKEN, stem, words

# Measured on pairs in tests/app/test_corrections.py: what passes the rules below and is less alike is a coincidence of words.
ALIKE = 0.8
COURTESY = re.compile(
    r"\b(?:please|kindly|hi|hello|hey|thanks?(?: you| a lot| in advance)?|tell me|let me know|i(?: would|'d|’d) like to know|"
    r"(?:can|could|would|will) (?:you|someone|anyone|somebody)(?: please)?(?: tell me| say| let me know| explain to me)?|"
    r"do you know|i want to know|i need to know|(?:a )?quick question|(?:give|show) me|exactly|actually|roughly|right now|"
    r"currently|at the moment|at present)\b[,:]?",
    re.IGNORECASE,
)
WHETHER = re.compile(
    r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|may|must|should|shall|will|would)\b", re.IGNORECASE
)
# One word for what is said in several, each line one meaning whatever the matter is.
SAME_WORDS = (
    "people person persons", "biggest largest", "maximum max", "minimum min", "price cost", "require need", "permit allow",
    "purchase buy", "begin start", "end finish", "error fault", "photo picture", "phone telephone", "often frequently",
    "speedy fast quick", "company firm", "staff employees", "holiday vacation", "delete erase", "help assist",
)  # fmt: skip
ASKING = {
    "who": "who", "whom": "who", "whose": "who", "when": "when", "where": "where", "why": "why", "what": "what",
    "which": "what", "how many": "how many", "how much": "how much", "how long": "how long", "how often": "how often",
    "how": "how",
}  # fmt: skip
WHAT = frozenset({"what"})
ASKED = re.compile(r"\b(how (?:many|much|long|often)|who|whom|whose|when|where|why|what|which|how)\b", re.IGNORECASE)
MODALS = {
    **dict.fromkeys(("may", "can", "could", "might", "allowed", "able"), "may"),
    **dict.fromkeys(("must", "should", "shall", "need", "needs", "ought"), "must"),
}
# Small words that change what is asked; the other stopwords do not.
TELLING = {
    **{word: word for word in ["by", "to", "from", "with", "as", "all", "some", "any", "only", "each", "every", "other", "same", "own", "more", "most", "less", "least", "than", "into", "against", "during", "again", "once", "both", "further", "until", "while", "if", "because"]},
    "without": "with", **dict.fromkeys(("my", "me", "mine"), "my"), **dict.fromkeys(("your", "yours"), "your"),
    **dict.fromkeys(("his", "him"), "his"), **dict.fromkeys(("her", "hers"), "her"), "their": "their", "them": "their",
    **dict.fromkeys(("did", "was", "were", "had"), "past"), **dict.fromkeys(("will", "shall", "would"), "future"),
}  # fmt: skip
# Fewer words that carry the matter say too little to be compared ("what can you do"), or may not change places.
LEAST, TURNED = 2, 3


@lru_cache(maxsize=20_000)
def bare(text: str) -> str:
    """The query without its courtesies."""
    return " ".join(COURTESY.sub(" ", text.replace("’", "'")).split()).strip(" ,.?!")


def disagreement(one: str, other: str) -> str:
    """Why two queries are not taken to ask the same; empty where nothing tells them apart."""
    one, other = bare(one), bare(other)
    if not _same_numbers(numbers(one), numbers(other)):
        return "the numbers differ"
    if not all(name_stands(name, other) for name in names(one)) or not all(
        name_stands(name, one) for name in names(other)
    ):
        return "the names differ"
    if negated(one) != negated(other) or denials(one) != denials(other) or opposed(one, other) or opposed(other, one):
        return "one denies what the other says"
    if asked(one) != asked(other):
        return "they ask for different things"
    if _telling(one) != _telling(other):
        return "a small word tells them apart"
    return "" if _same_order(one, other) else "the words differ"


def asked(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """What is asked for (who, when, how many; "whether" by a yes-or-no question, what by anything else), and whether of
    what may or what must be."""
    asking = frozenset(ASKING[match.group(1).lower()] for match in ASKED.finditer(text))
    asking = asking or (frozenset({"whether"}) if WHETHER.match(text) else WHAT)
    modals = frozenset(MODALS[word] for token in TOKEN.findall(text) if (word := token.lower()) in MODALS)
    return asking, modals


def _same_numbers(mine: tuple[Number, ...], its: tuple[Number, ...]) -> bool:
    """Whether the same amounts stand in both, each as often."""
    rest = list(its)
    for number in mine:
        match = next((other for other in rest if number.same(other)), None)
        if match is None:
            return False
        rest.remove(match)
    return not rest


def carrying(text: str) -> list[str]:
    """Stems of the words that carry the matter, in their order, with numbers written in one way."""
    plain = NEGATION.sub(" ", figures_alike(text))
    return [one_word().get(word, word) for word in words(plain) if word not in MODALS]


def _telling(text: str) -> frozenset[str]:
    return frozenset(TELLING[word] for token in TOKEN.findall(text) if (word := token.lower()) in TELLING)


@lru_cache(maxsize=1)
def one_word() -> dict[str, str]:
    """Each stem of `SAME_WORDS` and the stem that stands for it."""
    lines = [[stem(word) for word in line.split()] for line in SAME_WORDS]
    return {word: line[0] for line in lines for word in line}


def _same_order(one: str, other: str) -> bool:
    """The same words in the same order, or with the end put first ("for a 7B model, which rank?"). Two things that
    change places ("is A better than B") are no such turn."""
    mine, its = carrying(one), carrying(other)
    if len(mine) < LEAST or Counter(mine) != Counter(its):
        return False
    if mine == its:
        return True
    if len(mine) < TURNED:
        return False
    turned = any(mine[n:] + mine[:n] == its for n in range(1, len(mine)))
    return turned and _named_in_order(one) == _named_in_order(other)


def _named_in_order(text: str) -> list[str]:
    lowered = text.lower()
    return sorted(names(text), key=lambda name: (lowered.find(name), name))

"""Where a sentence has somebody say the opposite of what a passage has them say. Pure; English."""

from __future__ import annotations

import itertools
import re

from retrieval.facts import negated
from retrieval.irregular import BASE
from retrieval.words import TOKEN, stem

FOR = frozenset(
    map(
        stem,
        [
            "say",
            "claim",
            "hold",
            "argue",
            "state",
            "report",
            "believe",
            "recommend",
            "accept",
            "support",
            "confirm",
            "approve",
            "demand",
            "admit",
        ],
    )
)
AGAINST = frozenset(
    map(stem, ["deny", "reject", "dispute", "refute", "contest", "doubt", "oppose", "disagree", "refuse"])
)
ACCORDING = re.compile(
    r"\b(?:according to|in the (?:view|opinion|words) of) (?:the |an? )?((?:(?-i:[A-Z])\w+ )*\w+)", re.IGNORECASE
)
BETWEEN = frozenset(["also", "still"])


def other_stance(sentence: str, passage: str) -> str:
    """The passage has the same say the opposite."""
    if negated(sentence):
        return ""
    mine, its = stances(sentence), stances(passage)
    for who in sorted(mine.keys() & its.keys()):
        if mine[who] != its[who]:
            return f"the passage has {who!r} say the opposite"
    return ""


def stances(text: str) -> dict[str, bool]:
    """Who is for it (True) and who is against it (False), by the stem of the last word of the name."""
    found = {stem(match.group(1).split()[-1].lower()): True for match in ACCORDING.finditer(text)}
    tokens = [token for token in TOKEN.findall(text.lower()) if token not in BETWEEN]
    for who, verb in itertools.pairwise(tokens):
        said = stem(BASE.get(verb, verb))
        if said in FOR | AGAINST:
            found.setdefault(stem(who), said in FOR)
    return found

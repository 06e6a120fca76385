"""Where a sentence turns an order of a passage round: before or after, from this to that, which label is whose. Pure; English."""

from __future__ import annotations

import re

from core import spelled
from retrieval.facts import negated
from retrieval.quantities import numbers
from retrieval.told import ordered, parts, stems
from retrieval.words import words

BEFORE = re.compile(r"\b(before|after)\b|,? (?:and |but )?(then|only then)\b", re.IGNORECASE)
EARLIER = re.compile(r"^(?:first|then|only)\b|\b(?:first|only|you)\b,?\s*$", re.IGNORECASE)
BY = re.compile(r"\bby\b", re.IGNORECASE)
TIME = re.compile(r"\W*(?:about |the )?(?:\d|noon\b|midnight\b|(?:" + "|".join(spelled.VALUES) + r")\b)", re.IGNORECASE)
RANGE = re.compile(r"\bfrom (.{1,25}?) (?:to|until) (\S+)", re.IGNORECASE)


def turned_round(sentence: str, passage: str) -> str:
    """What has changed places around "before" or "after", in "from ... to", or or among labels."""
    return turned_order(sentence, passage) or turned_range(sentence, passage) or reordered(sentence, passage)


def turned_order(sentence: str, passage: str) -> str:
    """What comes first in the sentence comes later in the passage."""
    mine = in_time(sentence)
    if mine is None:
        return ""
    for told in dict.fromkeys(one.sentence for one in parts(passage)):
        its = in_time(told)
        if its is None:
            continue
        straight = len(mine[0] & its[0]) + len(mine[1] & its[1])
        crossed = len(mine[0] & its[1]) + len(mine[1] & its[0])
        if crossed != straight:
            return "the passage has this the other way round in time" if crossed > straight else ""
    return ""


def in_time(sentence: str) -> tuple[frozenset[str], frozenset[str]] | None:
    """What comes first and what comes later: "B after A", "before B, A", "first A, then B" and "do not do B before A" are one."""
    found = BEFORE.search(sentence)
    if not found:
        return None
    left, right = sentence[: found.start()], sentence[found.end() :]
    # "Before 15:00" and "after four hours" put no two events in order.
    if found.group(1) and TIME.match(right):
        return None
    if not words(EARLIER.sub("", left)):
        right, _, left = right.partition(",")
    first, later = (right, left) if (found.group(1) or "").lower() == "after" else (left, right)
    if negated(left):
        first, later = later, first
    return (stems(first), stems(later)) if words(first) and words(later) else None


def turned_range(sentence: str, passage: str) -> str:
    """ "From 5 to 3" where the passage has "from 3 to 5"."""
    for mine in RANGE.finditer(sentence):
        for its in RANGE.finditer(passage):
            one, other = ([[n.value for n in numbers(text)][:1] for text in match.groups()] for match in (mine, its))
            if one != other and one == other[::-1] and all(one):
                return "the passage has these numbers in the other order"
    return ""


def reordered(sentence: str, passage: str) -> str:
    """The same words with labels in another order: "class A becomes class B". "By" turns a sentence round by itself."""
    mine = ordered(sentence)
    for one in parts(passage):
        its = ordered(one.text)
        if set(mine) != set(its) or BY.search(sentence) or BY.search(one.text) or len(mine) != len(its):
            continue
        marks, others = ([word for word in words if word.startswith("label")] for words in (mine, its))
        if len(set(marks)) > 1 and marks != others:
            return "the passage has these in the other order"
    return ""

"""Where a passage denies what a sentence says, or the other way round. Pure; English."""

from __future__ import annotations

import re

from retrieval.facts import NEGATION, denials
from retrieval.quantities import numbers, turns_limit
from retrieval.told import Part, ordered, parts, statements, stems, subject, weight
from retrieval.words import stem

# Shares of a statement's words that another has to hold, to be about the same.
PARTLY, ENOUGH, INSIDE = 0.4, 0.5, 0.9
# "Not until", "not while": says when it may be done.
UNTIL = re.compile(
    r"\b(?:until|unless|before|while|as long as|as \w+ as|except|(?:more|less|fewer|earlier|later) than|other than|"
    r"(?:over|under)(?! (?:the|its|their|his|her|this|that|any|our)\b(?! age)))\b",
    re.IGNORECASE,
)
# "Without consent they may not" says that they may with it.
NOT_WITHOUT = re.compile(
    r"\bwithout\b.*\b(?:not|never|no|nobody|cannot)\b|\b(?:not|never|no|nobody|cannot)\b.*\bwithout\b", re.IGNORECASE
)
WITH = re.compile(r"\b(with|without) (?:an? |the |any )?(\w+)", re.IGNORECASE)
ONLY = re.compile(r"\bonly\b", re.IGNORECASE)
# What is left open is neither said nor denied.
LEFT_OPEN = re.compile(
    r"\b(?:whether|(?:is|are|was) (?:not known|open|unclear|unknown)|could not be (?:shown|proven)|(?:nobody|no one) knows)\b",
    re.IGNORECASE,
)


def denied_otherwise(sentence: str, passage: str) -> str:
    """What the sentence says is denied by the passage wherever it stands there, or the other way round."""
    if turned := with_for_without(sentence, passage):
        return turned
    told = statements(passage)
    if LEFT_OPEN.search(sentence):
        return ""
    for mine in statements(sentence):
        if mine.denied and (UNTIL.search(sentence) or NOT_WITHOUT.search(sentence)):
            continue
        best = max((weight(mine.own & one.all) for one in told), default=0)
        alike = [one for one in told if best and weight(mine.own & one.all) == best]
        if best < ENOUGH * weight(mine.own):
            alike = []
        # Of two that share as much, the one that speaks of the same is meant.
        alike = [one for one in alike if subject(mine.text) & one.own] or alike
        if alike and all(opposed_in(mine, one) for one in alike) and not agrees(mine, alike, told):
            return "one of passage and sentence is negated"
    for mine in parts(sentence):
        if any(held_inside(one, mine) and opposed_in(mine, one) for one in told):
            return "one of passage and sentence is negated"
    return ""


def with_for_without(sentence: str, passage: str) -> str:
    """ "With flash" where the passage has "without flash" only, or the other way round."""
    mine, its = (
        {(match[1].lower(), stem(match[2].lower())) for match in WITH.finditer(text)} for text in (sentence, passage)
    )
    for word, what in mine:
        other = "without" if word == "with" else "with"
        if (other, what) in its and (word, what) not in its and not NEGATION.search(WITH.sub("", sentence)):
            return f"the passage says {other!r} and not {word!r}"
    return ""


def held_inside(its: Part, mine: Part) -> bool:
    """Whether the sentence holds all that a denied part of the passage says, and not much more."""
    inside = its.own and weight(its.own & mine.own) >= INSIDE * weight(its.own)
    return bool(inside and its.denied and weight(mine.own & its.all) >= PARTLY * weight(mine.own))


def opposed_in(mine: Part, its: Part) -> bool:
    """Whether one denies what the other says: what follows the negation stands in the other."""
    if mine.denied == its.denied or softened(mine, its) or same_limit(mine, its):
        return False
    denies, says = (mine, its) if mine.denied else (its, mine)
    return bool(focus_of_negation(denies) & says.all)


def same_limit(one: Part, other: Part) -> bool:
    """Whether the negation makes the same limit: "nobody more than two days", "two days at most"."""
    denies, says = (one, other) if one.denied else (other, one)
    if not turns_limit(denies.text):
        return False
    limits = [number for number in numbers(denies.text) if number.bound]
    return any(number.same(its) and number.bound == -its.bound for number in limits for its in numbers(says.text))


def focus_of_negation(part: Part) -> frozenset[str]:
    """The stem of what is denied: the first word with content after the negation, else the last one before it."""
    found = NEGATION.search(part.text)
    if not found:
        return part.own
    rest = re.sub(r"^\W*(?:longer|more)\b", "", part.text[found.end() :])
    after, before = ordered(rest), ordered(part.text[: found.start()])
    return frozenset(after[:1] or before[-1:]) or part.own


def agrees(mine: Part, alike: list[Part], told: tuple[Part, ...]) -> bool:
    """Whether another part speaks of the same subject, and denies or says as much: "interns are excluded from this", "guests
    see only the list"."""
    about = subject(mine.text)
    spoken_of = [one for one in told if about & one.own]
    if mine.denied and any(ONLY.search(one.text) and not only_what(one.text) & mine.own for one in spoken_of):
        return True
    if any(about & one.all for one in alike):
        return False
    return any(one.denied == mine.denied or softened(mine, one) for one in spoken_of)


def only_what(text: str) -> frozenset[str]:
    """Stems of what "only" is said of."""
    before, _, after = ONLY.sub("\n", text, count=1).partition("\n")
    return stems(after) or frozenset(ordered(before)[-2:])


def softened(one: Part, other: Part) -> bool:
    """Whether the one that is not negated denies by a word of its own: "excluded", "closed", "unless"."""
    says, denies = (other, one) if one.denied else (one, other)
    own = {stem(word) for word in denials(says.text) - {"too", "only", "instead", "rather"}}
    return bool(own - stems(denies.text)) or "unless" in says.sentence.lower()

"""Where a sentence leaves a condition out, or says of one case what a passage says of another. Pure; English."""

from __future__ import annotations

import re

from retrieval.facts import NEGATION
from retrieval.told import ordered, parts, stems, weight

CONDITION = re.compile(
    r"\b(?:if|unless|provided(?: that)?|as long as|only (?:if|when|after|with|for|by|at|in|on|to|where)|on condition|in case|in (?:times|the event) of|except|subject to|"
    r"after asking|other than|but not)\b|\bonly\b(?=[.;,]|$)",
    re.IGNORECASE,
)
# So much of a condition has to be named; so much of what holds under it has to be the same.
NAMED, SPOKEN_OF, SAME = 0.4, 0.5, 0.65
DESPITE = re.compile(
    r"\b(?:even (?:if|when|with|in)|regardless|whether or not|without any|without (?:ask|hav)\w*)", re.IGNORECASE
)
MENTIONS = re.compile(
    r"\b(?:if|unless|provided|as long as|only|when|once|after|except|with|without|while|where|subject|in case|until|before|than|at any time|for)\b",
    re.IGNORECASE,
)
CASE = re.compile(
    r"(?:if|when|whenever|once|as soon as) (?P<case>[^,]+), (?P<then>.+)|"
    r"(?P<then2>.+?),? (?:if|when|whenever|once|as soon as) (?P<case2>.+)",
    re.IGNORECASE,
)


def odd(text: str) -> bool:
    return len(NEGATION.findall(text)) % 2 == 1


def condition_lifted(sentence: str, told: str) -> str:
    """The passage says it under a condition, the sentence without one, or in spite of it."""
    match = CONDITION.search(told)
    mine = stems(sentence)
    if not match or weight(mine & stems(told)) < SPOKEN_OF * weight(mine):
        return ""
    why = "the passage sets a condition for this"
    if DESPITE.search(sentence) and not DESPITE.search(told):
        return why
    if any(named and weight(named & mine) >= NAMED * weight(named) for named in alternatives(told, match)):
        return ""
    before = [word.lower() for word in MENTIONS.findall(told[: match.start()])]
    own = [word for word in MENTIONS.findall(sentence) if word.lower() not in before]
    another = match.group().lower().startswith("only ") and not odd(sentence)
    return why if not own or another else ""


def alternatives(told: str, match: re.Match[str]) -> list[frozenset[str]]:
    """Stems of the condition, and of each of those that "or" joins in it."""
    rest = re.split(r"[.;]", told[match.end() :])[0]
    return [under(told, match), *(stems(one) for one in re.split(r"\bor\b", rest) if " or " in rest)]


def under(told: str, match: re.Match[str]) -> frozenset[str]:
    """Stems of the condition; where it comes first ("if it rains, they stay"), up to the comma."""
    if match.end() >= len(told.rstrip(" .;,")):
        # "In the night train only."
        return frozenset(ordered(told[: match.start()])[-2:])
    if match.start() == 0:
        return stems(told[match.end() :].partition(",")[0])
    return stems(re.split(r"[.;]|, (?:and|but)\b", told[match.end() :])[0])


def other_case(sentence: str, passage: str) -> str:
    """The passage says it of one case, and the sentence of one that is not named with it."""
    mine = case_of(sentence)
    if not mine:
        return ""
    for told in dict.fromkeys(one.sentence for one in parts(passage)):
        its = case_of(told)
        if its and weight(mine[1] & its[1]) >= SAME * weight(mine[1]) and not mine[0] & (its[0] | stems(told)):
            return "the passage says this of another case"
    return ""


def case_of(sentence: str) -> tuple[frozenset[str], frozenset[str]] | None:
    """Stems of the case and of what holds in it."""
    found = CASE.fullmatch(sentence.strip())
    if not found:
        return None
    case, then = stems(found["case"] or found["case2"]), stems(found["then"] or found["then2"])
    return (case - then, then - case) if then - case else None

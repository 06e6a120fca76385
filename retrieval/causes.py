"""Where a sentence gives a reason that the passage does not give for it. Pure; English."""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrieval.told import parts, stems, weight

BECAUSE = (
    r"(?:because(?: of)?|due to|owing to|thanks to|on account of|as a result of|(?:the|its) reason being that|"
    r"since(?= (?:the|a|an|it|they|he|she|no|there|tolls|its|their)\b))"
)
REASONS = (
    re.compile(rf"(?P<effect>.+?),? {BECAUSE} (?P<cause>.+)", re.IGNORECASE),
    re.compile(rf"{BECAUSE} (?P<cause>[^,]+), (?P<effect>.+)", re.IGNORECASE),
    re.compile(r"(?P<cause>.+?), (?:so|therefore|which is why|and so) (?P<effect>.+)", re.IGNORECASE),
)
IN_SPITE = (
    re.compile(r"(?P<effect>.+?),? (?:although|though|despite|in spite of|even though) (?P<cause>.+)", re.IGNORECASE),
    re.compile(r"(?P<cause>.+?), (?:yet|but still|nevertheless) (?P<effect>.+)", re.IGNORECASE),
)
MOST, SOME = 0.6, 0.3


@dataclass(frozen=True)
class Link:
    """Stems of what happened and of why."""

    effect: frozenset[str]
    cause: frozenset[str]


def links(text: str, forms: tuple[re.Pattern[str], ...] = REASONS) -> list[Link]:
    """A link for each sentence, or part after a semicolon, that gives a reason."""
    found = []
    for piece in re.split(r"[.;]\s+", text):
        if match := next(filter(None, (form.fullmatch(piece.strip(" .")) for form in forms)), None):
            effect, cause = stems(match["effect"]), stems(match["cause"])
            found.append(Link(effect - cause, cause - effect))
    return found


def other_cause(sentence: str, passage: str) -> str:
    """The sentence gives a reason that the passage gives for something else or not at all, or takes the reason for what came
    of it."""
    told, in_spite = links(passage), links(passage, IN_SPITE)
    # In a sentence by itself "since" may well be of time.
    for mine in links(re.sub(r"\bsince\b", "", sentence, flags=re.IGNORECASE)):
        if any(most_of(mine.effect, its.effect) and most_of(mine.cause, its.cause) for its in told):
            continue
        if any(most_of(mine.effect, its.cause) and most_of(mine.cause, its.effect) for its in told):
            return "the passage has cause and effect the other way round"
        if any(most_of(mine.effect, its.effect) and most_of(mine.cause, its.cause) for its in in_spite):
            return "the passage says that it was so in spite of this"
        if another_given(mine, told) or apart(mine, passage):
            return "the passage does not give this as the reason"
    for mine in links(sentence, IN_SPITE):
        if any(most_of(mine.effect, its.effect) and most_of(mine.cause, its.cause) for its in told):
            return "the passage gives this as the reason"
    return ""


def another_given(mine: Link, told: list[Link]) -> bool:
    """Whether the passage gives reasons for it, and this is none of them."""
    given = [its for its in told if most_of(mine.effect, its.effect)]
    return bool(given) and not any(weight(mine.cause & its.cause) >= SOME * weight(mine.cause) for its in given)


def apart(mine: Link, passage: str) -> bool:
    """Whether the passage tells of both, but nowhere together."""
    told = [stems(one) for one in dict.fromkeys(one.sentence for one in parts(passage))]
    effects = [one for one in told if most_of(mine.effect, one)]
    elsewhere = any(most_of(mine.cause, one) for one in told)
    return bool(effects) and elsewhere and not any(mine.cause & one for one in effects)


def most_of(mine: frozenset[str], its: frozenset[str]) -> bool:
    return bool(mine) and weight(mine & its) >= MOST * weight(mine)

"""Where a sentence says more than a passage: all for most, must for may, at most for at least, without the condition. Pure;
English. Each function gives the reason, or nothing where it finds none; `told` is what of the passage it is held against.
"""

from __future__ import annotations

import re

from retrieval.conditions import CONDITION, odd, under
from retrieval.facts import NEGATION
from retrieval.quantities import numbers, turns_limit
from retrieval.told import in_order, ordered, stems
from retrieval.units import KINDS
from retrieval.words import stem

EXPECTED = re.compile(
    r"\b(?:expect\w*|forecast\w*|hopes?|predict\w*|anticipat\w*|(?:plan|intend|want|aim|propose)s?(?: to)?|would like to)\b",
    re.IGNORECASE,
)
PAST = re.compile(r"\b(?:was|were|had|has|have|did|fell|rose|grew|became|\w{3,}ed)\b", re.IGNORECASE)
# The first that fits counts; "nearly all" is most.
SHARES = (
    ("most", r"(?:nearly|almost|virtually|practically) (?:all|every|always)|most (?:of|\w+s)\b|mostly|usually|generally|"
             r"typically|(?:the|a) majority|as a rule|normally"),
    ("few", r"(?:only )?(?:a )?(?:very )?few(?! (?:years|months|weeks|days|hours|minutes))|rarely|seldom|"
            r"hardly (?:any|ever)|scarcely|a minority|only some"),
    ("some", r"(?:a|one|two) (?:third|quarter|fifth|tenth)s? of|half (?:of )?(?:the|its|their)|\d+ ?(?:%|percent) of|not (?:all|every|always)|some(?! \d)|"
             r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten) of (?:the |these |those |them)|^of (?:the )?\d+ \w+|"
             r"several|sometimes|occasionally|certain|partly|in part|in some cases|a number of|can be"),
    ("all", r"all|(?:every|each)(?! (?:\d+|other|few|two|three|four|five|six|seven|eight|nine|ten|twelve|second|minute|hour|"
            r"day|night|week|month|year|morning|evening|time)\b)|always|everyone|everybody|anyone|anybody|anything|any|"
            r"entire|entirely|completely|without exception|in every case|in full|fully|unlimited"),
)  # fmt: skip
SHARE = [(name, re.compile(rf"\b(?:{form})\b", re.IGNORECASE)) for name, form in SHARES]
OVERSTATED = {
    ("all", "most"),
    ("all", "some"),
    ("all", "few"),
    ("most", "few"),
    ("most", "some"),
    ("few", "most"),
    ("few", "all"),
}
TIMES = re.compile(
    r"\b(?:when|whenever|where|while|between|during|once(?! (?:an?|in|per|every|more)\b)|as long as)\b", re.IGNORECASE
)
ANY = re.compile(r"\b(?:any|every|all) (\w+)", re.IGNORECASE)
ONLY = re.compile(
    r"\b(?:only|solely|exclusively|nobody but|no one but|none but)\b(?! (?:after|when|if|an? (?:small|slight|little|minor)))",
    re.IGNORECASE,
)
ONLY_TOO = re.compile(
    r"\b(?:only|solely|exclusively|alone|sole|just|except|unless|nobody|no other|nothing|not|no|never|but)\b",
    re.IGNORECASE,
)
OTHERS = re.compile(r"\b(?:others?|rest|else|otherwise|remaining|below that|above that)\b", re.IGNORECASE)
# So many of the neighbouring words are neighbours in the passage too.
COPIED = 0.25
WILL = re.compile(r"\bwill\b", re.IGNORECASE)
MUST = re.compile(
    r"\b(?:must|has to|have to|had to|shall|is required|are required|is obliged|are obliged|needs? to|obligatory|mandatory|duty)\b",
    re.IGNORECASE,
)
MAY = re.compile(
    r"\b(?:may|can|could|might|allowed|permitted|able to|optional|free to|if (?:they|you) (?:like|want))\b",
    re.IGNORECASE,
)


def other_bound(sentence: str, told: str, passage: str) -> str:
    """A number that is a lower limit in one and an upper limit in the other."""
    if odd(sentence) != odd(told) or OTHERS.search(told) or both_ways(sentence, told):
        return ""
    # "Must not give more than 4 g" and "not more than 4 g" are one limit.
    if turns_limit(sentence) != turns_limit(told):
        return ""
    its = numbers(told) or numbers(passage)
    for number in numbers(sentence):
        same = [other.bound for other in its if number.same(other)]
        if number.bound and same and all(bound == -number.bound for bound in same):
            return f"the passage gives {number.value:g} as {'an upper' if number.bound > 0 else 'a lower'} limit"
    return ""


def both_ways(sentence: str, told: str) -> bool:
    """Whether the sentence turns two things round, which says the same: "less than six, more often", "more than six, less"."""
    ways = [[bool(re.fullmatch("more|over|above|longer|higher|later", word)) for word in re.findall(
        r"more|over|above|longer|higher|later|less|fewer|under|below|shorter|lower|earlier", text.lower())] for text in (sentence, told)]  # fmt: skip
    return len(ways[0]) == len(ways[1]) > 1 and all(one != other for one, other in zip(*ways, strict=True))


def share(text: str) -> str:
    """How many, or how often: the first share that a text speaks of."""
    found = [(match.start(), name) for name, form in SHARE if (match := form.search(text))]
    names = {name for _, name in found}
    # "Nearly all" is found as all too.
    return "most" if "most" in names else min(found, default=(0, ""))[1]


def other_share(sentence: str, told: str) -> str:
    mine, its = share(sentence), share(told)
    if odd(sentence) != odd(told):
        return ""
    if (mine, its) in OVERSTATED:
        return f"the passage says this of {its}, and not of {mine}"
    condition = CONDITION.search(told) or TIMES.search(told)
    limited = condition is not None and not under(told, condition) & stems(sentence)
    limited = limited or any(
        number.bound and not any(number.same(one) for one in numbers(sentence)) for number in numbers(told)
    )
    limited = limited or bool(ONLY.search(told)) or any_narrowed(sentence, told)
    if mine == "all" and its != "all" and limited and not CONDITION.search(sentence):
        return "the passage sets a limit to this"
    return ""


def any_narrowed(sentence: str, told: str) -> bool:
    """Whether the passage says which: "any speed" against "walking speed"."""
    its = ordered(told)
    for match in ANY.finditer(sentence):
        word = stem(match.group(1).lower())
        if word not in KINDS and word in its[1:] and its[its.index(word) - 1] not in stems(sentence):
            return True
    return False


def only_added(sentence: str, told: str) -> str:
    if ONLY.search(sentence) and not ONLY_TOO.search(told):
        return "the passage does not say 'only'"
    return ""


def other_duty(sentence: str, told: str) -> str:
    """Must for may, may for must, or will for may, where nothing is denied and something is copied."""
    if NEGATION.search(sentence) or odd(told) or in_order(sentence, told) < COPIED:
        return ""
    mine, its = duties(sentence), duties(told)
    # "Only she may sign it" says that she must.
    if mine and its and not mine & its and (mine, its) != ({"will"}, {"must"}) and not ONLY.search(told):
        return f"the passage says {sorted(its)[0]!r}, and not {sorted(mine)[0]!r}"
    return ""


def duties(text: str) -> set[str]:
    found = {name for name, form in (("must", MUST), ("may", MAY), ("will", WILL)) if form.search(text)}
    return found - {"will"} or found


def only_expected(sentence: str, told: str) -> str:
    """What the passage expects, said as done."""
    if EXPECTED.search(told) and PAST.search(sentence) and not PAST.search(told) and not EXPECTED.search(sentence):
        return "the passage expects this only"
    return ""

"""Where a sentence turns a comparison or an order of a passage round: more or less, before or after, from this to that. Pure;
English."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core import spelled
from retrieval.facts import negated
from retrieval.quantities import Number, numbers
from retrieval.told import parts, stems
from retrieval.words import words

# "More than ten" is a limit and compares no two things.
SPELLED = "|".join(spelled.VALUES)
COMPARED = re.compile(
    r"\b(?:(?:\w+ times|twice) as (?P<times>\w+)(?: \w+){0,4} as\b)|\b(?P<word>more|less|fewer|better|worse|further|\w{2,}(?<!oth)(?<!rath)er)\b(?P<what>(?: [\w'’-]+){0,6}?) than\b(?! (?:about )?[\d$€£])(?! (?:"
    + SPELLED
    + r")\b)",
    re.IGNORECASE,
)
UP = frozenset(
    ["more", "better", "further", "higher", "larger", "greater", "bigger", "longer", "heavier", "faster", "later", "older",
     "warmer", "hotter", "wider", "taller", "stronger", "richer", "thicker", "deeper", "dearer", "busier", "broader",
     "steeper", "louder", "brighter", "closer"]
)  # fmt: skip
DOWN = frozenset(
    ["less", "fewer", "worse", "lower", "smaller", "shorter", "lighter", "slower", "earlier", "younger", "colder", "cooler",
     "narrower", "weaker", "poorer", "thinner", "cheaper", "quieter", "darker", "newer"]
)  # fmt: skip
# What is fast takes little time, and what is economical uses little of anything.
FAST, SPARING = frozenset(["faster", "quicker", "slower", "sooner"]), re.compile(r"\b(?:economical|efficient|frugal)\b")
GENERIC = frozenset(["one", "ones"])
LEADS = re.compile(r"\s*(?:in|on|at|by|with|for|to|from|of|under|during|after|before) ", re.IGNORECASE)
BEFORE = re.compile(r"\b(before|after)\b|,? (?:and |but )?(then|only then)\b", re.IGNORECASE)
EARLIER = re.compile(r"^(?:first|then|only)\b|\b(?:first|only|you)\b,?\s*$", re.IGNORECASE)
RANGE = re.compile(r"\bfrom (.{1,25}?) (?:to|until) (\S+)", re.IGNORECASE)


def turned(sentence: str, passage: str) -> str:
    """What has changed places around "than", "before" or "after", or "from ... to"."""
    return turned_comparison(sentence, passage) or turned_order(sentence, passage) or turned_range(sentence, passage)


def turned_comparison(sentence: str, passage: str) -> str:
    found = COMPARED.search(sentence)
    if not found:
        return ""
    first, second = compared(sentence, found)
    first, second = first - second, second - first
    way = direction(found)
    if exchanged(sentence, found, passage):
        return "the passage compares them the other way round"
    for theirs in COMPARED.finditer(passage):
        its_first, its_second = compared(passage, theirs)
        its_first, its_second = its_first - its_second, its_second - its_first
        straight = bool(second & its_second)
        crossed = bool(second & its_first and first & its_second and not straight)
        same = (found.group("word") or "").lower() == (theirs.group("word") or "").lower()
        its_way = way if same else direction(theirs)
        if straight != crossed and (same or (way and its_way)):
            return "" if straight == (way == its_way) else "the passage compares them the other way round"
    return "the passage gives the greater number to the other" if compared_numbers(sentence, passage) < 0 else ""


def exchanged(sentence: str, found: re.Match[str], passage: str) -> bool:
    """ "More good than harm" for "more harm than good"; "cheaper by day than at night" where it is "cheaper at night"."""
    word, what = (found.group("word") or "").lower(), stems(found.group("what") or "")
    first, second = compared(sentence, found)
    for theirs in COMPARED.finditer(passage):
        its_what, its_second = stems(theirs.group("what") or ""), compared(passage, theirs)[1]
        if what & its_second and second & its_what and word == (theirs.group("word") or "").lower():
            return True
    first, second = first - second, second - first
    alone = (
        [one for one in parts(passage) if re.search(rf"\b{word}\b", one.text.lower()) and not COMPARED.search(one.text)]
        if word
        else []
    )
    return any(second <= one.all and not first & one.own for one in alone if second)


def compared(text: str, found: re.Match[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The two things that "than" stands between: "fell more with the drug than with the placebo" compares drug and placebo."""
    before = re.split(r"[.;]|, (?:and|yet|but|since|because)\b", text[: found.start()])[-1]
    after = re.split(r"[.;,]| (?:and|but|yet)\b", text[found.end() :])[0]
    what = found.group("what") or ""
    one = stems(what if LEADS.match(after) and words(what) else before)
    return one - GENERIC, stems(after) - GENERIC


def direction(found: re.Match[str]) -> int:
    """1 where a comparison says that there is more of something, -1 where it says less, 0 where that is not known."""
    word = (found.group("word") or "more").lower()
    way = 1 if word in UP else -1 if word in DOWN else 0
    return -way if SPARING.search(found.group("what") or "") else way


def compared_numbers(sentence: str, passage: str) -> int:
    """Whether the passage's numbers bear a comparison out (1), go against it (-1), or say nothing (0)."""
    found = COMPARED.search(sentence)
    way = direction(found) if found else 0
    if not found or not way:
        return 0
    first, second = compared(sentence, found)
    first, second = first - second, second - first
    homes = [one for one in parts(passage) if second & one.own]
    mine = first - frozenset[str]().union(*(one.own for one in homes))
    here = [one for one in parts(passage) if mine & one.all and not second & one.own]
    pairs = [(one, other) for one in here for other in homes if not mine & other.own]
    most = max((len(one.own & other.own) for one, other in pairs), default=0)
    verdicts = {
        verdict
        for one, other in pairs
        if len(one.own & other.own) == most and (verdict := greater(one.text, other.text, found.group("word") or ""))
    }
    return verdicts.pop() * way if len(verdicts) == 1 else 0


def greater(one: str, other: str, word: str) -> int:
    """Whether the numbers of one text are above (1) or below (-1) those of the other; the first of each kind counts."""
    found = set()
    for mine in firsts(one):
        for its in firsts(other):
            alike = "year" not in (mine.kind, its.kind) and (mine.unit == its.unit or not mine.unit or not its.unit)
            if alike and mine.value != its.value:
                fast = word.lower() in FAST and mine.kind == "time"
                found.add((1 if mine.value > its.value else -1) * (-1 if fast else 1))
    return found.pop() if len(found) == 1 else 0


def firsts(text: str) -> Iterator[Number]:
    """The first number of each kind."""
    yield from {number.kind: number for number in reversed(numbers(text)) if not number.weak}.values()


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

"""Where a sentence turns a comparison of a passage round, or the passage's numbers go against it. Pure; English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core import spelled
from retrieval.quantities import Number, numbers
from retrieval.told import parts, stems
from retrieval.words import words

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
FAST, SPARING = (
    frozenset(["faster", "quicker", "slower", "sooner"]),
    re.compile(r"\b(?:economical|efficient|frugal|slowly|rarely|seldom)\b"),
)
GENERIC = frozenset(["one", "ones"])
LEADS = re.compile(r"\s*(?:in|on|at|by|with|for|to|from|of|under|during|after|before) ", re.IGNORECASE)
# "More than ten" is a limit and compares no two things; "rather than" compares nothing.
THAN = re.compile(
    r"(?<!rather)(?<!other) than\b(?! (?:about )?[\d$€£])(?! (?:" + "|".join(spelled.VALUES) + r")\b)", re.IGNORECASE
)
AS_OFTEN = re.compile(r"\b(?:\w+ times|twice) as \w+(?: \w+){0,4} as\b", re.IGNORECASE)
KNOWN = UP | DOWN | FAST
# "Needs less water than wheat but more salt": what is compared is the same.
ALSO = re.compile(
    r"(?P<lead>[^.;]*?)\b(?:more|less|fewer|\w{2,}er) [^.;]{1,40}? (?P<than>than [^.;,]{2,40}?),? (?:but|and|yet) "
    r"(?:\w+s )?(?P<more>more|less|fewer|\w{2,}er) (?P<what>\w+(?: \w+)?)(?=[.;,]|$)",
    re.IGNORECASE,
)
AS_MUCH = re.compile(r"(?<!times )(?<!twice )(?<!half )\bas (?:often|much|many|\w+) as\b", re.IGNORECASE)
# So many words may stand between the comparative and "than".
BETWEEN = 10


@dataclass(frozen=True)
class Comparison:
    """`word`: the comparative, which begins at `start`; `what`: what stands between it and "than", which ends at `end`."""

    start: int
    end: int
    word: str
    what: str = ""

    @property
    def way(self) -> int:
        """1 where it says that there is more of something, -1 where it says less, 0 where that is not known."""
        way = 1 if self.word in UP else -1 if self.word in DOWN else 0
        return -way if SPARING.search(self.what) else way


def comparisons(text: str) -> list[Comparison]:
    """All comparisons of a text, in their order."""
    found = [Comparison(match.start(), match.end(), "more") for match in AS_OFTEN.finditer(text)]
    for than in THAN.finditer(text):
        before = list(re.finditer(r"[\w'’-]+", text[: than.start()]))[-BETWEEN:]
        # The nearest known comparative, else the nearest word that looks like one: "summer" does too.
        # "The lower field" compares nothing.
        before = [match for match in before if not text[: match.start()].lower().endswith("the ")]
        known = [match for match in before if match.group().lower() in KNOWN]
        alike = [match for match in before if re.fullmatch(r"\w{3,}er", match.group())]
        if chosen := (known or alike)[-1:]:
            word = chosen[0]
            found.append(Comparison(word.start(), than.end(), word.group().lower(), text[word.end() : than.start()]))
    return sorted(found, key=lambda one: one.start)


def turned_comparison(sentence: str, passage: str) -> str:
    """Two things have changed places around "than", or its numbers say the opposite."""
    turned = "the passage compares them the other way round"
    mines = comparisons(sentence)
    passage = spelled_out(passage) if mines else passage
    for mine in mines:
        first, second = compared(sentence, mine)
        first, second = first - second, second - first
        if exchanged(mine, first, second, passage):
            return turned
        if alike(first, second, passage):
            return "the passage says that they are alike in this"
        # What compares the same thing comes first.
        for its in sorted(comparisons(passage), key=lambda one: not stems(one.what) & stems(mine.what)):
            its_first, its_second = compared(passage, its)
            its_first, its_second = its_first - its_second, its_second - its_first
            straight = bool(second & its_second)
            crossed = bool(second & its_first and first & its_second and not straight)
            ways = (1, 1) if mine.word == its.word else (mine.way, its.way)
            if straight != crossed and all(ways):
                return "" if straight == (ways[0] == ways[1]) else turned
    return "the passage gives the greater number to the other" if compared_numbers(sentence, passage) < 0 else ""


def spelled_out(passage: str) -> str:
    """The passage with the comparisons that it shortens in full: "less water than B, but more salt [than B]"."""
    found = filter(None, (ALSO.match(one) for one in re.split(r"(?<=[.;])\s+", passage) if " than " in one))
    return " ".join([passage, *(f"{one['lead']}{one['more']} {one['what']} {one['than']}." for one in found)])


def alike(first: frozenset[str], second: frozenset[str], passage: str) -> bool:
    """Whether the passage says "one as often as the other"."""
    for found in AS_MUCH.finditer(passage):
        left = stems(re.split(r"[.;]|, (?:and|but)\b", passage[: found.start()])[-1])
        right = stems(re.split(r"[.;,]", passage[found.end() :])[0])
        if (first & left and second & right) or (first & right and second & left):
            return True
    return False


def exchanged(mine: Comparison, first: frozenset[str], second: frozenset[str], passage: str) -> bool:
    """ "More good than harm" for "more harm than good"; "cheaper by day than at night" where it is "cheaper at night"."""
    what = stems(mine.what)
    for its in comparisons(passage):
        if mine.word == its.word and what & compared(passage, its)[1] and second & stems(its.what):
            return True
    same = [one for one in parts(passage) if re.search(rf"\b{re.escape(mine.word)}\b", one.text.lower())]
    alone = [one for one in same if not comparisons(one.text)]
    return any(second <= one.all and not first & one.own for one in alone if second)


def compared(text: str, found: Comparison) -> tuple[frozenset[str], frozenset[str]]:
    """The two things that "than" stands between: "fell more with the drug than with the placebo" compares drug and placebo."""
    before = re.split(r"[.;]|, (?:and|yet|but|since|because)\b", text[: found.start])[-1]
    after = re.split(r"[.;,]| (?:and|but|yet)\b", text[found.end :])[0]
    one = stems(found.what if LEADS.match(after) and words(found.what) else before)
    return one - GENERIC, stems(after) - GENERIC


def compared_numbers(sentence: str, passage: str) -> int:
    """Whether the passage's numbers bear a comparison out (1), go against it (-1), or say nothing (0)."""
    found = next((one for one in comparisons(sentence) if one.way), None)
    if found is None:
        return 0
    first, second = compared(sentence, found)
    first, second = first - second, second - first
    homes = [one for one in parts(passage) if second & one.own]
    mine = first - frozenset[str]().union(*(one.own for one in homes))
    here = [one for one in parts(passage) if mine & one.all and not second & one.own]
    pairs = [(one, other) for one in here for other in homes if not mine & other.own]
    most = max((len(one.own & other.own) for one, other in pairs), default=0)
    nearest = [(one, other) for one, other in pairs if len(one.own & other.own) == most]
    verdicts = {verdict for one, other in nearest if (verdict := greater(one.text, other.text, found.word))}
    return verdicts.pop() * found.way if len(verdicts) == 1 else 0


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

"""Numbers with their units, compared by amount: "3,000" and "3000", "two weeks" and "14 days". Pure; English."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from core import spelled
from retrieval.units import FACTORS, KINDS, rate_after, unit_after, unit_name

ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
]
VALUES = spelled.VALUES | {word: float(n) for n, word in enumerate(ORDINALS, 1)}
VALUES |= {"dozen": 12.0, "once": 1.0, "twice": 2.0, "double": 2.0, "fortnight": 14.0}
SCALES = spelled.SCALES | {"k": 1e3}
# "one" is mostly a pronoun, "second" often a unit; neither says much.
ORDINAL = "nth"
WEAK = frozenset({"one", "first", "second", "once", "twice", "zero"})
NUMBER = re.compile(
    r"(?P<money>[$€£])?(?P<digits>(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|(?<![\w.])\d+(?:[.:]\d+)*(?:e[-+]?\d+)?)"
    r"(?P<glued>%|[a-zA-Zµ]{1,4}\b)?|\b(?P<word>" + "|".join([*VALUES, *SCALES]) + r")\b",
    re.IGNORECASE,
)
SPELLED = re.compile(r"\b(?:" + "|".join(word for word in spelled.VALUES if word != "one") + r")\b", re.IGNORECASE)
SHARES = {"half": 0.5, "third": 1 / 3, "quarter": 0.25, "fifth": 0.2, "tenth": 0.1}
# "A third album" is no share, "a third of it" and "by a third" are.
SHARE = re.compile(
    r"\b(?:(two|three|four)[\s-]+)(half|third|quarter|fifth|tenth)s\b|\b(?:a|an|one|by an?)[\s-]+(half|quarter)\b|\b(half)\b|"
    r"\b(?:(?:a|an|one)[\s-]+(third|fifth|tenth)\b(?=\s*(?:$|[.,;:)]|(?:of|the|more|less|as|is|are|was|were|may|can|could|must|should|will|would|has|have|in|\w+er)\b))|by an? (third|fifth|tenth))\b",
    re.IGNORECASE,
)
# "half a year" is six months, "one and a half times" 1.5 times.
HALF_TIME = re.compile(
    r"\b(?:(?P<part>half|three quarters of|quarter of)[\s-]an?[\s-](?P<unit>hour|day|week|month|year|minute)\b|half[\s-](?=year)(?P<year>year))",
    re.IGNORECASE,
)
AND_A_HALF = re.compile(r"\b(\w+) and a half\b", re.IGNORECASE)
# "once a year", "weekly": a length of time that no number is written for.
EACH = re.compile(r"\b(?:per|an?|each|every|in an?) (hour|day|week|month|year|minute|second)\b", re.IGNORECASE)
YEAR = re.compile(r"(?<![\w.,])(?:1\d{3}|20\d\d)(?![\w,]\d|\w)")
MOST_YEARS = 4
COUNTED = re.compile(
    r"\b(?P<value>a|\d{1,2}|" + "|".join(spelled.ONES[1:21]) + r") years? (?P<way>later|earlier|before|after)\b",
    re.IGNORECASE,
)
TIMES_OVER = re.compile(r"\b(?:(doubl(?:ed|es|ing))|halv(?:ed?|es|ing))\b", re.IGNORECASE)
# "Nine letters in ten".
ONE_TO_TEN = r"(\d|10|" + "|".join(spelled.ONES[1:11]) + ")"
RATIO = re.compile(rf"\b{ONE_TO_TEN} (?:\w+ )?(?:in|out of) {ONE_TO_TEN}\b(?! \w{{3,}}s\b)", re.IGNORECASE)
CLOCK = re.compile(r"\d+:\d+(?::\d+)?(?:\.\d+)?")
PER_SECOND = re.compile(r"\b(?:per|an?|each|every) second$", re.IGNORECASE)
ADVERBS = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "yearly": "year", "annual": "year",
           "annually": "year"}  # fmt: skip
EDGE = r"\s*(?:about|around|roughly|approximately|some|the|an age of|the age of)?\s*[$€£]?$"
AT_MOST = re.compile(
    r"\b(?:at most|at the latest|not? (?:more|later|longer|higher|older|larger) than|not (?:over|above)|up to|maximum(?: \w+)?(?: of| is)?|"
    r"(?<!no )(?<!not )(?:less|fewer|younger|shorter|smaller|lower|lighter|nearer|closer|earlier) than|under|below|within)"
    + EDGE,
    re.IGNORECASE,
)
AT_LEAST = re.compile(
    r"\b(?:at least|not? (?:less|fewer|younger|shorter|earlier|lower|smaller) than|not (?:under|below)|minimum(?: \w+)?(?: of| is)?|"
    r"from(?= (?:the|an) age of)|(?<!no )(?<!not )(?:more|older|longer|greater|higher|larger|heavier|later|further) than|over|above|exceed\w*|beyond)"
    + EDGE,
    re.IGNORECASE,
)
DENIES = re.compile(r"\b(?:not|never|no|nobody|cannot)\b(?:\W+[\w%]+){1,6}\W*$", re.IGNORECASE)
OPEN_LIMIT = re.compile(r"\b(?:more|less|fewer|longer) than\b", re.IGNORECASE)
OR_MORE = re.compile(
    r"^[\s-]*(?:\w+\s+){0,2}?(?:(?:or|and) (?:more|older|over|above|longer|higher|later|up)\b|at (?:the )?least\b)",
    re.IGNORECASE,
)
OR_LESS = re.compile(
    r"^[\s-]*(?:\w+\s+){0,2}?(?:(?:or|and) (?:less|fewer|younger|under|below|shorter|earlier)\b|at (?:the )?(?:most|latest)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Number:
    """`rate`: the time that it is for ("per minute"); `bound`: -1 at most, 1 at least, 0 neither; `weak`: says little."""

    value: float
    unit: str
    weak: bool
    rate: str = ""
    bound: int = 0

    @property
    def kind(self) -> str:
        """What it measures; numbers of one kind can stand for each other, so that a changed one is a contradiction."""
        if self.unit == "clock":
            return "clock"
        if not self.unit and 1000 <= self.value <= 2100 and self.value == int(self.value):
            return "year"
        return KINDS.get(self.unit, self.unit or "count")

    def same(self, other: Number) -> bool:
        """The same amount, whatever the unit: two weeks are 14 days, a quarter is 25 %."""
        if self.rate and other.rate and self.rate != other.rate:
            return False
        if self.equal(other):
            return True
        mine, its = FACTORS.get(self.unit), FACTORS.get(other.unit)
        if mine is None or its is None or mine[0] != its[0]:
            return False
        # Units of length and weight are rounded when they are changed into each other.
        if "share" in (self.unit, other.unit):
            return abs(self.value * mine[1] - other.value * its[1]) < 0.005
        near = 1e-6 if mine[1] == its[1] or mine[0] in ("time", "months") else 0.005
        return abs(self.value * mine[1] - other.value * its[1]) <= near * max(1e-9, abs(self.value * mine[1]))

    def equal(self, other: Number) -> bool:
        if abs(self.value - other.value) > 1e-9 * max(1.0, abs(self.value)):
            return False
        # A time of day is no amount of something.
        units = {self.unit, other.unit}
        apart = units & {"clock", ORDINAL}
        known = units <= KINDS.keys() or bool(apart and units - apart - {""})
        return not known or len(units) == 1


@lru_cache(maxsize=20_000)
def numbers(text: str) -> tuple[Number, ...]:
    """Numbers with their units: "3,000 tickets" is 3000 ticket, "twelve hours" 12 hour, "1.4 billion dollars" 1.4e9 $."""
    text = TIMES_OVER.sub(lambda match: "double" if match.group(1) else "half", text)
    found, text = _parts(RATIO.sub(percent, text))
    end = 0
    for match in NUMBER.finditer(text):
        # "Per second" is no ordinal.
        if match.start() < end or (match.group("word") and PER_SECOND.search(text[: match.end()])):
            continue
        value, unit, weak = first_value(match)
        end = match.end()
        if (match.group("word") or "").lower() in ORDINALS or (match.group("glued") or "").lower() in (
            "st",
            "nd",
            "rd",
            "th",
        ):
            found.append(Number(value, ORDINAL, weak or not match.group("word")))
            continue
        while following := re.match(r"[\s-]+(\w+)", text[end:]):
            word = following.group(1).lower()
            if word in SCALES:
                value *= SCALES[word]
            elif word in spelled.ONES[1:10] and match.group("word") and match.group("word").lower() in spelled.TENS:
                value += VALUES[word]
            else:
                break
            weak = False
            end += following.end()
        unit = "day" if match.group().lower() == "fortnight" else unit or unit_after(text[end:])
        found.append(
            Number(value, unit, weak and unit not in KINDS, rate_after(text[end:]), bound(text, match.start(), end))
        )
    return tuple(found)


def _parts(text: str) -> tuple[list[Number], str]:
    """Numbers that are written as parts of a whole, and the text with dashes in their place."""

    def blank(match: re.Match[str]) -> str:
        return "-" * len(match.group())

    found = [
        Number(part_of(match), (match["unit"] or match["year"]).lower(), False, bound=bound(text, *match.span()))
        for match in HALF_TIME.finditer(text)
    ]
    text = HALF_TIME.sub(blank, text)
    for match in AND_A_HALF.finditer(text):
        if (whole := VALUES.get(match.group(1).lower())) is not None:
            unit = unit_after(text[match.end() :])
            found.append(Number(whole + 0.5, "share" if unit == "time" else unit, False))
    text = AND_A_HALF.sub(blank, text)
    for match in SHARE.finditer(text):
        many, *named = match.groups()
        part = SHARES[next(filter(None, named)).lower()]
        found.append(
            Number(VALUES.get((many or "").lower(), 1.0) * part, "share", False, bound=bound(text, *match.span()))
        )
    return found, SHARE.sub(blank, text)


def percent(match: re.Match[str]) -> str:
    one, other = (float(text) if text[0].isdigit() else VALUES[text.lower()] for text in match.groups())
    return f"{100 * one / other:g}%" if 0 < one < other else match.group()


def part_of(match: re.Match[str]) -> float:
    return {"quarter of": 0.25, "three quarters of": 0.75}.get((match["part"] or "").lower(), 0.5)


def bound(text: str, start: int, end: int) -> int:
    """Whether a number at `start:end` is a lower limit (1, "at least"), an upper one (-1, "up to") or neither (0)."""
    before, after = text[max(0, start - 40) : start], text[end : end + 40]
    if AT_MOST.search(before) or OR_LESS.match(after):
        return -1
    return int(bool(AT_LEAST.search(before) or OR_MORE.match(after)))


def turns_limit(text: str) -> bool:
    """Whether a negation turns a limit round: "nobody may stay for more than two days" sets an upper one."""
    return any(DENIES.search(text[: match.start()]) for match in OPEN_LIMIT.finditer(text))


@lru_cache(maxsize=20_000)
def durations(text: str) -> tuple[Number, ...]:
    """Lengths of time that no number is written for: "once a year" and "yearly" are one year, "1824 to 1831" seven; and the years
    that a text counts to."""
    years = sorted({int(year) for year in YEAR.findall(text)})[:MOST_YEARS]
    spans = {later - earlier for earlier, later in itertools.combinations(years, 2)}
    units = [match.group(1).lower() for match in EACH.finditer(text)]
    units += [ADVERBS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in ADVERBS]
    lengths = (*(Number(1.0, unit, True) for unit in units), *(Number(float(span), "year", True) for span in spans))
    return (*lengths, *(Number(float(year), "", True) for year in counted_on(text)))


def counted_on(text: str) -> Iterator[int]:
    """Years that a text counts to from one that it names: "in 1962, ... three years later" gives 1965."""
    for match in COUNTED.finditer(text):
        before = YEAR.findall(text[: match.start()])
        value = match["value"].lower()
        if before:
            span = 1 if value in ("a", "one") else int(value) if value.isdigit() else int(VALUES[value])
            yield int(before[-1]) + (span if match["way"].lower() in ("later", "before") else -span)


def first_value(match: re.Match[str]) -> tuple[float, str, bool]:
    if word := match.group("word"):
        lowered = word.lower()
        return VALUES.get(lowered, SCALES.get(lowered, 0.0)), "", lowered in WEAK
    digits, glued = match.group("digits"), (match.group("glued") or "").lower()
    if CLOCK.fullmatch(digits):
        hours, minutes, *_ = digits.split(":")
        return float(hours) + float(minutes) / 60, "clock", False
    plain = digits.replace(",", "")
    try:
        value = float(plain)
    except ValueError:
        # A version such as 3.12.1, or an address such as 10.0.0.1:8080, is compared as a whole.
        return float(zlib.crc32(plain.encode())), "version", False
    if glued == "k":
        return value * 1e3, "", False
    return value, match.group("money") or (unit_name(glued) if glued else ""), False


@lru_cache(maxsize=20_000)
def figures_alike(text: str) -> str:
    """The text with its numbers written in one way: "3,000" is 3000, "three" is 3."""
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    plain = re.sub(r"\btwice(?! (?:an?|every|per) )", "two times", plain, flags=re.IGNORECASE)
    return SPELLED.sub(lambda match: f"{VALUES[match.group().lower()]:g}", plain)

"""Numbers with their units, compared by amount: "3,000" and "3000", "two weeks" and "14 days". Pure; English."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

from core import spelled
from retrieval.words import STOPWORDS, stem

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
WEAK = frozenset({"one", "first", "second", "once", "twice", "zero"})
NUMBER = re.compile(
    r"(?P<money>[$€£])?(?P<digits>(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|(?<![\w.])\d+(?:[.:]\d+)*(?:e[-+]?\d+)?)"
    r"(?P<glued>%|[a-zA-Z]{1,3}\b)?|\b(?P<word>" + "|".join([*VALUES, *SCALES]) + r")\b",
    re.IGNORECASE,
)
SPELLED = re.compile(r"\b(?:" + "|".join(word for word in spelled.VALUES if word != "one") + r")\b", re.IGNORECASE)
UNIT_AFTER = re.compile(r"[\s-]*(%|°|[A-Za-z]+)")
UNITS = {
    "percent": "%", "per": "", "gigabyte": "gb", "gib": "gb", "terabyte": "tb", "megabyte": "mb", "kilogram": "kg",
    "millimetre": "mm", "millimeter": "mm", "metre": "m", "meter": "m", "kilometre": "km", "kilometer": "km", "s": "second",
    "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "millisecond": "ms", "dollar": "$", "usd": "$",
    "euro": "€", "eur": "€", "pound": "£", "gbp": "£",
}  # fmt: skip
KINDS = {
    **dict.fromkeys(("ms", "second", "minute", "hour", "day", "night", "week", "month", "year", "decade"), "time"),
    **dict.fromkeys(("mb", "gb", "tb"), "size"), **dict.fromkeys(("mm", "cm", "m", "km"), "length"),
    **dict.fromkeys(("g", "kg", "t"), "weight"), **dict.fromkeys(("$", "€", "£"), "money"), "%": "%", "bit": "bit",
}  # fmt: skip
FACTORS = {
    "ms": ("time", 1e-3), "second": ("time", 1.0), "minute": ("time", 60.0), "hour": ("time", 3600.0),
    "day": ("time", 86400.0), "week": ("time", 604800.0), "month": ("months", 1.0), "year": ("months", 12.0),
    "decade": ("months", 120.0), "mb": ("size", 1e-3), "gb": ("size", 1.0), "tb": ("size", 1e3), "mm": ("length", 1e-3),
    "cm": ("length", 1e-2), "m": ("length", 1.0), "km": ("length", 1e3), "g": ("weight", 1e-3), "kg": ("weight", 1.0),
    "t": ("weight", 1e3), "%": ("share", 1e-2), "share": ("share", 1.0),
}  # fmt: skip
SHARES = {"half": 0.5, "third": 1 / 3, "quarter": 0.25, "fifth": 0.2, "tenth": 0.1}
SHARE = re.compile(r"\b(?:a|an|one|by)\s+(half|third|quarter|fifth|tenth)\b|\b(half)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    value: float
    unit: str
    weak: bool

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
        if self.equal(other):
            return True
        mine, its = FACTORS.get(self.unit), FACTORS.get(other.unit)
        if mine is None or its is None or mine[0] != its[0]:
            return False
        return abs(self.value * mine[1] - other.value * its[1]) < 1e-6 * max(1e-3, abs(self.value * mine[1]))

    def equal(self, other: Number) -> bool:
        if abs(self.value - other.value) > 1e-9 * max(1.0, abs(self.value)):
            return False
        known = self.unit in KINDS and other.unit in KINDS
        return not known or self.unit == other.unit


@lru_cache(maxsize=20_000)
def numbers(text: str) -> tuple[Number, ...]:
    """Numbers with their units: "3,000 tickets" is 3000 ticket, "twelve hours" 12 hour, "1.4 billion dollars" 1.4e9 $."""
    found = [
        Number(SHARES[(match.group(1) or match.group(2)).lower()], "share", False) for match in SHARE.finditer(text)
    ]
    text = SHARE.sub(lambda match: "-" * len(match.group()), text)
    end = 0
    for match in NUMBER.finditer(text):
        if match.start() < end:
            continue
        value, unit, weak = first_value(match)
        end = match.end()
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
        if not unit and (after := UNIT_AFTER.match(text[end:])):
            unit = unit_name(after.group(1))
        found.append(Number(value, unit, weak and unit not in KINDS))
    return tuple(found)


def first_value(match: re.Match[str]) -> tuple[float, str, bool]:
    if word := match.group("word"):
        lowered = word.lower()
        return VALUES.get(lowered, SCALES.get(lowered, 0.0)), "", lowered in WEAK
    digits, glued = match.group("digits"), (match.group("glued") or "").lower()
    if ":" in digits:
        hours, _, minutes = digits.partition(":")
        return float(hours) + float(minutes.split(":")[0]) / 60, "clock", False
    plain = digits.replace(",", "")
    try:
        value = float(plain)
    except ValueError:
        # A version such as 3.12.1 is compared as a whole.
        return float(zlib.crc32(plain.encode())), "version", False
    if glued == "k":
        return value * 1e3, "", False
    return value, match.group("money") or (unit_name(glued) if glued else ""), False


def unit_name(word: str) -> str:
    lowered = word.lower()
    if lowered in STOPWORDS and lowered not in UNITS:
        return ""
    singular = lowered[:-1] if lowered.endswith("s") and len(lowered) > 2 else lowered
    named = UNITS.get(lowered, UNITS.get(singular))
    return named if named is not None else singular if singular in KINDS else stem(lowered)


@lru_cache(maxsize=20_000)
def figures_alike(text: str) -> str:
    """The text with its numbers written in one way: "3,000" is 3000, "three" is 3."""
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    return SPELLED.sub(lambda match: f"{VALUES[match.group().lower()]:g}", plain)

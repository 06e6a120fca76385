"""Numbers, names, negations and opposites in a sentence: what a paraphrase must not change. Pure; English."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from retrieval.words import STOPWORDS, TOKEN, stem

ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
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
VALUES = {word: float(n) for n, word in enumerate(ONES)} | {word: 10.0 * n for n, word in enumerate(TENS, 2)}
VALUES |= {word: float(n) for n, word in enumerate(ORDINALS, 1)}
VALUES |= {"half": 0.5, "dozen": 12.0, "once": 1.0, "twice": 2.0, "double": 2.0, "fortnight": 14.0}
SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "k": 1e3}
# "one" is mostly a pronoun, "second" often a unit; neither says much.
WEAK = frozenset({"one", "first", "second", "once", "zero"})
NUMBER = re.compile(
    r"(?P<money>[$€£])?(?P<digits>(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|(?<![\w.])\d+(?:[.:]\d+)*(?:e[-+]?\d+)?)"
    r"(?P<glued>%|[a-zA-Z]{1,3}\b)?|\b(?P<word>" + "|".join([*VALUES, *SCALES]) + r")\b",
    re.IGNORECASE,
)
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
NEGATION = re.compile(
    r"\b(?:not|no|never|without|neither|nor|none|nobody|nothing|nowhere|cannot|hardly|unable|\w+n['’]t)\b",
    re.IGNORECASE,
)
# Words that deny without a negation: "closed to lorries" says that lorries cannot use it.
DENIAL = re.compile(
    r"\b(?:free|clos\w+|forbid\w*|forbidden|prohibit\w*|bann?\w*|refus\w+|den(?:y|ied|ies)|lack\w*|laps\w+|fail\w*|exclud\w+|"
    r"exempt\w*|except|prevent\w*|avoid\w*|remov\w+|delet\w+|stop\w*|withdraw\w*|only|too|instead|rather|unless|until|in\w{4,}|un\w{4,})\b",
    re.IGNORECASE,
)
OPPOSITES = (
    "before after", "more less", "more fewer", "above below", "over under", "most least", "maximum minimum", "higher lower",
    "high low", "highest lowest", "rise fall", "rose fell", "rise drop", "grow shrink", "increase decrease", "increase reduce",
    "add remove", "allow forbid", "allowed forbidden", "permit prohibit", "accept reject", "approve reject", "include exclude",
    "first last", "start end", "begin end", "open close", "open shut", "enable disable", "east west", "north south",
    "northern southern", "eastern western", "left right", "early late", "earlier later", "earliest latest", "long short",
    "longer shorter", "large small", "larger smaller", "largest smallest", "big small", "fast slow", "faster slower",
    "always never", "all none", "win lose", "won lost", "import export", "public private",
    "internal external", "required optional", "mandatory optional", "manual automatic", "cheap expensive", "with without",
    "better worse", "best worst", "day night", "male female", "men women", "mother father", "gain loss", "success failure",
    "pass fail", "hot cold", "warm cold", "upper lower", "inside outside", "up down", "multiply divide", "even odd",
    "weekly daily", "weekly monthly", "daily monthly", "true false", "old new", "strong weak", "safe dangerous",
)  # fmt: skip
PREFIXES = ("un", "in", "im", "il", "ir", "non", "dis")
CLAUSE = re.compile(
    r";\s+|:\s+|,\s+(?:and|but|or|while|whereas|although|though|which|who|because|so|helped)\s+|\s+(?:but|while|whereas|although)\s+|\s+and\s+(?=\w+(?:s|ed|d)?\s)|,\s+"
)


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
        if abs(self.value - other.value) > 1e-9 * max(1.0, abs(self.value)):
            return False
        known = self.unit in KINDS and other.unit in KINDS
        return not known or self.unit == other.unit


@lru_cache(maxsize=20_000)
def numbers(text: str) -> tuple[Number, ...]:
    """Numbers with their units: "3,000 tickets" is 3000 ticket, "twelve hours" 12 hour, "1.4 billion dollars" 1.4e9 $."""
    found: list[Number] = []
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
            elif word in ONES[1:10] and match.group("word") and match.group("word").lower() in TENS:
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
        return float(hash(plain) % 10**9), "version", False
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
def names(text: str) -> frozenset[str]:
    """Proper names and identifiers, lower-case: capitalized words that do not begin a sentence, and words with a digit or
    a capital inside."""
    found = set()
    for match in re.finditer(r"[^\W_][\w.-]*[^\W_]|[^\W_]", text):
        word = match.group()
        begins = not text[: match.start()].rstrip("\"'“‘([*_ ") or bool(re.search(r"[.!?:]\s*$", text[: match.start()]))
        inner = any(letter.isupper() for letter in word[1:]) or (
            any(letter.isdigit() for letter in word) and any(letter.isalpha() for letter in word)
        )
        if (inner and not re.fullmatch(r"\d[\d.,]*[a-zA-Z%]{1,3}|\d+(?:st|nd|rd|th)|\d+-\w+|\d\S*e-?\d+", word)) or (
            word[0].isupper() and not begins and len(word) > 1 and word.lower() not in STOPWORDS
        ):
            found.add(word.lower())
    return frozenset(found)


def name_stands(name: str, text: str) -> bool:
    """Whether a name stands in a text, whole or as another form of it (Japan, Japanese)."""
    lowered = text.lower()
    if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w])", lowered) or re.search(rf"\b{re.escape(name)}\b", lowered):
        return True
    parts = TOKEN.findall(name)
    if len(parts) > 1:
        return all(name_stands(part, text) for part in parts)
    known = {stem(token) for token in TOKEN.findall(lowered)}
    return stem(name) in known or (len(name) > 5 and any(len(word) > 4 and name.startswith(word) for word in known))


def negated(text: str) -> bool:
    return len(NEGATION.findall(text)) % 2 == 1


def denials(text: str) -> frozenset[str]:
    """Words that deny without a negation, lower-case."""
    return frozenset(match.group().lower() for match in DENIAL.finditer(text))


@lru_cache(maxsize=1)
def opposites() -> dict[str, frozenset[str]]:
    """Each stem's opposites."""
    found: dict[str, set[str]] = {}
    for pair in OPPOSITES:
        one, other = map(stem, pair.split())
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


@lru_cache(maxsize=20_000)
def all_stems(text: str) -> frozenset[str]:
    """Stems of all words, stopwords too: opposites such as before and after are among them."""
    return frozenset(stem(token) for token in TOKEN.findall(text.lower()))


def opposed(sentence: str, passage: str) -> str:
    """The word of the sentence whose opposite stands in the passage instead of it; empty where there is none."""
    mine, its = all_stems(sentence), all_stems(passage)
    for word in sorted(mine - its):
        if (opposites().get(word, frozenset()) & its) - mine:
            return word
        if len(word) > 3 and any(prefix + word in its and prefix + word not in mine for prefix in PREFIXES):
            return word
        if any(
            word.startswith(prefix) and len(word) > len(prefix) + 3 and word[len(prefix) :] in its
            for prefix in PREFIXES
        ):
            return word
    return ""


@lru_cache(maxsize=20_000)
def clauses(sentence: str) -> tuple[str, ...]:
    """Parts of a sentence that can each be true or false."""
    return tuple(part for part in (one.strip() for one in CLAUSE.split(sentence)) if len(TOKEN.findall(part)) >= 2)

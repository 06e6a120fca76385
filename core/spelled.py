"""Numbers written as words: "thirty-two", "six hundred", "one thousand". Pure; English."""

from __future__ import annotations

import re
from itertools import pairwise

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
VALUES = {word: float(n) for n, word in enumerate(ONES)} | {word: 10.0 * n for n, word in enumerate(TENS, 2)}
SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
WORDS = "|".join([*VALUES, *SCALES])
RUN = re.compile(rf"\b(?:{WORDS})(?:[\s-]+(?:and\s+)?(?:{WORDS}))*\b", re.IGNORECASE)


def spelled_numbers(text: str) -> set[float]:
    """The values of all written numbers. "Billion" counts as a unit too: "seventy billion" gives 70 and 7e10."""
    found: set[float] = set()
    for match in RUN.finditer(text):
        for words in numbers([word for word in re.split(r"[\s-]+", match.group().lower()) if word != "and"]):
            found.add(value(words))
            if words[-1] in SCALES and len(words) > 1:
                found.add(value(words[:-1]))
    return found


def numbers(words: list[str]) -> list[list[str]]:
    """A run of number words as the numbers in it: "one twenty-four" ("one 24 GB card") is two."""
    found = [words[:1]]
    for before, word in pairwise(words):
        follows = word in SCALES or before in SCALES or (before in TENS and VALUES[word] < 10)
        if follows:
            found[-1].append(word)
        else:
            found.append([word])
    return found


def value(words: list[str]) -> float:
    total, part = 0.0, 0.0
    for word in words:
        if word in VALUES:
            part += VALUES[word]
        elif word == "hundred":
            part = max(part, 1.0) * 100
        else:
            total, part = total + max(part, 1.0) * SCALES[word], 0.0
    return total + part


def in_digits(text: str) -> str:
    """The text with its written numbers in digits: "fourteen billion" -> "14 billion", "three thousand" -> "3,000".

    Small ones without a unit stay: "one" is more often a word than a number.
    """

    def rewrite(match: re.Match[str]) -> str:
        said = [word for word in re.split(r"[\s-]+", match.group()) if word.lower() != "and"]
        parts: list[str] = []
        for words in numbers([word.lower() for word in said]):
            parts.append(digits(words) or " ".join(said[: len(words)]))
            said = said[len(words) :]
        return " ".join(parts)

    return RUN.sub(rewrite, text)


def digits(words: list[str]) -> str:
    """One number in digits, "" where it had better stay. Millions and above stay units, as people write them."""
    unit = words[-1:] if len(words) > 1 and SCALES.get(words[-1], 0) >= 1e6 else []
    body = words[: len(words) - len(unit)]
    if not any(word in VALUES for word in body) or (value(body) < 10 and not unit):
        return ""
    return " ".join([f"{value(body):,.0f}", *unit])

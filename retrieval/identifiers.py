"""Identifiers of a question, such as part numbers, error codes, tickets and versions: whether they stand in a text, which
sentences speak of them, and which are like one that stands nowhere. Pure.

Vectors and words rank "XR-7740-C" beside "XR-7740-B". A person who asks for one is not served by the other.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

# Letters and digits, perhaps with signs between: XR-7740-B, 0x80A6, INC-20999, H200, llama-3.1-8b.
TOKEN = re.compile(r"(?<![\w.-])#?[^\W_]+(?:[-_./][^\W_]+)*(?![\w])")
# 24GB, 2nd, 3-day, 1e-4, 10x: an amount, a rank, no name.
AMOUNT = re.compile(
    r"\d[\d.,]*[^\W\d_]{1,4}(?:/[^\W\d_]+)?|\d+-[^\W\d_]+(?:-[^\W\d_]+)*|\d[\d.]*e-?\d+|\d+x\d+", re.IGNORECASE
)
HEX = re.compile(r"0x[0-9a-f]+", re.IGNORECASE)
# "Room 102", "version 3.2": the number after such a word is a name too.
NUMBERED = re.compile(
    r"\b(part|error|fault|code|ticket|contract|version|room|order|invoice|article|case|section|chapter|model|form|release|"
    r"issue|bay|gate|berth|platform|locker|raum|zimmer|fehler|vertrag|ticket|artikel|rechnung|auftrag)"
    r"(?:\s+(?:number|no\.?|nr\.?|code|id))?\s+#?(\d[\d.]*\d|\d+)(?![\w.,]*\d)(?!\s*(?:[-–%]|to\b|or\b|and\b))",
    re.IGNORECASE,
)
LONGEST = 40
ALIKE, MOST_ALIKE = 0.6, 3


@lru_cache(maxsize=5_000)
def identifiers(text: str) -> tuple[str, ...]:
    """As they are written, each once, in their order."""
    found = [match.group().strip("#") for match in TOKEN.finditer(text) if named(match.group().strip("#"))]
    found += [f"{word} {number}" for word, number in NUMBERED.findall(text)]
    return tuple(dict.fromkeys(found))


def named(word: str) -> bool:
    """Whether a word is an identifier: letters and digits, and not only an amount with its unit."""
    digits = sum(letter.isdigit() for letter in word)
    letters = sum(letter.isalpha() for letter in word)
    if not digits or not letters or len(word) > LONGEST:
        return False
    if HEX.fullmatch(word):
        return True
    return not AMOUNT.fullmatch(word) and (digits > 1 or (len(word) > 2 and word != word.lower()))


@lru_cache(maxsize=5_000)
def pattern(identifier: str) -> re.Pattern[str]:
    """Finds an identifier however its parts are joined ("H 200", "inc_20999"), never as a part of a longer one."""
    word, _, number = identifier.partition(" ")
    if number:
        # "Room 102" is also "102" in a column of rooms, but not "102.5" and not "1 102".
        return re.compile(rf"(?<![\w.,-]){re.escape(number)}(?![\w-]|[.,]\d)", re.IGNORECASE)
    parts = re.findall(r"[^\W\d_]+|\d+", word)
    joined = r"[\W_]?".join(map(re.escape, parts))
    return re.compile(rf"(?<![^\W_]){joined}(?![^\W_])", re.IGNORECASE)


def stands(identifier: str, text: str) -> bool:
    return bool(pattern(identifier).search(text))


def nearest(identifier: str, texts: Iterable[str]) -> tuple[str, ...]:
    """What is written in the texts and most like an identifier, the most alike first."""
    known = {one.lower(): one for text in texts for one in identifiers(text)}
    close = difflib.get_close_matches(identifier.lower(), known, MOST_ALIKE, ALIKE)
    return tuple(known[one] for one in close)


def speaking_of(wanted: Sequence[str], heading: str, sentences: Sequence[str]) -> list[bool]:
    """Which sentences of a passage, in their order, may speak of one of the wanted identifiers: those that name it, and those
    after it up to where another one is named. What stands before any name belongs to the heading."""
    at = any(stands(one, heading) for one in wanted)
    found = []
    for text in sentences:
        if any(stands(one, text) for one in wanted):
            at = True
        elif identifiers(text):
            at = False
        found.append(at)
    return found

"""Right-to-left text of a PDF put into the order in which it is read.

A PDF places glyphs; most programs write those of Hebrew and Arabic from left to right as they are seen, some in the order of
reading, and only the words themselves tell which it was.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

RTL = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
LATIN = "A-Za-z0-9\u00c0-\u024f"
WORD = rf"[{LATIN}](?:[{LATIN}.,:/%'@+-]*[{LATIN}%])?"
# A number by itself, or words of Latin letters with the numbers among them.
NUMBER = re.compile(rf"(?=[A-Za-z]){WORD}(?: +{WORD})*|{WORD}(?: +(?=[A-Za-z]){WORD})*")
MIRRORED = dict(zip("()[]{}<>«»", ")(][}{><»«", strict=True))
# Letters that stand only at the end of a word, and how words begin that stand with the article.
FINALS = "ךםןףץةى"
ARTICLE = "ال"
SURE = 0.8


class Order(NamedTuple):
    """What the words of a document say: how many are right as they are stored, and how many reversed."""

    stored: int
    turned: int


def is_rtl(text: str) -> bool:
    """Whether most letters of a text run from right to left."""
    letters = [char for char in text if char.isalpha()]
    return bool(letters) and 2 * len(RTL.findall(text)) > len(letters)


def evidence(texts: Iterable[str]) -> Order:
    """Finals at a word's end and articles at its beginning, as the texts stand and with each word turned around."""
    stored = turned = 0
    for text in texts:
        for word in re.findall(r"[\u0590-\u08ff]{3,}", plain(text)):
            stored += (word[-1] in FINALS) + word.startswith(ARTICLE)
            turned += (word[0] in FINALS) + word.endswith(ARTICLE[::-1])
    return Order(stored, turned)


def is_visual(texts: list[str], rightwards: bool) -> bool | None:
    """Whether texts, read off from left to right, stand as they are seen. `rightwards`: the file writes them so; what it
    writes from the right is seen as it should be. None where the words contradict each other."""
    found = evidence(texts)
    total = sum(found)
    if not rightwards or not total:
        return True
    share = found.turned / total
    return None if 1 - SURE < share < SURE else share >= SURE


def plain(text: str) -> str:
    """The letters themselves for their shapes: a PDF of Arabic often names these."""
    return "".join(unicodedata.normalize("NFKC", char) if "\ufb1d" <= char <= "\ufefc" else char for char in text)


def logical(text: str) -> str:
    """A line as it is seen, from left to right, put into the order of reading; what runs to the right keeps its own."""
    if not RTL.search(text):
        return text
    if not is_rtl(text):
        return re.sub(rf"{RTL.pattern}(?:[^A-Za-z0-9]*{RTL.pattern})*", lambda found: turned(found.group()), text)
    return turned(text)


def turned(text: str) -> str:
    """Read from its right end, all but numbers and words that run to the right."""
    found, at = [], 0
    for run in NUMBER.finditer(text):
        found += [*text[at : run.start()], run.group()]
        at = run.end()
    found += text[at:]
    return "".join(MIRRORED.get(part, plain(part)) for part in reversed(marked(found)))


def marked(parts: list[str]) -> list[str]:
    """Vowel points bound to the letter that they stand on."""
    found: list[str] = []
    for part in parts:
        if found and len(part) == 1 and unicodedata.combining(part):
            found[-1] += part
        else:
            found.append(part)
    return found

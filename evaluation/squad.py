"""Short answers against what annotators marked, as SQuAD's own evaluation does it: words without articles, case and
punctuation. Pure."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)
RIGHT = 0.5


def normalized(text: str) -> str:
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def exact(text: str, answers: Sequence[str]) -> float:
    """1 if the text is one of the answers, else 0. Where there is no answer, none is right: an empty text gets 1."""
    return float(normalized(text) in set(map(normalized, answers or [""])))


def f1(text: str, answers: Sequence[str]) -> float:
    """The best overlap of words with one of the answers, 0 to 1. Where there is no answer, an empty text gets 1."""
    return max(overlap(normalized(text).split(), normalized(answer).split()) for answer in answers or [""])


def overlap(given: Sequence[str], wanted: Sequence[str]) -> float:
    if not given or not wanted:
        return float(given == wanted)
    common = (Counter(given) & Counter(wanted)).total()
    return 2 * common / (len(given) + len(wanted))


def right(text: str, answers: Sequence[str]) -> bool:
    """Whether a person who looks for the answer has it: half of the words are those of an answer, or one stands in the
    text as a whole. Where there is no answer, any is wrong."""
    said = f" {normalized(text)} "
    held = any(f" {wanted} " in said for answer in answers if (wanted := normalized(answer)))
    return bool(answers) and (held or f1(text, answers) >= RIGHT)

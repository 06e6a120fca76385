"""Whether the numbers of a sentence stand in a passage, and there for the same. Pure; English."""

from __future__ import annotations

import re

from retrieval.facts import names
from retrieval.quantities import Number, durations, figures_alike, numbers
from retrieval.units import KINDS, unit_name

# "Two of the five": the first are meant.
PART_OF = re.compile(r"\b(?P<part>\d+) of (?:the|these|those|its|their|our)\b(?: (?P<whole>\d+)\b)?", re.IGNORECASE)
# "Two hours after a meal".
BESIDE = re.compile(r"\b(?P<value>\d+) (?P<unit>\w+) (?P<side>before|after)\b", re.IGNORECASE)


def other_number(sentence: str, passage: str) -> str:
    """A number that the passage does not hold, or only for something else."""
    its = (*numbers(passage), *durations(passage))
    for number in numbers(sentence):
        if not number.weak and not any(stands_for(number, other) for other in its):
            return f"the passage does not hold the number {number.value:g}"
        if not number.weak and of_something_else(number, numbers(passage)):
            return f"the passage gives {number.value:g} of something else"
    return other_part(figures_alike(sentence), figures_alike(passage))


def stands_for(number: Number, other: Number) -> bool:
    """Whether the passage's number bears the sentence's out: "twice" is not two hours."""
    vague = other.weak and number.unit in KINDS and other.unit not in KINDS
    return number.same(other) and not vague


def of_something_else(number: Number, its: tuple[Number, ...]) -> bool:
    """Whether the passage gives it with another unit only, while it gives another number with this one."""
    same = [other for other in its if number.same(other)]
    if number.unit not in KINDS or not same or any(not one.unit or one.unit in KINDS for one in same):
        return False
    return any(other.unit == number.unit and not number.same(other) for other in its)


def turned(mine: re.Match[str], passage: str) -> bool:
    """Whether both say the same from two ends: "Roth came two years after Lund", "Lund came two years before Roth"."""
    left, right = around(mine)
    for its in BESIDE.finditer(passage):
        its_left, its_right = around(its)
        crossed = left & its_right and right & its_left
        if crossed and len(left & its_right | right & its_left) > len(left & its_left | right & its_right):
            return True
    return False


def around(found: re.Match[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The names before and after a match, as far as its sentence goes."""
    text = found.string
    begins, ends = text.rfind(". ", 0, found.start()) + 1, text.find(". ", found.end())
    return names(f"x {text[begins : found.start()]}"), names(f"x {text[found.end() : ends if ends > 0 else len(text)]}")


def other_part(sentence: str, passage: str) -> str:
    """ "Five of the directors" for "two of the five directors"; "two hours before" for "one hour before or two hours after"."""
    told = list(PART_OF.finditer(passage))
    for mine in PART_OF.finditer(sentence):
        if (
            told
            and all(mine["part"] != its["part"] for its in told)
            and any(mine["part"] == its["whole"] for its in told)
        ):
            return f"the passage gives {mine['part']} as the whole"
    sides = {(its["value"], unit_name(its["unit"]), its["side"].lower()) for its in BESIDE.finditer(passage)}
    for mine in BESIDE.finditer(sentence):
        amount, side = (mine["value"], unit_name(mine["unit"])), mine["side"].lower()
        found = {other for *its, other in sides if tuple(its) == amount}
        if found and side not in found and not turned(mine, passage):
            return f"the passage says {mine['value']} {mine['unit']} {found.pop()}"
    return ""

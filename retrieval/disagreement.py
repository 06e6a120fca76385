"""In what a sentence disagrees with a passage, and how sure that is: names, numbers, negations, opposites, who, when, which. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from retrieval import roles, strength
from retrieval.comparing import DOWN, UP, comparisons, turned_comparison
from retrieval.denial import UNTIL, denied_otherwise
from retrieval.facts import all_stems, name_stands, names, negated, opposed
from retrieval.orders import turned_round
from retrieval.quantities import Number, durations, numbers
from retrieval.told import in_order, parts, stems, weight, whole_sentences
from retrieval.units import KINDS
from retrieval.words import TOKEN, words

# A part of fewer content words says too little to be compared alone.
FULL = 3
# Where one part of the passage holds so much of what its sentence shares with the claim, the part alone is what was meant.
ALONE = 0.85
# So many of its neighbouring words are neighbours in the passage: the sentence is a copy but for what was changed.
COPIED = 0.5
# What a sentence may begin with instead of its subject.
OPENING = frozenset(
    ["yes", "no", "well", "so", "and", "but", "it", "they", "he", "she", "this", "these", "here", "also", "there"]
)
VAGUE = frozenset(
    [
        "often",
        "several",
        "many",
        "various",
        "multiple",
        "some",
        "also",
        "still",
        "just",
        "quite",
        "additional",
        "extra",
        "another",
    ]
)


@dataclass(frozen=True)
class Disagreement:
    """`kind`: absent (a name or number that the passage lacks), contrary (it says otherwise), swapped (one word of a copied
    sentence is another) or doubtful (it may say otherwise); `why`: for a person."""

    kind: str
    why: str


@lru_cache(maxsize=2_000)
def disagreements(sentence: str, passage: str) -> tuple[Disagreement, ...]:
    """All that is found, the surest first."""
    found = [
        Disagreement("absent", why) for why in (other_name(sentence, passage), other_number(sentence, passage)) if why
    ]
    told = aligned(sentence, passage)
    contrary = [strength.condition_lifted(sentence, told)]
    doubtful, swapped = [strength.only_supposed(sentence, told)], ""
    if not copied(sentence, passage):
        contrary += [rule(sentence, passage) for rule in CONTRARY]
        contrary += [strength.other_bound(sentence, told, passage), *(rule(sentence, told) for rule in OVERSTATED)]
        best = roles.best_part(sentence, passage)
        contrary += [strength.other_share(sentence, best.text) if best else ""]
        duty = strength.other_duty(sentence, told)
        (contrary if in_order(sentence, told) >= COPIED else doubtful).append(duty)
        swapped = swapped_word(sentence, passage)
    found += [Disagreement("contrary", why) for why in contrary if why]
    found += [Disagreement("swapped", swapped)] if swapped else []
    return (*found, *(Disagreement("doubtful", why) for why in doubtful if why))


def aligned(sentence: str, passage: str) -> str:
    """The sentence of the passage that the sentence repeats; only a part of it where that part holds nearly all of it."""
    best = roles.best_part(sentence, passage)
    if best is None:
        return passage
    mine = stems(sentence)
    alone = weight(mine & best.all) >= ALONE * weight(mine & stems(best.sentence))
    return best.text if alone else best.sentence


def other_name(sentence: str, passage: str) -> str:
    missing = [name for name in sorted(names(sentence)) if not name_stands(name, passage)]
    return f"the passage does not name {missing[0]}" if missing else ""


def other_number(sentence: str, passage: str) -> str:
    its = (*numbers(passage), *durations(passage))
    for number in numbers(sentence):
        if not number.weak and not any(stands_for(number, other) for other in its):
            return f"the passage does not hold the number {number.value:g}"
    return ""


def stands_for(number: Number, other: Number) -> bool:
    """Whether the passage's number bears the sentence's out: "twice" is not two hours."""
    vague = other.weak and number.unit in KINDS and other.unit not in KINDS
    return number.same(other) and not vague


def other_unit(sentence: str, passage: str) -> str:
    """A number that the passage gives with another unit only, while it gives another number with this one."""
    its = numbers(passage)
    for number in numbers(sentence):
        same = [other for other in its if number.same(other)]
        if (
            number.weak
            or number.unit not in KINDS
            or not same
            or any(not one.unit or one.unit in KINDS for one in same)
        ):
            continue
        if any(other.unit == number.unit and not number.same(other) for other in its):
            return f"the passage gives {number.value:g} of something else"
    return ""


def copied(sentence: str, passage: str) -> bool:
    """Whether a sentence or a part of one in the passage begins with the whole sentence: nothing was changed, only left out."""
    mine = f" {' '.join(TOKEN.findall(sentence.lower()))} "
    texts = (*whole_sentences(passage), *(one.text for one in parts(passage)))
    return any(f" {' '.join(TOKEN.findall(text.lower()))} ".startswith(mine) for text in texts)


def opposite(sentence: str, passage: str) -> str:
    """A word of the sentence in whose place the passage has its opposite, and neither is negated."""
    for mine in [one for one in parts(sentence) if len(one.own) >= FULL] or parts(sentence):
        home = roles.best_part(mine.text, passage)
        word = opposed(mine.text, home.text) if home else ""
        # "Do not change it while it is connected": the opposite is denied.
        if (
            not home
            or not word
            or negated(mine.text) != negated(home.text)
            or (negated(sentence) and UNTIL.search(sentence))
        ):
            continue
        compares = comparisons(sentence) or comparisons(home.text)
        if not (compares and word in UP | DOWN):
            return f"the passage says the opposite of {word!r}"
    return ""


def swapped_word(sentence: str, passage: str) -> str:
    """One word of a copied sentence was put in another's place."""
    mine = TOKEN.findall(sentence.lower())
    known = all_stems(passage)
    for told in dict.fromkeys([*whole_sentences(passage), *(one.text for one in parts(passage))]):
        its = TOKEN.findall(told.lower())
        changes = SequenceMatcher(None, its, mine, autojunk=False).get_opcodes()
        replaced = [c for c in changes if c[0] == "replace"]
        copied = sum(c[2] - c[1] for c in changes if c[0] == "equal")
        if len(replaced) != 1 or copied < max(4, len(mine) - 3):
            continue
        _, i1, i2, j1, j2 = replaced[0]
        put = words(" ".join(mine[j1:j2]))
        taken = words(" ".join(its[i1:i2]))
        harmless = (
            any(word.isdigit() for word in put)
            or bool(numbers(" ".join(its[i1:i2])) or numbers(" ".join(mine[j1:j2])))
            or (j1 == 0 and mine[j1] in OPENING)
            or mine[j1].endswith("ly")
            or mine[j1] in VAGUE
            or any(word[:3] == mine[j1][:3] for word in taken)
        )
        if i2 - i1 <= 3 and j2 - j1 <= 2 and put and not known & set(put) and taken and not harmless:
            return f"the passage says {' '.join(its[i1:i2])!r} where the sentence says {' '.join(mine[j1:j2])!r}"
    return ""


CONTRARY: tuple[Callable[[str, str], str], ...] = (
    denied_otherwise,
    opposite,
    other_unit,
    roles.mixed,
    roles.other_actor,
    roles.reserved,
    turned_comparison,
    turned_round,
    roles.other_case,
    roles.other_cause,
    roles.other_stance,
)
OVERSTATED: tuple[Callable[[str, str], str], ...] = (
    strength.other_share,
    strength.only_added,
    strength.other_rate,
    strength.limit_dropped,
    strength.only_expected,
)

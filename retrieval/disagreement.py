"""In what a sentence disagrees with a passage: names, numbers, negations, opposites, who, when, which. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from retrieval import conditions, roles, strength
from retrieval.amounts import other_number
from retrieval.causes import other_cause
from retrieval.comparing import DOWN, UP, comparisons, turned_comparison
from retrieval.denial import UNTIL, denied_otherwise
from retrieval.elsewhere import of_another
from retrieval.exchanged import in_place_of_name
from retrieval.facts import all_stems, in_full, name_stands, names, negated, opposed
from retrieval.fullnames import HONORIFICS, other_full_name
from retrieval.orders import turned_round
from retrieval.quantities import numbers
from retrieval.speakers import other_stance
from retrieval.told import parts, stems, weight, whole_sentences
from retrieval.words import TOKEN, without_accents, words

# A part of fewer content words says too little to be compared alone.
FULL = 3
# Where one part of the passage holds so much of what its sentence shares with the claim, the part alone is what was meant.
ALONE = 0.85
NAME_OF = re.compile(r"\b([A-Z]\w+) of (?:the )?[A-Z]\w+")
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
    """`rule`: which of RULES found it; `why`: for a person."""

    rule: str
    why: str


@lru_cache(maxsize=2_000)
def disagreements(sentence: str, passage: str) -> tuple[Disagreement, ...]:
    """All that is found, in the order of RULES."""
    sentence, passage = without_accents(sentence), without_accents(passage)
    told = aligned(sentence, passage)
    whole = copied(sentence, passage)
    found = ((name, rule(sentence, told, passage)) for name, rule in RULES.items() if name == LEFT_OUT or not whole)
    return tuple(Disagreement(name, why) for name, why in found if why)


def aligned(sentence: str, passage: str) -> str:
    """The sentence of the passage that the sentence repeats; only a part of it where that part holds nearly all of it."""
    best = roles.best_part(sentence, passage)
    if best is None:
        return passage
    mine = stems(sentence)
    alone = weight(mine & best.all) >= ALONE * weight(mine & stems(best.sentence))
    return best.text if alone else best.sentence


def other_share(sentence: str, told: str, passage: str) -> str:
    best = roles.best_part(sentence, passage)
    return strength.other_share(sentence, told) or (strength.other_share(sentence, best.text) if best else "")


def other_name(sentence: str, passage: str) -> str:
    full = in_full(sentence)
    spelled = {word for short, run in full.items() if re.search(rf"\b{short.upper()}\b", passage) for word in run}
    missing = [name for name in sorted(names(sentence) - spelled - HONORIFICS) if not name_stands(name, passage)]
    # "Court of Appeal" for "Court of Session", where "appeals" are spoken of too.
    missing += [
        mine.group()
        for mine in NAME_OF.finditer(sentence)
        if mine.group() not in passage and any(its[1] == mine[1] for its in NAME_OF.finditer(passage))
    ]
    return f"the passage does not name {missing[0]}" if missing else other_full_name(sentence, passage)


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


# Each takes the sentence, what of the passage it is held against, and the passage; it gives a reason, or nothing.
Rule = Callable[[str, str, str], str]
RULES: dict[str, Rule] = {
    "name": lambda sentence, _, passage: other_name(sentence, passage),
    "number": lambda sentence, _, passage: other_number(sentence, passage),
    "negation": lambda sentence, _, passage: denied_otherwise(sentence, passage),
    "opposite": lambda sentence, _, passage: opposite(sentence, passage),
    "mixed": lambda sentence, _, passage: roles.mixed(sentence, passage),
    "doer": lambda sentence, _, passage: (
        roles.other_actor(sentence, passage) or in_place_of_name(sentence, passage) or of_another(sentence, passage)
    ),
    "speaker": lambda sentence, _, passage: other_stance(sentence, passage),
    "comparison": lambda sentence, _, passage: turned_comparison(sentence, passage),
    "order": lambda sentence, _, passage: turned_round(sentence, passage),
    "cause": lambda sentence, _, passage: other_cause(sentence, passage),
    "condition": lambda sentence, told, _: conditions.condition_lifted(sentence, told),
    "case": lambda sentence, _, passage: conditions.other_case(sentence, passage),
    "limit": strength.other_bound,
    "share": lambda sentence, told, passage: other_share(sentence, told, passage),
    "only": lambda sentence, told, _: strength.only_added(sentence, told),
    "tense": lambda sentence, told, _: strength.only_expected(sentence, told),
    "duty": lambda sentence, told, _: strength.other_duty(sentence, told),
    "word": lambda sentence, _, passage: swapped_word(sentence, passage),
}
# The one rule that holds against a sentence which was copied as far as it goes.
LEFT_OUT = "condition"

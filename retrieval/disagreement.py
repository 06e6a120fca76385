"""In what a sentence disagrees with a passage: numbers, names, opposites, negations, who did it, and swapped words. Pure."""

from __future__ import annotations

import itertools
import re
from difflib import SequenceMatcher

from retrieval.facts import all_stems, clauses, denials, name_stands, names, negated, opposed
from retrieval.quantities import numbers
from retrieval.sentences import Piece, pieces
from retrieval.told import parts as told_parts
from retrieval.units import KINDS
from retrieval.words import TOKEN, words

# A clause of fewer content words says too little to be compared alone.
FULL_CLAUSE = 3
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


def contradiction(sentence: str, passage: str) -> str:
    """What the sentence says otherwise than the passage, or adds to it; empty where nothing is found."""
    for name in sorted(names(sentence)):
        if not name_stands(name, passage):
            return f"the passage does not name {name}"
    for number in numbers(sentence):
        if not number.weak and not any(number.same(other) for other in numbers(passage)):
            return f"the passage does not hold the number {number.value:g}"
    if copied(sentence, passage):
        return ""
    for part in [one for one in clauses(sentence) if len(set(words(one))) >= FULL_CLAUSE] or [sentence]:
        if why := clause_disagrees(part, passage):
            return why
    return displaced_number(sentence, passage) or other_subject(sentence, passage) or other_agent(sentence, passage)


def other_unit(sentence: str, passage: str) -> str:
    """A number that the passage gives with another unit only, while it gives another number with this one."""
    its = numbers(passage)
    for number in numbers(sentence):
        same = [other for other in its if number.same(other)]
        if (
            number.unit not in KINDS
            or number.weak
            or not same
            or any(
                not one.unit or one.unit == number.unit or (one.unit in KINDS and number.unit in KINDS) for one in same
            )
        ):
            continue
        if any(other.unit == number.unit and not number.same(other) for other in its):
            return f"the passage gives {number.value:g} of something else"
    return ""


def copied(sentence: str, passage: str) -> bool:
    """Whether a sentence or clause of the passage begins with the whole sentence: nothing was changed, only left out."""
    mine = " ".join(TOKEN.findall(sentence.lower()))
    return any(f"{' '.join(TOKEN.findall(one.lower()))} ".startswith(f"{mine} ") for one in begun(passage))


def begun(passage: str) -> list[str]:
    """What is left of each sentence from the start of each of its clauses on."""
    return [told[told.find(part) :] for told in whole_sentences(passage) for part in (told, *clauses(told))]


def clause_disagrees(part: str, passage: str) -> str:
    """An opposite, or a negation, where a clause of the sentence meets the passage's closest clause."""
    clause = closest_clause(part, passage)
    word = opposed(part, clause)
    # An opposite that is negated says the same: "forbidden", "not allowed".
    if word and negated(part) == negated(clause):
        return f"the passage says the opposite of {word!r}"
    if not word and polarity_differs(part, passage, clause):
        return "one of passage and sentence is negated"
    return ""


def parts(passage: str) -> list[str]:
    """All clauses of a passage."""
    return [clause for piece in whole_sentences(passage) for clause in (clauses(piece) or (piece,))]


def whole_sentences(passage: str) -> list[str]:
    """The sentences of a passage that do not contain each other."""
    found: list[Piece] = []
    for piece in pieces(passage):
        if not found or piece.start >= found[-1].end:
            found.append(piece)
    return [piece.text for piece in found] or [passage]


def closest_clause(sentence: str, passage: str) -> str:
    """The clause that shares most words with the sentence, shorter ones first."""
    mine = set(words(sentence))
    return max(parts(passage), key=lambda part: (len(mine & set(words(part))), -len(part)), default=passage)


def displaced_number(sentence: str, passage: str) -> str:
    """A number that the passage gives to something else: a word of the sentence stands only beside another of its kind."""
    spread = [(part, told) for told in whole_sentences(passage) for part in clauses(told) or (told,)]
    mine = set(words(sentence))
    for number in numbers(sentence):
        homes = [(part, told) for part, told in spread if any(number.same(other) for other in numbers(part))]
        if number.weak or not homes:
            continue
        near = set().union(*(set(words(part)) for part, _ in homes))
        # A clause inherits the subject of its sentence.
        near |= set(words(" ".join(" ".join(lead(told)) for _, told in homes)))
        for part, _ in spread:
            rivals = [other for other in numbers(part) if other.kind == number.kind and not other.weak]
            if not rivals or any(other.same(one) for other in rivals for one in numbers(sentence)):
                continue
            only_there = (mine & set(words(part))) - near
            only_here = (mine & near) - set(words(part)) - set(words(number_words(sentence)))
            here = sum(any(name_stands(name, home) for home, _ in homes) for name in names(sentence))
            there = sum(name_stands(name, part) for name in names(sentence))
            if len(only_there) + 3 * there > len(only_here) + 3 * here:
                return f"the passage gives the number {number.value:g} to something else"
    return split_numbers(sentence, [part for part, _ in spread])


def split_numbers(sentence: str, spread: list[str]) -> str:
    """Two numbers that the passage gives in two clauses of like form: "over 70 pay no fee; others pay 300"."""
    if len(clauses(sentence)) > 1:
        return ""
    mine = set(words(sentence))
    strong = [number for number in numbers(sentence) if not number.weak]
    homes = [{part for part in spread if any(one.same(other) for other in numbers(part))} for one in strong]
    for one, other in itertools.combinations(filter(None, homes), 2):
        if not one & other and any(mine & set(words(a)) & set(words(b)) for a in one for b in other):
            return "the passage gives these numbers to different things"
    return ""


def number_words(sentence: str) -> str:
    """The numbers of a sentence and the word after each."""
    return " ".join(re.findall(r"\S*\d\S*(?:\s+\w+)?", sentence))


def polarity_differs(sentence: str, passage: str, clause: str) -> bool:
    if negated(sentence) == negated(clause):
        return False
    said, other = (sentence, clause) if negated(sentence) else (clause, sentence)
    if denials(other) - denials(said):
        return False
    # The negation may stand in a clause that splitting cut off.
    mine = set(words(sentence))
    alike = [part for part in parts(passage) if len(mine & set(words(part))) >= len(mine & set(words(clause)))]
    return all(negated(part) != negated(sentence) for part in alike)


def lead(sentence: str) -> list[str]:
    """The first words up to the third, without articles: mostly the subject."""
    return [token for token in TOKEN.findall(sentence.lower()) if token not in ("the", "a", "an", "each", "every")][:2]


def other_subject(sentence: str, passage: str) -> str:
    """The sentence begins with the subject of another sentence of the passage than the one that it repeats."""
    mine = lead(sentence)
    rest = set(words(sentence)) - set(words(" ".join(mine)))
    if len(mine) < 2 or not rest or not words(" ".join(mine)):
        return ""
    told = whole_sentences(passage)
    best = max(told, key=lambda one: len(rest & set(words(one))))
    shares = len(rest & set(words(best))) >= 0.75 * len(rest)
    if shares and not set(words(" ".join(mine))) & set(words(best)) and any(lead(one) == mine for one in told):
        return f"the passage says this of another than {' '.join(mine)!r}"
    return ""


def other_agent(sentence: str, passage: str) -> str:
    """Who did it stands in another sentence of the passage than what was done."""
    agent = re.search(r"\bby (?:the |an? )?(\w+)", sentence)
    if not agent or not words(agent.group(1)):
        return ""
    doer = set(words(agent.group(1)))
    rest = set(words(sentence)) - doer
    best = max(whole_sentences(passage), key=lambda one: len(rest & set(words(one))))
    shares = len(rest & set(words(best))) >= 0.75 * len(rest)
    if shares and doer & set(words(passage)) and not doer & set(words(best)):
        return f"the passage says this of another than {agent.group(1)!r}"
    return ""


def swapped_word(sentence: str, passage: str) -> str:
    """One word of a copied sentence was put in another's place."""
    mine = TOKEN.findall(sentence.lower())
    known = all_stems(passage)
    for told in dict.fromkeys([*whole_sentences(passage), *(part.text for part in told_parts(passage))]):
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

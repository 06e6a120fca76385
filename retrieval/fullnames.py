"""Names of several words: whose first name, initials, title or number a sentence gives to another. Pure; English.

Whether each word of a name stands somewhere in a passage says little: "Jacques Cassini" is none of the passage's "Jacques
Cartier" and "Giovanni Cassini". Texts come without accents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from retrieval.words import STOPWORDS

HONORIFICS = frozenset(["mr", "mrs", "ms", "miss"])
TITLES = HONORIFICS | frozenset(
    ["dr", "prof", "professor", "doctor", "sir", "dame", "lord", "lady", "president", "minister", "chancellor", "mayor", "king", "queen",
     "prince", "princess", "pope", "saint", "st", "captain", "colonel", "general", "major", "lieutenant", "sergeant", "admiral", "judge",
     "justice", "senator", "governor", "councillor", "director", "coach", "father", "sister", "brother", "bishop", "emperor", "empress",
     "duke", "duchess", "count", "countess", "baron", "inspector", "secretary", "ambassador", "chairman", "rev", "gen", "col", "capt", "lt",
     "sgt", "gov", "sen", "rep", "hon", "commander", "marshal"]
)  # fmt: skip
CALENDAR = frozenset(
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
     "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
)  # fmt: skip
# What a sentence may begin with before a name, and is none.
OPENERS = frozenset(
    ["yesterday", "today", "tomorrow", "later", "soon", "eventually", "however", "meanwhile", "moreover", "instead", "afterwards", "since",
     "although", "though", "despite", "unlike", "like", "even", "also", "still", "yet", "former", "among", "within", "without", "according",
     "people", "everyone", "everybody", "nobody", "police", "staff", "one", "two", "three", "another", "either", "neither", "because",
     "former", "late", "young", "old", "upon", "along", "around", "near", "across", "towards", "thanks", "due", "perhaps", "maybe"]
)  # fmt: skip
CALLING = re.compile(r"\w+(?:ly|ing|ed|er|or|ist|ess|man|men|woman|women|ant|ent|eer|ment|tion|ity)$")
DOTTED = r"(?:Dr|Mr|Mrs|Ms|Prof|St|Rev|Gen|Col|Capt|Lt|Sgt|Gov|Sen|Rep|Hon|[A-Z])\."
CAPITAL = r"[a-z]*[A-Z][\w-]*"
WITHIN = r"(?:(?:van|von|de|der|den|du|la|le|del|della|di|da|dos|bin|ibn|al|el|&) ){0,2}"
RUN = re.compile(rf"\b(?:{DOTTED}|{CAPITAL})(?: {WITHIN}(?:{DOTTED}|{CAPITAL}))*")
WORD = re.compile(r"\w[\w-]*")
# "Mary I", "Room B", "Pioneer 10".
NUMBERED = re.compile(r"\b([A-Z][\w-]*[a-z]) (\d{1,3}(?:\.\d+)*|[IVX]+|[A-Z])\b(?![.,:]?\d|%|-)(?! [a-z]+s\b)")
# "The Dutch ship Oranje".
CALLED = re.compile(r"\b([A-Z][a-z]+) ([a-z]+) (?=([A-Z][a-z]+))")


@dataclass(frozen=True)
class Name:
    """`words` lower-case, as they follow each other at `start:end` of a text."""

    words: tuple[str, ...]
    start: int
    end: int

    @property
    def bare(self) -> frozenset[str]:
        """Without titles, and without initials where there is more."""
        plain = frozenset(self.words) - TITLES
        return frozenset(word for word in plain if len(word) > 1 or word in "ivx") or frozenset(self.words)


@lru_cache(maxsize=20_000)
def full_names(text: str) -> tuple[Name, ...]:
    """Each run of words with a capital, in their order; small words and the helpers that begin a sentence are no part of one."""
    found = []
    for run in RUN.finditer(text):
        kept = [word for word in WORD.finditer(run.group()) if not small(word.group())]
        if kept:
            start, end = run.start() + kept[0].start(), run.start() + kept[-1].end()
            found.append(Name(tuple(word.group().lower() for word in kept), start, end))
    return tuple(found)


def small(word: str) -> bool:
    """A stopword, unless it is written as a name is: May, WHO, I of Mary I."""
    return word.lower() in STOPWORDS and word != "May" and not (word.isupper() and word not in ("A", "I"))


def other_full_name(sentence: str, passage: str) -> str:
    """The name whose other part, initials, number or kind the passage gives otherwise."""
    its = full_names(passage)
    for name in full_names(sentence):
        for first, last in zip(name.words, name.words[1:], strict=False):
            if len(first) > 1 and len(last) > 1 and joined_anew(first, last, its):
                return f"the passage names no {first.capitalize()} {last.capitalize()}"
        if other_initials(name, its):
            return f"the passage has other initials for {name.words[-1].capitalize()}"
    return other_number(sentence, passage) or other_kind(sentence, passage)


def joined_anew(first: str, last: str, its: tuple[Name, ...]) -> bool:
    """Whether the passage has another word before the last name, and the first before another name or nowhere."""
    holders = [one.words for one in its if last in one.words]
    if any(first in words for words in holders):
        return False
    before = {words[words.index(last) - 1] for words in holders if words.index(last) > 0}
    rivals = {word for word in before if len(word) > 1 and (word in TITLES) <= (first in TITLES)}
    if first in HONORIFICS:
        return bool(rivals & ({"mr"} if first != "mr" else HONORIFICS))
    elsewhere = [one.words for one in its if first in one.words]
    if not rivals or not elsewhere:
        return bool(rivals) and not (first in TITLES | OPENERS | CALENDAR or CALLING.match(first))
    return first not in CALENDAR and any(words.index(first) + 1 < len(words) for words in elsewhere)


def other_initials(name: Name, its: tuple[Name, ...]) -> bool:
    """ "T. K. Roth" where the passage has "Y. K. Roth"."""
    mine = "".join(word for word in name.words[:-1] if len(word) == 1)
    if not mine or len(name.words[-1]) == 1:
        return False
    told = [
        "".join(word[0] for word in one.words[: one.words.index(name.words[-1])] if word not in TITLES)
        for one in its
        if name.words[-1] in one.words
    ]
    told = [letters for letters in told if letters]
    return bool(told) and not any(in_turn(mine, letters) or in_turn(letters, mine) for letters in told)


def in_turn(few: str, many: str) -> bool:
    rest = iter(many)
    return all(letter in rest for letter in few)


def other_number(sentence: str, passage: str) -> str:
    """ "Room C" where the passage has "Room B" only."""
    told: dict[str, set[str]] = {}
    for its in NUMBERED.finditer(passage):
        told.setdefault(its[1], set()).add(its[2])
    for mine in NUMBERED.finditer(sentence):
        owner, label = mine.groups()
        known = told.get(owner, set())
        alike = any(label.isalpha() == other.isalpha() for other in known)
        if alike and label not in known and owner.lower() not in CALENDAR and mine.group() not in passage:
            return f"the passage has {owner} {min(known)}, and not {label}"
    return ""


def other_kind(sentence: str, passage: str) -> str:
    """ "The Portuguese ship Oranje" where the passage has "the Dutch ship Oranje" and another Portuguese ship."""
    told = {match.groups() for match in CALLED.finditer(passage)}
    for mine in CALLED.finditer(sentence):
        of, what, name = mine.groups()
        others = {one for one in told if one[1] == what}
        here = any(one[2] == name and one[0] != of for one in others)
        if here and (of, what, name) not in told and any(one[0] == of and one[2] != name for one in others):
            return f"the passage does not call {name} {of}"
    return ""

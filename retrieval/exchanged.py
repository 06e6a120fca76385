"""Who is named in whose place: at the head of what is said, around a verb, or in a list that pairs names. Pure; English."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import lru_cache

from retrieval.comparing import comparisons
from retrieval.facts import names, negated
from retrieval.fullnames import CALENDAR, CALLING, OPENERS, RUN, TITLES, WORD, full_names
from retrieval.irregular import BASE
from retrieval.peoples import called_after
from retrieval.told import VERB, Part, parts, stems, weight, whole_sentences
from retrieval.words import STOPWORDS, TOKEN, stem

ALL = 0.8
PRONOUN = re.compile(r"(?:she|he)\b", re.IGNORECASE)
GENDERS = {"mr": "he", "sir": "he", "king": "he", "prince": "he",
           "ms": "she", "mrs": "she", "miss": "she", "queen": "she", "princess": "she"}  # fmt: skip
BY = re.compile(r"\b(\w+) by (?=(?:the |an? )?[A-Z])")
AFTER = re.compile(
    r"\b(?:by|in|into|on|at|from|to|for|with|of|under|as|than|and|or|like) (?:the |an? )?$", re.IGNORECASE
)
ORDER = re.compile(r"\b(?:before|after|than|as)\b", re.IGNORECASE)
FROM_TO = re.compile(r"\bfrom (?:the )?([A-Z][\w-]*)\b[^.;]*? to (?:the )?([A-Z][\w-]*)")
IS = re.compile(r"\b(?:is|are|was|were|be|been|being) (?:\w+ly )?$", re.IGNORECASE)
HELPS = re.compile(r"(?: (?:has|had|have|will|would|also|then|later|first|\w+ly))* (?P<verb>[a-z]+)\b")
# What two do to each other alike.
MUTUAL = frozenset(map(stem, ["meet", "marry", "border", "equal", "resemble", "match", "join", "adjoin", "face"]))
# Where a list goes from one pair to the next.
NEXT = re.compile(r"(?:,|;|\band\b|\bbut\b|\bwhile\b|\bwhereas\b)")
ORDINAL = r"\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last)\b"
ITEM = re.compile(rf"{ORDINAL}|(?P<figure>(?<![\w.])\d[\d.,:]*\b)|(?P<name>{RUN.pattern}|\b[a-z]+\.[a-z]+\b)")
LEADS = re.compile(r"(?<![\w-])(?:by|in|into|on|at|from|to|for|with|of|under|an?)(?![\w-])", re.IGNORECASE)
TWO_NAMES = re.compile(r"\b((?:[A-Z][\w-]+['’]? )*[A-Z][\w-]+) and (?:the )?((?:[A-Z][\w-]+['’]? )*[A-Z][\w-]+)\b")
Words = frozenset[str]
JOINED = re.compile(r"\s*(?:,|and|or|, and|, or|&)\s*(?:the )?", re.IGNORECASE)


def in_place_of_name(sentence: str, passage: str) -> str:
    if comparisons(sentence):
        return ""
    return (
        other_head(sentence, passage)
        or other_doer(sentence, passage)
        or other_pair(sentence, passage)
        or other_partner(sentence, passage)
    )


@dataclass(frozen=True)
class Head:
    """The name that a text begins with: its `words`, where it stands, and the `rest` of the text."""

    words: frozenset[str]
    start: int
    end: int
    rest: str
    titles: frozenset[str]

    @property
    def stems(self) -> frozenset[str]:
        return stems(" ".join(self.words))

    @property
    def acts(self) -> bool:
        """Whether what follows is said of it, as far as the next word tells; what stands between commas aside."""
        after = re.match(r"(?:, [^,;]+,)? ([a-z]\w*)", self.rest)
        return bool(after and (telling(after[1]) or VERB.fullmatch(after[1])))


def head(text: str) -> Head | None:
    found = next(iter(full_names(text)), None)
    if not found or text[: found.start].strip().lower() not in ("", "the"):
        return None
    if found.start and found.bare <= called_after().keys():
        # "The Dutch ship": no name of one.
        return None
    return Head(found.bare, found.start, found.end, text[found.end :], frozenset(found.words) & TITLES)


def other_head(sentence: str, passage: str) -> str:
    """The sentence begins with one name where the passage, saying the same, begins with another."""
    # The first word of the passage may be a name too.
    known = names(f"x {passage}")
    for text in whole_sentences(sentence):
        first = head(text)
        if not first or BY.search(text) or not first.acts:
            continue
        homes = saying(first, passage)
        if not first.words & known:
            if why := unknown_head(text, first, passage, known):
                return why
            continue
        if any(
            first.words <= lowered(begin(one.text)) or first.stems <= one.given or left_short(first, text, one)
            for one in homes
        ):
            continue
        for one in homes:
            its = head(one.text)
            other = its and its.acts and its.words & known and not its.words & (lowered(text) - first.words)
            if (
                its
                and other
                and rivals(first.words, its.words)
                and not BY.search(one.text)
                and most_of(first, its.rest)
            ):
                return f"the passage says this of {called(its)}"
            if other_gender(first, one.text, passage):
                return "the passage says this of another person"
    return ""


def left_short(first: Head, text: str, home: Part) -> bool:
    """Whether the passage says it of both, and of the second in short: "Roth sings on Monday, Lund on Friday"."""
    name = re.escape(text[first.start : first.end])
    short = re.search(rf", (?:and )?(?:\w+ )*{name} (?:on|in|at|for|from|to|with)\b([^,;]*)", home.text)
    return bool(short and stems(short[1]) & stems(first.rest))


def saying(first: Head, passage: str) -> list[Part]:
    """The parts of the passage that say the same; where none does, its sentences that do."""
    wholes = [Part(text, text, stems(text)) for text in whole_sentences(passage)]
    found = ([one for one in told if most_of(first, one.text)] for told in (parts(passage), wholes))
    return next(filter(None, found), [])


def most_of(first: Head, text: str) -> bool:
    rest = stems(first.rest)
    return len(rest) > 1 and weight(rest & stems(text)) >= ALL * weight(rest)


def called(its: Head) -> str:
    return " ".join(sorted(its.words)).title()


def begin(text: str) -> str:
    """A text as far as its first comma: "Henry VII, the father of ..."."""
    return text.partition(",")[0]


def lowered(text: str) -> frozenset[str]:
    return frozenset((*TOKEN.findall(text.lower()), *WORD.findall(text.lower())))


def rivals(one: frozenset[str], other: frozenset[str]) -> bool:
    return not one <= other and not other <= one


def unknown_head(text: str, first: Head, passage: str, known: frozenset[str]) -> str:
    """A first word that the passage does not have, where it has a name: "Nigeria voted against" for "Angola voted against"."""
    word = next(iter(first.words))
    after = TOKEN.findall(first.rest.lower())[:1]
    plural = word.endswith("s") and not (after and after[0].endswith("s"))
    if len(first.words) > 1 or word in OPENERS | CALENDAR | TITLES or plural or CALLING.match(word) or not after:
        return ""
    for one in parts(passage):
        its = head(one.text)
        alike = its and TOKEN.findall(its.rest.lower())[:1] == after and most_of(first, one.sentence)
        if its and alike and its.words & known - lowered(text) and stem(word) not in tokens(one.sentence):
            return f"the passage says this of {called(its)}"
    return ""


def other_gender(first: Head, text: str, passage: str) -> bool:
    """ "Mr Roth sings" where the passage has "she sings"."""
    found = PRONOUN.match(text)
    titles = first.titles.union(
        *(set(one.words) & TITLES for one in full_names(passage) if first.words & set(one.words))
    )
    genders = {GENDERS[title] for title in titles if title in GENDERS}
    return bool(found) and len(genders) == 1 and found.group().lower() not in genders


def other_doer(sentence: str, passage: str) -> str:
    """Two names have changed places around a verb: "Roth beat Lund" for "Lund beat Roth"."""
    ways = {match.groups() for match in FROM_TO.finditer(passage)}
    if any(match.groups()[::-1] in ways and match.groups() not in ways for match in FROM_TO.finditer(sentence)):
        return "the passage has it the other way, from the one to the other"
    told = [one for text in whole_sentences(passage) for one in deeds(text)]
    for verb, does, undergoes in deeds(sentence):
        same = [one for one in told if one[0] == verb]
        turned = [one for one in same if does & one[2] and undergoes & one[1] and not does & one[1]]
        if turned and not any(does & one[1] for one in same):
            return "the passage has the one do this to the other"
    return ""


@lru_cache(maxsize=20_000)
def deeds(text: str) -> tuple[tuple[str, frozenset[str], frozenset[str]], ...]:
    """Stem of each verb between names, the words of the name that does it, and of the names that undergo it."""
    found = []
    for part in parts(text):
        its = [(one.start, one.end, one.bare) for one in full_names(part.text)]
        for by in BY.finditer(part.text):
            if IS.search(part.text[: by.start()]):
                agent = next((words for start, _, words in its if start >= by.end()), frozenset())
                others = [words for _, end, words in its if end <= by.start()]
                found.append((verb_stem(by.group(1)), agent, frozenset[str]().union(*others)))
        for begins, ends, words in its:
            verb = HELPS.match(part.text, ends) if not AFTER.search(part.text[:begins]) else None
            if verb and verb_stem(verb["verb"]) not in MUTUAL and telling(verb["verb"]):
                until = ORDER.search(part.text, verb.end())
                others = [
                    other
                    for start, _, other in its
                    if verb.end() < start < (until.start() if until else len(part.text))
                ]
                found.append((verb_stem(verb["verb"]), words, frozenset[str]().union(*others)))
    return tuple(one for one in found if one[1] and one[2])


def telling(word: str) -> bool:
    """Whether it may be a verb; "won" is one, though a stopword as half of "won't"."""
    return word not in STOPWORDS or word in BASE


def verb_stem(word: str) -> str:
    return stem(BASE.get(word.lower(), word.lower()))


def other_partner(sentence: str, passage: str) -> str:
    """ "Roth and Lund" did what "Roth and Berg" did."""
    clauses = [one for text in whole_sentences(passage) for one in text.split("; ")]
    for match in TWO_NAMES.finditer(sentence):
        names = [lowered(name) for name in match.groups()]
        rest = stems(sentence[: match.start()] + sentence[match.end() :])
        told = [lowered(one) for one in clauses if rest and weight(rest & stems(one)) >= ALL * weight(rest)]
        for one, other in (names, names[::-1]):
            here = [pair for text in clauses for pair in TWO_NAMES.finditer(text) if one <= lowered(pair.group())]
            elsewhere = other <= lowered(passage) and not any(one | other <= lowered(text) for text in clauses)
            if here and elsewhere and told and not any(other <= said for said in told):
                return f"the passage does not name {match.group()} together"
    return ""


@dataclass(frozen=True)
class Item:
    """`key`: what it is, as far as the small word before it and its form tell; `words`: stems, or figures as they stand."""

    key: str
    words: frozenset[str]
    start: int
    end: int


def other_pair(sentence: str, passage: str) -> str:
    """One of each of two pairs of a list: "A on port 2" for "A on port 1, B on port 2"."""
    mine = frozenset(tokens(sentence))
    whole = [frozenset(tokens(one)) for one in whole_sentences(passage)]
    for text in whole_sentences(passage) if not negated(sentence) else ():
        for one, other in pairs(text):
            for near, far in ((one, other), (other, one)):
                if joins(near[0].words, near[1].words, far[0].words, far[1].words, mine, whole):
                    return f"the passage says this of {' '.join(sorted(far[0].words))}"
    return ""


def joins(a: Words, b: Words, c: Words, d: Words, mine: Words, told: list[Words]) -> bool:
    """Whether the sentence has `a` with `d`, where the passage has `a` with `b` and `c` with `d`, and does not tell both."""
    b, d_alone = b - d, d - b
    if not b or not d_alone or a & c or not (a | d) <= mine or (b | c) & (mine - a - d):
        return False
    return not any((a | d) <= said for said in told if not b & said)


def tokens(text: str) -> list[str]:
    return [stem(token) for token in TOKEN.findall(text.lower())]


def items(text: str) -> list[Item]:
    found: list[Item] = []
    for match in ITEM.finditer(text):
        between = text[found[-1].end if found else 0 : match.start()]
        word = (LEADS.findall(between) or [""])[-1].lower()
        kind = "name" if match["name"] else "figure" if match["figure"] else "ordinal"
        key = f"{kind} {'' if kind == 'ordinal' else 'a' if word == 'an' else word}"
        plain = frozenset(tokens(match.group())) - frozenset(STOPWORDS)
        if plain:
            found.append(Item(key, plain, match.start(), match.end()))
    return found


@lru_cache(maxsize=20_000)
def pairs(text: str) -> tuple[tuple[tuple[Item, Item], tuple[Item, Item]], ...]:
    """Two items after each other, and the two after them that are as they are."""
    found = []
    for a, b, c, d in zip(*(itertools.islice(items(text), n, None) for n in range(4)), strict=False):
        alike = a.key == c.key and b.key == d.key
        told = (text[a.end : b.start], text[b.end : c.start], text[c.end : d.start])
        if (
            alike
            and NEXT.search(told[1])
            and not any(JOINED.fullmatch(one) or ";" in one for one in (told[0], told[2]))
        ):
            found.append(((a, b), (c, d)))
    return tuple(found)

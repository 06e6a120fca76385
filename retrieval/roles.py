"""Where a sentence joins what a passage says of different things, or turns a comparison or an order round. Pure; English."""

from __future__ import annotations

import re

from retrieval.facts import denials, names, opposites
from retrieval.quantities import numbers
from retrieval.told import SPEAKS_OF_IT, Part, own_subject, parts, statements, stems, subject
from retrieval.words import TOKEN, stem, words

COMPARED = re.compile(
    r"\b(?P<word>more|less|fewer|better|worse|further|\w{2,}(?<!oth)(?<!rath)er)\b(?P<what>(?: [\w'’-]+){0,6}?) than\b",
    re.IGNORECASE,
)
UP = frozenset(
    "more better further higher larger greater bigger longer heavier faster later older warmer hotter wider taller stronger richer thicker deeper dearer".split()
)
DOWN = frozenset(
    "less fewer worse lower smaller shorter lighter slower earlier younger colder cooler narrower weaker poorer thinner nearer cheaper".split()
)
JOINS = re.compile(
    r"\b(?:than|although|though|while|whereas|but|both|and|unlike|instead|rather|like|as well as|neither|nor)\b",
    re.IGNORECASE,
)
BEFORE = re.compile(r"\b(before|after)\b", re.IGNORECASE)
BECAUSE = re.compile(r"\b(?:because(?: of)?|due to|owing to|thanks to|on account of|as a result of)\b", re.IGNORECASE)
ENOUGH, MOST, FEW = 0.5, 0.65, 3
# "Not until", "not while": says when it may be done.
UNTIL = re.compile(
    r"\b(?:until|unless|before|while|except|(?:more|less|fewer|earlier|later) than|over|under|other than)\b",
    re.IGNORECASE,
)


def weight(found: frozenset[str]) -> int:
    return sum(min(len(word), 8) for word in found)


def best_part(sentence: str, passage: str) -> Part | None:
    """The part of the passage that has most of the sentence, the shorter one of two."""
    mine = stems(sentence)
    return max(parts(passage), key=lambda one: (weight(mine & one.all), -len(one.own)), default=None)


def mixed(sentence: str, passage: str) -> str:
    """A part of the sentence stands in one part of the passage but for a word that the passage has in another part only."""
    if COMPARED.search(sentence):
        return ""
    for mine in parts(sentence):
        if len(mine.own) < 2:
            continue
        if why := mixed_part(mine, passage):
            return why
    return ""


def mixed_part(mine: Part, passage: str) -> str:
    told = parts(passage)
    covered = [(weight(mine.own & one.all), one) for one in told]
    most = max(weight for weight, _ in covered)
    if most < ENOUGH * weight(mine.own) or JOINS.search(mine.text):
        return ""
    best = [one for weight, one in covered if weight == most]
    for one in best:
        strange = mine.own - one.all
        elsewhere = strange & frozenset().union(*(other.own for other in told if other is not one))
        if not strange or strange != elsewhere or not in_place_of(mine, one, strange, most):
            return ""
    strange = mine.own - best[0].all
    return f"the passage says this of something else than {', '.join(map(repr, sorted(strange)))}"


def in_place_of(mine: Part, home: Part, strange: frozenset[str], most: int) -> bool:
    """Whether what the sentence takes from elsewhere stands where `home` has something else: its subject, a number or a
    name of its own; or its only other words, where the rest is copied."""
    left = home.own - mine.own
    if (
        strange & subject(mine.text)
        and subject(home.text) & left
        and own_subject(home.text)
        and not SPEAKS_OF_IT.search(home.text)
    ):
        return True
    if any(word[0].isdigit() for word in strange):
        return any(word[0].isdigit() for word in left)
    called = {stem(token) for name in names(home.sentence) for token in TOKEN.findall(name)}
    if strange & {stem(token) for name in names(mine.text) for token in TOKEN.findall(name)}:
        return bool(called & left)
    return 0 < len(left) <= FEW and most >= MOST * weight(mine.own)


def turned(sentence: str, passage: str) -> str:
    """Two things have changed places around "than", "before" or "after", or "from ... to"."""
    return turned_comparison(sentence, passage) or turned_order(sentence, passage) or turned_range(sentence, passage)


def turned_comparison(sentence: str, passage: str) -> str:
    found = COMPARED.search(sentence)
    if not found:
        return ""
    first, second = compared(sentence, found)
    first, second = first - second, second - first
    way = direction(found.group("word"))
    for theirs in COMPARED.finditer(passage):
        its_first, its_second = near(passage[: theirs.start()], False), near(passage[theirs.end() :], True)
        straight, crossed = (
            len(first & its_first) + len(second & its_second),
            len(first & its_second) + len(second & its_first),
        )
        its_way = direction(theirs.group("word"))
        if straight != crossed and way and its_way:
            return "" if (straight > crossed) == (way == its_way) else "the passage compares them the other way round"
    return "the passage gives the greater number to the other" if compared_numbers(sentence, passage) < 0 else ""


def compared(sentence: str, found: re.Match[str]) -> tuple[frozenset[str], frozenset[str]]:
    """What stands on either side of "than"."""
    return stems(sentence[: found.start()] + found.group("what")), stems(sentence[found.end() :])


def direction(word: str) -> int:
    lowered = word.lower()
    return 1 if lowered in UP else -1 if lowered in DOWN else 0


def near(text: str, forwards: bool) -> frozenset[str]:
    """Stems of the clause next to a place."""
    pieces = re.split(r"[.;]", text)
    return stems(pieces[0] if forwards else pieces[-1])


def compared_numbers(sentence: str, passage: str) -> int:
    """Whether the passage's numbers bear a comparison out (1), go against it (-1), or say nothing (0)."""
    found = COMPARED.search(sentence)
    way = direction(found.group("word")) if found else 0
    if not found or not way:
        return 0
    first, second = compared(sentence, found)
    common = first & second
    matter = stems(sentence) - (first ^ second) | common
    verdicts = set()
    for one in amounts(first - second, second - first, matter, passage):
        for other in amounts(second - first, first - second, matter, passage):
            if one.kind == other.kind and one.unit == other.unit and one.value != other.value:
                verdicts.add((1 if one.value > other.value else -1) * way)
    return verdicts.pop() if len(verdicts) == 1 else 0


def amounts(of: frozenset[str], rival: frozenset[str], matter: frozenset[str], passage: str) -> list:
    """The numbers of the parts that speak of the one thing and not of its rival."""
    fits = [one for one in parts(passage) if of & one.all and not (rival & one.own)]
    fits = [one for one in fits if matter & one.own] or fits
    return [number for one in fits for number in numbers(one.text) if not number.weak]


def turned_order(sentence: str, passage: str) -> str:
    """ "Before" and "after": what comes first in one comes last in the other."""
    mine = in_time(sentence)
    if mine is None:
        return ""
    for part in statements_of(passage):
        its = in_time(part)
        if its is None:
            continue
        straight = len(mine[0] & its[0]) + len(mine[1] & its[1])
        crossed = len(mine[0] & its[1]) + len(mine[1] & its[0])
        if crossed > straight:
            return "the passage has this the other way round in time"
        if straight > crossed:
            return ""
    return ""


def statements_of(passage: str) -> list[str]:
    return list(dict.fromkeys(one.sentence for one in parts(passage)))


def in_time(sentence: str) -> tuple[frozenset[str], frozenset[str]] | None:
    """What comes first and what comes later: "B after A", "before B, A" and "A before B" are one."""
    found = BEFORE.search(sentence)
    if not found:
        return None
    left, right = sentence[: found.start()], sentence[found.end() :]
    if not words(left):
        right, _, left = right.partition(",")
    first, later = (left, right) if found.group(1).lower() == "before" else (right, left)
    return (stems(first), stems(later)) if words(first) and words(later) else None


def turned_range(sentence: str, passage: str) -> str:
    """ "From 5 to 3" where the passage has "from 3 to 5"."""
    form = re.compile(r"\bfrom (.{1,25}?) (?:to|until) (\S+)", re.IGNORECASE)
    for mine in form.finditer(sentence):
        for its in form.finditer(passage):
            one, two = ([n.value for n in numbers(text)] for text in mine.groups())
            a, b = ([n.value for n in numbers(text)] for text in its.groups())
            if one and two and a and b and one != two and (one[0], two[0]) == (b[0], a[0]):
                return "the passage has these numbers in the other order"
    return ""


def other_cause(sentence: str, passage: str) -> str:
    """The sentence gives a reason that the passage gives for something else."""
    found = BECAUSE.search(sentence)
    if not found:
        return ""
    effect, reason = stems(sentence[: found.start()]), stems(sentence[found.end() :])
    told = statements_of(passage)
    home = max(told, key=lambda one: weight(effect & stems(one)))
    if reason & stems(home) or not any(reason & stems(one) for one in told):
        return ""
    return "the passage gives this as the reason of something else"


def denied_otherwise(sentence: str, passage: str) -> str:
    """What the sentence says is denied by the passage wherever it stands there, or the other way round."""
    told = statements(passage)
    for mine in statements(sentence):
        best = max((weight(mine.own & one.all) for one in told), default=0)
        if not best or best < 0.5 * weight(mine.own) or (mine.denied and UNTIL.search(sentence)):
            continue
        alike = [one for one in told if weight(mine.own & one.all) == best]
        if all(one.denied != mine.denied and not softened(mine, one) for one in alike):
            return "one of passage and sentence is negated"
    return ""


def softened(one: Part, other: Part) -> bool:
    """Whether the one that is not negated denies by a word of its own: "excluded", "except"."""
    says, denies = (other, one) if one.denied else (one, other)
    return bool(denials(says.sentence) - denials(denies.sentence))


def opposite_inside(sentence: str, part: Part) -> str:
    """A word of the sentence whose opposite stands in the part of the passage in its place."""
    mine = {stem(token) for token in TOKEN.findall(sentence.lower())}
    its = {stem(token) for token in TOKEN.findall(part.text.lower())}
    for word in sorted(mine - its):
        if (opposites().get(word, frozenset()) & its) - mine:
            return word
    return ""


def named(sentence: str) -> frozenset[str]:
    return names(sentence)

"""Where a sentence joins what a passage says of different things, or of another doer. Pure; English."""

from __future__ import annotations

import re

from retrieval.comparing import comparisons
from retrieval.denial import focus_of_negation
from retrieval.facts import names
from retrieval.told import Part, in_order, own_subject, parts, stems, subject, weight
from retrieval.words import TOKEN, stem

JOINS = re.compile(
    r"\b(?:than|although|though|while|whereas|but|both|and|unlike|instead|rather|like|as well as|neither|nor)\b",
    re.IGNORECASE,
)
ENOUGH, MOST, ALL, FEW, COPIED, FULL = 0.5, 0.6, 0.8, 3, 0.4, 2
# Two events in one sentence may well be told apart.
APART = re.compile(r"\s+(?=(?:before|after|until|since) [^\W\d])", re.IGNORECASE)
# A pronoun that something is said of; "his" and "them" only stand by.
IS_IT = re.compile(r"\b(?:it|they|he|she|this|these|both)\b", re.IGNORECASE)
OWNED, OF_ITS = re.compile(r"\b([\w-]+)['’]s? [a-z]"), re.compile(r"\b(?:his|her|its|their) [a-z]", re.IGNORECASE)
# What a name may be called in its place.
GENERIC = frozenset(
    map(stem, ["company", "firm", "group", "organisation", "organization", "agency", "country", "city", "town", "team", "club", "drug",
               "product", "tool", "program", "ship", "book", "film", "work", "man", "woman", "person", "author", "place", "event"])
)  # fmt: skip
ORDINAL_STEMS = frozenset(["half", "third", "quarter", "fifth", "tenth"])
BY = re.compile(
    r"\bby ((?:the |an? |its |his |her |their )?[\w’'-]+(?: (?-i:[A-Z])\w+)*(?: of (?:the )?\w+)?)", re.IGNORECASE
)


# Verbs that say little by themselves.
LIGHT = frozenset(["take", "make", "give", "come", "go", "keep", "hold"])
PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been) \w+", re.IGNORECASE)


def best_part(sentence: str, passage: str) -> Part | None:
    """The part of the passage that has most of the sentence, the shorter one of two."""
    mine = stems(sentence)
    return max(parts(passage), key=lambda one: (weight(mine & one.all), -len(one.own)), default=None)


def mixed(sentence: str, passage: str) -> str:
    """A part of the sentence stands in one part of the passage but for a word that the passage has in another part only."""
    if comparisons(sentence):
        return ""
    for mine in [one for piece in APART.split(sentence) for one in parts(piece)]:
        if len(mine.own) >= FULL and (why := mixed_part(mine, passage)):
            return why
    return ""


def mixed_part(mine: Part, passage: str) -> str:
    told = parts(passage)
    most = max((weight(mine.own & one.all) for one in told), default=0)
    if most < ENOUGH * weight(mine.own) or JOINS.search(mine.text):
        return ""
    best = [one for one in told if weight(mine.own & one.all) == most]
    for one in best:
        strange = mine.own - one.all - LIGHT
        if strange <= subject(mine.text) & GENERIC or strange - frozenset[str]().union(
            *(other.own for other in told if other is not one)
        ):
            return ""
    for one in best:
        strange = mine.own - one.all - LIGHT
        # "Roth's deputy" is "her deputy".
        if OF_ITS.search(one.text) and (owner := OWNED.search(mine.text)) and stem(owner[1].lower()) in strange:
            continue
        # What is denied of it need not stand there.
        if mine.denied and strange <= focus_of_negation(mine):
            continue
        if in_place_of(mine, one, strange, most) or numbered_otherwise(mine, strange, told):
            return f"the passage says this of something else than {', '.join(map(repr, sorted(strange)))}"
    return ""


def other_actor(sentence: str, passage: str) -> str:
    """The passage has all of this done by, or true of, another: who is named stands elsewhere in it."""
    if JOINS.search(sentence) or comparisons(sentence):
        return ""
    told = parts(passage)
    for mine in parts(sentence):
        agent = BY.search(mine.text)
        for who in filter(None, (stems(agent.group(1)) if agent else None, subject(mine.text))):
            if any(word[0].isdigit() or word in ORDINAL_STEMS for word in who) or who <= GENERIC:
                continue
            rest = mine.own - who
            homes = [one for one in told if len(rest) > 1 and weight(rest & one.all) >= ALL * weight(rest)]
            homes = [one for one in homes if weight(rest & one.own) >= ALL * weight(rest)] or homes
            if agent and any(changed_places(mine, one) for one in told):
                return "the passage has the one do this to the other"
            if any(turned_passive(mine, one, who) for one in homes):
                return f"the passage has {', '.join(map(repr, sorted(who)))} do this, not undergo it"
            if any(who & one.all or IS_IT.search(one.text) for one in homes):
                continue
            by = agent is not None and who == stems(agent.group(1))
            homes = [one for one in homes if instead(one, by) - mine.own]
            named = any(who & one.own for one in told if one not in homes)
            if homes and named:
                return f"the passage says this of another than {', '.join(map(repr, sorted(who)))}"
    return ""


def instead(home: Part, agent: bool) -> frozenset[str]:
    """Who the passage says it of: by whom it is done, or the subject."""
    if agent and (found := BY.search(home.text)):
        return stems(found.group(1))
    if agent and PASSIVE.search(home.text):
        return frozenset()
    return home.given or subject(home.text)


def turned_passive(mine: Part, home: Part, who: frozenset[str]) -> bool:
    """ "The pump was replaced" where the passage has "was replaced by a pump"."""
    doing = re.search(r"(\w+) by\b", home.text)
    if not doing or BY.search(mine.text) or stem(doing.group(1).lower()) not in mine.own:
        return False
    undergoes = re.search(r"\b(?:is|are|was|were|be|been) (?!(?:the|an?|first)\b)\w+", mine.text)
    return bool(
        undergoes and who & stems(home.text[doing.end() :]) and not who & (stems(home.text[: doing.end()]) | home.given)
    )


def changed_places(mine: Part, home: Part) -> bool:
    """ "The owl was chased by the crow" where the passage has "the crow was chased by the owl"."""
    agent, its_agent = BY.search(mine.text), BY.search(home.text)
    if not agent or not its_agent:
        return False
    undergoes, does = stems(mine.text[: agent.start()]), stems(agent.group(1))
    its_undergoes, its_does = stems(home.text[: its_agent.start()]), stems(its_agent.group(1))
    return bool(does & its_undergoes and undergoes & its_does and not does & its_does)


def in_place_of(mine: Part, home: Part, strange: frozenset[str], most: int) -> bool:
    """Whether what the sentence takes from elsewhere stands where `home` has something else: its subject, a number or a
    name of its own; or its only other words, where the rest is copied."""
    left = home.own - mine.own
    theirs = home.given or (subject(home.text) if own_subject(home.text) else frozenset())
    if strange & subject(mine.text) and theirs - mine.own and not IS_IT.search(home.text):
        return True
    agent, its_agent = BY.search(mine.text), BY.search(home.text)
    if agent and its_agent and strange <= stems(agent.group(1)) and stems(its_agent.group(1)) - mine.own:
        return True
    if any(map(figure, strange)):
        return any(map(figure, left))
    called = {stem(token) for name in names(home.sentence) for token in TOKEN.findall(name)}
    if strange & {stem(token) for name in names(mine.text) for token in TOKEN.findall(name)}:
        return bool(called & left)
    return 0 < len(left) <= FEW and most >= MOST * weight(mine.own) and in_order(mine.text, home.text) >= COPIED


def numbered_otherwise(mine: Part, strange: frozenset[str], told: tuple[Part, ...]) -> bool:
    """Whether the part that speaks of what is strange gives it another number: "ten days, internal ones three"."""
    if not any(map(figure, mine.own)):
        return False
    others = [one for one in told if strange <= one.own and (one.own & mine.own) - strange]
    return any(any(map(figure, one.own - mine.own)) for one in others)


def figure(word: str) -> bool:
    return word[0].isdigit() or word in ("noon", "midnight")

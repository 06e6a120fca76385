"""Where a sentence joins what a passage says of different things: another doer, case, reason or speaker. Pure; English."""

from __future__ import annotations

import re

from retrieval.comparing import comparisons
from retrieval.denial import focus_of_negation
from retrieval.facts import names, negated
from retrieval.told import Part, in_order, own_subject, parts, stems, subject, weight
from retrieval.words import TOKEN, stem

JOINS = re.compile(
    r"\b(?:than|although|though|while|whereas|but|both|and|unlike|instead|rather|like|as well as|neither|nor)\b",
    re.IGNORECASE,
)
REASON = re.compile(
    r"(?P<effect>.+?),? (?:because(?: of)?|due to|owing to|thanks to|on account of|as a result of|(?:the|its) reason being that) (?P<cause>.+)|"
    r"(?:because(?: of)?|due to|owing to|thanks to|on account of|as a result of) (?P<cause2>[^,]+), (?P<effect2>.+)|"
    r"(?P<cause3>.+?), (?:so|therefore|which is why|and so) (?P<effect3>.+)",
    re.IGNORECASE,
)
IN_SPITE = re.compile(
    r"(?P<effect>.+?),? (?:although|though|despite|in spite of|even though) (?P<cause>.+)", re.IGNORECASE
)
ENOUGH, MOST, ALL, FEW, COPIED, FULL = 0.5, 0.65, 0.8, 3, 0.4, 2
# Two events in one sentence may well be told apart.
APART = re.compile(r"\s+(?=(?:before|after|until|since) [^\W\d])", re.IGNORECASE)
# A pronoun that something is said of; "his" and "them" only stand by.
IS_IT = re.compile(r"\b(?:it|they|he|she|this|these|both)\b", re.IGNORECASE)
ORDINAL_STEMS = frozenset(["half", "third", "quarter", "fifth", "tenth"])
BY = re.compile(
    r"\bby ((?:the |an? |its |his |her |their )?[\w’'-]+(?: (?-i:[A-Z])\w+)*(?: of (?:the )?\w+)?)", re.IGNORECASE
)


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
        strange = mine.own - one.all
        if not strange or strange - frozenset[str]().union(*(other.own for other in told if other is not one)):
            return ""
    for one in best:
        strange = mine.own - one.all
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
            if any(word[0].isdigit() or word in ORDINAL_STEMS for word in who):
                continue
            rest = mine.own - who
            homes = [one for one in told if len(rest) > 1 and weight(rest & one.all) >= ALL * weight(rest)]
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
    if agent:
        found = BY.search(home.text)
        return stems(found.group(1)) if found else frozenset()
    return home.given or subject(home.text)


ONLY_WHO = re.compile(
    r"\bonly (?P<who>(?:the |an? )?\w+(?: \w+)?) (?:can|may|must|could|should|has|have|is|are|was|were)\b",
    re.IGNORECASE,
)


def reserved(sentence: str, passage: str) -> str:
    """The passage allows to others only what the sentence allows to someone."""
    for one in parts(passage):
        found = ONLY_WHO.search(one.text)
        for mine in parts(sentence) if found else ():
            who = stems(found.group("who")) if found else frozenset()
            rest = one.own - who
            says = not mine.denied and not who & mine.own and subject(mine.text) - one.all
            if rest and says and rest <= mine.own and not re.search(r"\bonly\b", sentence, re.IGNORECASE):
                return f"the passage says this of {found.group('who') if found else ''} only"
    return ""


def turned_passive(mine: Part, home: Part, who: frozenset[str]) -> bool:
    """ "The pump was replaced" where the passage has "was replaced by a pump"."""
    doing = re.search(r"(\w+) by\b", home.text)
    if not doing or BY.search(mine.text) or stem(doing.group(1).lower()) not in mine.own:
        return False
    undergoes = re.search(r"\b(?:is|are|was|were|be|been) \w+", mine.text)
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


def other_case(sentence: str, passage: str) -> str:
    """What the passage says of one case, the sentence says of another."""
    found = cases(sentence)
    if not found:
        return ""
    word, case, then = found
    told = [stems(one) for one in sentences_of(passage)]
    homes = [one for one in told if most_of(case, one)]
    if homes and then and not any(then & one for one in homes) and any(most_of(then, one) for one in told):
        return "the passage says this of another case"
    for one in sentences_of(passage):
        its = cases(one)
        if its and most_of(then, its[2]) and not case & its[1] and not case & stems(one):
            return "the passage says this of another case"
        if its and (word == "unless") != (its[0] == "unless") and most_of(case, its[1]) and most_of(then, its[2]):
            same = negated(one) == negated(sentence)
            return "the passage says this of the opposite case" if same else ""
    return ""


CONDITIONAL = re.compile(
    r"^(?P<word>if|when|whenever|once|unless|as soon as) (?P<case>[^,]+), (?P<then>.+)$|"
    r"^(?P<then2>.+?),? (?P<word2>if|when|whenever|once|unless|as soon as) (?P<case2>.+)$",
    re.IGNORECASE,
)


def cases(sentence: str) -> tuple[str, frozenset[str], frozenset[str]] | None:
    """The word of the condition, the case and what holds in it."""
    found = CONDITIONAL.match(sentence.strip())
    if not found:
        return None
    said = {name.rstrip("2"): value for name, value in found.groupdict().items() if value}
    case, then = stems(said["case"]), stems(said["then"])
    return said["word"].lower(), case - then, then - case


STANCE = (
    (1, r"(?:is|are|was|were) in favou?r of|says?|said|claims?|claimed|holds?|held|argues?|argued|states?|stated|reports?|reported|believes?|believed|recommends?|"
        r"recommended|accepts?|accepted|supports?|supported|confirms?|confirmed|approves?|approved|demands?|demanded|admits?|admitted"),
    (-1, r"den(?:y|ies|ied)|rejects?|rejected|disputes?|disputed|refutes?|refuted|contests?|contested|doubts?|doubted|opposes?|opposed|"
         r"disagrees?|disagreed|(?:is|are|was|were) (?:opposed to|against)|advises? against|advised against|votes? against|voted against|refuses?|refused"),
)  # fmt: skip
HOLDER = [(way, re.compile(rf"(\w+) (?:also |still )?(?:{verbs})\b", re.IGNORECASE)) for way, verbs in STANCE]
ACCORDING = re.compile(
    r"\b(?:according to|in the (?:view|opinion|words) of) (?:the |an? )?((?:(?-i:[A-Z])\w+ )*\w+)", re.IGNORECASE
)


def stances(text: str) -> dict[str, int]:
    """Who is for it (1) and who is against it (-1), by the stem of the name."""
    found = {stem(match.group(1).split()[-1].lower()): 1 for match in ACCORDING.finditer(text)}
    for way, form in HOLDER:
        for match in form.finditer(text):
            negated = re.search(r"\b(?:not|never|n't)\b", match.group())
            found.setdefault(stem(match.group(1).lower()), -way if negated else way)
    return found


def other_stance(sentence: str, passage: str) -> str:
    """The passage has the opposite said by the same."""
    if negated(sentence):
        return ""
    mine, its = stances(sentence), stances(passage)
    for who in sorted(mine.keys() & its.keys()):
        if mine[who] != its[who]:
            return f"the passage has {who!r} say the opposite"
    return ""


def reasons(text: str, form: re.Pattern[str] = REASON) -> list[tuple[frozenset[str], frozenset[str]]]:
    """What happened and why, for each part of a text that gives a reason."""
    found = []
    for piece in re.split(r"[.;]\s+", text):
        if match := form.fullmatch(piece.strip(" .")):
            said = {name.rstrip("23"): stems(value) for name, value in match.groupdict().items() if value}
            found.append((said["effect"] - said["cause"], said["cause"] - said["effect"]))
    return found


def other_cause(sentence: str, passage: str) -> str:
    """The sentence gives a reason that the passage gives for something else, or takes the reason for what came of it."""
    told = reasons(passage)
    for effect, cause in reasons(sentence):
        its = [one for one in told if most_of(effect, one[0])]
        if any(most_of(cause, one[1]) for one in its):
            continue
        if any(most_of(effect, one[1]) and most_of(cause, one[0]) for one in told):
            return "the passage has cause and effect the other way round"
        if (
            its
            and not any(cause & one[1] for one in its)
            and any(most_of(cause, stems(one)) for one in sentences_of(passage))
        ):
            return "the passage gives this as the reason of something else"
        in_spite = reasons(passage, IN_SPITE)
        if any(most_of(effect, one[0]) and most_of(cause, one[1]) for one in in_spite):
            return "the passage says that it was so in spite of this"
        homes = [stems(one) for one in sentences_of(passage) if most_of(effect, stems(one))]
        elsewhere = any(most_of(cause, stems(one)) for one in sentences_of(passage))
        if homes and elsewhere and not any(cause & one for one in homes):
            return "the passage gives this as the reason of something else"
    for effect, cause in reasons(sentence, IN_SPITE):
        if any(most_of(effect, one[0]) and most_of(cause, one[1]) for one in told):
            return "the passage gives this as the reason"
    return ""


def most_of(mine: frozenset[str], its: frozenset[str]) -> bool:
    return bool(mine) and weight(mine & its) >= MOST * weight(mine)


def sentences_of(passage: str) -> list[str]:
    return list(dict.fromkeys(one.sentence for one in parts(passage)))

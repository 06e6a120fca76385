"""A follow-up question made to stand alone, by rules over the conversation. Pure; English.

Four things can happen to it: what it names takes the place of its like in the former question ("and for 14B?"), a pronoun
gives way to what the former question is about ("how fast does it answer?"), the former question is put before it, or it
stands alone as it is. Wherever a rule is not sure, the former question is put before it: both are then plain to read.
`benchmarks/followups.py` measures it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from core.checks import QUOTED
from core.types import Query
from retrieval.counterparts import (
    BE,
    DETERMINERS,
    FRAGMENT,
    PARTICIPLE,
    PREPOSITIONS,
    WORD,
    has_verb,
    is_plural,
    other_subject,
    starts_small,
    swap,
    topic,
)
from retrieval.facts import names
from retrieval.words import TOKEN, stem, words

LEAD = re.compile(r"^(?:(?:and|but|so|or|also|ok|okay|then|now|well)\b,?\s+)+", re.IGNORECASE)
ABOUT = re.compile(r"^(?:what about|how about|what of|(?:the )?same (?:for|with|on)|is (?:it|that) the same (?:for|with|on))\b[,:]?\s+", re.IGNORECASE)  # fmt: skip
STANDS_FOR = re.compile(r"^(?:the ones?|that|those) (?=(?:of|for|on|in|with|from|by)\b)", re.IGNORECASE)
PLURAL = {"they", "them", "their", "theirs", "these", "those"}
PERSONS = {"he", "she", "him", "her", "his", "hers", "they", "them"}
POSSESSIVE = {"its", "their", "his", "hers", "theirs"}
PRONOUN = re.compile(r"\b(it|its|they|them|their|theirs|he|she|him|his|hers|her)\b", re.IGNORECASE)
# What points back without being replaced: the former question is put before it.
POINTS = re.compile(
    r"\b(?:this|these|those(?! who)|such an?|the same|the other|the former|the latter|instead|otherwise|that (?:one|case)|"
    r"(?:there|fewer|less|more|larger|smaller|lower|higher)(?=\W*$)|ones?(?=\W*$|\s+(?:be|is|are|was|were)\b))\b|"
    r"(?:\b(?:is|are|was|were|does|do|did|can|may|must|should|will|as|of|for|about|with|in|on|by|from|to|why|how)\s+|^)that\b(?!\s+\w+\s+\w*(?:ed|s)\b)",
    re.IGNORECASE,
)
# "Label this ticket: ..." points to what follows, and thanks need no answer.
FORWARDS = re.compile(r"\b(?:this|these)\b[^.?!]{0,40}:", re.IGNORECASE)
POLITE = re.compile(
    r"^(?:thanks?(?: you)?|ok(?:ay)?|great|perfect|good|hello|hi|hey|bye|cheers)\b[^?]{0,20}$", re.IGNORECASE
)
COMPARES = re.compile(r"^which (?:is|are|was|were) \w+er\W*$", re.IGNORECASE)
QUOTATION = 25  # characters: what is quoted at such length is what the question is about
# Fewer words of its own after "and" are no question that stands alone.
OWN_WORDS = 3
MOST_WORDS = 60  # of a question; a longer one is a text, and says itself what it is about


def standalone(query: Query) -> str:
    """The query's text as it can be understood without the conversation before it."""
    former = answer = ""
    for message in query.history:
        if message.role == "user" and not POLITE.match(message.content.strip()):
            former, answer = rewritten(message.content, former, answer), ""
        elif message.role == "assistant":
            answer = message.content
    return rewritten(query.text, former, answer)


@lru_cache(maxsize=2000)
def rewritten(asked: str, former: str, answer: str = "") -> str:
    """A question read after a former one (which stands alone) and the answer to that."""
    asked = asked.strip()
    said = QUOTED.sub("", asked)
    if not former or max(len(former.split()), len(said.split())) > MOST_WORDS:
        return asked
    if len(asked) - len(said) > QUOTATION or FORWARDS.search(asked) or POLITE.match(asked):
        return asked
    bare = LEAD.sub("", asked)
    led = bare != asked
    rest = ABOUT.sub("", bare)
    elliptic = rest != bare or not has_verb(bare)
    if (elliptic or led) and (swapped := swap(former, STANDS_FOR.sub("", rest))):
        return swapped
    if elliptic:
        stands = not led and rest == bare and len(words(bare)) > 1 and not starts_small(bare)
        return asked if stands else other_subject(former, rest) or glued(former, asked)
    if pronoun := loose_pronoun(bare):
        return resolved(bare, pronoun, former, answer) or glued(former, asked)
    if POINTS.search(bare) or FRAGMENT.match(bare) or COMPARES.match(bare) or says_little(bare, led):
        return glued(former, asked)
    return asked


def glued(former: str, asked: str) -> str:
    return f"{former} {asked}"


def own_question(asked: str, alone: str) -> str:
    """A follow-up that the former question was put before, without it, where it says what it asks for ("and what does a menu
    cost there?"): both are searched for, but of two questions a reader answers the first. Else empty."""
    bare = LEAD.sub("", asked.strip())
    said = alone != asked.strip() and alone.endswith(asked.strip()) and len(words(bare)) >= OWN_WORDS
    return bare if said else ""


def says_little(text: str, led: bool) -> bool:
    """Whether a clause is about too little to stand alone: "Who decides?", "and when do we meet?"."""
    own = words(text)
    if led:
        return len(own) < OWN_WORDS and not names(text)
    if len(own) > 1 or names(text):
        return False
    tokens = [token.lower() for token in TOKEN.findall(text)]
    copula = len(tokens) > 2 and tokens[1] in BE and not PARTICIPLE.match(tokens[-1])
    return not copula


# A pronoun gives way to what it stands for


def loose_pronoun(text: str) -> str:
    """The first pronoun for which nothing stands before it in the same question; "" where there is none."""
    for found in PRONOUN.finditer(text):
        word = found.group().lower()
        before = text[: found.start()]
        if word == "it" and re.match(r"\s+(?:possible|allowed|worth|true|necessary|ok)\b", text[found.end() :]):
            continue
        if not antecedent(before, word in PLURAL):
            return found.group()
    return ""


def antecedent(before: str, plural: bool) -> bool:
    """Whether a thing of that number is named before: by a determiner or by its own name."""
    tokens = WORD.findall(before)
    for n, token in enumerate(tokens[:-1]):
        if token.lower() in DETERMINERS - {"that"} and tokens[n + 1].lower() not in PREPOSITIONS:
            head = tokens[n + 1]
            if plural == (head.endswith("s") and token.lower() not in ("a", "an", "each", "every")):
                return True
    return not plural and bool(names(before))


def resolved(text: str, pronoun: str, former: str, answer: str) -> str:
    """The question with its pronouns replaced; "" where what they stand for is not plain."""
    word = pronoun.lower()
    person = who(former, answer) if word in PERSONS else ""
    thing = person or topic(former)
    if not thing or (not person and (is_plural(thing) != (word in PLURAL) or word in PERSONS - PLURAL)):
        return ""

    def put(found: re.Match[str]) -> str:
        if (found.group().lower() in PLURAL) != (word in PLURAL):
            return found.group()
        return f"{thing}'s" if found.group().lower() in POSSESSIVE else thing

    replaced = PRONOUN.sub(put, text)
    replaced = replaced[0].upper() + replaced[1:]
    # Whose tickets they are is still to be said: a person is found by what the former question was about.
    return glued(former, replaced) if person else replaced


def who(former: str, answer: str) -> str:
    """Who the answer to a who-question names: its words before the question's verb."""
    asked = re.match(r"who\s+(\w+)(?:\s+(\w+))?", former, re.IGNORECASE)
    if not asked or not answer:
        return ""
    verbs = {stem(word.lower()) for word in asked.groups() if word}
    found = []
    for token in re.sub(r"\s*\[\d+\]", "", answer).split()[:10]:
        if found and stem(token.lower().strip(".,")) in verbs:
            first = found[0].lower() if found[0].lower() in DETERMINERS else found[0]
            return " ".join([first, *found[1:]])
        found.append(token)
    return ""

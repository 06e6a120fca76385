"""A follow-up question made to stand alone, by rules over the conversation. Pure; English.

Four things can happen to it: what it names takes the place of its like in the former question ("and for 14B?"), a pronoun
gives way to what the former question is about ("how fast does it answer?"), the former question is put before it, or it
stands alone as it is. Wherever a rule is not sure, the former question is put before it: both are then plain to read.
`benchmarks/followups.py` measures it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from core.types import Query
from retrieval.facts import names, opposites
from retrieval.words import STOPWORDS, TOKEN, stem, words

BE = "is are was were"
DO = "do does did can could may might must shall should will would has have had"
AUXILIARIES = frozenset(f"{BE} {DO} be been am".split())
ASKING = re.compile(r"^(?:who|whom|whose|when|where|why|what|which|how)\b", re.IGNORECASE)
LEAD = re.compile(r"^(?:(?:and|but|so|or|also|ok|okay|then|now|well)\b,?\s+)+", re.IGNORECASE)
ABOUT = re.compile(r"^(?:what about|how about|what of|(?:the )?same (?:for|with|on)|is (?:it|that) the same (?:for|with|on))\b[,:]?\s+", re.IGNORECASE)  # fmt: skip
STANDS_FOR = re.compile(r"^(?:the ones?|that|those) (?=(?:of|for|on|in|with|from|by)\b)", re.IGNORECASE)
PREPOSITIONS = frozenset("for with on in at from by of to under over per during after before until since without within between into via as".split())  # fmt: skip
FRAGMENT = re.compile(r"^(?:even|only|except|unless|because|despite|not|just)\b", re.IGNORECASE)
DETERMINERS = frozenset("the a an our my your each every this that these those its their his her all any some no".split())
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
PARTICIPLE = re.compile(
    r"\w+ed$|(?:kept|made|held|built|sent|set|put|written|taken|given|done|drawn|known|found|read|shown|told|paid|met|run|chosen)$"
)
PERSONAL = frozenset("i we you it they he she one there".split())
ORDINALS = ("first", "second", "third", "fourth", "fifth", "last")
WORD = re.compile(r"\d[\d.,]*\d[^\s?!,;:\"“”()]*|[^\s?!,;:\"“”()]+")
# Fewer words of its own after "and" are no question that stands alone.
OWN_WORDS = 3
MOST_WORDS = 60  # of a former question; a longer one is no question but a text


def standalone(query: Query) -> str:
    """The query's text as it can be understood without the conversation before it."""
    former = answer = ""
    for message in query.history:
        if message.role == "user":
            former, answer = rewritten(message.content, former, answer), ""
        elif message.role == "assistant":
            answer = message.content
    return rewritten(query.text, former, answer)


@lru_cache(maxsize=2000)
def rewritten(asked: str, former: str, answer: str = "") -> str:
    """A question read after a former one (which stands alone) and the answer to that."""
    asked = asked.strip()
    if not former or len(former.split()) > MOST_WORDS:
        return asked
    bare = LEAD.sub("", asked)
    led = bare != asked
    rest = ABOUT.sub("", bare)
    elliptic = rest != bare or not has_verb(bare)
    if elliptic or led:
        if swapped := swap(former, STANDS_FOR.sub("", rest)):
            return swapped
    if elliptic:
        stands = not led and rest == bare and len(words(bare)) > 1 and not starts_small(bare)
        return asked if stands else other_subject(former, rest) or glued(former, asked)
    if pronoun := loose_pronoun(bare):
        return resolved(bare, pronoun, former, answer) or glued(former, asked)
    if POINTS.search(bare) or FRAGMENT.match(bare) or says_little(bare, led):
        return glued(former, asked)
    return asked


def glued(former: str, asked: str) -> str:
    return f"{former} {asked}"


def has_verb(text: str) -> bool:
    """Whether it is a clause, as far as its small words tell: an auxiliary, or a question word with more than one word after it.
    Anything long is one."""
    tokens = [token.lower() for token in TOKEN.findall(text)]
    if any(token in AUXILIARIES for token in tokens):
        return starts_small(text) is False or bool(ASKING.match(text)) or FRAGMENT.match(text) is not None
    return (bool(ASKING.match(text)) and len(tokens) > 2) or len(words(text)) > 6


def starts_small(text: str) -> bool:
    """Whether it begins with a preposition or a determiner, as a part of a sentence does."""
    first = next(iter(TOKEN.findall(text.lower())), "")
    return first in PREPOSITIONS or first in DETERMINERS


def says_little(text: str, led: bool) -> bool:
    """Whether a clause is about too little to stand alone: "Who decides?", "and when do we meet?"."""
    own = words(text)
    if led:
        return len(own) < OWN_WORDS and not names(text)
    if len(own) > 1 or names(text):
        return False
    tokens = [token.lower() for token in TOKEN.findall(text)]
    copula = len(tokens) > 2 and tokens[1] in BE.split() and not PARTICIPLE.match(tokens[-1])
    return not copula


# What is named takes the place of its like


def swap(former: str, rest: str) -> str:
    """The former question with what `rest` names in the place of its like; "" where there is no like."""
    text, used = former, set()
    for name in WORD.findall(rest.rstrip(" ?.!")):
        like = counterpart(name, text, rest)
        if like:
            text = re.sub(rf"(?<![\w/-]){re.escape(like)}(?![\w/-])", lambda _, name=name: name, text, count=1)
            used.add(name)
    left = [w for w in words(rest) if w not in set(words(former)) and w not in {s for name in used for s in words(name)}]
    if used and not left:
        return text
    if used and not has_verb(rest):
        return f"{text.rstrip(' ?.!')} {rest.rstrip(' ?.!')}?"
    return "" if used else indefinite(former, rest)


def counterpart(name: str, former: str, rest: str) -> str:
    """The word of the former question that a word of the new one is like in kind, and that the new one does not hold."""
    kind = shape(name, rest)
    if not kind:
        return ordinal(name, former)
    mine = {token.lower() for token in WORD.findall(rest)}
    found = [token for token in WORD.findall(former.rstrip(" ?.!")) if shape(token, former) == kind]
    found = [token for token in found if token.lower() not in mine]
    if name.lower() in {token.lower() for token in WORD.findall(former)} or not found:
        return ""
    return max(found, key=lambda token: (common(token, name), former.rfind(token)))


def shape(word: str, text: str) -> str:
    """What kind of name or amount a word is, as far as its letters tell; "" for any other word."""
    bare = word.rstrip(".")
    if amount := re.fullmatch(r"[$€£]?\d[\d.,]*([a-zA-Z%]{0,2})", bare):
        unit = re.search(rf"{re.escape(bare)}\s+([A-Za-z]{{1,2}})\b", text)
        return f"amount {(amount[1] or (unit[1] if unit else '')).lower()}"
    if "/" in bare:
        return "label"
    if any(c.isdigit() for c in bare) and any(c.isalpha() for c in bare):
        return "code"
    if len(bare) == 1 and bare.isupper() and re.search(rf"\b[A-Z][a-z]+ {bare}\b", text):
        return "letter"
    if re.fullmatch(r"[A-Z]{2,}s?", bare):
        return "acronym"
    if re.fullmatch(r"[A-Za-z]*[a-z][A-Z]\w*|[A-Z]{2,}[a-z]\w*|[A-Z][a-z]*[A-Z]\w*", bare):
        return "mixed"
    begins = text.lstrip().startswith(word)
    return "name" if bare[:1].isupper() and bare.lower() not in STOPWORDS and not (begins and ASKING.match(text)) else ""


def common(one: str, other: str) -> int:
    """How many letters two words have in common at their start and at their end."""
    ahead = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    behind = next((n for n, (a, b) in enumerate(zip(one[::-1], other[::-1], strict=False)) if a != b), 0)
    return ahead + behind


def ordinal(name: str, former: str) -> str:
    """"second" takes the place of "first", and a word that of its opposite."""
    word = name.lower()
    tokens = TOKEN.findall(former)
    if word in ORDINALS:
        return next((token for token in tokens if token.lower() in ORDINALS and token.lower() != word), "")
    against = opposites().get(stem(word), frozenset())
    return next((token for token in tokens if stem(token.lower()) in against), "")


def indefinite(former: str, rest: str) -> str:
    """"What about a loss that becomes NaN?": a thing with "a" takes the place of the only other such thing."""
    places = list(re.finditer(r"\b(?:an?)\s", former, re.IGNORECASE))
    if not re.match(r"an?\s", rest, re.IGNORECASE) or len(places) != 1 or has_verb_after(former, places[0].end()):
        return ""
    return f"{former[: places[0].start()]}{rest.rstrip(' ?.!')}?"


def other_subject(former: str, rest: str) -> str:
    """"How long are logs kept?", "And datasets?": one thing takes the place of the other that the question is about."""
    thing, other = topic(former), rest.rstrip(" ?.!")
    asks_for_it = re.match(r"(?:when|where|why|who|how(?! many| much))\b", former, re.IGNORECASE)
    first = next(iter(TOKEN.findall(other.lower())), "")
    if not thing or not asks_for_it or first in PREPOSITIONS or FRAGMENT.match(other) or ASKING.match(other):
        return ""
    return former.replace(thing, other, 1) if is_plural(thing) == is_plural(other) else ""


def has_verb_after(text: str, at: int) -> bool:
    """Whether more than the thing itself follows: its relative clause belongs to it, another clause does not."""
    after = re.split(r"\b(?:that|which|who)\b", text[at:], maxsplit=1)[0]
    return len(after.split()) > 3


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
        if token.lower() in DETERMINERS and tokens[n + 1].lower() not in PREPOSITIONS:
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


def topic(former: str) -> str:
    """What a question is about, where it has one plain subject: "When does the board meet?" gives "the board"."""
    text = former.strip().rstrip("?.! ")
    if re.search(r"[.?!]\s", text):
        return ""
    if what := re.match(rf"(?:what|who) (?:{'|'.join(BE.split())}) (.+)", text, re.IGNORECASE):
        return plain_thing(what[1].split(), 9)
    tokens = text.split()
    at = next((n for n, token in enumerate(tokens[:-1]) if token.lower() in f"{BE} {DO}".split()), -1)
    if at < 0:
        return ""
    after = tokens[at + 1 :]
    end = next((n for n, token in enumerate(after) if token.lower() in PREPOSITIONS - {"of"}), len(after))
    after, rest = after[:end], after[end:]
    lowered = [token.lower() for token in after]
    if "be" in lowered:
        return plain_thing(after[: lowered.index("be")])
    if tokens[at].lower() in DO.split() or (after and PARTICIPLE.match(lowered[-1])):
        after = after[:-1]
    # "What does the recipe use as a rate?" is about two things.
    return "" if words(" ".join(rest)) and tokens[at].lower() in DO.split() else plain_thing(after)


def plain_thing(tokens: list[str], most: int = 6) -> str:
    """The words as one thing; "" where they are a person, too many, or more than one thing."""
    lowered = [token.lower() for token in tokens]
    if not tokens or len(tokens) > most or lowered[0] in PERSONAL or not words(" ".join(tokens)):
        return ""
    inner = [n for n, word in enumerate(lowered) if n and word in DETERMINERS and lowered[n - 1] not in PREPOSITIONS]
    return "" if inner or any(word in AUXILIARIES for word in lowered) else " ".join(tokens)


def is_plural(thing: str) -> bool:
    tokens = [token.lower() for token in re.split(r"\s+(?:of|to|for|in|on|with)\s+", thing)[0].split()]
    head = tokens[-1]
    return " and " in f" {thing} " or (head.endswith("s") and not head.endswith(("ss", "us", "is")))


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

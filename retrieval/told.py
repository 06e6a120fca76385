"""What a text says, part by part: each with the subject that it inherits, and whether it is denied. Pure; English.

A part is what can be true or false by itself: "The tenant pays; the landlord does not" has two. Where a part leaves out its
subject ("... and lifts 90 kg") or its verb ("coffee does not", "all others by post"), it takes them from the part before.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from retrieval.asides import VERB, without_aside
from retrieval.facts import NEGATION
from retrieval.irregular import BASE
from retrieval.quantities import figures_alike
from retrieval.sentences import Piece, pieces
from retrieval.words import STOPWORDS, TOKEN, stem, words

PREPOSITIONS = "between|from|since|after|before|until|with|including|about|under|over|by"
WITHOUT_VERB = r"(?:(?:Ms|Mr|Mrs|Dr)[.]? )?(?-i:[A-Z])\w+ (?-i:[a-z])\w+(?:[.,;]|$)"
# Parts stand side by side: what one says of its subject the other does not say of its own. They meet at
BESIDE = re.compile(
    "|".join(
        (
            r";\s+",
            r",?\s+(?:while|whereas|but|although|though)\s+",
            r",\s+(?:and|or)\s+|,\s+(?=nor\b)|\s+and\s+(?=[\w.,]+(?:\s+[\w.,]+)+)",
            # "..., all others by post", "..., those of type B", "..., not by the clerk", "..., which was sold"
            r",\s+(?=(?:all |the )?(?:others?|rest|remaining|those|otherwise|not|which|who|\w+ ones)\b)",
            # "..., the right one tilts it"
            r",\s+(?=(?:the|its|his|her|their|some|most|all|an?)\s+(?:\w+\s+){1,4}\w+(?:s|ed|t)\b(?! and\b))",
            # "X teaches physics and Mr Y chemistry"
            rf"\s+and\s+(?={WITHOUT_VERB})",
            # "..., built in the war"
            r",\s+(?=(?:\w+ed|built|made|sold|bought|held|kept|led|sent|born) (?:in|during|by|at|on|for|from|with|to)\b)",
            # "..., in August not at all"
            r",\s+(?=(?:in|on|at|for|by|from|with|to)\s+(?:\w+\s+){1,3}not\b)",
            # "..., juice 45"
            rf",\s+(?!(?:{PREPOSITIONS})\b)(?=(?:\w+\s+){{1,5}}\d)|,\s+(?=the\s+(?:\w+\s+){{1,4}}\d)",
        )
    ),
    re.IGNORECASE,
)
# A part within a part: its negation does not reach the other.
WITHIN = re.compile(
    r",?\s+(?=(?:if|unless|without|when|whenever|because|before|after|until|since|once|so that|provided|as long as|"
    r"in order to|which|who)\b)|,\s+",
    re.IGNORECASE,
)
SPEAKS_OF_IT = re.compile(
    r"^(?:this|these|that|those|both|such)\b|\b(?:it|its|they|their|them|he|she|his|her)\b", re.IGNORECASE
)
BRACKETS = re.compile(r"\s*\([^()]*\)")
DETERMINERS = frozenset(
    ["the", "a", "an", "only", "all", "some", "each", "every", "no", "its", "their", "his", "her", "this", "these", "our",
     "other"]
)  # fmt: skip
HELPS = r"(?:may|can|must|is|are|was|were|have|has|do|does)\b"
EXCEPT = re.compile(
    r"\bunlike (?P<who>[^,]{2,40}),|"
    r",? (?:except(?: for)?|apart from|with the exception of|other than) "
    rf"(?P<who2>(?:the |an? )?[\w -]{{2,40}}?)(?=,| {HELPS}|[.]?$)|"
    rf"\b(?P<none>nobody|no one|nothing|none) (?:but|except) (?P<who3>(?:the |an? )?[\w -]{{2,40}}?)(?= {HELPS})",
    re.IGNORECASE,
)
FORBIDDEN = re.compile(r"\b(?:forbid\w*|prohibit\w*|banned|bans?|outlaw\w*)\b", re.IGNORECASE)
# "Coffee does not", "the green line does too".
SHORT = re.compile(
    r"^(?P<who>[^,;]{2,50}?) (?:do|does|did|is|are|was|were|may|can|must|will|has|have)(?P<not> not|n['’]t)?"
    r"(?: so| too| as well)?[.!]?$",
    re.IGNORECASE,
)
# "Does not mean that you must": what follows is denied, and not the meaning.
NOT_MEAN = re.compile(r"\b(?:do|does|did) not (?:mean|say|imply|require)\b(?: that)?|\bno reason to\b", re.IGNORECASE)
# "Guide A": the letter is no article.
LABEL = re.compile(r"(?<=\w)( )([A-HJ-Z])(?= |[.,;:]|$)")
# A negation is no word of the matter.
DENYING = frozenset(
    ["never", "nobody", "nothing", "none", "nowhere", "neither", "without", "hardly", "rarely", "seldom"]
)
# What follows a verb rather than a noun.
FOLLOWS = re.compile(
    r"(?:on|in|at|by|for|to|from|with|into|the|an?|its|their|his|her|no|not|only|up|more|less|\d.*)$", re.IGNORECASE
)
# "For guests the manager decides."
FOR_WHOM = re.compile(r"(?:for|in|on|at|with|under|during) (?:\S+ ){1,4}(?:the|an?|it|they|he|she) \w+", re.IGNORECASE)
GAPPED = re.compile(WITHOUT_VERB, re.IGNORECASE)
WHICH = re.compile(r"(?:which|who)\b", re.IGNORECASE)
FULL = 2
WHOLE = re.compile(r"\d+(?:[.:]\d+)+|[^\W_]+")


@dataclass(frozen=True)
class Part:
    """`text` as it stands in `sentence`; `own`: stems of its words, numbers in digits; `given`: those that it takes from
    before it; `denied`: whether it is negated."""

    text: str
    sentence: str
    own: frozenset[str]
    given: frozenset[str] = frozenset()
    denied: bool = False

    @property
    def all(self) -> frozenset[str]:
        return self.own | self.given


@lru_cache(maxsize=20_000)
def whole_sentences(passage: str) -> tuple[str, ...]:
    """The sentences of a passage that do not contain each other."""
    found: list[Piece] = []
    for piece in pieces(passage):
        if not found or piece.start >= found[-1].end:
            found.append(piece)
    return tuple(piece.text for piece in found) or (passage,)


@lru_cache(maxsize=20_000)
def parts(text: str) -> tuple[Part, ...]:
    """The parts of a text that stand side by side, in their order. The first of a sentence takes what stands between commas."""
    found: list[Part] = []
    before, last_sentence = frozenset[str](), ""
    for sentence in whole_sentences(text):
        begins, lead = len(found), frozenset[str]()
        aside = stems(" ".join(BRACKETS.findall(sentence)))
        plain = figures_alike(BRACKETS.sub(" ", sentence))
        plain, called = without_aside(plain)
        known = stems(called)
        if apart := EXCEPT.search(plain):
            found += excepted(plain, apart)
            plain = plain[: apart.start()] + plain[apart.end() :]
        for piece in side_by_side(plain):
            given = (
                before if SPEAKS_OF_IT.search(piece) else named_before(piece, last_sentence) | called_so(piece, text)
            )
            last = found[-1] if len(found) > begins else None
            own = last is None or own_subject(piece)
            if last and GAPPED.match(piece):
                given = frozenset(ordered(last.text)[-2:-1])
            elif last and WHICH.match(piece):
                given = frozenset(ordered(last.text)[-2:])
            elif last and not own:
                given |= lead | carried(piece, last) | known
            lead = subject(piece) if own else lead
            found.append(part(piece, sentence, given | aside, last))
            if known and not last:
                found[-1] = replace(found[-1], own=found[-1].own | known)
        if len(found) > begins:
            before = subject(found[begins].text) | known | (before if SPEAKS_OF_IT.search(sentence) else frozenset())
        last_sentence = sentence
    return tuple(found)


def excepted(sentence: str, apart: re.Match[str]) -> list[Part]:
    """What is said of the exception: the opposite. "Unlike the lid, the box is dry", "all but the lid are dry"."""
    who = stems(apart.group("who") or apart.group("who2") or apart.group("who3"))
    rest = sentence[: apart.start()] + sentence[apart.end() :]
    # At the end it is no other doer but another place or time: "anywhere except near the eyes".
    at_end = not words(sentence[apart.end() :])
    main = stems(rest) - (subject(rest.strip(" ,")) if VERB.search(rest) and not at_end else frozenset())
    # "Nobody but the chair may" allows it to the chair.
    return [Part(apart.group(), sentence, who, main, not denied(apart.group("none") or rest))]


def part(piece: str, sentence: str, given: frozenset[str], last: Part | None) -> Part:
    short = SHORT.match(piece) if last else None
    if last and short:
        rest = last.own - subject(last.text)
        return Part(piece, sentence, stems(short.group("who")) | rest, given, bool(short.group("not")))
    own = stems(piece)
    return Part(piece, sentence, own, given - own, denied(piece))


def named_before(piece: str, last: str) -> frozenset[str]:
    """Stems that name what "the stadium" is, if the sentence before said it: "Levi's stadium"."""
    head = re.match(r"The (?:[\w$.,]+ ){0,2}?(\w+)", piece)
    told = ordered(last) if head else ()
    word = stem(head.group(1).lower()) if head else ""
    return frozenset(told[max(0, told.index(word) - 2) : told.index(word)]) if word in told else frozenset()


def called_so(piece: str, text: str) -> frozenset[str]:
    """The stem that names what "the lake" is, where a text has one such name: "Lake Orsa"."""
    found = re.match(r"The ([a-z]+)\b", piece)
    names = set(re.findall(rf"\b{found[1].capitalize()} ([A-Z]\w+)", text)) if found else set()
    return stems(names.pop()) if len(names) == 1 else frozenset()


def carried(piece: str, last: Part) -> frozenset[str]:
    """What a piece without a verb takes from the part before it: all that stands there before its last number, else its
    beginning."""
    if VERB.search(piece):
        return frozenset()
    told = ordered(last.text)
    numbers = [n for n, word in enumerate(told) if word[0].isdigit()]
    # "240 people in Estonia and 60 in Latvia": what is counted is the same.
    counted = numbers and re.match(r"\d[\d.,]* (?:in|on|at|for|with|from|to|of|by)\b", piece)
    return last.given | frozenset(
        told[: numbers[-1]] + (told[numbers[-1] + 1 : numbers[-1] + 2] if counted else ()) if numbers else ()
    )


def side_by_side(sentence: str) -> list[str]:
    """The pieces of a sentence between which BESIDE stands; a piece of one word stays with the one before."""
    found, start = [], 0
    for match in beside(sentence):
        left, right = sentence[start : match.start()], BESIDE.split(sentence[match.end() :])[0]
        if len(ordered(left)) >= FULL and ordered(right) and not listed(match.group(), left):
            found.append(left.strip())
            start = match.end()
    return [*found, sentence[start:].strip()]


def beside(sentence: str) -> list[re.Match[str]]:
    """Where parts meet; "in summer ..., in winter ..." too."""
    found = list(BESIDE.finditer(sentence))
    if opening := re.match(r"(in|on|at|for|by|from|under)\b", sentence, re.IGNORECASE):
        found += re.finditer(rf",\s+(?={opening.group()}\b)", sentence, re.IGNORECASE)
    return sorted(found, key=re.Match.start)


def listed(joint: str, left: str) -> bool:
    """Whether "and" joins two things of one list ("shares and bonds are"), and not two statements."""
    if joint.strip(" ,").lower() not in ("and", "or"):
        return False
    return not VERB.search(left) and not re.search(r"\b\w+(?:s|ed)\b", " ".join(left.split()[1:]))


@lru_cache(maxsize=20_000)
def denied(text: str) -> bool:
    return (len(NEGATION.findall(text)) + len(FORBIDDEN.findall(text))) % 2 == 1


@lru_cache(maxsize=20_000)
def ordered(text: str) -> tuple[str, ...]:
    """Stems of the words with content in their order; numbers in digits and in one piece."""
    tokens = WHOLE.findall(LABEL.sub(r"\1label\2", figures_alike(text)).lower().replace("non-", "non"))
    plain = [str(BASE.get(token, token)) for token in tokens]
    return tuple(token if token[0].isdigit() else stem(token) for token in plain if token not in STOPWORDS | DENYING)


def stems(text: str) -> frozenset[str]:
    return frozenset(ordered(text))


def weight(found: frozenset[str]) -> int:
    """How much a set of stems says: longer words count more, and a letter that is a label little."""
    return sum(2 if word.startswith("label") else min(len(word), 8) for word in found)


def subject(piece: str) -> frozenset[str]:
    """Stems of what stands before the first helping verb; of the first two words with content, where none does."""
    verb = VERB.search(piece)
    if verb and 0 < len(words(piece[: verb.start()])) <= 4:
        return stems(piece[: verb.start()])
    # A verb in the third person ends the subject: "Postlink | delivers", "the large press | holds".
    told = piece.split()
    for n, word in enumerate(told[1:4], 1):
        verb = re.fullmatch(r"[a-z]+[^s]s", word) and n + 1 < len(told) and FOLLOWS.match(told[n + 1])
        if verb and ordered(" ".join(told[:n])):
            return stems(" ".join(told[:n]))
    # So does a plural: "young ravens | learn".
    for n, word in enumerate(told[:3], 1):
        if len(word) > 4 and re.fullmatch(r"\w+[^s]s", word) and n < len(told):
            return stems(" ".join(told[:n]))
    return frozenset(ordered(piece)[:2])


def own_subject(piece: str) -> bool:
    """Whether a piece that follows another clearly has a subject of its own."""
    if FOR_WHOM.match(piece):
        return True
    tokens = TOKEN.findall(piece)
    if not tokens or (not words(tokens[0]) and tokens[0].lower() not in DETERMINERS):
        return False
    verb = VERB.search(piece)
    if verb:
        return 0 < len(words(piece[: verb.start()])) <= 4 and verb.start() > 0 and "," not in piece[: verb.start()]
    return not tokens[0].endswith(("s", "ed", "ly", "ing")) and len(tokens) > 3


@lru_cache(maxsize=20_000)
def statements(text: str) -> tuple[Part, ...]:
    """The parts of a text, cut further where a negation ends: "do not stop | when the lamp flashes"."""
    found: list[Part] = []
    for one in parts(text):
        if SHORT.match(one.text) or one.denied != denied(one.text):
            found.append(one)
            continue
        if match := NOT_MEAN.search(one.text):
            rest = one.text[match.end() :]
            found.append(Part(rest, one.sentence, stems(rest), frozenset(), not denied(rest)))
            continue
        # "Not because it was worn" is denied as a whole.
        between = one.own - stems(one.text)
        for piece in filter(None, [one.text] if one.text.lower().startswith("not ") else WITHIN.split(one.text)):
            if words(piece):
                found.append(Part(piece, one.sentence, stems(piece) | between, one.given, denied(piece)))
                between = frozenset()
    return tuple(found)


def in_order(sentence: str, passage: str) -> float:
    """The share of the sentence's neighbouring word pairs that are neighbours in the passage too, 0 to 1."""
    mine, its = TOKEN.findall(sentence.lower()), TOKEN.findall(passage.lower())
    pairs = list(itertools.pairwise(mine))
    there = set(itertools.pairwise(its))
    return sum(pair in there for pair in pairs) / len(pairs) if pairs else 0.0

"""Names, negations and opposites in a sentence: what a paraphrase must not change. Pure; English."""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

from retrieval.peoples import called_after
from retrieval.words import STOPWORDS, TOKEN, stem

# "No later than" sets a limit and "with or without" leaves it open; "too late to" says that it cannot be.
NEGATION = re.compile(
    r"\b(?:(?<!or )not(?! (?:only|sure|just|(?:more|less|fewer|later|earlier|longer|shorter|older|younger|higher|lower)\b|"
    r"(?:over|above|under|below)\b(?! (?:the|its|their|his|her|this|that|any|our)\b(?! age))))|"
    r"no(?! (?:more|less|fewer|later|earlier|longer than|shorter|older|younger|higher|lower|sooner|matter|doubt)\b)|never|"
    r"(?<!with or )without|neither|nor|(?:nobody|nothing|none|no one)(?! but\b)|nowhere|cannot|hardly|rarely|seldom|scarcely|"
    r"(?<!a )(?<!only )few(?! (?:seconds|minutes|hours|days|weeks|months|years)\b)|unable|too(?= \w+ (?:to|for)\b)|"
    r"too(?= (?:late|early)\b)|\w*n['’]t)\b",
    re.IGNORECASE,
)
# Words that deny without a negation: "closed to lorries" says that lorries cannot use it.
DENIAL = re.compile(
    r"\b(?:free|clos\w+|forbid\w*|forbidden|prohibit\w*|bann?\w*|refus\w+|den(?:y|ied|ies)|lack\w*|laps\w+|fail\w*|exclud\w+|"
    r"exempt\w*|except|prevent\w*|avoid\w*|remov\w+|delet\w+|stop\w*|withdraw\w*|only|too|instead|rather|unless|until|in\w{4,}|un\w{4,})\b",
    re.IGNORECASE,
)
# Each word before the bar is the opposite of each after it.
OPPOSITES = (
    "before | after", "more | less fewer", "above over | below under", "most | least fewest", "maximum | minimum", "higher | lower",
    "high | low", "highest | lowest", "up | down",
    "rise risen rose grow grew grown increase climb gain expand raise | fall fell fallen drop decline decrease reduce shrink shrank sink sank lower",
    "add | remove", "allow permit | forbid forbidden prohibit ban", "accept approve | reject refuse", "include | exclude", "first | last",
    "start begin | end finish", "open | close shut", "enable | disable", "east | west", "north | south", "northern | southern",
    "eastern | western", "left | right", "early earlier earliest | late later latest", "long longer | short shorter", "large larger largest big | small smaller smallest",
    "fast faster quick | slow slower", "win won | lose lost", "import | export", "public | private", "internal | external",
    "required mandatory compulsory obligatory | optional voluntary", "manual | automatic", "cheap cheaper | expensive dearer", "better best | worse worst", "day | night",
    "male men man | female women woman", "mother | father", "loss lose lost | gain profit", "success succeed | failure fail", "pass | fail", "hot warm | cold cool",
    "upper | lower", "inside | outside", "multiply | divide", "even | odd", "on | off",
    "true | false", "old | new", "strong stronger | weak weaker", "safe | dangerous", "uphold upheld affirm confirm | overturn overturned reverse",
    "valid | void", "appear | vanish disappear", "remain stay | disappear vanish leave", "arrive | depart leave left", "enter | leave", "push | pull",
    "fill full | empty", "wet | dry", "heavy heavier | light lighter", "thick | thin", "wide | narrow", "deep | shallow", "rich | poor",
    "easy simple | difficult hard", "positive | negative", "attach | detach", "connect | disconnect", "lock | unlock", "tighten | loosen", "heat | cool",
    "freeze frozen | thaw melt", "accelerate | brake", "improve | worsen", "temporary | permanent", "domestic | foreign", "credit | debit", "surplus | deficit",
    "acute | chronic", "benign | malignant", "senior | junior", "front | rear back", "top | bottom", "add | subtract", "plus | minus", "encrypt | decrypt",
    "create build | destroy demolish", "hire appoint | dismiss fire", "support favour | oppose", "guilty | innocent", "present | absent", "presence | absence",
    "rare rarely | common often frequent", "always | never", "victory | defeat", "shorten | lengthen", "strengthen | weaken", "widen | narrow", "same | different",
)  # fmt: skip
SMALL_STEMS = frozenset(map(stem, STOPWORDS))
SPELLED_OUT = {"us": ("united", "states"), "usa": ("united", "states", "america"), "uk": ("united", "kingdom"),
               "eu": ("european", "union"), "un": ("united", "nations")}  # fmt: skip
# A dot after these ends no sentence: "Dr. Roth", "Harlow v. Quinn", "A. B. Roth".
SHORTENED = re.compile(
    r"\b(?:dr|mr|mrs|ms|prof|st|rev|gen|col|capt|lt|sgt|gov|sen|rep|hon|jr|sr|vs?|(?-i:[A-Z]))\.\s*$", re.IGNORECASE
)
ENDED = re.compile(r"[.!?:]\s*$")
# What a nationality or a plural adds to a name.
ENDINGS = frozenset(
    ["s", "n", "an", "ian", "i", "ic", "ish", "ese", "ean", "er", "ers", "ns", "ans", "ians", "is", "like"]
)
# A name of several words: "International Monetary Fund", "Bank of England".
IN_FULL = re.compile(r"\b[A-Z][\w’'-]*(?:[ -](?:(?:of|for|and|de)(?: the)? )?[A-Z][\w’'-]*)+")
PREFIXES = ("un", "in", "im", "il", "ir", "non", "dis")


@lru_cache(maxsize=20_000)
def names(text: str) -> frozenset[str]:
    """Proper names and identifiers, lower-case: capitalized words that do not begin a sentence, and words with a digit or
    a capital inside."""
    found = set()
    for match in re.finditer(r"[^\W_][\w.-]*[^\W_]|[^\W_]", text):
        word = match.group()
        before = text[: match.start()]
        begins = not before.rstrip("\"'“‘([*_ ") or bool(ENDED.search(before) and not SHORTENED.search(before))
        inner = any(letter.isupper() for letter in word[1:]) or (
            any(letter.isdigit() for letter in word) and any(letter.isalpha() for letter in word)
        )
        if (inner and not re.fullmatch(r"\d[\d.,]*[a-zA-Z%]{1,3}|\d+(?:st|nd|rd|th)|\d+-\w+|\d\S*e-?\d+", word)) or (
            word[0].isupper() and not begins and len(word) > 1 and (word.lower() not in STOPWORDS or word == "May")
        ):
            found.add(word.lower())
        elif re.fullmatch(r"[A-HJ-Z]", word) and (owner := re.search(r"\b([A-Z][a-z]+) $", before)):
            found.add(f"{owner.group(1)} {word}".lower())
    return frozenset(found)


def name_stands(name: str, text: str) -> bool:
    """Whether a name stands in a text, whole or as another form of it (Japan, Japanese)."""
    lowered = text.lower()
    if name in STOPWORDS:
        # "May", "WHO" and "US" are no names where they are written small.
        return bool(re.search(rf"\b(?:{name.upper()}|{name.capitalize()})\b", text)) or initials(name, text)
    if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w])", lowered) or re.search(rf"\b{re.escape(name)}\b", lowered):
        return True
    parts = TOKEN.findall(name)
    if " " in name:
        return False
    if initials(name, text):
        return True
    if len(parts) > 1:
        return all(name_stands(part, text) for part in parts)
    tokens = set(TOKEN.findall(lowered))
    if tokens & called_after().get(name, frozenset()):
        return True
    known = {stem(token) for token in tokens}
    return stem(name) in known or (
        len(name) > 5
        and any(len(word) > 4 and name.startswith(word) and name[len(word) :] in ENDINGS for word in known)
    )


def initials(name: str, text: str) -> bool:
    """Whether a name is written in full where the text has its initials, or the other way round: US, United States."""
    letters = re.sub(r"\W", "", name)
    if 2 <= len(letters) <= 5 and any(letters in short for short in shortened(text)):
        return True
    short = {re.sub(r"\W", "", one).lower() for one in re.findall(r"\b(?:[A-Z]\.?){2,5}(?![a-z])", text)}
    return any(name in SPELLED_OUT.get(one, ()) for one in short)


@lru_cache(maxsize=20_000)
def shortened(text: str) -> tuple[str, ...]:
    """The initials of each name of several words, lower-case: "the World Bank of Trade" gives "twbt"."""
    return tuple("".join(re.findall(r"\b[A-Z]", run)).lower() for run in IN_FULL.findall(text))


@lru_cache(maxsize=20_000)
def in_full(text: str) -> dict[str, frozenset[str]]:
    """The words, lower-case, of each name of three or more words, by its initials."""
    runs = [re.sub(r"^(?:The|A|An|In|At|By|From|Of|For) ", "", run) for run in IN_FULL.findall(text)]
    found = {"".join(re.findall(r"\b[A-Z]", run)).lower(): frozenset(TOKEN.findall(run.lower())) for run in runs}
    return {letters: run for letters, run in found.items() if len(letters) > 2}


def negated(text: str) -> bool:
    return len(NEGATION.findall(text)) % 2 == 1


def denials(text: str) -> frozenset[str]:
    """Words that deny without a negation, lower-case."""
    return frozenset(match.group().lower() for match in DENIAL.finditer(text))


@lru_cache(maxsize=1)
def opposites() -> dict[str, frozenset[str]]:
    """Each stem's opposites."""
    found: dict[str, set[str]] = {}
    for line in OPPOSITES:
        sides = [set(map(stem, side.split())) for side in line.split("|")]
        for one, other in itertools.permutations(sides, 2):
            for word in one:
                found.setdefault(word, set()).update(other - one)
    return {word: frozenset(others) for word, others in found.items()}


@lru_cache(maxsize=20_000)
def all_stems(text: str) -> frozenset[str]:
    """Stems of all words, stopwords too: opposites such as before and after are among them."""
    return frozenset(stem(token) for token in TOKEN.findall(text.lower()))


def opposed(sentence: str, passage: str) -> str:
    """The word of the sentence whose opposite stands in the passage instead of it; empty where there is none."""
    mine, its = all_stems(sentence), all_stems(passage)
    for word in sorted(mine - its):
        rivals = (opposites().get(word, frozenset()) & its) - mine
        if rivals and not turned_round(word, min(rivals), sentence, passage):
            return word
    return prefixed(sentence, passage)


def prefixed(sentence: str, passage: str) -> str:
    """The word of the sentence that the passage has with a denying prefix instead, or without it: active, inactive."""
    mine, its = (set(TOKEN.findall(text.lower())) for text in (sentence, passage))
    for word in sorted(mine - its):
        if len(word) > 3 and any(prefix + word in its - mine for prefix in PREFIXES):
            return word
        for prefix in PREFIXES:
            rest = word[len(prefix) :]
            if word.startswith(prefix) and len(rest) > 3 and stem(rest) in {stem(one) for one in its - mine}:
                return word
    return ""


def turned_round(word: str, rival: str, sentence: str, passage: str) -> bool:
    """Whether both say the same from two ends: "beat the eggs before adding flour", "flour is added after the eggs"."""
    sides = []
    for text, middle in ((sentence, word), (passage, rival)):
        tokens = [stem(token) for token in TOKEN.findall(text.lower())]
        at = tokens.index(middle)
        sides += [set(tokens[:at]) - SMALL_STEMS, set(tokens[at + 1 :]) - SMALL_STEMS]
    left, right, its_left, its_right = sides
    if left & its_right and right & its_left and not right & its_right:
        return True
    return len(left & its_right) + len(right & its_left) > len(left & its_left) + len(right & its_right)

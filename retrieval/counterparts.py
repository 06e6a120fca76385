"""What is like in two questions: the thing in one that takes the place of another in the former. Pure; English."""

from __future__ import annotations

import re

from retrieval.facts import opposites
from retrieval.words import STOPWORDS, TOKEN, stem, words

BE = ["is", "are", "was", "were"]
DO = [
    "do",
    "does",
    "did",
    "can",
    "could",
    "may",
    "might",
    "must",
    "shall",
    "should",
    "will",
    "would",
    "has",
    "have",
    "had",
]
AUXILIARIES = frozenset([*BE, *DO, "be", "been", "am"])
ASKING = re.compile(r"^(?:who|whom|whose|when|where|why|what|which|how)\b", re.IGNORECASE)
PREPOSITIONS = frozenset(
    ["for", "with", "on", "in", "at", "from", "by", "of", "to", "under", "over", "per", "during", "after", "before", "until",
     "since", "without", "within", "between", "into", "via", "as"]
)  # fmt: skip
DETERMINERS = frozenset(
    ["the", "a", "an", "our", "my", "your", "each", "every", "this", "that", "these", "those", "its", "their", "his", "her",
     "all", "any", "some", "no"]
)  # fmt: skip
FRAGMENT = re.compile(r"^(?:even|only|except|unless|because|despite|not|just)\b", re.IGNORECASE)
PARTICIPLE = re.compile(
    r"\w+ed$|(?:kept|made|held|built|sent|set|put|written|taken|given|done|drawn|known|found|read|shown|told|paid|met|run|chosen)$"
)
PERSONAL = frozenset(["i", "we", "you", "it", "they", "he", "she", "one", "there"])
ORDINALS = ("first", "second", "third", "fourth", "fifth", "last")
WORD = re.compile(r"\d[\d.,]*\d[^\s?!,;:\"“”()]*|[^\s?!,;:\"“”()]+")


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


def swap(former: str, rest: str) -> str:
    """The former question with what `rest` names in the place of its like; "" where there is no like."""
    text, used = former, set()
    for name in WORD.findall(rest.rstrip(" ?.!")):
        like = counterpart(name, text, rest)
        if like:
            text = put_instead(text, like, name)
            used.add(name)
    left = [
        w for w in words(rest) if w not in set(words(former)) and w not in {s for name in used for s in words(name)}
    ]
    if used and not left:
        return text
    if used and not has_verb(rest):
        return f"{text.rstrip(' ?.!')} {rest.rstrip(' ?.!')}?"
    return "" if used else indefinite(former, rest) or same_preposition(former, rest)


def put_instead(text: str, like: str, name: str) -> str:
    """The text with one word in the place of another, and "a" or "an" before it as its sound asks."""
    article = "an" if re.match(r"[aeiouAEIO]|8|11\b|18\b|[FHLMNRSX](?![a-z])", name) else "a"

    def put(found: re.Match[str]) -> str:
        return f"{article} {name}" if found.group(1) else name

    return re.sub(rf"(\ban? )?(?<![\w/-]){re.escape(like)}(?![\w/-])", put, text, count=1)


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
    if len(bare) == 1 and bare.isupper():
        return "letter"
    if re.fullmatch(r"[A-Z]{2,}s?", bare):
        return "acronym"
    if re.fullmatch(r"[A-Za-z]*[a-z][A-Z]\w*|[A-Z]{2,}[a-z]\w*|[A-Z][a-z]*[A-Z]\w*", bare):
        return "mixed"
    begins = text.lstrip().startswith(word)
    return (
        "name" if bare[:1].isupper() and bare.lower() not in STOPWORDS and not (begins and ASKING.match(text)) else ""
    )


def common(one: str, other: str) -> int:
    """How many letters two words have in common at their start and at their end."""
    ahead = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    behind = next((n for n, (a, b) in enumerate(zip(one[::-1], other[::-1], strict=False)) if a != b), 0)
    return ahead + behind


def ordinal(name: str, former: str) -> str:
    """ "second" takes the place of "first", and a word that of its opposite."""
    word = name.lower()
    tokens = TOKEN.findall(former)
    if word in ORDINALS:
        return next((token for token in tokens if token.lower() in ORDINALS and token.lower() != word), "")
    against = opposites().get(stem(word), frozenset())
    return next((token for token in tokens if stem(token.lower()) in against), "")


def indefinite(former: str, rest: str) -> str:
    """ "What about a loss that becomes NaN?": a thing with "a" takes the place of the only other such thing."""
    places = list(re.finditer(r"\b(?:an?)\s", former, re.IGNORECASE))
    if not re.match(r"an?\s", rest, re.IGNORECASE) or len(places) != 1 or has_verb_after(former, places[0].end()):
        return ""
    return f"{former[: places[0].start()]}{rest.rstrip(' ?.!')}?"


def same_preposition(former: str, rest: str) -> str:
    """ "What does it cost per hour?", "per day?": what follows a preposition takes the place of what followed it before."""
    first, _, thing = rest.rstrip(" ?.!").partition(" ")
    if first.lower() not in PREPOSITIONS or not thing or len(re.findall(rf"\b{first}\b", former, re.IGNORECASE)) != 1:
        return ""
    head, tail = re.split(rf"\b{first} ", former.rstrip(" ?.!"), maxsplit=1, flags=re.IGNORECASE)
    tokens = tail.split()
    end = next((n for n, token in enumerate(tokens) if token.lower() in PREPOSITIONS), len(tokens))
    if (
        not 0 < end <= 4
        or PARTICIPLE.match(tokens[end - 1].lower())
        or any(t.lower() in AUXILIARIES for t in tokens[:end])
    ):
        return ""
    return " ".join([f"{head}{first} {thing}", *tokens[end:]]) + "?"


def other_subject(former: str, rest: str) -> str:
    """ "How long are logs kept?", "And datasets?": one thing takes the place of the other that the question is about."""
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


def topic(former: str) -> str:
    """What a question is about, where it has one plain subject: "When does the board meet?" gives "the board"."""
    text = former.strip().rstrip("?.! ")
    if re.search(r"[.?!]\s", text):
        return ""
    if what := re.match(rf"(?:what|who) (?:{'|'.join(BE)}) (.+)", text, re.IGNORECASE):
        return plain_thing(what[1].split(), 9)
    tokens = text.split()
    at = next((n for n, token in enumerate(tokens[:-1]) if token.lower() in [*BE, *DO]), -1)
    if at < 0:
        return ""
    after = tokens[at + 1 :]
    end = next((n for n, token in enumerate(after) if token.lower() in PREPOSITIONS - {"of"}), len(after))
    after, rest = after[:end], after[end:]
    lowered = [token.lower() for token in after]
    if "be" in lowered:
        return plain_thing(after[: lowered.index("be")])
    if tokens[at].lower() in DO or (after and PARTICIPLE.match(lowered[-1])):
        after = after[:-1]
    # "What does the recipe use as a rate?" is about two things.
    return "" if words(" ".join(rest)) and tokens[at].lower() in DO else plain_thing(after)


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

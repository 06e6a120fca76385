"""What the passage says of one name at another's place: "A left from P. B left from Q." does not say that A left from Q.
Pure; English."""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.facts import negated
from retrieval.fullnames import Name, full_names
from retrieval.told import whole_sentences
from retrieval.words import stem

# A verb, and what stands in a place to it.
PLACED = re.compile(r"\b([a-z]+) (?:\w+ly )?(from|in|at|to|by|on|into|for|with|near|under) (?:the |an? )?$")
# Who is meant in a sentence that begins so may be told in the one before.
TAKEN_UP = re.compile(r"\b(?:she|he|they|it|who|which|also|both|then)\b", re.IGNORECASE)


def of_another(sentence: str, passage: str) -> str:
    """The sentence says of a name that it did something at a place which the passage names with another name only, while
    the passage has the first name do so elsewhere."""
    told = whole_sentences(passage)
    for text in whole_sentences(sentence):
        first, *others = full_names(text) or (None,)
        if first is None or negated(text) or text[: first.start].strip().lower() not in ("", "the"):
            continue
        for place in others:
            found = PLACED.search(text[: place.start])
            if not found or place.bare & first.bare:
                continue
            homes = [one for one in told if has(one, first)]
            away = [one for one in told if has(one, place)]
            if (
                not away
                or any(has(one, place) for one in homes)
                or not all(with_another(one, first, place) for one in away)
            ):
                continue
            if here := next(
                (there for one in homes for there in placed(one, found[1], found[2]) if there.bare != place.bare), None
            ):
                return f"the passage has {' '.join(here.words).title()} there"
    return ""


def has(text: str, name: Name) -> bool:
    return any(name.bare <= one.bare for one in full_names(text))


def with_another(text: str, first: Name, place: Name) -> bool:
    """Whether another name stands before the place, and nothing that takes up who was named before."""
    names = full_names(text)
    at = next(one.start for one in names if place.bare <= one.bare)
    another = any(one.start < at and not one.bare & (first.bare | place.bare) for one in names)
    return another and not TAKEN_UP.search(text)


def placed(text: str, verb: str, lead: str) -> Iterator[Name]:
    """The names that stand behind `lead` where the text has the verb, in whatever form."""
    for name in full_names(text):
        before = text[: name.start]
        if re.search(rf"\b{lead} (?:the |an? )?$", before) and stem(verb) in map(stem, re.findall(r"[a-z]+", before)):
            yield name

"""How likely it is that a passage supports a sentence: a logistic model over features that a person can read, and over what a
small cross-encoder (`retrieval.checker`) says. `retrieval.fit_check` fits it and `retrieval/check.json` ships it. Likeness of
vectors alone cannot tell: "approved" and "not approved" are 0.987 alike."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from retrieval.amounts import stands_for
from retrieval.checker import opened
from retrieval.comparing import compared_numbers
from retrieval.disagreement import RULES, Disagreement, disagreements
from retrieval.facts import all_stems
from retrieval.quantities import SHARES, VALUES, durations, figures_alike, numbers
from retrieval.sentences import pieces
from retrieval.units import KINDS, unit_name
from retrieval.words import TOKEN, stem, without_accents, words

MODEL = Path(__file__).with_name("check.json")
# A paraphrase that is supported repeats about half of the words, and more of them say nothing: who changes the meaning
# copies most. It brings some small words of its own.
HALF, OWN, MOST_NEW = 0.5, 5, 12
# Of the threshold: where the score of a disagreement ends at the latest.
BELOW = 0.99
# 1: speaks for support, -1: against it. What is fitted keeps to these signs. In the hard pairs the unsupported sentences are
# the ones that copy most, so that a free fit would learn to distrust every copied sentence.
READS = "reads"
SIGNS = {"words": 1, "excess": -1, "personal": -1, "asks": -1, "computed": 1,
         **dict.fromkeys(RULES, -1), READS: 1}  # fmt: skip
# What the cross-encoder says counts up to here: beyond, it is no surer, only louder.
LOUDEST = 8.0
AMOUNTS = frozenset([*VALUES, *SHARES])
PERSONAL = frozenset(["i", "im", "me", "my", "mine", "we", "us", "our", "you", "your"])


@dataclass(frozen=True)
class Support:
    """`score` 0 to 1; `ok`: may be shown as cited; `why`: what disagrees, empty where nothing does."""

    score: float
    ok: bool
    why: str = ""


def check(sentence: str, passage: str) -> Support:
    """Whether the passage supports the sentence. Deterministic on one machine. 10 to 40 ms with the passage's length, half of
    it for the cross-encoder; where that cannot be opened, by rules alone."""
    if not words(sentence):
        return Support(0.0, False, "the sentence says nothing that can be checked")
    checker = opened()
    given = features(sentence, passage, checker.logit(sentence, passage) if checker else None)
    return judged(shipped() if checker else shipped()["without"], given, disagreements(sentence, passage))


def judged(model: Mapping[str, Any], given: Mapping[str, float], found: Sequence[Disagreement]) -> Support:
    """What `model` (its `weights` and `threshold`) makes of the features and of what disagrees."""
    score = round(logistic(model["weights"], given), 4)
    if found:
        # What disagrees is never shown, however many words agree.
        return Support(round(min(score, BELOW * model["threshold"]), 4), False, found[0].why)
    if score < model["threshold"]:
        return Support(score, False, "the passage does not speak of this")
    return Support(score, True)


def features(sentence: str, passage: str, logit: float | None = None) -> dict[str, float]:
    """What the model weighs; 0 or 1 but for the first two and the last.

    `words`: the share of words that stand in the best sentence of the passage, or in two neighbouring ones, 0 to 0.5;
    `excess`: how many words, small ones too, are new beyond the five that a paraphrase may bring; `personal`: speaks of "me"
    or "you" where the passage does not; `asks`: is a question; `computed`: the passage's numbers bear a comparison out; and
    each rule of `retrieval.disagreement`: whether it fires; `reads`: the cross-encoder's `logit`, -8 to 8, where there is one.
    """
    sentence, passage = without_accents(sentence), without_accents(passage)
    mine, its = figures_alike(sentence), figures_alike(passage)
    tokens, given = set(TOKEN.findall(sentence.lower())), set(TOKEN.findall(passage.lower()))
    found = {one.rule for one in disagreements(sentence, passage)}
    best = max(share_of_words(mine, text) for text in windows(its))
    return {
        "words": min(best, HALF),
        "excess": float(max(0, min(added(mine, its), MOST_NEW) - OWN)),
        "personal": float(bool(tokens & PERSONAL - given)),
        "asks": float("?" in sentence and "?" not in passage),
        "computed": float(compared_numbers(sentence, passage) > 0),
        **{rule: float(rule in found) for rule in RULES},
        **({} if logit is None else {READS: max(-LOUDEST, min(LOUDEST, logit))}),
    }


def share_of_words(sentence: str, passage: str) -> float:
    """The share of the sentence's content words that stand in the passage, 0 to 1; longer words weigh more."""
    mine, its = set(words(sentence)), set(words(passage))
    known = all_stems(passage) | agreed(sentence, passage)
    weight = {word: min(len(word), 8) for word in mine}
    total = sum(weight.values())
    return sum(w for word, w in weight.items() if word in its or word in known) / total if total else 0.0


def agreed(sentence: str, passage: str) -> frozenset[str]:
    """Stems of the words of amounts that the passage holds in other words: "half an hour" is 30 minutes."""
    its = (*numbers(passage), *durations(passage))
    strong = [number for number in numbers(sentence) if not number.weak]
    if not strong or not all(any(stands_for(number, other) for other in its) for number in strong):
        return frozenset()
    return frozenset(
        stem(token) for token in TOKEN.findall(sentence.lower()) if token in AMOUNTS or unit_name(token) in KINDS
    )


def windows(passage: str) -> list[str]:
    """Each piece of a passage, and each with the next."""
    found = [one.text for one in pieces(passage)] or [passage]
    return found + [f"{one} {other}" for one, other in itertools.pairwise(found)]


def added(sentence: str, passage: str) -> int:
    """How many words of the sentence, small ones too, do not stand in the passage."""
    its = set(TOKEN.findall(passage.lower()))
    return sum(token not in its for token in TOKEN.findall(sentence.lower()))


def logistic(weights: Mapping[str, float], given: Mapping[str, float]) -> float:
    total = weights["intercept"] + sum(weights.get(name, 0.0) * value for name, value in given.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


@lru_cache(maxsize=1)
def shipped() -> dict[str, Any]:
    """`weights` by feature, `intercept` among them; `threshold`: what a score has to reach; `measured`: how the fit did;
    `without`: the same three, fitted without the cross-encoder."""
    return json.loads(MODEL.read_text(encoding="utf-8"))

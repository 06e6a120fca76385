"""How likely it is that a passage supports a sentence: a logistic model over features that a person can read. `retrieval.fit_check`
fits it and `retrieval/check.json` ships it."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from retrieval.comparing import compared_numbers
from retrieval.disagreement import disagreements
from retrieval.facts import all_stems
from retrieval.quantities import figures_alike
from retrieval.sentences import pieces
from retrieval.words import TOKEN, words

MODEL = Path(__file__).with_name("check.json")
# Beyond so many new words one more says nothing.
MOST_NEW = 12
# 1: speaks for support, -1: against it. What is fitted keeps to this, so that no quirk of the pairs is learned.
SIGNS = {"words": 1, "best": 1, "order": 1, "new": -1, "computed": 1, "absent": -1, "contrary": -1, "doubtful": -1}


@dataclass(frozen=True)
class Support:
    """`score` 0 to 1; `ok`: may be shown as cited; `why`: what disagrees, empty where nothing does."""

    score: float
    ok: bool
    why: str = ""


def check(sentence: str, passage: str) -> Support:
    """Whether the passage supports the sentence. Deterministic, some milliseconds."""
    model = shipped()
    if not words(sentence):
        return Support(0.0, False, "the sentence says nothing that can be checked")
    found = disagreements(sentence, passage)
    score = round(logistic(model["weights"], features(sentence, passage)), 4)
    sure = [one.why for one in found if one.kind != "doubtful"]
    if sure:
        # What is surely otherwise is never shown, however many words agree.
        return Support(min(score, model["threshold"] / 2), False, sure[0])
    if score < model["threshold"]:
        return Support(score, False, found[0].why if found else "the passage does not speak of this")
    return Support(score, True)


def share_of_words(sentence: str, passage: str) -> float:
    """The share of the sentence's content words that stand in the passage, 0 to 1; longer words weigh more."""
    mine, its = set(words(sentence)), set(words(passage))
    known = all_stems(passage)
    weight = {word: min(len(word), 8) for word in mine}
    total = sum(weight.values())
    return sum(w for word, w in weight.items() if word in its or word in known) / total if total else 0.0


def added(sentence: str, passage: str) -> int:
    """How many words of the sentence, small ones too, do not stand in the passage."""
    its = set(TOKEN.findall(passage.lower()))
    return sum(token not in its for token in TOKEN.findall(sentence.lower()))


def in_order(sentence: str, passage: str) -> float:
    """The share of the sentence's neighbouring word pairs that are neighbours in the passage too, 0 to 1."""
    mine, its = TOKEN.findall(sentence.lower()), TOKEN.findall(passage.lower())
    pairs = list(itertools.pairwise(mine))
    there = set(itertools.pairwise(its))
    return sum(pair in there for pair in pairs) / len(pairs) if pairs else 0.0


def features(sentence: str, passage: str) -> dict[str, float]:
    mine, its = figures_alike(sentence), figures_alike(passage)
    kinds = {one.kind for one in disagreements(sentence, passage)}
    return {
        "words": share_of_words(mine, its),
        "best": max(share_of_words(mine, figures_alike(text)) for text in windows(passage)),
        "order": in_order(mine, its),
        "new": float(min(added(mine, its), MOST_NEW)),
        "computed": float(compared_numbers(sentence, passage) > 0),
        **{kind: float(kind in kinds) for kind in ("absent", "contrary", "doubtful")},
    }


def windows(passage: str) -> list[str]:
    """Each piece of a passage, and each with the next."""
    found = [one.text for one in pieces(passage)] or [passage]
    return found + [f"{one} {other}" for one, other in itertools.pairwise(found)]


def logistic(weights: dict[str, float], given: dict[str, float]) -> float:
    total = weights["intercept"] + sum(weights.get(name, 0.0) * value for name, value in given.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


@lru_cache(maxsize=1)
def shipped() -> dict:
    return json.loads(MODEL.read_text(encoding="utf-8"))

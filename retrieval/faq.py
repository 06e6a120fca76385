"""Headings that are questions, as in lists of questions and answers: what stands under one answers whoever asks nearly the same.

A reader of single sentences misses that, since an answer seldom repeats its question. Headings that are no questions say
nothing here. Pure.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.types import Passage
from retrieval.words import STOPWORDS, stem

if TYPE_CHECKING:
    import numpy as np

WORD = re.compile(r"[\w'-]+")
# How much the likeness of query and heading counts, in log-odds, and how much what is read in the sentence still does.
# Chosen on 300 templated questions to MedQuAD (docs/experiments.md): 20 to 40 and 0.3 to 0.5 are about equally good.
ALIKE, READ = 30.0, 0.3
# All headings of a list name what the query names; how it is asked for shows in the words that are left.
LEFT = 1 / 6
# A second answer is shown if it is at least so likely, compared with the first.
NEARLY = 0.1
ENOUGH = 0.6  # cosine; under it nobody asked anything like it
LEAST = 1e-4
# Chunks of one answer among those that come first; more of it crowd out other answers.
OF_ONE = 2


def asked(heading: str) -> str:
    """The question that stands in a heading; empty if there is none."""
    innermost = heading.rpartition(" > ")[2].strip()
    return innermost if innermost.endswith("?") else ""


def spread(ranked: Iterable[Passage]) -> Iterator[Passage]:
    """The same passages; of an answer that has many chunks, the later ones come last."""
    seen: Counter[tuple[str, str]] = Counter()
    late = []
    for one in ranked:
        place = (one.source, one.heading)
        seen[place] += 1
        if seen[place] > OF_ONE and asked(one.heading):
            late.append(one)
        else:
            yield one
    yield from late


def nearness(
    query: str, vector: np.ndarray, passages: Sequence[Passage], vectors: Callable[[Sequence[str]], Mapping[str, Any]]
) -> dict[str, float]:
    """By heading, how much less its question is like the query than the likest of them is: 0 for that one, else less.
    Empty where none is much like it.

    `vector`: the query's, shape (dimensions,); `vectors` gives those of texts. Headings without a question are left out.
    """
    questions = {one.heading: asked(one.heading) for one in passages if asked(one.heading)}
    left = without_shared(query, list(questions.values()))
    known = vectors([*questions.values(), *left.values()]) if questions else {}
    alike = {heading: float(known[text] @ vector) for heading, text in questions.items()}
    if max(alike.values(), default=0.0) < ENOUGH:
        return {}
    alike = {
        heading: alike[heading] + LEFT * float(known[left[text]] @ known[left[query]])
        for heading, text in questions.items()
    }
    return {heading: likeness - max(alike.values()) for heading, likeness in alike.items()}


def without_shared(query: str, questions: Sequence[str]) -> dict[str, str]:
    """The query and the questions, each with what is left of it without the words that the query shares with any of them."""
    shared = content(query) & set().union(*map(content, questions))
    return {
        text: " ".join(word for word in WORD.findall(text) if stem(word.lower()) not in shared)
        for text in (query, *questions)
    }


def content(text: str) -> set[str]:
    return {stem(word.lower()) for word in WORD.findall(text) if word.lower() not in STOPWORDS}


def weighed(score: float, nearness: float) -> float:
    """The probability that a sentence answers, from what was read in it and from its heading's question."""
    score = min(max(score, LEAST), 1 - LEAST)
    odds = READ * math.log(score / (1 - score)) + ALIKE * nearness
    return 1 / (1 + math.exp(-odds))

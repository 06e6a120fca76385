"""Which corrections an adapter has learned: those that it gives itself. They need not be served any more."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from core.checks import parse_object
from core.types import Answer, Correction, Query

if TYPE_CHECKING:
    from app.bootstrap import Service

# Share of words that an answer in free text must have in common with the correction (F1).
SHARED = 0.8


def learn(service: Service, adapter: str, examples: Collection[str]) -> list[str]:
    """Ask an adapter, by its model name, every corrected query that it was trained on (ids of its examples), and mark
    the corrections that it gives as learned. Returns their queries; the others go on serving.

    Slow: one answer of the model for each correction. Roll-back is `service.corrections.unlearned(adapter)`.
    """
    wanted = set(examples)
    trained = [one for one in service.corrections.active() if one.example_id and one.example_id in wanted]
    given = [one for one in trained if gives(service, adapter, one)]
    service.corrections.learned(adapter, [one.example_id for one in given])
    return [one.query for one in given]


def gives(service: Service, adapter: str, correction: Correction) -> bool:
    query = Query(text=correction.query, strategy="tuned", adapter=adapter, task=correction.task)
    answer = Answer(query=query.text)
    for answer, _ in service.answering.stream(query, threading.Event()):  # noqa: B007
        pass
    return answer.status == "complete" and says_the_same(answer.text, correction.answer)


def says_the_same(given: str, wanted: str) -> bool:
    """Equal as JSON or but for white space; in free text the same numbers, names and negations in mostly the same words."""
    from retrieval.facts import name_stands, names, negated
    from retrieval.quantities import numbers
    from retrieval.words import words

    mine, its = parse_object(given), parse_object(wanted)
    if mine is not None or its is not None:
        return mine == its
    if given.split() == wanted.split():
        return True
    same_names = all(name_stands(name, given) for name in names(wanted)) and all(
        name_stands(name, wanted) for name in names(given)
    )
    amounts = [sorted(number.value for number in numbers(text)) for text in (given, wanted)]
    denied = [sum(negated(part) for part in re.split(r"[.!?\n]+", text)) for text in (given, wanted)]
    if not same_names or amounts[0] != amounts[1] or denied[0] != denied[1]:
        return False
    one, other = Counter(words(given)), Counter(words(wanted))
    total = one.total() + other.total()
    return total > 0 and 2 * (one & other).total() / total >= SHARED

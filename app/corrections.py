"""Which reviewed answer fits a query: the same one, one that asks the same in other words, or none but a similar one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.answering import Matched
from core.corrections import Corrections, query_key
from core.types import Correction, Example, Query, RouteDecision

if TYPE_CHECKING:
    import numpy as np

# What is less alike than this is no help to a reader, nor an example to a model.
SIMILAR = 0.6
SHOWN_EXAMPLES = 2
SHOWN_QUERY = 160
KEPT_VECTORS = 20_000

Encode = Callable[[list[str]], "np.ndarray"]
Disagreement = Callable[[str, str], str]


@dataclass(frozen=True)
class Near:
    """A correction and the cosine of its query with the asked one."""

    correction: Correction
    likeness: float


class Reviewed:
    """`standalone` completes a follow-up from its history; `encode` gives unit vectors (texts, size); `disagreement`
    says why two queries do not ask the same, `alike` is the likeness from which on it may vouch that they do;
    `best_road` names the strategy that serves a task. Safe to use from threads."""

    def __init__(
        self, corrections: Corrections, labels: Callable[[], Sequence[tuple[str, str]]], tasks: Collection[str], encode: Encode,
        standalone: Callable[[Query], str], disagreement: Disagreement, alike: float, best_road: Callable[[str], str],
    ) -> None:  # fmt: skip
        self._corrections, self._labels, self._tasks, self._encode = corrections, labels, frozenset(tasks), encode
        self._standalone, self._disagreement, self._alike = standalone, disagreement, alike
        self._best_road = best_road
        self._vectors: dict[str, np.ndarray] = {}
        self._lock = threading.Lock()

    def match(self, query: Query) -> Matched:
        """The correction that answers a query, else what is offered instead. A road or documents that a person chose are
        taken: no correction then, and no example, only the task that a reviewer gave the query."""
        text = self._standalone(query)
        task = query.task or self._label(text)
        if query.strategy or query.adapter or query.filters:
            return Matched(standalone=text, task=task)
        active = [one for one in self._corrections.active() if query.task in (None, one.task)]
        key = query_key(text)
        found = next((one for one in active if query_key(one.query) == key), None)
        if found is None and active:
            near = self.near(text, active)
            found = next((one.correction for one in near if self.same(text, one)), None)
            if found is None:
                return self._offered(text, task, [one for one in near if one.likeness >= SIMILAR])
        if found is None:
            return Matched(standalone=text, task=task)
        return Matched(
            standalone=text, task=task, correction=found, decision=self._decision(found, found.query == text)
        )

    def near(self, text: str, corrections: Sequence[Correction]) -> list[Near]:
        """Corrections by the likeness of their queries, most alike first."""
        vectors = self.vectors([text, *(one.query for one in corrections)])
        likeness = vectors[1:] @ vectors[0]
        ranked = sorted(zip(corrections, map(float, likeness), strict=True), key=lambda pair: -pair[1])
        return [Near(correction, alike) for correction, alike in ranked]

    def same(self, text: str, near: Near) -> bool:
        """Whether a correction may answer: likeness alone never says so."""
        return near.likeness >= self._alike and not self._disagreement(text, near.correction.query)

    def alike(self, one: str, other: str) -> bool:
        """Whether two queries ask the same, by the rule that lets a correction answer a near one."""
        vectors = self.vectors([one, other])
        return float(vectors[0] @ vectors[1]) >= self._alike and not self._disagreement(one, other)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """(texts, size); what was embedded lately is not embedded again."""
        import numpy as np

        if not texts:
            return np.zeros((0, 0))
        with self._lock:
            if len(self._vectors) > KEPT_VECTORS:
                self._vectors.clear()
            missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
            self._vectors |= dict(zip(missing, self._encode(missing), strict=True)) if missing else {}
            return np.stack([self._vectors[text] for text in texts])

    def _label(self, text: str) -> str | None:
        """The task that a reviewer gave this very query, the last word first."""
        key = query_key(text)
        for query, task in reversed(self._labels()):
            if query_key(query) == key and task in self._tasks:
                return task
        return None

    def _offered(self, text: str, task: str | None, near: Sequence[Near]) -> Matched:
        if not near:
            return Matched(standalone=text, task=task)
        # A fact is told apart by having no example of its own: it is offered to the reader, never to a model.
        shown = [one.correction for one in near if one.correction.example_id][:SHOWN_EXAMPLES]
        examples = tuple(
            Example(id=one.example_id, task=one.task, query=one.query, answer=one.answer, origin="review")
            for one in reversed(shown)
        )
        return Matched(standalone=text, task=task, suggestion=suggestion(near[0].correction), examples=examples)

    def _decision(self, correction: Correction, exact: bool) -> RouteDecision:
        asked = "this very question" if exact else f"this question (asked as “{shortened(correction.query)}”)"
        rests = f" It rests on {', '.join(correction.documents)}." if correction.documents else ""
        reason = f"A reviewer corrected the answer to {asked}.{rests}"
        strategy: str = self._best_road(correction.task)
        return RouteDecision(strategy=strategy, task=correction.task, reason=reason)  # pyright: ignore[reportArgumentType]


def suggestion(correction: Correction) -> str:
    return f"A reviewer answered a similar question, “{shortened(correction.query)}”:\n\n{correction.answer}"


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN_QUERY else f"{text[:SHOWN_QUERY].rsplit(' ', 1)[0]} …"

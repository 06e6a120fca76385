"""The seams that are ours. Where LangChain has a seam (chat model, retriever, embeddings), it is used."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from core.types import Answer, Case, Event, Evidence, Query, RouteDecision, Score, Serving


class Router(Protocol):
    def route(self, query: Query, evidence: Evidence) -> RouteDecision:
        """Choose the road. Pure: the same query and evidence give the same decision."""
        ...

    def rivals(self, decision: RouteDecision) -> Sequence[Serving]:
        """The other roads that are open for it, the best first; none where a person chose."""
        ...

    def reconsider(self, decision: RouteDecision, chance: float) -> RouteDecision:
        """The decision once its road has refused; `chance`: how likely what it would have said is right."""
        ...


class Strategy(Protocol):
    def stream(
        self, query: Query, decision: RouteDecision, evidence: Evidence, stop: threading.Event
    ) -> Iterator[Event]:
        """Answer piece by piece; the last event is `Finished`. Ends early, still with `Finished`, once `stop` is set.

        Raises:
            ModelError: the model cannot be loaded or did not answer.
        """
        ...


class Scorer(Protocol):
    def score(self, case: Case, answer: Answer) -> Score:
        """Compare an answer with what the case expects. Pure."""
        ...

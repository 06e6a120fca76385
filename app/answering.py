"""The serving flow: query -> evidence -> router.route -> strategies[decision.strategy].stream -> answer -> store."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from core.errors import QueryError
from core.protocols import Router, Strategy
from core.types import (
    Answer,
    Cited,
    Dropped,
    Event,
    Evidence,
    Finished,
    Query,
    RouteDecision,
    Started,
    Text,
    Warned,
)


class Retriever(Protocol):
    def evidence(self, query: Query) -> Evidence: ...


@dataclass(frozen=True)
class Answering:
    """The parts that one answer needs."""

    retriever: Retriever
    router: Router
    strategies: Mapping[str, Strategy]
    max_query_chars: int

    def check(self, query: Query) -> None:
        """Raises QueryError for a query that cannot be taken."""
        if not query.text.strip():
            raise QueryError("the query is empty; type a question")
        if len(query.text) > self.max_query_chars:
            raise QueryError(
                f"the query has {len(query.text):,} characters and at most {self.max_query_chars:,} are taken; "
                "shorten it, or add the text as a document and ask about it"
            )

    def route(self, query: Query) -> tuple[RouteDecision, Evidence]:
        evidence = self.retriever.evidence(query)
        return self.router.route(query, evidence), evidence

    def stream(self, query: Query, stop: threading.Event) -> Iterator[tuple[Answer, Event | RouteDecision]]:
        """Each event with the answer as it stands after it. The first event is the decision, the last is Finished."""
        began = time.perf_counter()
        answer = Answer(query=query.text)
        decision, evidence = self.route(query)
        timings = {"route": round(time.perf_counter() - began, 4)}
        answer = answer.model_copy(update={"route": decision, "passages": evidence.passages, "timings": timings})
        yield answer, decision
        events = self.strategies[decision.strategy].stream(query, decision, evidence, stop)
        for event in itertools.chain(doubts(decision), events):
            seconds = round(time.perf_counter() - began, 4)
            answer = grown(answer, event, seconds)
            if isinstance(event, Finished) and stop.is_set():
                answer = answer.model_copy(update={"status": "stopped"})
            yield answer, event


def doubts(decision: RouteDecision) -> list[Event]:
    """What the decision itself has to be warned of."""
    if not decision.unsure or decision.overridden or decision.strategy == "refuse":
        return []
    kind = decision.task.replace("_", "-")
    return [Warned(message=f"It is not clear what is asked for: this was taken for a {kind} question.")]


def grown(answer: Answer, event: Event, seconds: float) -> Answer:
    """The answer after an event that came `seconds` after the query. Pure."""
    timings = {"first_token": seconds, **answer.timings} if isinstance(event, Text) else answer.timings
    change: dict[str, object] = {}
    match event:
        case Started():
            change = {"model": event.model, "left_machine": event.left_machine}
        case Text(text=text):
            change = {"text": answer.text + text}
        case Cited(citation=citation):
            change = {"citations": (*answer.citations, citation)}
        case Dropped(sentence=sentence):
            change = {"dropped": (*answer.dropped, sentence)}
        case Warned(message=message):
            change = {"warnings": (*answer.warnings, message)}
        case Finished():
            change = {"status": "complete", "text": answer.text.strip(), "confidence": event.confidence,
                      "refused": event.refused}  # fmt: skip
            counts = {"prompt_tokens": event.prompt_tokens, "tokens": event.tokens, "cut": int(event.cut)}
            timings = {**timings, "total": seconds, **counts}
    return answer.model_copy(update={**change, "timings": timings})

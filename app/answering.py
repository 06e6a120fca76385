"""The serving flow: query -> evidence -> router.route -> strategies[decision.strategy].stream -> answer -> store.
A query that a reviewer has corrected takes a shorter one: query -> correction -> answer -> store."""

from __future__ import annotations

import itertools
import re
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
    Correction,
    Dropped,
    Event,
    Evidence,
    Example,
    Filters,
    Finished,
    Query,
    RouteDecision,
    Started,
    Text,
    Warned,
)


class Retriever(Protocol):
    def evidence(self, query: Query) -> Evidence: ...

    def check(self, filters: Filters) -> None:
        """Raises QueryError for filters that name what no document has."""
        ...


@dataclass(frozen=True)
class Matched:
    """What reviewers have said of a query. `standalone`: the query as it can be understood alone; `correction` with its
    `decision`: the answer that they gave to it. Without one: `task`, where they named it; `suggestion`: their answer to a
    similar query; `examples`: such queries and answers, to be shown to a model."""

    standalone: str = ""
    correction: Correction | None = None
    decision: RouteDecision | None = None
    task: str | None = None
    suggestion: str = ""
    examples: tuple[Example, ...] = ()


class Reviewers(Protocol):
    def match(self, query: Query) -> Matched: ...


@dataclass(frozen=True)
class Answering:
    """The parts that one answer needs. `reviewers`: what they corrected is answered so at once."""

    retriever: Retriever
    router: Router
    strategies: Mapping[str, Strategy]
    max_query_chars: int
    reviewers: Reviewers | None = None
    refusals: frozenset[str] = frozenset()

    def check(self, query: Query) -> None:
        """Raises QueryError for a query that cannot be taken."""
        if not query.text.strip():
            raise QueryError("the query is empty; type a question")
        self.check_length(query.text)
        if query.filters:
            self.retriever.check(query.filters)

    def check_length(self, text: str) -> None:
        """Raises QueryError for a text that is too long."""
        if len(text) > self.max_query_chars:
            raise QueryError(
                f"the query has {len(text):,} characters and at most {self.max_query_chars:,} are taken; "
                "shorten it, or add the text as a document and ask about it"
            )

    def route(self, query: Query) -> tuple[RouteDecision, Evidence]:
        """The road for a query, as it can be understood alone, and what was found for it."""
        evidence = self.retriever.evidence(query)
        return self.router.route(query, evidence), evidence

    def stream(self, query: Query, stop: threading.Event) -> Iterator[tuple[Answer, Event | RouteDecision]]:
        """Each event with the answer as it stands after it. The first event is the decision, the last is Finished."""
        began = time.perf_counter()
        matched = self.reviewers.match(query) if self.reviewers else Matched()
        if matched.correction and matched.decision:
            decision, evidence = matched.decision, Evidence(query=matched.standalone)
            events = reviewed(matched.correction, self.refusals, stop)
        else:
            query = query.model_copy(update={"examples": matched.examples})
            decision, evidence = self.route(query.model_copy(update={"task": matched.task or query.task}))
            if matched.task and not query.task:
                decision = labelled(decision)
            events = self._events(query, decision, evidence, stop)
            if decision.strategy == "rag" and (decision.instead or self.router.rivals(decision)):
                decision, events = self._read_first(query, decision, evidence, events, stop)
            events = itertools.chain(doubts(decision), events)
        answer = opened(query, matched, decision, evidence, round(time.perf_counter() - began, 4))
        yield answer, decision
        for event in events:
            seconds = round(time.perf_counter() - began, 4)
            answer = grown(answer, event, seconds)
            if isinstance(event, Finished) and stop.is_set():
                answer = answer.model_copy(update={"status": "stopped"})
            yield answer, event

    def _events(
        self, query: Query, decision: RouteDecision, evidence: Evidence, stop: threading.Event
    ) -> Iterator[Event]:
        # A prompted model reads the conversation itself; the others see one question only.
        alone = query if decision.strategy == "prompt" else query.model_copy(update={"text": evidence.query})
        return self.strategies[decision.strategy].stream(alone, decision, evidence, stop)

    def _read_first(
        self, query: Query, decision: RouteDecision, evidence: Evidence, events: Iterator[Event], stop: threading.Event
    ) -> tuple[RouteDecision, Iterator[Event]]:
        """Where another road is open too, the documents are read before anything is shown: what they refuse, the router
        may send there. Whoever asked sees the beginning a second later, and an answer instead of a refusal."""
        told = list(events)
        last = told[-1]
        # A refusal that names what stands nowhere says more than any other.
        if stop.is_set() or evidence.missing or not (isinstance(last, Finished) and last.refused):
            return decision, iter(told)
        again = self.router.reconsider(decision, last.confidence or 0.0)
        if again.strategy == decision.strategy:
            return decision, iter(told)
        return again, self._events(query, again, evidence, stop)


def opened(query: Query, matched: Matched, decision: RouteDecision, evidence: Evidence, seconds: float) -> Answer:
    """The answer as it stands once the road is chosen, `seconds` after the query. Pure."""
    completed = evidence.query if evidence.query != query.text.strip() else ""
    served = matched.correction
    return Answer(
        query=query.text, standalone=completed, route=decision, passages=evidence.passages, timings={"route": seconds},
        filters=query.filters, reviewed=served is not None, correction_id=served.id if served else "", suggestion=matched.suggestion,
    )  # fmt: skip


def reviewed(correction: Correction, refusals: frozenset[str], stop: threading.Event) -> Iterator[Event]:
    """A reviewer's answer, streamed word by word as a model's would be."""
    for piece in re.findall(r"\s*\S+\s*$|\s*\S+", correction.answer):
        if stop.is_set():
            break
        yield Text(text=piece)
    yield Finished(refused=correction.answer in refusals)


def labelled(decision: RouteDecision) -> RouteDecision:
    """The decision where a reviewer named the task of this very query."""
    said = f"A reviewer said that this is a {decision.task.replace('_', ' ')} question. "
    known = {"tasks": {decision.task: 1.0}, "unsure": False}
    return decision.model_copy(update={"reason": said + decision.reason, **known})


def doubts(decision: RouteDecision) -> list[Event]:
    """What the decision itself has to be warned of."""
    if not decision.unsure or decision.overridden or decision.strategy == "refuse":
        return []
    kind = decision.task.replace("_", "-")
    return [Warned(message=f"It is not clear what is asked for: this was taken for a {kind} question.")]


def confidence(sure: float | None, decision: RouteDecision | None) -> float | None:
    """How likely an answer is right: that it is as its task wants it, and that this is the task that was meant."""
    return None if sure is None else sure * (decision.chance if decision else 1.0)


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
        case Dropped(sentence=sentence, why=why):
            change = {"dropped": (*answer.dropped, sentence), "dropped_why": (*answer.dropped_why, why)}
        case Warned(message=message):
            change = {"warnings": (*answer.warnings, message)}
        case Finished():
            change = {"status": "complete", "text": answer.text.strip(), "refused": event.refused,
                      "confidence": confidence(event.confidence, answer.route)}  # fmt: skip
            counts = {"prompt_tokens": event.prompt_tokens, "tokens": event.tokens, "cut": int(event.cut)}
            timings = {**timings, "total": seconds, **counts}
    return answer.model_copy(update={**change, "timings": timings})

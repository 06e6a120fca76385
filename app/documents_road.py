"""rag: quotes the best supporting sentences, or, with a model that has passed its golden cases, writes from them.

Either way it streams by sentence, and a sentence is sent only after its citation was checked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from langchain_core.language_models import BaseChatModel

from app.strategies import LOW_CONFIDENCE, UNCALIBRATED, StandingOf, TrustIn
from core import prompts
from core.domain import Domain
from core.llm.messages import to_langchain
from core.types import (
    Citation,
    Cited,
    Dropped,
    Event,
    Evidence,
    Finished,
    Passage,
    Query,
    RouteDecision,
    Started,
    Text,
    Warned,
)

WRITTEN = "rag_written"
WRITTEN_TOKENS = 80
REFUSE_BELOW = 0.3
NEAREST = 3
ADD_DOCUMENT = "Add a document that answers it and ask again, or file a request for one."


class Found(Protocol):
    """What reading the passages for a query gave: the calibrated probability that they answer it, and what to quote."""

    @property
    def answerable(self) -> float: ...

    def quotes(self, sources: int) -> list[Citation]: ...


Find = Callable[[str, tuple[Passage, ...]], Found]
Written = Callable[[Iterator[str], tuple[Passage, ...]], Iterator[Cited | Dropped]]


class Documents:
    name = "rag"

    def __init__(
        self, domain: Domain, find: Find, written: Written, chat: Callable[[Query], tuple[str, BaseChatModel]],
        leaves: Callable[[str], bool], trust_in: TrustIn, standing_of: StandingOf,
    ) -> None:  # fmt: skip
        self._domain, self._find, self._written = domain, find, written
        self._chat, self._leaves, self._trust_in, self._standing_of = chat, leaves, trust_in, standing_of

    def stream(
        self, query: Query, decision: RouteDecision, evidence: Evidence, stop: threading.Event
    ) -> Iterator[Event]:
        if not self._standing_of(decision.task, WRITTEN).open:
            yield from self.events(decision, evidence, None, stop)
            return
        model, chat = self._chat(query)
        yield Started(model=model, left_machine=self._leaves(model))
        messages = to_langchain(prompts.rag_messages(self._domain, query, evidence.passages))
        chunks = chat.stream(messages, stop_flag=stop, max_new_tokens=WRITTEN_TOKENS)
        yield from self.events(decision, evidence, (str(chunk.content) for chunk in chunks), stop)

    def events(
        self, decision: RouteDecision, evidence: Evidence, text: Iterator[str] | None,
        stop: threading.Event | None = None,
    ) -> Iterator[Event]:  # fmt: skip
        """Events of an answer that `text` writes piece by piece; None: quote."""
        task, found = self._domain.task(decision.task), self.found(evidence)
        trust, standing = self._trust_in(task.name, self.name), self._standing_of(task.name, self.name)
        cited = 0
        if found.answerable < (trust.refuse_below if trust else REFUSE_BELOW):
            text = iter(())
        for event in self._quote(found, task.sources) if text is None else self._write(text, evidence):
            cited += isinstance(event, Cited)
            yield event
            if stop is not None and stop.is_set() and not isinstance(event, Text):
                break
        if stop is not None and stop.is_set():
            yield Finished()
            return
        if not cited:
            yield Text(text=f"{self._domain.refusal} {searched(evidence)} {ADD_DOCUMENT}")
            yield Finished(refused=True)
            return
        if task.caution:
            yield Warned(message=task.caution)
        confidence = trust.probability({"answerable": found.answerable}) if trust else None
        if trust is None or confidence is None:
            yield Warned(message=UNCALIBRATED)
        elif confidence < trust.threshold:
            yield Warned(message=LOW_CONFIDENCE)
        if not standing.open or not standing.measured:
            yield Warned(message=f"Not vouched for: {standing.why}.")
        yield Finished(confidence=confidence)

    def found(self, evidence: Evidence) -> Found:
        return self._find(evidence.query, evidence.passages)

    def _quote(self, found: Found, sources: int) -> Iterator[Event]:
        for citation in found.quotes(sources):
            yield Text(text=f"{citation.sentence} [{citation.number}]\n\n")
            yield Cited(citation=citation)

    def _write(self, text: Iterator[str], evidence: Evidence) -> Iterator[Event]:
        for event in self._written(text, evidence.passages):
            if isinstance(event, Cited):
                yield Text(text=f"{event.citation.sentence} [{event.citation.number}] ")
            yield event


def searched(evidence: Evidence) -> str:
    """What was looked through, and the titles of the documents that came nearest."""
    if not evidence.searched:
        return "There was no document to search."
    looked = "1 document" if evidence.searched == 1 else f"{evidence.searched:,} documents"
    titles = list(dict.fromkeys(title(passage) for passage in evidence.passages))[:NEAREST]
    if not titles:
        return f"I searched {looked}; none came near."
    named = " and ".join(filter(None, [", ".join(f"“{one}”" for one in titles[:-1]), f"“{titles[-1]}”"]))
    return f"I searched {looked}; nearest {'was' if len(titles) == 1 else 'were'} {named}."


def title(passage: Passage) -> str:
    return passage.heading.partition(" > ")[0] or passage.source

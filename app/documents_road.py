"""rag: a reader answers from the best passages, or another model that has passed its golden cases writes from them, or the
best supporting sentences are quoted.

Whatever is sent was checked against the passage that it cites before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence

from langchain_core.language_models import BaseChatModel

from app.reading_road import LONGEST_QUESTION, Reading, best_case, quoted, reading
from app.strategies import LOW_CONFIDENCE, UNCALIBRATED, StandingOf, TrustIn
from core import prompts
from core import reading as reader
from core.domain import Domain, TaskType
from core.language import CALLED
from core.llm.messages import to_langchain
from core.measured import Trust
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
from retrieval.placing import given
from retrieval.quote import Found

LOG = logging.getLogger(__name__)
WRITTEN = "rag_written"
WRITTEN_TOKENS = 80
REFUSE_BELOW = 0.3
NEAREST = 3
ADD_DOCUMENT = "Add a document that answers it and ask again, or file a request for one."


Find = Callable[[str, tuple[Passage, ...]], Found]
Written = Callable[[Iterator[str], tuple[Passage, ...]], Iterator[Cited | Dropped]]


class Documents:
    name = "rag"

    def __init__(
        self, domain: Domain, find: Find, written: Written, chat: Callable[[Query], tuple[str, BaseChatModel]],
        leaves: Callable[[str], bool], trust_in: TrustIn, standing_of: StandingOf, reads: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """`reads`: whether `chat` gives a reader, which is asked in its own words (`core.reading`)."""
        self._domain, self._find, self._written = domain, find, written
        self._chat, self._leaves, self._trust_in, self._standing_of = chat, leaves, trust_in, standing_of
        self._reads = reads

    def stream(
        self, query: Query, decision: RouteDecision, evidence: Evidence, stop: threading.Event
    ) -> Iterator[Event]:
        reads = self._reads()
        if evidence.missing or not self._standing_of(decision.task, WRITTEN).open or (reads and not readable(evidence)):
            yield from self.events(decision, evidence, None, stop)
            return
        if reads:
            yield from self._read(query, decision, evidence, stop)
            return
        model, chat = self._chat(query)
        yield Started(model=model, left_machine=self._leaves(model))
        messages = to_langchain(prompts.rag_messages(self._domain, query, evidence.passages))
        chunks = chat.stream(messages, stop_flag=stop, max_new_tokens=WRITTEN_TOKENS)
        yield from self.events(decision, evidence, (str(chunk.content) for chunk in chunks), stop)

    def _read(
        self, query: Query, decision: RouteDecision, evidence: Evidence, stop: threading.Event
    ) -> Iterator[Event]:
        found, trust = self.found(evidence), self._trust_in(decision.task, WRITTEN)
        if found.listed or found.looked_up:
            yield from self.events(decision, evidence, None, stop, found)
            return
        if trust and best_case(trust, found.answerable) < trust.refusing(self._domain.wrong_at_most):
            yield from self._refused(evidence)
            return
        passages = given(found)
        model, chat = self._chat(query)
        yield Started(model=model, left_machine=self._leaves(model))
        asked = to_langchain(reader.messages(evidence.asked, passages))
        reply = chat.invoke(asked, stop_flag=stop, **reader.options())
        used = reply.usage_metadata or {}
        counts = {"prompt_tokens": used.get("input_tokens", 0), "tokens": used.get("output_tokens", 0)}
        read = reader.as_read(reply)
        if not stop.is_set():
            read = reader.in_passages(chat.bind(stop_flag=stop), asked, read, [one.text for one in passages])
        if stop.is_set():
            yield Finished()
            return
        for event in self.read_events(decision, evidence, reading(read, passages, found)):
            yield event.model_copy(update=counts) if isinstance(event, Finished) else event

    def read_events(self, decision: RouteDecision, evidence: Evidence, read: Reading) -> Iterator[Event]:
        """Events of an answer that a reader has read. Where answers stand under questions or in rows they are whole as they are,
        and quoted."""
        if read.found.listed or read.found.looked_up or evidence.missing:
            yield from self.events(decision, evidence, None, found=read.found)
            return
        task, trust = self._domain.task(decision.task), self._trust_in(decision.task, WRITTEN)
        sure = trust.probability(read.features) if trust else None
        if trust is None or sure is None:
            refused = read.found.answerable < REFUSE_BELOW
        else:
            refused = sure < trust.refusing(self._domain.wrong_at_most)
        shown = [] if refused else list(read.events(task.sources))
        yield from shown
        cited = [event.citation for event in shown if isinstance(event, Cited)]
        if not cited:
            yield from self._refused(evidence)
            return
        yield from doubtful(cited, evidence)
        yield from self._judged(task, trust, sure)

    def events(
        self, decision: RouteDecision, evidence: Evidence, text: Iterator[str] | None,
        stop: threading.Event | None = None, found: Found | None = None,
    ) -> Iterator[Event]:  # fmt: skip
        """Events of an answer that `text` writes piece by piece; None: quote. `found`: where it was asked for before."""
        task, found = self._domain.task(decision.task), found or self.found(evidence)
        trust, standing = self._trust_in(task.name, self.name), self._standing_of(task.name, self.name)
        cited: list[Citation] = []
        below = trust.refusing(self._domain.wrong_at_most) if trust else REFUSE_BELOW
        if (found.answerable < below and not found.looked_up) or evidence.missing:
            text = iter(())
        for event in self._quote(found, task.sources) if text is None else self._write(text, evidence):
            if isinstance(event, Cited):
                cited.append(event.citation)
            yield event
            if stop is not None and stop.is_set() and not isinstance(event, Text):
                break
        if stop is not None and stop.is_set():
            yield Finished()
            return
        if not cited:
            yield from self._refused(evidence)
            return
        yield from doubtful(cited, evidence)
        sure = trust.probability({"answerable": found.answerable}) if trust else None
        if found.said and trust and sure is not None:
            sure = max(sure, trust.threshold)  # looked up, not guessed: one row, one column
        vouched = standing.open and standing.measured
        yield from self._judged(task, trust, sure, "" if vouched else f"Not vouched for: {standing.why}.")

    def _refused(self, evidence: Evidence) -> Iterator[Event]:
        yield Text(text=f"{self._domain.refusal} {searched(evidence)} {ADD_DOCUMENT}")
        yield Finished(refused=True)

    def _judged(self, task: TaskType, trust: Trust | None, sure: float | None, doubt: str = "") -> Iterator[Event]:
        """The end of an answer that is shown, with what has to be warned of."""
        if task.caution:
            yield Warned(message=task.caution)
        if trust is None or sure is None:
            yield Warned(message=UNCALIBRATED)
        elif sure < trust.threshold:
            yield Warned(message=LOW_CONFIDENCE)
        if doubt:
            yield Warned(message=doubt)
        yield Finished(confidence=sure)

    def found(self, evidence: Evidence) -> Found:
        """What answers in the documents that are in force; where nothing does, in all."""
        valid = tuple(one for one in evidence.passages if one.source not in evidence.out_of_force)
        if len(valid) < len(evidence.passages):
            found = self._judge(evidence.asked, valid)
            if found.looked_up or found.answerable >= REFUSE_BELOW:
                return found
        return self._judge(evidence.asked, evidence.passages)

    def _judge(self, query: str, passages: tuple[Passage, ...]) -> Found:
        """What is found in the passages. One that cannot be judged is left out, and the log says why: it must not cost the answer
        that stands in another."""
        try:
            return self._find(query, passages)
        except Exception:
            sound = tuple(passage for passage in passages if self._can_judge(query, passage))
            if len(sound) == len(passages):
                raise
            return self._find(query, sound)

    def _can_judge(self, query: str, passage: Passage) -> bool:
        try:
            self._find(query, (passage,))
        except Exception:
            LOG.exception("a passage of %s (%s) cannot be judged and is left out", passage.source, passage.id)
            return False
        return True

    def _quote(self, found: Found, sources: int) -> Iterator[Event]:
        citations = found.quotes(sources)
        if found.said and citations:
            yield Text(text=f"**{found.said}** [{citations[0].number}]")
            yield Cited(citation=citations[0])
            return
        for citation in citations:
            yield from quoted(citation)

    def _write(self, text: Iterator[str], evidence: Evidence) -> Iterator[Event]:
        for event in self._written(text, evidence.passages):
            if isinstance(event, Cited):
                yield Text(text=f"{event.citation.sentence} [{event.citation.number}] ")
            yield event


def doubtful(cited: Sequence[Citation], evidence: Evidence) -> Iterator[Event]:
    """A warning for each cited document that is not in force."""
    for source in dict.fromkeys(one.source for one in cited):
        if why := evidence.out_of_force.get(source):
            yield Warned(message=f"“{source}” may not be in force: {why}.")


def readable(evidence: Evidence) -> bool:
    """Whether there is something to read, and a question that a reader has learned to be asked."""
    return bool(evidence.passages) and len(evidence.query) <= LONGEST_QUESTION


def searched(evidence: Evidence) -> str:
    """What was looked through, and what is missing, or the titles of the documents that came nearest and their language where
    the question is in another."""
    if not evidence.searched:
        return "There was no document to search."
    looked = "1 document" if evidence.searched == 1 else f"{evidence.searched:,} documents"
    if evidence.missing:
        near = f"; the nearest there: {', '.join(evidence.nearest)}" if evidence.nearest else ""
        return f"I searched {looked} for {' and '.join(f'“{one}”' for one in evidence.missing)} and found it nowhere{near}."
    titles = list(dict.fromkeys(title(passage) for passage in evidence.passages))[:NEAREST]
    if not titles:
        return f"I searched {looked}; none came near."
    named = " and ".join(filter(None, [", ".join(f"“{one}”" for one in titles[:-1]), f"“{titles[-1]}”"]))
    other = CALLED.get(evidence.language, "")
    foreign = f" They are in {other}: ask in {other}." if other else ""
    return f"I searched {looked}; nearest {'was' if len(titles) == 1 else 'were'} {named}.{foreign}"


def title(passage: Passage) -> str:
    return passage.heading.partition(" > ")[0] or passage.source

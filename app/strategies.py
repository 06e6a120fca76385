"""The three roads, and the refusal. Each streams; a whole answer is the join of its Text events."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from app.shown import Shown
from core import prompts
from core.checks import Check, failed, parse_object, schema_fault
from core.domain import BuiltIn, Domain, TaskType
from core.echoes import Echoes
from core.errors import Truncated
from core.llm.messages import to_langchain
from core.measured import Standing, Trust
from core.types import Event, Evidence, Finished, Query, RouteDecision, Started, Text, Warned
from router.following import brings_no_text

MAX_NEW_TOKENS = 160  # of a tuned model, which has learned how long its answers are
FORCED_ATTEMPTS = 6
ECHO_ATTEMPTS = 3
SAMPLING = {"temperature": 0.8, "seed": 1}
ANSWER_MARK = "Answer:"
LOW_CONFIDENCE = "Low confidence: check this answer before you use it."
UNCALIBRATED = "Not vouched for: nobody has measured yet how sure such answers are (development cases are missing)."

TrustIn = Callable[..., Trust | None]  # task, strategy, model (default: the strategy's own)
StandingOf = Callable[..., Standing]


@dataclass(frozen=True)
class Request:
    """What is asked of a chat model: messages, the JSON schema that decoding must keep to, and the text, or texts, that the
    answer must not begin with, if any."""

    messages: list[BaseMessage]
    json_schema: dict[str, Any] | None
    max_new_tokens: int = MAX_NEW_TOKENS
    unless: str | tuple[str, ...] = ""

    @property
    def options(self) -> dict[str, Any]:
        options = {"json_schema": self.json_schema, "max_new_tokens": self.max_new_tokens}
        return {**options, "unless": self.unless} if self.unless else options


@dataclass(frozen=True)
class Generation:
    """What a model wrote: text, log-probability of each token, why it ended; `refusing`: how likely it would have begun with
    what it must not, where that was asked."""

    text: str
    logprobs: list[float]
    finish: str
    tokens: int
    refusing: float | None = None

    @staticmethod
    def of(reply: Any) -> Generation:
        if isinstance(reply, Truncated):
            return Generation("", [], "length", 0)
        if isinstance(reply, Exception):
            raise reply
        meta = reply.response_metadata
        finish, tokens = meta.get("finish_reason", "stop"), meta.get("tokens", 0)
        return Generation(str(reply.content), meta.get("logprobs") or [], finish, tokens, meta.get("unless"))


@dataclass(frozen=True)
class Verdict:
    """What is known of a finished text: is it a refusal, what must be warned of, how likely is it right."""

    text: str
    refused: bool
    warnings: tuple[str, ...]
    confidence: float | None


def features(logprobs: list[float]) -> dict[str, float]:
    """Log-probabilities of the chosen tokens (natural logarithm), summed up for calibration."""
    if not logprobs:
        return {"total": 0.0, "mean": 0.0, "least": 0.0}
    return {"total": sum(logprobs), "mean": sum(logprobs) / len(logprobs), "least": min(logprobs)}


def checks_of(task: TaskType, query: Query) -> tuple[Check, ...]:
    """The checks of an answer; none of a built-in task where the query carries on a conversation ("shorter please"): it gives
    no text that an answer could be compared with."""
    if isinstance(task, BuiltIn) and query.history and brings_no_text(query.text):
        return ()
    return task.checks


def fits(schema: dict[str, Any], made: Generation) -> bool:
    return made.finish != "length" and not schema_fault(schema, made.text)


def tidy(made: Generation) -> Generation:
    """JSON as Python writes it: a grammar lets 24.6 be written as 24.600000000000001."""
    try:
        return replace(made, text=json.dumps(json.loads(made.text)))
    except ValueError:
        return made


class Generating:
    """prompt and tuned: a chat model writes the answer; the pack's checks and a calibrated confidence judge it."""

    name = ""

    def __init__(
        self, domain: Domain, chat: Callable[[Query], tuple[str, BaseChatModel]], leaves: Callable[[str], bool],
        trust_in: TrustIn, standing_of: StandingOf,
    ) -> None:  # fmt: skip
        self._domain, self._chat, self._leaves = domain, chat, leaves
        self._trust_in, self._standing_of = trust_in, standing_of
        self._refusals = {domain.refusal, domain.out_of_scope}
        self._refusals |= {example.answer for example in domain.examples() if "refusal" in example.tags}
        self._echoes = Echoes(domain)

    def request(self, query: Query, task: TaskType) -> Request:
        raise NotImplementedError

    def stream(
        self, query: Query, decision: RouteDecision, evidence: Evidence, stop: threading.Event
    ) -> Iterator[Event]:
        task = self._domain.task(decision.task)
        request = self.request(query, task)
        model, chat = self._chat(query)
        yield Started(model=model, left_machine=self._leaves(model))
        shown = Shown(self._mark(task), lambda text: self._echoes.begins(task, query.text, text))
        hold = task.attempts > 1 or self.forces(task)
        pieces: list[str] = []
        last: dict[str, Any] = {}
        read = 0
        for chunk in chat.stream(request.messages, stop_flag=stop, **request.options):
            last = chunk.response_metadata or last
            read = (chunk.usage_metadata or {}).get("input_tokens", read)
            pieces.append(str(chunk.content))
            if not hold and (piece := shown.take(pieces[-1])):
                yield Text(text=piece)
        made = Generation(
            "".join(pieces), last.get("logprobs") or [], last.get("finish_reason", "stop"), last.get("tokens", 0)
        )
        hold = hold or self._echoes.is_one(task, query.text, made.text)
        if hold and not stop.is_set():
            made = self.better(chat, request, query, task, made, stop)
        verdict = self.judge(query, task, self.shown(made.text, task.name), made.logprobs, made.finish, model)
        if hold:
            yield Text(text=verdict.text)
        elif rest := shown.rest():
            yield Text(text=rest)
        for warning in verdict.warnings:
            yield Warned(message=warning)
        yield Finished(
            confidence=verdict.confidence,
            refused=verdict.refused,
            prompt_tokens=read,
            tokens=made.tokens,
            cut=made.finish == "length",
        )

    def better(
        self, chat: BaseChatModel, request: Request, query: Query, task: TaskType, first: Generation,
        stop: threading.Event | None = None,
    ) -> Generation:  # fmt: skip
        """The first answer if it passes its checks; else the likeliest of the sampled ones that do. Where none does, an object
        that breaks its schema gives way to one that fits it, with the warning that it fails its checks; else the first.

        Rejection sampling against the pack's own checks; the samples are one batch.
        """
        again = FORCED_ATTEMPTS if self.forces(task) else task.attempts - 1
        if self._echoes.is_one(task, query.text, self.shown(first.text, task.name)):
            again = max(again, ECHO_ATTEMPTS)
        if not again or self.passes(query, task, first):
            return first
        options = {**request.options, **SAMPLING, "json_schema": task.json_schema}
        messages: list[Any] = [request.messages] * again
        replies = chat.batch(messages, return_exceptions=True, stop_flag=stop, **options)
        made = [tidy(one) if task.json_schema else one for one in map(Generation.of, replies)]
        usable = [one for one in made if one.logprobs and self.passes(query, task, one)]
        if not usable and task.json_schema and not fits(task.json_schema, first) and parse_object(first.text):
            usable = [one for one in made if one.logprobs and fits(task.json_schema, one)]
        return max(usable, key=lambda made: sum(made.logprobs) / len(made.logprobs), default=first)

    def forces(self, task: TaskType) -> bool:
        """Whether an answer that fails is asked for again within the JSON schema. Where the question lacks something,
        the checks see numbers that it does not hold, and the refusal stands."""
        return False

    def passes(self, query: Query, task: TaskType, made: Generation) -> bool:
        text = self.shown(made.text, task.name).strip()
        if made.finish == "length" or self._echoes.is_one(task, query.text, text):
            return False
        return not failed(checks_of(task, query), task.json_schema, query.text, text)

    def _mark(self, task: TaskType) -> str:
        return ANSWER_MARK if task.step_by_step and self.name == "prompt" else ""

    def shown(self, text: str, task: str) -> str:
        """What of a whole generated text is shown."""
        shown = Shown(self._mark(self._domain.task(task)))
        shown.take(text)
        shown.rest()
        return shown.text

    def judge(
        self, query: Query, task: TaskType, text: str, logprobs: list[float], finish: str = "stop", model: str = ""
    ) -> Verdict:
        """Pure: the same text and log-probabilities give the same verdict."""
        text = text.strip()
        if text in self._refusals:
            return Verdict(text, True, (), None)
        if self._echoes.is_one(task, query.text, text):
            return Verdict(self._domain.refusal, True, (), None)
        warnings = list(failed(checks_of(task, query), task.json_schema, query.text, text))
        if finish == "length":
            warnings.append("The answer was cut off at the limit of its length.")
        if task.caution:
            warnings.append(task.caution)
        trust, confidence = self._trust_in(task.name, self.name, model), None
        if trust is None or (trust.weights and not logprobs):
            # A built-in task is vouched for as far as its cases go, and says the rest in its caution.
            warnings += [] if isinstance(task, BuiltIn) else [UNCALIBRATED]
        else:
            confidence = trust.probability(features(logprobs))
            if confidence < trust.threshold:
                warnings.append(LOW_CONFIDENCE)
        standing = self._standing_of(task.name, self.name, model)
        if not standing.open or not standing.measured:
            warnings.append(f"Not vouched for: {standing.why}.")
        return Verdict(text, False, tuple(warnings), confidence)


class Prompting(Generating):
    """System prompt, few-shot, step by step where the task asks for it, JSON schema enforced while decoding."""

    name = "prompt"

    def request(self, query: Query, task: TaskType) -> Request:
        able = self._able() if isinstance(task, BuiltIn) else ()
        messages = prompts.prompt_messages(self._domain, task, query, steps=task.step_by_step, able=able)
        return Request(to_langchain(messages), task.json_schema, task.max_tokens)

    def _able(self) -> list[str]:
        """What this assistant can do: answer from documents, and the built-in tasks that are open."""
        reads = any("rag" in task.strategies for task in self._domain.tasks)
        open_ones = [
            one.description
            for one in self._domain.built_in
            if one.strategies and one.name != "smalltalk" and self._standing_of(one.name, self.name).open
        ]
        return ["answer questions about the documents"] * reads + open_ones


class Tuned(Generating):
    """The adapter has learned the form and its refusals, so it decodes freely at first; an answer that fails its checks
    is asked for again within the schema."""

    name = "tuned"

    def request(self, query: Query, task: TaskType) -> Request:
        return Request(to_langchain(prompts.tuned_messages(self._domain, task, query.text)), None)

    def forces(self, task: TaskType) -> bool:
        return task.json_schema is not None


class Refusing:
    """No road: out of scope, or no strategy is good enough yet."""

    name = "refuse"

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def stream(
        self, query: Query, decision: RouteDecision, evidence: Evidence, stop: threading.Event
    ) -> Iterator[Event]:
        task = self._domain.task(decision.task)
        said = task.refusal if isinstance(task, BuiltIn) else ""
        if task.strategies:
            text = f"{said or self._domain.refusal} {decision.advice}"
        else:
            text = said or self._domain.out_of_scope
        text = text.format(title=self._domain.title) if said else text
        yield Text(text=text.strip())
        yield Finished(refused=True)

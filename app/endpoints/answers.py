"""Answers as runs that need no listener, conversations, comparison and ratings."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sse_starlette import EventSourceResponse

from app.endpoints.common import OpenServiceDep, ServiceDep, run_events, sse
from app.runs import Run
from core.errors import Busy, ModelNotFound
from core.openings import Openings
from core.requests import Requests
from core.store import COMPARED
from core.types import STRATEGIES, Answer, Filters, Message, Query, Rating

router = APIRouter(prefix="/api", tags=["answers"])
HISTORY_ANSWERS = 3
LETTERS = "ABC"


class Ask(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query: str
    conversation: str = Field("", max_length=64)
    strategy: Literal["prompt", "rag", "tuned"] | None = None
    adapter: str | None = None
    task: str | None = None
    filters: Filters = Filters()


class Compare(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query: str
    filters: Filters = Filters()


class Opened(BaseModel):
    model_config = ConfigDict(extra="forbid")

    passage_id: str = Field(min_length=1, max_length=64)


class Rate(BaseModel):
    """A score with its reasons and a corrected answer, or a preference for `answer_id` over `preferred_over`."""

    model_config = ConfigDict(extra="forbid")

    answer_id: str
    score: Literal[-1, 1] | None = None
    reasons: list[str] = Field(default=[], max_length=20)
    correction: str = Field("", max_length=50_000)
    preferred_over: str = ""
    user: str = Field("", max_length=128)

    @model_validator(mode="after")
    def says_something(self) -> Rate:
        if self.score is None and not self.preferred_over:
            raise ValueError("a rating needs `score` (1 or -1) or `preferred_over` (the id of another answer)")
        if self.preferred_over == self.answer_id:
            raise ValueError("an answer cannot be preferred to itself")
        return self


def history(answers: list[Answer]) -> tuple[Message, ...]:
    """The last complete exchanges of a conversation, as turns."""
    done = [answer for answer in answers if answer.status == "complete"][-HISTORY_ANSWERS:]
    turns = []
    for answer in done:
        turns += [Message(role="user", content=answer.query), Message(role="assistant", content=answer.text)]
    return tuple(turns)


@router.post("/answers", status_code=202)
def ask(body: Ask, service: ServiceDep) -> dict[str, str]:
    if body.adapter and body.adapter not in (known := [a.name for a in service.models.adapters()]):
        raise ModelNotFound(f"there is no adapter {body.adapter!r}; there are {', '.join(known) or 'none'}")
    # An answer is whole a moment before it is stored: ask its run.
    said = service.store.conversation(body.conversation) if body.conversation else []
    before = history([service.runs.answer(stored.id) for stored in said])
    query = Query(
        text=body.query,
        history=before,
        strategy=body.strategy or ("tuned" if body.adapter else None),
        adapter=body.adapter,
        task=body.task,
        filters=body.filters,
    )
    run = service.runs.start(service.answering, query, body.conversation)
    return {"id": run.answer.id, "conversation": run.answer.conversation, "status": run.answer.status}


@router.get("/answers/{id}")
def answer(id: str, service: OpenServiceDep) -> Answer:
    return service.runs.answer(id)


@router.get("/answers/{id}/events")
def events(id: str, request: Request, service: OpenServiceDep, after: int = 0) -> EventSourceResponse:
    run = service.runs.get(id)
    if run is None:
        stored = service.store.answer(id)
        return EventSourceResponse(iter([sse(0, "end", stored.model_dump(mode="json"))]))
    return EventSourceResponse(follow(request, run, max(0, after)))


async def follow(request: Request, run: Run, after: int) -> AsyncIterator[dict[str, str]]:
    async for number, name, body in run_events(request, run, after, stop_on_leave=False):
        yield sse(number, name, body)


@router.post("/answers/{id}/stop")
def stop(id: str, service: OpenServiceDep) -> Answer:
    return service.runs.stop(id)


@router.post("/answers/{id}/opened", status_code=204)
def opened(id: str, body: Opened, service: OpenServiceDep) -> None:
    """A reader opened a passage of an answer to see what stands around it; search learns from it. Told twice, it counts once."""
    Openings(service.store).record(service.runs.answer(id), body.passage_id)


@router.get("/conversations")
def conversations(service: OpenServiceDep) -> list[dict[str, Any]]:
    """Newest first; `answered`: a document that was asked for there has come since its last answer."""
    answered = Requests(service.store).answered()
    return [{"id": id, "title": title, "answered": id in answered} for id, title in service.store.conversations()]


@router.get("/conversations/{id}")
def conversation(id: str, service: OpenServiceDep) -> list[Answer]:
    return [service.runs.answer(stored.id) for stored in service.store.conversation(id)]


@router.post("/compare", status_code=202)
def compare(body: Compare, service: ServiceDep) -> dict[str, Any]:
    """One answer per strategy, in blind order. All or none: where the queue has no room for three, 429."""
    if service.runs.active + len(STRATEGIES) > service.settings.queue_limit:
        raise Busy("a comparison needs room for three answers; try again in a few seconds", retry_after=5)
    order = random.sample(STRATEGIES, len(STRATEGIES))
    runs = []
    for strategy in order:
        query = Query(text=body.query, strategy=strategy, filters=body.filters)  # pyright: ignore[reportArgumentType]
        runs.append(service.runs.start(service.answering, query, conversation=COMPARED))
    answers = [{"letter": letter, "answer_id": run.answer.id} for letter, run in zip(LETTERS, runs, strict=True)]
    return {"query": body.query, "answers": answers}


@router.post("/ratings", status_code=201)
def rate(body: Rate, service: OpenServiceDep) -> Rating:
    rating = Rating(**{**body.model_dump(), "reasons": tuple(body.reasons)})
    service.store.add_rating(rating)
    return rating


@router.get("/ratings")
def ratings(service: OpenServiceDep, answer_id: str | None = None) -> list[Rating]:
    return service.store.ratings(answer_id)

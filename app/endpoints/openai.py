"""OpenAI's shape: chat completions and models, so that every existing client works."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from app.endpoints.common import ServiceDep, problem, run_events
from app.endpoints.notes import notes, without_notes
from app.runs import Run
from core.errors import ModelNotFound, QueryError
from core.types import STRATEGIES, Answer, Filters, Message, Query

router = APIRouter(prefix="/v1", tags=["OpenAI"])


class Turn(BaseModel):
    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[dict[str, Any]] | None = ""

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(str(part.get("text", "")) for part in self.content if part.get("type") == "text")
        return self.content or ""


class Completion(BaseModel):
    """The part of OpenAI's request that means something here, and `conversation` and `filters`, which are ours; the rest is
    accepted and ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str = "auto"
    messages: list[Turn] = Field(min_length=1)
    stream: bool = False
    stream_options: dict[str, Any] | None = None
    conversation: str = ""
    filters: Filters = Filters()


@router.get("/models")
def models(service: ServiceDep) -> dict[str, Any]:
    names = ["auto", *STRATEGIES, *(adapter.name for adapter in service.models.adapters())]
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "trivium"} for name in names]
    return {"object": "list", "data": data}


@router.post("/chat/completions", response_model=None)
async def chat_completions(body: Completion, request: Request, service: ServiceDep) -> Response:
    query = to_query(body, [adapter.name for adapter in service.models.adapters()])
    run = await run_in_threadpool(service.runs.start, service.answering, query, body.conversation)
    told = service.settings.client_notes
    if body.stream:
        usage = bool((body.stream_options or {}).get("include_usage"))
        return EventSourceResponse(chunks(request, run, body.model, usage, told), sep="\n")
    async for _ in run_events(request, run, 0, stop_on_leave=True):
        pass
    answer = run.answer
    if answer.status == "failed":
        return problem(503, "The model did not answer", answer.error)
    return JSONResponse(whole(answer, body.model, told))


def to_query(body: Completion, adapters: list[str]) -> Query:
    """Raises QueryError where no user turn comes last, ModelNotFound for an unknown `model`."""
    last = body.messages[-1]
    if last.role != "user":
        raise QueryError("the last message must be the user's question (role user)")
    history = tuple(
        Message(
            role="system" if turn.role == "developer" else turn.role,
            content=without_notes(turn.text) if turn.role == "assistant" else turn.text,
        )
        for turn in body.messages[:-1]
    )
    asked = Query(text=last.text, history=history, filters=body.filters)
    if body.model == "auto":
        return asked
    if body.model in STRATEGIES:
        return asked.model_copy(update={"strategy": body.model})
    if body.model in adapters:
        return asked.model_copy(update={"strategy": "tuned", "adapter": body.model})
    raise ModelNotFound(f"there is no model {body.model!r}; take one of {', '.join(['auto', *STRATEGIES, *adapters])}")


def extra(answer: Answer) -> dict[str, Any]:
    """The object `trivium`: what OpenAI's shape has no word for."""
    body = answer.model_dump(mode="json", include={
        "conversation", "standalone", "filters", "citations", "warnings", "dropped", "dropped_why", "refused", "reviewed",
        "suggestion", "confidence", "left_machine", "timings", "status",
    })  # fmt: skip
    return {"answer_id": answer.id, "route": answer.route.model_dump(mode="json") if answer.route else None, **body}


def used(answer: Answer) -> dict[str, int]:
    read, written = int(answer.timings.get("prompt_tokens", 0)), int(answer.timings.get("tokens", 0))
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def finish_reason(answer: Answer) -> str:
    return "length" if answer.timings.get("cut") else "stop"


def whole(answer: Answer, model: str, told: bool = True) -> dict[str, Any]:
    """`told`: the text ends with what else there is to say (`notes`)."""
    return {
        "id": f"chatcmpl-{answer.id}",
        "object": "chat.completion",
        "created": int(answer.created_at.timestamp()),
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": answer.text + (notes(answer) if told else ""),
                    "refusal": None,
                },
                "logprobs": None,
                "finish_reason": finish_reason(answer),
            }
        ],
        "usage": used(answer),
        "trivium": extra(answer),
    }


async def chunks(
    request: Request, run: Run, model: str, usage: bool, told: bool = True
) -> AsyncIterator[dict[str, str]]:
    base = {
        "id": f"chatcmpl-{run.answer.id}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, str]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {"data": json.dumps({**base, "choices": [choice], **more})}

    yield chunk({"role": "assistant", "content": ""})
    async for _, name, body in run_events(request, run, 0, stop_on_leave=True):
        if name == "text":
            yield chunk({"content": body["text"]})
    answer = run.answer
    if answer.status == "failed":
        yield {"data": json.dumps({"error": {"message": answer.error, "type": "model_error", "code": 503}})}
    else:
        if told and (rest := notes(answer)):
            yield chunk({"content": rest})
        yield chunk({}, finish_reason(answer), trivium=extra(answer))
        if usage:
            yield {"data": json.dumps({**base, "choices": [], "usage": used(answer)})}
    yield {"data": "[DONE]"}

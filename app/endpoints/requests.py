"""Requests for documents: filed by who found nothing, ranked for reviewers, closed with what answers them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.document_requests import close, closed, file_request, open_groups
from app.endpoints.common import ServiceDep
from core.requests import Requests
from core.types import Judgement

router = APIRouter(prefix="/api", tags=["requests"])


class Wanted(BaseModel):
    """`answer_id`: the refused answer at which it is asked for; its conversation is told once a document answers it."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field("", max_length=20_000)
    note: str = Field("", max_length=2_000)
    answer_id: str = Field("", max_length=32)
    user: str = Field("", max_length=128)


class Closing(BaseModel):
    """`document`: what answers it, by its source; empty: closed without one. `also`: other requests of its group."""

    model_config = ConfigDict(extra="forbid")

    document: str = Field("", max_length=512)
    also: list[str] = Field(default=[], max_length=1000)


@router.post("/requests", status_code=201)
def wish(body: Wanted, service: ServiceDep) -> Judgement:
    """Ask for a document. By the same person for the same question it counts once."""
    return file_request(service, body.query, body.note, body.answer_id, body.user)


@router.get("/requests")
def requests(service: ServiceDep) -> dict[str, Any]:
    """Open requests in groups that ask the same, the most often asked first; and what was closed last."""
    return {"groups": open_groups(service), "closed": closed(service)}


@router.post("/requests/{id}/close")
def close_request(id: str, body: Closing, service: ServiceDep) -> dict[str, Any]:
    """Close a request (and `also` the rest of its group). The reply's `place` says where search finds the document for it."""
    return close(service, list(dict.fromkeys([id, *body.also])), body.document)


@router.get("/conversations/{id}/requests", tags=["answers"])
def of_conversation(id: str, service: ServiceDep) -> list[Judgement]:
    """What was asked for in a conversation, and what became of it."""
    answers = service.store.conversation(id)
    return Requests(service.store).of_answers(answer.id for answer in answers)

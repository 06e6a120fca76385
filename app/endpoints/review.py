"""Review: the queue, verdicts and what they bring about; corrections, judgements, and what became of a rating."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Body, Query
from fastapi.responses import Response

from app.endpoints.common import JobsDep, OpenServiceDep
from app.reviewing import add_note, outcome, review_page, take
from core.types import Correction, Job, Judgement, Review, now

router = APIRouter(prefix="/api", tags=["review"])


@router.get("/review")
def queue(
    service: OpenServiceDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    reviewer: Annotated[str, Query(max_length=128)] = "",
) -> dict[str, Any]:
    """Answers worth a reviewer's time, worst first, without what this reviewer has judged already."""
    return review_page(service, limit, reviewer)


@router.post("/review", status_code=201)
def review(body: Review, service: OpenServiceDep, later: BackgroundTasks) -> dict[str, Any]:
    """A verdict on an answer or an example. Posted again under its id, it changes nothing."""
    recorded, refit = take(service, body.model_copy(update={"created_at": now()}))
    if refit:
        later.add_task(service.refit)
    return {"review": recorded.review, "effects": list(recorded.said), "waiting_for": recorded.waiting_for}


@router.get("/ratings/{id}/outcome")
def rating_outcome(id: str, service: OpenServiceDep) -> dict[str, Any]:
    return outcome(service, id)


@router.get("/corrections")
def corrections(service: OpenServiceDep) -> list[Correction]:
    return service.corrections.all()


@router.post("/corrections/{id}/withdraw")
def withdraw(id: str, service: OpenServiceDep) -> Correction:
    return service.corrections.withdraw(id)


@router.get("/judgements")
def judgements(service: OpenServiceDep, kind: str | None = None) -> list[Judgement]:
    return service.reviews.judgements(kind)


@router.get("/judgements/{id}/note")
def note(id: str, service: OpenServiceDep) -> Response:
    """The fact of a to-do as a small Markdown document."""
    value = service.reviews.judgement(id).value
    named = {"content-disposition": f'attachment; filename="{value.get("source", "note.md")}"'}
    return Response(value.get("markdown", ""), media_type="text/markdown; charset=utf-8", headers=named)


@router.post("/judgements/{id}/add", status_code=202)
def add(
    id: str,
    service: OpenServiceDep,
    jobs: JobsDep,
    also: Annotated[list[str], Body(embed=True, max_length=1000)] = [],  # noqa: B006
) -> dict[str, Any]:
    """Add that note to the documents, index it, and tick the to-do off, with the requests `also` that it answers."""
    judgement = add_note(service, id, also)
    job: Job = jobs.sync()
    return {"judgement": judgement, "source": judgement.value["source"], "job": job}


@router.post("/judgements/{id}/done")
def done(id: str, service: OpenServiceDep) -> Judgement:
    return service.reviews.done(id)

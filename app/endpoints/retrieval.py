"""Retrieval looked at: rankings and what made them, where a passage stands, what to search in, and the learned weight."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from app.bootstrap import Service
from app.endpoints.common import NotReady, OpenServiceDep, ServiceDep
from app.tuning import collection_of
from app.tuning_jobs import TuningJobs
from core.errors import NotFound, QueryError
from core.types import Filters, Job
from retrieval.explain import Explained
from retrieval.neighbours import Surroundings

router = APIRouter(prefix="/api", tags=["retrieval"])
MOST_SOURCES = 300  # to choose from by name; beyond, folders and kinds


def get_tuning(request: Request) -> TuningJobs:
    if request.app.state.tuning is None:
        raise NotReady(f"Trivium is not ready: {request.app.state.readiness.reason}. Try again in a few seconds")
    return request.app.state.tuning


TuningDep = Annotated[TuningJobs, Depends(get_tuning)]
Names = Annotated[list[str], Query()]
Page = Annotated[int | None, Query(ge=1)]


@router.get("/retrieval")
def rankings(
    query: str,
    service: ServiceDep,
    weight: Annotated[float | None, Query(ge=0, le=1, description="to try; none: the one that serves")] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
    sources: Names = [],  # noqa: B006 (FastAPI copies it)
    folders: Names = [],  # noqa: B006
    kinds: Names = [],  # noqa: B006
    first_page: Page = None,
    last_page: Page = None,
) -> Explained:
    """The rankings by meaning, by words and by both, with the scores, ranks and words that put each passage where it is."""
    from retrieval.explain import explain

    if not query.strip():
        raise QueryError("the query is empty; type a question")
    service.answering.check_length(query)
    filters = filters_of(sources, folders, kinds, first_page, last_page)
    return explain(service.retriever, query.strip(), weight, filters, limit)


def filters_of(
    sources: list[str], folders: list[str], kinds: list[str], first_page: int | None, last_page: int | None
) -> Filters:
    """Raises QueryError for pages that do not run forwards."""
    first, last = first_page or 1, last_page or first_page
    if first_page and last_page and first_page > last_page:
        raise QueryError("`first_page` is after `last_page`; swap them")
    pages = (first, last) if last else None
    return Filters(sources=tuple(sources), folders=tuple(folders), kinds=tuple(kinds), pages=pages)


@router.get("/retrieval/choices")
def choices(service: OpenServiceDep) -> dict[str, Any]:
    """What a search can be restricted to: documents (the first so many, by name), folders and kinds, each with a count."""
    there = service.index.words.choices
    sources = sorted(there.sources)
    return {
        "documents": len(sources),
        "sources": sources[:MOST_SOURCES],
        "folders": dict(sorted(there.folders.items())),
        "kinds": dict(sorted(there.kinds.items())),
    }


@router.get("/retrieval/weight")
def weight(service: OpenServiceDep) -> dict[str, Any]:
    """The weight of likeness against words: as it serves, as shipped, and what was learned last and from what."""
    return weights(service)


def weights(service: Service) -> dict[str, Any]:
    from retrieval.hybrid import shipped_weight

    collection = collection_of(service)
    learned = service.fusion.learned(collection)
    return {
        "collection": collection,
        "serving": service.retriever.weight,
        "shipped": shipped_weight(service.index),
        "learned": learned,
    }


@router.delete("/retrieval/weight")
def forget(service: OpenServiceDep) -> dict[str, Any]:
    """Back to the shipped weight, from the next query on."""
    service.fusion.forget(collection_of(service))
    return weights(service)


@router.post("/retrieval/tune", status_code=202)
def tune(tuning: TuningDep, _: ServiceDep) -> Job:
    """Learn the weight from judged cases, reviews and opened sources; the job's note says what came of it."""
    return tuning.start()


@router.get("/passages/{id}")
def passage(id: str, service: OpenServiceDep) -> dict[str, Any]:
    """A passage with what stands around it: neighbours, its section, the headings above."""
    from retrieval.neighbours import around

    words = service.index.words
    position = words.positions.get(id)
    if position is None:
        raise NotFound(f"there is no passage {id!r} now: its document was changed or removed since")
    seen: Surroundings = around(words.passages, position)
    return asdict(seen)

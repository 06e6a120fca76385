"""Examples and the dataset versions that are built from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query, Request, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from app.approving import Approving, Settled
from app.bootstrap import Service
from app.datasets import as_draft, build_version, datasets_of, import_file, named_recipe, standings
from app.draft_jobs import DraftJobs
from app.drafting import Asked
from app.endpoints.common import NotReady, OpenServiceDep
from core.types import Example, Job
from finetune.examples import ExampleError, Examples, State, Unwanted
from finetune.rows import Limits
from finetune.versions import Comparison, DatasetVersion, exported

router = APIRouter(prefix="/api", tags=["examples"])
Origin = Literal["seed", "import", "draft", "review", "preference"]


class Decision(BaseModel):
    """`answer`: what is approved, where it is another than the example's; `reviewer`: who says so, which a quorum needs."""

    model_config = ConfigDict(extra="forbid")

    state: State
    answer: str | None = None
    reviewer: Annotated[str, Field(max_length=128)] = ""


class Order(BaseModel):
    """What a version is built of: examples of these tasks (none: all), rows that fit the recipe."""

    model_config = ConfigDict(extra="forbid")

    tasks: list[str] | None = None
    recipe: str | None = None
    rows: Annotated[int | None, Field(ge=1)] = None
    allow_personal: bool = False


def approving_of(service: Service) -> Approving:
    return Approving(service.reviews, service.domain, service.settings.review_quorum)


@router.get("/examples")
def examples(
    service: OpenServiceDep,
    state: State | None = None,
    task: str | None = None,
    origin: Origin | None = None,
    author: str | None = None,
    reviewer: Annotated[str, Query(max_length=128)] = "",
    limit: Annotated[int, Query(ge=0, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """The newest first. With a quorum, `reviewer` leaves out what that person wrote or has approved already."""
    kept, approving = Examples(service.store), approving_of(service)
    asked: dict[str, Any] = {"state": state, "task": task, "origin": origin, "author": author}
    if reviewer.strip() and approving.quorum > 1:
        name = reviewer.strip()
        asked["without"] = Unwanted(author=name, ids=frozenset(approving.done_by(name)))
    measured, model = service.measured, service.fingerprint("tuned")
    tasks = standings(
        service.domain, service.store, service.settings.floor, lambda name: measured.figure(name, "tuned", model)
    )
    found = kept.list(**asked, limit=limit, offset=offset)
    approvals, total = approving.standings(found), kept.total(**asked)
    return {"examples": found, "total": total, "tasks": tasks, "quorum": approving.quorum, "approvals": approvals}


@router.post("/examples", status_code=201)
def add(example: Example, service: OpenServiceDep) -> Example:
    """Keep an example as a draft."""
    return Examples(service.store).add(as_draft(service.domain, example))


@router.post("/examples/import")
def import_examples(
    file: UploadFile, service: OpenServiceDep, task: Annotated[str, Form()] = "", author: Annotated[str, Form()] = ""
) -> dict[str, Any]:
    limit = service.settings.max_upload_mb << 20
    content = file.file.read(limit + 1)
    if len(content) > limit:
        raise ExampleError(f"the file is over the limit of {limit >> 20} MB (TRIVIUM_MAX_UPLOAD_MB): split it")
    return import_file(service.domain, service.store, file.filename or "file.jsonl", content, task, author)


def get_drafts(request: Request) -> DraftJobs:
    if request.app.state.drafts is None or request.app.state.jobs is None:
        raise NotReady(f"Trivium is not ready: {request.app.state.readiness.reason}. Try again in a few seconds")
    return request.app.state.drafts


@router.post("/examples/draft", status_code=202)
def draft(asked: Asked, drafts: Annotated[DraftJobs, Depends(get_drafts)]) -> Job:
    """Let a model write drafts of a task from a document, as a job; a person has to approve them."""
    return drafts.start(asked)


@router.post("/examples/{id}/state")
def set_state(id: str, decision: Decision, service: OpenServiceDep) -> Settled:
    """Approve, reject, withdraw, or make it a draft again. With a quorum an approval may leave it a draft: `waiting_for`."""
    return approving_of(service).decide(id, decision.state, decision.answer, decision.reviewer)


@router.get("/datasets", tags=["datasets"])
def datasets(service: OpenServiceDep) -> list[DatasetVersion]:
    return datasets_of(service.store, service.settings).list()


@router.post("/datasets", status_code=201, tags=["datasets"])
def build(order: Order, service: OpenServiceDep) -> DatasetVersion:
    """Build a version of what is approved now; takes seconds."""
    return build_version(
        service.domain,
        service.store,
        service.settings,
        service.index.embeddings.encode_queries,
        tasks=order.tasks or (),
        limits=Limits(rows=order.rows, personal="keep" if order.allow_personal else "drop"),
        recipe=named_recipe(order.recipe) if order.recipe else None,
    )


@router.get("/datasets/{version}", tags=["datasets"])
def dataset(version: str, service: OpenServiceDep) -> dict[str, Any]:
    """A version with its whole manifest, its card (Markdown) and the card's plots (SVG by file name)."""
    kept = datasets_of(service.store, service.settings)
    found = kept.get(version).model_dump(mode="json")
    return {**found, "manifest": kept.manifest(version), "card": kept.card(version), "plots": kept.plots(version)}


@router.get("/datasets/{a}/compare/{b}", tags=["datasets"])
def compare(a: str, b: str, service: OpenServiceDep) -> Comparison:
    return datasets_of(service.store, service.settings).compare(a, b)


@router.get("/datasets/{version}/rows", tags=["datasets"])
def rows(version: str, service: OpenServiceDep) -> StreamingResponse:
    """The rows as JSON lines, in chat form; preference pairs come last."""
    found = datasets_of(service.store, service.settings).load(version)
    name = f'attachment; filename="{found.version}.jsonl"'
    lines = (f"{line}\n" for line in exported(found))
    return StreamingResponse(lines, media_type="application/jsonl", headers={"Content-Disposition": name})

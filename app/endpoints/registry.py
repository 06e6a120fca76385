"""The registry: evaluate, promote, roll back, retire; and the gate's reports."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from app.endpoints.common import NotReady, OpenServiceDep, ServiceDep
from app.erasing import Erased, erase
from app.gate_jobs import GateJobs
from core.types import Job, Registered, Report
from finetune.gate_report import as_markdown

router = APIRouter(prefix="/api", tags=["registry"])


def get_gates(request: Request) -> GateJobs:
    if request.app.state.gates is None:
        raise NotReady(f"Trivium is not ready: {request.app.state.readiness.reason}. Try again in a few seconds")
    return request.app.state.gates


GatesDep = Annotated[GateJobs, Depends(get_gates)]


@router.get("/registry")
def registered(service: OpenServiceDep) -> list[Registered]:
    """Newest first."""
    return service.registry.list()


@router.get("/adapters")
def adapters(service: OpenServiceDep) -> list[dict[str, Any]]:
    """Every adapter that can be asked by its name, shipped ones too, with what the registry knows of it."""
    rows = {row.id: row for row in service.registry.list()}
    found = []
    for adapter in service.models.adapters():
        row = rows.get(service.models.resolved(adapter.name))
        known = {
            "id": row.id if row else adapter.name,
            "state": row.state if row else "shipped",
            "report_id": row.report_id if row else "",
            "live": service.model_of("tuned") in (adapter.name, row.name if row and row.state == "live" else ""),
        }
        found.append(adapter.model_dump(mode="json", exclude={"path"}) | known)
    return found


@router.post("/registry/{id}/evaluate", status_code=202)
def evaluate(id: str, _: ServiceDep, gates: GatesDep) -> Job:
    """Candidate and incumbent answer the golden cases; follow the job, then read the report."""
    return gates.start(id)


@router.post("/registry/{id}/promote")
def promote(id: str, service: OpenServiceDep) -> Registered:
    """Let an adapter serve from the next query on; 409 with the reason where it may not."""
    return service.promote(id)


@router.post("/registry/{id}/retire")
def retire(id: str, service: OpenServiceDep) -> Registered:
    return service.registry.retire(id)


@router.post("/registry/{name}/rollback")
def roll_back(name: str, service: OpenServiceDep) -> Registered:
    """Go back to what served before; `name` is the name that it serves under, or the id of the live one."""
    return service.roll_back(name)


@router.get("/reports/{id}")
def report(id: str, service: OpenServiceDep) -> Report:
    """By its own id, or by its adapter's."""
    return service.registry.report(id)


@router.get("/reports/{id}/text")
def report_text(id: str, service: OpenServiceDep) -> PlainTextResponse:
    """The report as Markdown."""
    return PlainTextResponse(as_markdown(service.registry.report(id)), media_type="text/markdown; charset=utf-8")


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str = Field(min_length=1, max_length=128)


@router.post("/erase")
def erase_person(body: Person, service: OpenServiceDep) -> Erased:
    """Remove a person's rows; the reply names the dataset versions and the adapters that learned from them."""
    return erase(service.store, body.user)

"""Documents and the jobs that index them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, UploadFile
from pydantic import BaseModel
from sse_starlette import EventSourceResponse

from app.bootstrap import Service
from app.endpoints.common import JobsDep, OpenServiceDep, sse
from app.jobs import Jobs
from app.uploads import keep
from core.errors import DocumentError, NotFound
from core.folders import ORIGIN
from core.tables import DocumentRow
from core.types import Job

router = APIRouter(prefix="/api", tags=["documents"])
FIELDS = ("source", "origin", "state", "error", "size", "chunks", "seconds", "missing", "updated_at")


class Asked(BaseModel):
    """`sources`: only these; none: all."""

    sources: list[str] | None = None


@router.get("/documents")
def documents(
    service: OpenServiceDep, state: str = "", like: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """All, or those of one `state`, or whose name holds `like`; failed ones first where only some are asked for."""
    rows = service.store.documents()
    found = [row for row in rows if (not state or row.state == state) and like.lower() in row.source.lower()]
    if limit is not None:
        found = sorted(found, key=lambda row: row.state != "failed")[offset : offset + limit]
    return [shown(row, service) for row in found]


def shown(row: DocumentRow, service: Service) -> dict[str, Any]:
    """A document for the page; while its file is read, how far that is."""
    fields = {name: getattr(row, name) for name in FIELDS} | {"uploaded": row.origin == "upload", "progress": ""}
    at_work = service.ingest.at_work
    if at_work is not None and at_work[0] == row.source and row.state == "waiting":
        _, number, unit = at_work
        fields |= {"state": "parsing", "progress": f"{unit} {number:,}" if number else ""}
    return fields


@router.get("/documents/summary")
def summary(service: OpenServiceDep) -> dict[str, Any]:
    """How many documents are in which state, how many passages there are, and which index serves them."""
    index, rows = service.index, service.store.documents()
    next = index.next.generation if index.next else None
    return {
        "documents": len(rows),
        "states": Counter(row.state for row in rows),
        "passages": sum(row.chunks for row in rows if row.found),
        "serving": index.generation,
        "next": next,
    }


@router.post("/documents", status_code=202)
def upload(
    file: UploadFile, service: OpenServiceDep, jobs: JobsDep, path: Annotated[str, Form()] = ""
) -> dict[str, Any]:
    """`path`: where the file lies in its folder, such as "contracts/2024/a.pdf"; none: it has its own name."""
    source = keep(service, path or Path(file.filename or "").name, file.file)
    return {"source": source, "job": jobs.sync().model_dump(mode="json")}


@router.post("/documents/sync", status_code=202)
def sync(jobs: JobsDep, asked: Asked | None = None) -> Job:
    """Index what changed, and try failed files again; with `sources` only these. An index that waits to be built is."""
    jobs.reindex()
    return jobs.sync(retry=True, only=asked.sources if asked else None)


@router.delete("/documents/{source:path}", status_code=204)
def remove(source: str, service: OpenServiceDep) -> None:
    """Remove an uploaded document. One of the pack, or of a folder kept in step, is removed by deleting its file."""
    row = service.store.document(source)
    if row is None:
        raise NotFound(f"there is no document {source!r}; GET /api/documents lists them")
    if row.origin == "pack" or (service.domain.documents / source).is_file():
        raise DocumentError(
            f"{source} belongs to the pack; delete the file from {service.domain.documents.name}/ and sync"
        )
    if row.origin.startswith(ORIGIN):
        raise DocumentError(f"{source} lies in a folder that is kept in step; delete the file there, and it follows")
    uploaded = service.settings.data_dir / "documents" / source
    if uploaded.resolve().is_relative_to((service.settings.data_dir / "documents").resolve()):
        uploaded.unlink(missing_ok=True)
    service.ingest.remove_some([source])


@router.get("/jobs", tags=["jobs"])
def list_jobs(jobs: JobsDep) -> list[Job]:
    return jobs.list()


@router.get("/jobs/{id}", tags=["jobs"])
def job(id: str, jobs: JobsDep) -> Job:
    return jobs.get(id)


@router.get("/jobs/{id}/events", tags=["jobs"])
def job_events(id: str, jobs: JobsDep) -> EventSourceResponse:
    jobs.get(id)
    return EventSourceResponse(follow(jobs, id))


def follow(jobs: Jobs, id: str) -> Iterator[dict[str, str]]:
    job = None
    for number, job in enumerate(jobs.follow(id)):
        yield sse(number, "job", job.model_dump(mode="json"))
    if job:
        yield sse("end", "end", job.model_dump(mode="json"))


@router.post("/jobs/{id}/cancel", tags=["jobs"])
def cancel(id: str, jobs: JobsDep) -> Job:
    return jobs.cancel(id)

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
from app.uploads import FOLDER, keep
from core.errors import DocumentError, NotFound
from core.folders import ORIGIN
from core.tables import DocumentRow
from core.types import Job
from retrieval.plan import PACK, UPLOAD, is_large

router = APIRouter(prefix="/api", tags=["documents"])
FIELDS = ("source", "origin", "state", "error", "size", "chunks", "seconds", "missing", "updated_at")

# Of a document that is read: so many passages at once at most, and before the one that is asked for.
MOST_PASSAGES, BEFORE = 100, 2


class Asked(BaseModel):
    """`sources`: only these; none: all."""

    sources: list[str] | None = None


@router.get("/documents")
def documents(
    service: OpenServiceDep, state: str = "", like: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """All, or those of one `state`, or whose name holds `like`; failed ones first where only some are asked for."""
    rows = service.store.documents()
    found = [row for row in rows if like.lower() in row.source.lower()]
    found = [row for row in found if not state or state_of(row, service) == state]
    if limit is not None:
        found = sorted(found, key=lambda row: row.state != "failed")[offset : offset + limit]
    return [shown(row, service) for row in found]


def shown(row: DocumentRow, service: Service) -> dict[str, Any]:
    """A document for the page; while its file is read, how far that is. It is indexed once search finds it."""
    fields = {name: getattr(row, name) for name in FIELDS} | {"uploaded": row.origin == "upload", "progress": ""}
    at_work = service.ingest.at_work.get(row.source)
    if at_work is not None and row.state == "waiting":
        number, unit = at_work
        fields |= {"state": "parsing", "progress": f"{unit} {number:,}" if number else ""}
    return fields | {"state": state_of(row, service)} if row.found else fields


def state_of(row: DocumentRow, service: Service) -> str:
    return row.state if not row.found or service.index.finds(row.source, row.chunks) else "indexing"


@router.get("/documents/summary")
def summary(service: OpenServiceDep) -> dict[str, Any]:
    """How many documents are in which state, how many passages there are, and which index serves them."""
    index, rows = service.index, service.store.documents()
    next = index.next.generation if index.next else None
    return {
        "documents": len(rows),
        "states": Counter(state_of(row, service) for row in rows),
        "passages": sum(row.chunks for row in rows if row.found),
        "serving": index.generation,
        "next": next,
    }


@router.get("/documents/passages")
def passages(
    source: str, service: OpenServiceDep, passage: str = "", offset: int | None = None, limit: int = 20
) -> dict[str, Any]:
    """A document to be read: some of its passages in their order, from `offset` on, or about the one named `passage`."""
    row = service.store.document(source)
    if row is None:
        raise NotFound(f"there is no document {source!r}; GET /api/documents lists them")
    chunks = service.store.chunks([source])
    if offset is None:
        at = next((n for n, chunk in enumerate(chunks) if chunk.id == passage), 0)
        offset = max(0, at - BEFORE)
    offset, limit = max(0, offset), max(1, min(limit, MOST_PASSAGES))
    shown = [chunk.model_dump(mode="json") for chunk in chunks[offset : offset + limit]]
    return {"source": source, "missing": row.missing, "total": len(chunks), "offset": offset, "passages": shown}


@router.post("/documents", status_code=202)
def upload(
    file: UploadFile, service: OpenServiceDep, jobs: JobsDep, path: Annotated[str, Form()] = ""
) -> dict[str, Any]:
    """`path`: where the file lies in its folder, such as "contracts/2024/a.pdf"; none: it has its own name."""
    source = keep(service, path or Path(file.filename or "").name, file.file)
    kept = service.settings.data_dir / FOLDER / source
    service.ingest.expect(source, kept)
    return {"source": source, "job": jobs.sync(large=is_large(kept)).model_dump(mode="json")}


@router.post("/documents/sync", status_code=202)
def sync(jobs: JobsDep, asked: Asked | None = None) -> Job:
    """Index what changed, and try failed files again; with `sources` only these. An index that waits to be built is."""
    jobs.reindex()
    return jobs.sync(retry=True, only=asked.sources if asked else None)


@router.delete("/documents/{source:path}", status_code=204)
def remove(source: str, service: OpenServiceDep) -> None:
    """Remove an uploaded document; one that waits is not indexed any more. One of the pack, or of a folder kept in step, is removed by deleting its file."""
    row, uploaded = service.store.document(source), upload_of(source, service)
    if row is None and uploaded is None:
        raise NotFound(f"there is no document {source!r}; GET /api/documents lists them")
    origin = row.origin if row else UPLOAD
    if origin == PACK or (service.domain.documents / source).is_file():
        raise DocumentError(
            f"{source} belongs to the pack; delete the file from {service.domain.documents.name}/ and sync"
        )
    if origin.startswith(ORIGIN):
        raise DocumentError(f"{source} lies in a folder that is kept in step; delete the file there, and it follows")
    if uploaded is not None:
        uploaded.unlink(missing_ok=True)
    service.ingest.remove_some([source])


def upload_of(source: str, service: Service) -> Path | None:
    """The file of an uploaded document, if it is there."""
    folder = service.settings.data_dir / FOLDER
    file = folder / source
    return file if file.is_file() and file.resolve().is_relative_to(folder.resolve()) else None


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

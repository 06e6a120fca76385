"""Documents and the jobs that index them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, UploadFile
from sse_starlette import EventSourceResponse

from app.bootstrap import Service
from app.endpoints.common import JobsDep, OpenServiceDep, sse
from app.jobs import Jobs
from core.errors import DocumentError, NotFound
from core.types import Job

router = APIRouter(prefix="/api", tags=["documents"])
COPY_BYTES = 1 << 20
MAX_NAME_BYTES = 200
FIELDS = ("source", "state", "error", "size", "chunks", "seconds", "updated_at")


@router.get("/documents")
def documents(service: OpenServiceDep) -> list[dict[str, Any]]:
    own = service.settings.data_dir / "documents"
    return [
        {**{name: getattr(row, name) for name in FIELDS}, "uploaded": (own / row.source).is_file()}
        for row in service.store.documents()
    ]


@router.post("/documents", status_code=202)
def upload(file: UploadFile, service: OpenServiceDep, jobs: JobsDep) -> dict[str, Any]:
    source = save_upload(file, service)
    return {"source": source, "job": jobs.sync().model_dump(mode="json")}


def save_upload(file: UploadFile, service: Service) -> str:
    """Keep an uploaded file in the data folder, whole or not at all. Raises DocumentError."""
    from retrieval.formats import SUFFIXES

    source = Path(file.filename or "").name
    if not source or source.startswith("."):
        raise DocumentError("the file has no name; give it one with an ending such as .md or .pdf")
    if len(source.encode()) > MAX_NAME_BYTES:
        raise DocumentError(f"the file's name is longer than {MAX_NAME_BYTES} bytes; shorten it")
    if Path(source).suffix.lower() not in SUFFIXES:
        raise DocumentError(f"{source}: this kind of file is not read; take one of {', '.join(sorted(SUFFIXES))}")
    if (service.domain.documents / source).exists():
        raise DocumentError(f"{source}: the pack has a document of that name already; rename yours and add it again")
    folder = service.settings.data_dir / "documents"
    folder.mkdir(parents=True, exist_ok=True)
    limit = service.settings.max_upload_mb << 20
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".partial", delete=False) as target:
        partial = Path(target.name)
        try:
            shutil.copyfileobj(file.file, target, COPY_BYTES)
            target.flush()
            size = partial.stat().st_size
            if size == 0:
                raise DocumentError(f"{source}: the file is empty")
            if size > limit:
                raise DocumentError(
                    f"{source}: {size >> 20} MB is over the limit of {limit >> 20} MB (TRIVIUM_MAX_UPLOAD_MB)"
                )
            partial.replace(folder / source)
        finally:
            partial.unlink(missing_ok=True)
    return source


@router.post("/documents/sync", status_code=202)
def sync(jobs: JobsDep) -> Job:
    """Index what changed, and try failed files again."""
    return jobs.sync(retry=True)


@router.delete("/documents/{source:path}", status_code=204)
def remove(source: str, service: OpenServiceDep) -> None:
    """Remove an uploaded document. A document of the pack is removed by deleting its file."""
    if service.store.document(source) is None:
        raise NotFound(f"there is no document {source!r}; GET /api/documents lists them")
    if (service.domain.documents / source).is_file():
        raise DocumentError(
            f"{source} belongs to the pack; delete the file from {service.domain.documents.name}/ and sync"
        )
    uploaded = service.settings.data_dir / "documents" / source
    if uploaded.resolve().is_relative_to((service.settings.data_dir / "documents").resolve()):
        uploaded.unlink(missing_ok=True)
    service.ingest.remove(source)


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

"""Folders of the user that are kept in step with the index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from app.endpoints.common import JobsDep, OpenServiceDep
from app.folders import keep_in_step
from core.folders import Folder

router = APIRouter(prefix="/api/folders", tags=["documents"])


class Wanted(BaseModel):
    path: str


@router.get("")
def folders(service: OpenServiceDep) -> list[Folder]:
    return service.ingest.folders.all()


@router.post("", status_code=202)
def add(wanted: Wanted, service: OpenServiceDep, jobs: JobsDep) -> dict[str, Any]:
    """Keep a folder in step from now on: what is added, changed or deleted there follows in the index."""
    folder = keep_in_step(service, Path(wanted.path))
    return {"folder": folder.model_dump(mode="json"), "job": jobs.sync().model_dump(mode="json")}


@router.delete("/{name}", status_code=202)
def remove(name: str, service: OpenServiceDep, jobs: JobsDep) -> dict[str, Any]:
    """Take a folder off the list. Its documents are forgotten, its files stay as they are."""
    service.ingest.folders.remove(name)
    return {"job": jobs.sync().model_dump(mode="json")}

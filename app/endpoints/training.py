"""Training runs: start, list, look at. A run is stopped as any job is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from app.endpoints.common import NotReady, OpenServiceDep
from app.orders import Asked, check
from app.training_jobs import TrainingJobs
from core.errors import SettingsError
from core.types import Job
from finetune.guard import TrainingError

router = APIRouter(prefix="/api/training", tags=["training"])


def get_training(request: Request) -> TrainingJobs:
    if request.app.state.training is None:
        raise NotReady(f"Trivium is not ready: {request.app.state.readiness.reason}. Try again in a few seconds")
    return request.app.state.training


TrainingDep = Annotated[TrainingJobs, Depends(get_training)]


@router.post("", status_code=202)
def start(asked: Asked, service: OpenServiceDep, training: TrainingDep) -> Job:
    """Queue a run. Without a dataset one is built from the approved examples first."""
    try:
        check(service.settings, service.domain, asked)
    except SettingsError as error:
        raise TrainingError(str(error)) from None
    return training.start(asked)


@router.get("")
def runs(training: TrainingDep, limit: int = 50) -> list[dict[str, Any]]:
    return training.list(min(max(limit, 1), 200))


@router.get("/{id}")
def run(id: str, training: TrainingDep) -> dict[str, Any]:
    return training.get(id)

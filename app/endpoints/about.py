"""What is served and how it is doing: the pack, the router's table, health and metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.bootstrap import ROUTER, Service
from app.documents_road import WRITTEN
from app.endpoints.common import OpenServiceDep
from core.labelled import news, told
from router.tuned import read_card

router = APIRouter()
public = APIRouter()


@router.get("/api/domain", tags=["about"])
def domain(service: OpenServiceDep) -> dict[str, Any]:
    pack = service.domain
    tasks = [{"name": t.name, "description": t.description, "strategies": t.strategies} for t in pack.tasks]
    return {"name": pack.name, "title": pack.title, "first_screen": pack.first_screen, "tasks": tasks}


@router.get("/api/router", tags=["about"])
def router_table(service: OpenServiceDep) -> dict[str, Any]:
    """For each task and strategy: golden score with interval, floor, open or why not; which model serves; and what the
    router's adapter could learn of reviewers (`news`, a sentence or empty)."""
    tasks = []
    for name, standings in service.standings().items():
        row: dict[str, Any] = {}
        for strategy, standing in standings.items():
            figure = service.measured.figure(name, strategy, service.fingerprint(strategy))
            row[strategy] = {**standing.model_dump(), "golden": figure.model_dump() if figure else None}
        tasks.append({"task": name, "strategies": row, "rag_writes": service.standing(name, WRITTEN).open})
    models = {s: service.model_of(WRITTEN if s == "rag" else s) for s in ("prompt", "rag", "tuned")}
    leaves = {s: service.models.leaves_machine(name) for s, name in models.items()}
    return {
        "tasks": tasks, "models": models, "leaves_machine": leaves, "measured_at": service.measured.measured_at,
        "news": router_news(service),
    }  # fmt: skip


def router_news(service: Service) -> str:
    """A router without an adapter is fitted on what reviewers said as soon as they say it."""
    if service.tuned_likeness is None:
        return ""
    labels = told(service.domain, service.reviews.route_labels())
    return news(read_card(service.domain.folder / ROUTER), labels)


@public.get("/healthz", tags=["health"])
def healthz() -> dict[str, bool]:
    return {"alive": True}


@public.get("/readyz", tags=["health"])
def readyz(request: Request) -> JSONResponse:
    readiness = request.app.state.readiness
    body = {"ready": readiness.ready, "reason": readiness.reason, "failed": readiness.error is not None}
    return JSONResponse(body, 200 if readiness.ready else 503)


@router.get("/metrics", tags=["health"])
def metrics() -> PlainTextResponse:
    return PlainTextResponse(generate_latest(), media_type=CONTENT_TYPE_LATEST)

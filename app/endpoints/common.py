"""What every endpoint shares: the service, the key, problem details, events."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException

from app.bootstrap import Service
from app.jobs import Jobs
from app.runs import Run
from core.errors import Busy, TriviumError

PROBLEM = "application/problem+json"


class NotReady(TriviumError):
    status = 503
    title = "Not ready"


def get_service(request: Request) -> Service:
    """The service, once an answer can be given. Raises NotReady with the reason."""
    state = request.app.state
    if state.service is None or not state.readiness.ready:
        raise NotReady(
            f"Trivium is not ready: {state.readiness.reason}. Try again in a few seconds; GET /readyz says when"
        )
    return state.service


def get_open_service(request: Request) -> Service:
    """The service as soon as its store and index are open, though the model may still be loading."""
    if request.app.state.service is None:
        raise NotReady(f"Trivium is not ready: {request.app.state.readiness.reason}. Try again in a few seconds")
    return request.app.state.service


def get_jobs(request: Request) -> Jobs:
    if request.app.state.jobs is None:
        raise NotReady(f"Trivium is not ready: {request.app.state.readiness.reason}. Try again in a few seconds")
    return request.app.state.jobs


def require_key(request: Request) -> None:
    """Compare the bearer token with the key, in constant time."""
    key = request.app.state.settings.api_key
    if key is None:
        return
    given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if not secrets.compare_digest(given.encode(), key.get_secret_value().encode()):
        raise HTTPException(401, "send the key as `Authorization: Bearer <key>`; it is TRIVIUM_API_KEY of the server")


ServiceDep = Annotated[Service, Depends(get_service)]
OpenServiceDep = Annotated[Service, Depends(get_open_service)]
JobsDep = Annotated[Jobs, Depends(get_jobs)]


def problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """RFC 9457, with OpenAI's `error` beside it, which its clients read."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    body["error"] = {"message": detail, "type": title, "code": status}
    return JSONResponse(body, status, headers=headers, media_type=PROBLEM)


def add_problem_handlers(app: FastAPI) -> None:
    @app.exception_handler(TriviumError)
    def trivium_error(_: Request, error: TriviumError) -> JSONResponse:
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Busy) else None
        if isinstance(error, NotReady):
            headers = {"Retry-After": "3"}
        return problem(error.status, error.title, str(error), headers)

    @app.exception_handler(StarletteHTTPException)
    def http_error(_: Request, error: StarletteHTTPException) -> JSONResponse:
        return problem(error.status_code, "The request was refused", str(error.detail))

    @app.exception_handler(Exception)
    def unexpected(_: Request, error: Exception) -> JSONResponse:
        detail = f"something went wrong inside ({type(error).__name__}); the log has the details. Nothing was stored by halves"
        return problem(500, "Trivium could not do this", detail)

    @app.exception_handler(RequestValidationError)
    def validation_error(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [f"{'.'.join(str(step) for step in e['loc'][1:])}: {e['msg']}" for e in error.errors()]
        return problem(422, "The request is malformed", "; ".join(faults) + ". See /docs for the form")


async def run_events(
    request: Request, run: Run, start: int, stop_on_leave: bool
) -> AsyncIterator[tuple[int, str, dict[str, Any]]]:
    """Events of a run from number `start` on. A client that leaves ends the run only if `stop_on_leave`."""
    number = start
    try:
        while True:
            for event in await run_in_threadpool(run.after, number, 0.5):
                number = event[0] + 1
                yield event
                if event[1] == "end":
                    return
            if run.ended and number > 0 and not run.after(number, 0):
                return
            if await request.is_disconnected():
                return
    finally:
        if stop_on_leave and not run.ended:
            run.stop.set()


def sse(number: int | str, name: str, body: Any) -> dict[str, str]:
    return {"id": str(number), "event": name, "data": json.dumps(body)}

"""The API: FastAPI over the service. One process owns the data folder."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from app.bootstrap import Readiness, open_service
from app.draft_jobs import DraftJobs
from app.endpoints import (
    about,
    answers,
    documents,
    examples,
    folders,
    openai,
    registry,
    requests,
    retrieval,
    review,
    training,
)  # fmt: skip
from app.endpoints.common import add_problem_handlers, require_key
from app.gate import Gate
from app.gate_jobs import GateJobs
from app.jobs import Jobs
from app.training import open_training
from app.tuning_jobs import TuningJobs
from app.uploads import clear_partials
from app.watching import Watch
from core.errors import TriviumError
from core.settings import Settings
from finetune.examples import Examples

log = logging.getLogger("trivium")
ADDRESS_FILE = "api.json"
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]


def create_app(settings: Settings, models: Any = None, trainer: Any = None) -> FastAPI:
    """`models`: what to serve with instead of what the settings name; `trainer`: what to train with (tests)."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        thread = threading.Thread(target=start, args=(app, models), name="start", daemon=True)
        thread.start()
        try:
            yield
        finally:
            thread.join(timeout=60)
            stop(app)

    app = FastAPI(title="Trivium", version="0.1.0", lifespan=lifespan)
    app.state.settings, app.state.service, app.state.jobs = settings, None, None
    app.state.training, app.state.trainer, app.state.gates = None, trainer, None
    app.state.watch = None
    app.state.readiness, app.state.on_failure = Readiness(), None
    app.state.drafts, app.state.tuning = None, None
    if settings.api_key is None:
        # Without a key only this machine may ask: a web page that resolves its own name to 127.0.0.1 may not.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK_HOSTS)
    app.add_middleware(Gate, settings=settings)
    add_problem_handlers(app)
    for part in (openai, answers, documents, folders, review, requests, retrieval, examples, training, registry, about):
        app.include_router(part.router, dependencies=[Depends(require_key)])
    app.include_router(about.public)
    return app


def start(app: FastAPI, models: Any = None) -> None:
    """Open the service, index the documents, load the model; `/readyz` says how far it is."""
    settings: Settings = app.state.settings
    readiness: Readiness = app.state.readiness
    try:
        readiness.say("opening the data folder and the index")
        service = open_service(settings, models)
        Examples(service.store).sync_seeds(service.domain)
        clear_partials(settings)
        app.state.service = service
        jobs = Jobs(service.ingest, service.folders, job_database(settings), service.reindex, service.switched)
        app.state.gates, app.state.tuning = GateJobs(jobs, service), TuningJobs(jobs, service)
        app.state.drafts = DraftJobs(jobs, service)
        app.state.jobs = jobs
        app.state.training = open_training(service, jobs, app.state.gates.follow_up, app.state.trainer)
        jobs.launch()
        write_address(settings)
        loading = threading.Thread(target=service.models.load, name="load", daemon=True)
        readiness.say("loading the model and bringing the index in step with the documents")
        loading.start()
        watch = Watch(service, jobs)
        in_step(jobs, readiness)
        service.refit()
        service.warm()
        loading.join()
        service.models.load()
        readiness.say("")
        jobs.reindex()
        app.state.watch = watch.start()
    except TriviumError as error:
        fail(app, error)
    except Exception as error:  # a thread's boundary: whoever waits for /readyz must learn of it
        log.exception("the start failed")
        fail(app, TriviumError(f"{type(error).__name__}; the log has the details, `trivium doctor` may say more"))


def in_step(jobs: Jobs, readiness: Readiness) -> None:
    """Wait until the index is in step with the documents, and say how far it is."""
    job = begun = jobs.sync()
    for job in jobs.follow(begun.id):
        if job.total:
            readiness.tell(f"bringing the index in step with the documents: {job.done:,} of {job.total:,}, {job.note}")
    if job.error:
        log.warning("some documents were not indexed: %s", job.error)


def fail(app: FastAPI, error: TriviumError) -> None:
    """A start that cannot be mended by waiting: `/readyz` says why, and whoever runs the API may end it."""
    app.state.readiness.fail(error)
    log.error("%s", error)
    if app.state.on_failure is not None:
        app.state.on_failure()


def stop(app: FastAPI) -> None:
    if app.state.watch is not None:
        app.state.watch.close()
    if app.state.training is not None:
        app.state.training.close()
    if app.state.jobs is not None:
        app.state.jobs.close()
    if app.state.service is not None:
        (app.state.settings.data_dir / ADDRESS_FILE).unlink(missing_ok=True)
        app.state.service.close()


def job_database(settings: Settings) -> str:
    return settings.database_url or f"sqlite:///{settings.data_dir / 'jobs.db'}"


def write_address(settings: Settings) -> None:
    """Leave word for the command line: a command that finds the folder in use goes through this API."""
    file = settings.data_dir / ADDRESS_FILE
    file.write_text(json.dumps({"url": f"http://{settings.host}:{settings.port}", "pid": os.getpid()}))


def running_api(data_dir: Path) -> str | None:
    """The address of the API that owns a data folder, if one left word and is still there."""
    try:
        left = json.loads((data_dir / ADDRESS_FILE).read_text())
        os.kill(left["pid"], 0)
        return left["url"]
    except (OSError, ValueError, KeyError):
        return None

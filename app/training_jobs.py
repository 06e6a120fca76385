"""Training as a DBOS workflow: prepare -> fit -> register. The trainer is a child process that a step watches.

When the API is killed the trainer dies with it; started again, the workflow goes on and the trainer from its last
checkpoint. The run folder bears the id of the job.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.jobs import ENDED, PROGRESS, Jobs
from app.orders import Asked
from core.errors import NotFound
from core.types import Job
from finetune.child import Command, trainer_command, watch
from finetune.guard import TrainingError
from finetune.monitor import Step
from finetune.runs import ORDER, Order, Result, RunFolder, Stopped, copy_start, find_runs

KIND = "train"
TOLD_EVERY = 1.0  # seconds between two progress events
POINTS = 400  # of a loss curve that is sent
REGISTERED = "registered"  # file of a run folder: the id that the registry gave


class Closing(BaseException):
    """The API is ending. No Exception: the workflow must stay as it is, and go on at the next start."""


class TrainingJobs:
    """Make it before `jobs.launch()`.

    Args:
        folder: where runs lie.
        order: turns what was asked into an order, building a dataset version if need be; may raise TriviumError.
        register: copies a finished adapter's folder into the registry and gives its id; after a kill it is called again,
            and must give the same id.
        command: what trains a run folder; tests give a script that needs no model.
        then: called in the workflow with the id that was given; what it queues is queued once.
    """

    def __init__(
        self,
        jobs: Jobs,
        folder: Path,
        order: Callable[[Asked], tuple[Order, Path | None]],
        register: Callable[[Path], str],
        command: Command = trainer_command,
        then: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._jobs, self._folder, self._command = jobs, folder, command
        self._closing = threading.Event()
        dbos = jobs.dbos
        jobs.add_queue(KIND)

        @dbos.step(name="train_prepare")
        def prepare(asked: dict[str, Any]) -> str:
            run = RunFolder(folder / dbos.workflow_id)
            place_order(run, lambda: order(Asked.model_validate(asked)))
            return run.id

        @dbos.step(name="train_fit")
        def fit(id: str) -> dict[str, Any]:
            return self._fit(RunFolder(folder / id)).model_dump()

        @dbos.step(name="train_register")
        def enter(id: str) -> str:
            return hand_over(RunFolder(folder / id), register)

        @dbos.workflow(name=KIND)
        def train(asked: dict[str, Any]) -> dict[str, Any]:
            dbos.set_event(PROGRESS, {"done": 0, "total": 0, "note": "preparing"})
            id = prepare(asked)
            result = Result.model_validate(fit(id))
            if result.state != "done":
                raise TrainingError(result.error)
            adapter = enter(id)
            then(adapter)
            return {"adapter": adapter, "errors": []}

        self._train = train

    def start(self, asked: Asked) -> Job:
        """Queue a run; one trains at a time."""
        handle = self._jobs.dbos.enqueue_workflow(KIND, self._train, asked.model_dump(mode="json"))
        return self._jobs.get(handle.get_workflow_id())

    def close(self) -> None:
        """End the trainer; the workflow goes on at the next start."""
        self._closing.set()

    def list(self, limit: int = 50) -> list[dict[str, Any]]:
        """The newest runs, newest first: those of the API and those of a terminal."""
        jobs = {job.id: job for job in self._jobs.list(limit, KIND)}
        runs = {run.id: run for run in find_runs(self._folder)[:limit]}
        told = [(job.created_at, described(runs.get(id), job)) for id, job in jobs.items()]
        told += [(run.order().created_at, described(run, None)) for id, run in runs.items() if id not in jobs]
        return [row for _, row in sorted(told, key=lambda pair: pair[0], reverse=True)][:limit]

    def get(self, id: str) -> dict[str, Any]:
        """Raises NotFound."""
        run = next((run for run in find_runs(self._folder) if run.id == id), None)
        try:
            job = self._jobs.get(id)
        except NotFound:
            job = None
        if run is None and (job is None or job.kind != KIND):
            raise NotFound(f"there is no run {id!r}; GET /api/training lists them")
        return described(run, job)

    def _fit(self, run: RunFolder) -> Result:
        told = Teller(self._jobs.dbos)

        def check() -> None:
            if self._closing.is_set():
                raise Closing
            if run.stopping or self._jobs.get(run.id).state == "cancelled":
                raise Stopped(f"run {run.id} was stopped")

        try:
            return watch(run, self._command, told.tell, check)
        except Stopped as error:
            result = Result(state="stopped", error=str(error))
        except TrainingError as error:
            result = Result(state="failed", error=str(error))
        run.finish(result)
        return result


class Teller:
    """Sends progress as events, at most one a second."""

    def __init__(self, dbos: Any) -> None:
        self._dbos, self._told = dbos, 0.0

    def tell(self, step: Step | None, note: str) -> None:
        now = time.monotonic()
        if step and step.step < step.steps and now - self._told < TOLD_EVERY:
            return
        self._told = now
        event = {"done": step.step if step else 0, "total": step.steps if step else 0, "note": note_of(step, note)}
        if step:
            event |= {"loss": step.loss, "seconds_left": step.seconds_left}
        self._dbos.set_event(PROGRESS, event)


def note_of(step: Step | None, note: str) -> str:
    return f"{note}: {step}" if step else note


def place_order(run: RunFolder, order: Callable[[], tuple[Order, Path | None]]) -> None:
    """Write the order and keep the adapter to go on from; done again after a kill, it changes nothing."""
    if (run.path / ORDER).exists():
        return
    made, start = order()
    run.path.mkdir(parents=True, exist_ok=True)
    if start is not None:
        copy_start(run, start)
    run.write(made)  # last: a folder with an order is a run


def hand_over(run: RunFolder, register: Callable[[Path], str]) -> str:
    """The registry's id of the run's adapter, kept in the run's folder."""
    id = register(run.adapter)
    (run.path / REGISTERED).write_text(id)
    return id


def described(run: RunFolder | None, job: Job | None) -> dict[str, Any]:
    """A run as the API tells it; one that is only queued has no folder yet."""
    order = run.order() if run else None
    steps = run.steps() if run else []
    result = run.result() if run else None
    last, state = steps[-1] if steps else None, state_of(run, result, job)
    error = (job.error if job else "") or (result.error if result else "")
    return {
        "id": job.id if job else run.id if run else "",
        "state": state,
        "dataset": Path(order.dataset).name if order else "",
        "name": order.name if order else "",
        "start": order.start if order else "",
        "step": last.step if last else 0,
        "steps": last.steps if last else 0,
        "seconds_left": last.seconds_left if last and state == "pending" else None,
        "tokens_per_second": last.tokens_per_second if last else None,
        "losses": thinned([(step.step, step.loss) for step in steps]),
        "note": (run.note if run else "waiting") if state not in ENDED else "",
        "error": error,
        "adapter": adapter_id(run),
    }


def state_of(run: RunFolder | None, result: Result | None, job: Job | None) -> str:
    """In the words of jobs. A run of a terminal has no job: whether it is being trained, its lock says."""
    if job is not None:
        return job.state
    if result is not None:
        return {"done": "success", "failed": "error", "stopped": "cancelled"}[result.state]
    return "pending" if run and run.in_use() else "interrupted"


def adapter_id(run: RunFolder | None) -> str:
    file = run.path / REGISTERED if run else None
    return file.read_text() if file and file.exists() else ""


def thinned(points: list[tuple[int, float]], most: int = POINTS) -> list[tuple[int, float]]:
    """At most so many points, evenly spaced; the last one is always there. Pure."""
    stride = -(-len(points) // most) or 1
    return points[::-1][::stride][::-1]

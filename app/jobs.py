"""Long work as DBOS workflows: each step is a checkpoint, and a killed job goes on where it stopped.

Only the API launches DBOS (a second process with the same executor id would take over a running job).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.ingest_work import PROGRESS, Work, reindex_workflow, sync_workflow
from core.errors import NotFound
from core.types import Job

if TYPE_CHECKING:
    from retrieval.ingest import Ingest
    from retrieval.reindex import Reindex

EXECUTOR = "trivium-api"
VERSION = "1"  # fixed: an edited workflow would otherwise stay pending for ever
QUEUE = "ingest"
# Large files, one after the other, beside all others.
LARGE = "ingest-large"
REINDEX = "reindex"
ENDED = {"success", "error", "cancelled", "max_recovery_attempts_exceeded"}


class Jobs:
    """Jobs of one process. `folders`: the folders whose files are documents; `switched` hears that another index serves."""

    def __init__(
        self,
        ingest: Ingest,
        folders: Callable[[], list[Path]],
        database: str,
        reindex: Reindex | None = None,
        switched: Callable[[], None] = lambda: None,
    ) -> None:
        from dbos import DBOS

        self._dbos = DBOS
        self._queues = [QUEUE, LARGE, REINDEX]
        DBOS(
            config={
                "name": "trivium",
                "system_database_url": database,
                "executor_id": EXECUTOR,
                "application_version": VERSION,
                "log_level": "WARNING",
            }
        )
        self._work = Work(ingest, folders, reindex, switched)
        self._sync, self._reindex = sync_workflow(DBOS, self._work), reindex_workflow(DBOS, self._work)
        self._work.hand_on = partial(self.sync, large=True)
        self._asking = threading.Lock()

    def launch(self) -> None:
        """Start the workers; jobs that a killed process left behind go on."""
        self._dbos.launch()
        for queue in self._queues:
            self._dbos.register_queue(queue, worker_concurrency=1)

    @property
    def dbos(self) -> Any:
        """Other parts register their workflows with it before `launch`."""
        return self._dbos

    def add_queue(self, name: str) -> None:
        """A queue whose jobs run one after the other; before `launch`."""
        self._queues.append(name)

    def close(self) -> None:
        self._work.stop_all()
        self._dbos.destroy(destroy_registry=True)

    def sync(self, retry: bool = False, only: list[str] | None = None, large: bool = False) -> Job:
        """Queue a job that brings the index in step with the folders; with `retry`, failed files are read again though
        they have not changed; `only`: these sources alone. One runs at a time, and one that waits already will do. It hands on large files to
        a job of their own, which `large` asks for at once."""
        return self._once(LARGE if large else QUEUE, self._sync, "ENQUEUED", retry, only, *([True] if large else []))

    def reindex(self) -> Job | None:
        """Queue the building of the index that the settings ask for, unless it is at work. None if that one serves."""
        if self._work.reindex is None or not self._work.reindex.due:
            return None
        return self._once(REINDEX, self._reindex, ["ENQUEUED", "PENDING"])

    def _once(self, queue: str, workflow: Callable[..., Any], waiting: str | list[str], *asked: Any) -> Job:
        """Queue a workflow, unless one that was asked for in the same way is in such a state."""
        with self._asking:
            for status in self._dbos.list_workflows(status=waiting, queue_name=queue, load_output=False):
                if status.input is not None and tuple(status.input["args"]) == asked:
                    return self._job(status)
            handle = self._dbos.enqueue_workflow(queue, workflow, *asked)
        return self.get(handle.get_workflow_id())

    def get(self, id: str) -> Job:
        """Raises NotFound."""
        status = self._dbos.get_workflow_status(id)
        if status is None:
            raise NotFound(f"there is no job {id!r}")
        return self._job(status)

    def list(self, limit: int = 50, kind: str | None = None) -> list[Job]:
        """The newest jobs (of one kind), newest first."""
        found = self._dbos.list_workflows(limit=limit, sort_desc=True, name=kind)
        return [self._job(status) for status in found]

    def cancel(self, id: str) -> Job:
        """Stop a job, in the middle of a file if it must be; what it has not done waits. Raises NotFound."""
        job = self.get(id)
        if job.state not in ENDED:
            # In this order: a job that stops before it is cancelled would end as one that has done all.
            self._dbos.cancel_workflow(id)
            self._work.stop_of(id).set()
        return self.get(id)

    def follow(self, id: str, seconds: float = 0.5) -> Iterator[Job]:
        """The job at every change, until it has ended."""
        import time

        last = None
        while True:
            job = self.get(id)
            if job != last:
                yield job
                last = job
            if job.state in ENDED:
                return
            time.sleep(seconds)

    def wait(self, id: str) -> Job:
        job = self.get(id)
        for job in self.follow(id):  # noqa: B007
            pass
        return job

    def _job(self, status: Any) -> Job:
        told = self._dbos.get_event(status.workflow_id, PROGRESS, timeout_seconds=0) or {}
        done, total, note = told.get("done", 0), told.get("total", 0), told.get("note", "")
        state = status.status.lower()
        if (live := self._work.live.get(status.workflow_id)) and state not in ENDED:
            done, total, note = live
        return Job(
            id=status.workflow_id,
            kind=status.name,
            state=state,
            done=done,
            total=total,
            note=note,
            error=error_of(status),
            created_at=datetime.fromtimestamp((status.created_at or 0) / 1000, UTC),
        )


def error_of(status: Any) -> str:
    """What went wrong in a job, a line for each file."""
    output = status.output if isinstance(status.output, dict) else {}
    errors = list(output.get("errors", []))
    if more := output.get("more"):
        errors.append(f"and {more} more; GET /api/documents?state=failed lists them all")
    return "\n".join(errors) or (str(status.error) if status.error else "")

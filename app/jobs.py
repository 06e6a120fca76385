"""Long work as DBOS workflows: each file is a checkpointed step, and a killed job goes on where it stopped.

Only the API launches DBOS (a second process with the same executor id would take over a running job).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import DocumentError, NotFound
from core.types import Job

if TYPE_CHECKING:
    from retrieval.ingest import Ingest

EXECUTOR = "trivium-api"
VERSION = "1"  # fixed: an edited workflow would otherwise stay pending for ever
PROGRESS = "progress"
QUEUE = "ingest"
ENDED = {"success", "error", "cancelled", "max_recovery_attempts_exceeded"}


class Jobs:
    """`folders`: the folders whose files are documents, first the pack's, then the uploads'."""

    def __init__(self, ingest: Ingest, folders: Callable[[], list[Path]], database: str) -> None:
        from dbos import DBOS

        self._dbos = DBOS
        self._queues = [QUEUE]
        DBOS(
            config={
                "name": "trivium",
                "system_database_url": database,
                "executor_id": EXECUTOR,
                "application_version": VERSION,
                "log_level": "WARNING",
            }
        )

        @DBOS.step(name="plan")
        def plan(retry: bool) -> dict[str, Any]:
            found = ingest.plan(folders(), retry)
            changed = [[source, str(path)] for source, path in found.changed]
            return {"changed": changed, "removed": list(found.removed)}

        @DBOS.step(name="one")
        def one(source: str, path: str) -> str:
            try:
                ingest.one(source, Path(path))
            except DocumentError as error:
                return f"{source}: {error}"
            return ""

        @DBOS.step(name="remove")
        def remove(source: str) -> None:
            ingest.remove(source)

        @DBOS.workflow(name="sync")
        def sync(retry: bool) -> dict[str, Any]:
            todo = plan(retry)
            total, errors = len(todo["changed"]) + len(todo["removed"]), []
            for done, source in enumerate(todo["removed"]):
                DBOS.set_event(PROGRESS, {"done": done, "total": total, "note": source})
                remove(source)
            for done, (source, path) in enumerate(todo["changed"], len(todo["removed"])):
                DBOS.set_event(PROGRESS, {"done": done, "total": total, "note": source})
                if error := one(source, path):
                    errors.append(error)
            DBOS.set_event(PROGRESS, {"done": total, "total": total, "note": ""})
            return {"done": total, "errors": errors}

        self._sync = sync

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
        self._dbos.destroy(destroy_registry=True)

    def sync(self, retry: bool = False) -> Job:
        """Queue a job that brings the index in step with the folders; with `retry`, failed files are read again though
        they have not changed. One runs at a time."""
        handle = self._dbos.enqueue_workflow(QUEUE, self._sync, retry)
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
        """Stop a job between two files. Raises NotFound."""
        job = self.get(id)
        if job.state not in ENDED:
            self._dbos.cancel_workflow(id)
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
        progress = self._dbos.get_event(status.workflow_id, PROGRESS, timeout_seconds=0) or {}
        errors = (status.output or {}).get("errors", []) if isinstance(status.output, dict) else []
        error = "\n".join(errors) or (str(status.error) if status.error else "")
        return Job(
            id=status.workflow_id,
            kind=status.name,
            state=status.status.lower(),
            done=progress.get("done", 0),
            total=progress.get("total", 0),
            note=progress.get("note", ""),
            error=error,
            created_at=datetime.fromtimestamp((status.created_at or 0) / 1000, UTC),
        )

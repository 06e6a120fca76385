"""Ingest and the building of another index as DBOS workflows: every step finds out anew what is left, so that a job that was
killed goes on with nothing lost and nothing done twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from retrieval.ingest import Ingest
    from retrieval.reindex import Reindex

PROGRESS = "progress"
FILES_AT_ONCE = 64
# What changes while a job runs is read in another round; a file that never stands still must not hold the job for ever.
ROUNDS = 5
ERRORS_KEPT = 50


class Live(NamedTuple):
    """How far a job is, between the steps that its workflow tells of."""

    done: int
    total: int
    note: str


class Work:
    """What the workflows work on. `live` and `stops` are by job; `hand_on` queues the job for the large files."""

    def __init__(
        self, ingest: Ingest, folders: Callable[[], list[Path]], reindex: Reindex | None, switched: Callable[[], None]
    ) -> None:
        self.ingest, self.folders, self.reindex, self.switched = ingest, folders, reindex, switched
        self.hand_on: Callable[[bool, list[str] | None], object] = lambda *_: None
        self.live: dict[str, Live] = {}
        self._stops: dict[str, threading.Event] = {}

    def stop_of(self, job: str) -> threading.Event:
        return self._stops.setdefault(job, threading.Event())

    def stop_all(self) -> None:
        for stop in list(self._stops.values()):
            stop.set()

    def ended(self, job: str) -> None:
        self.live.pop(job, None)
        self._stops.pop(job, None)

    def plan(self, retry: bool, only: list[str] | None, large: bool) -> dict[str, Any]:
        """What a job has to do: large files or all the others; `others`: how many are left to the other job."""
        found = self.ingest.plan(self.folders(), retry, only)
        self.ingest.announce(found)
        own = [change for change in found.changed if change.large == large]
        changed = [[change.source, str(change.path), change.origin] for change in own]
        removed = [] if large else list(found.removed)
        return {"changed": changed, "removed": removed, "others": len(found.changed) - len(own)}

    def some(self, job: str, changes: list[list[str]], retry: bool, before: int, total: int) -> list[str]:
        """The errors of some files, each with its source."""
        from retrieval.plan import Change

        def progress(done: int, _: int, source: str) -> None:
            self.live[job] = Live(before + done, total, source)

        files = [Change(source, Path(path), origin) for source, path, origin in changes]
        done = self.ingest.some(files, self.stop_of(job), progress, retry)
        return [error for _, error in done.failed]

    def mend(self, job: str) -> None:
        self.ingest.mend(lambda done, total, note: self.live.__setitem__(job, Live(done, total, note)))


def sync_workflow(dbos: Any, work: Work) -> Callable[..., Any]:
    """Brings the index in step with the folders: all but large files, which have a job of their own so that nothing waits
    for them."""

    @dbos.step(name="mend")
    def mend() -> None:
        work.mend(dbos.workflow_id)

    @dbos.step(name="plan")
    def plan(retry: bool, only: list[str] | None, large: bool) -> dict[str, Any]:
        return work.plan(retry, only, large)

    @dbos.step(name="some")
    def some(changes: list[list[str]], retry: bool, before: int, total: int) -> list[str]:
        return work.some(dbos.workflow_id, changes, retry, before, total)

    @dbos.step(name="remove")
    def remove(sources: list[str]) -> None:
        work.ingest.remove_some(sources)

    @dbos.workflow(name="sync")
    def sync(retry: bool = False, only: list[str] | None = None, large: bool = False) -> dict[str, Any]:
        done, total, errors = 0, 0, []
        try:
            mend()
            todo = plan(retry, only, large)
            others = todo.get("others", 0)
            for _ in range(ROUNDS):
                if not todo["removed"] and not todo["changed"]:
                    break
                total = done + len(todo["removed"]) + len(todo["changed"])
                remove(todo["removed"])
                done += len(todo["removed"])
                for batch in batches(todo["changed"]):
                    dbos.set_event(PROGRESS, {"done": done, "total": total, "note": batch[0][0]})
                    errors += some(batch, retry, done, total)
                    done += len(batch)
                todo = plan(False, only, large)
                others = others or todo.get("others", 0)
            dbos.set_event(PROGRESS, {"done": done, "total": done, "note": ""})
            if others and not large:
                work.hand_on(retry, only)
        finally:
            work.ingest.finish(total > 0, large)
            work.ended(dbos.workflow_id)
        return {"done": done, "errors": errors[:ERRORS_KEPT], "more": max(0, len(errors) - ERRORS_KEPT)}

    return sync


def reindex_workflow(dbos: Any, work: Work) -> Callable[..., Any]:
    """Brings another generation of the index up, and switches over."""

    @dbos.step(name="build")
    def build() -> list[int]:
        return list(work.reindex.step(work.stop_of(dbos.workflow_id))) if work.reindex else [0, 0]

    @dbos.step(name="switch")
    def switch() -> bool:
        if work.reindex is not None and not work.reindex.switch():
            return False
        work.switched()
        return True

    @dbos.workflow(name="reindex")
    def reindex() -> dict[str, Any]:
        try:
            while True:
                done, total = build()
                dbos.set_event(PROGRESS, {"done": done, "total": total, "note": ""})
                if done == total and switch():
                    return {"done": done, "errors": []}
        finally:
            work.ended(dbos.workflow_id)

    return reindex


def batches(changes: list[list[str]]) -> list[list[list[str]]]:
    return [changes[start : start + FILES_AT_ONCE] for start in range(0, len(changes), FILES_AT_ONCE)]

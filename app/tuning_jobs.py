"""Learning the weight of retrieval as a DBOS workflow: cut off, it is done again from the start, and keeps the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.jobs import PROGRESS, Jobs
from app.tuning import learn_weight
from core.types import Job

if TYPE_CHECKING:
    from app.bootstrap import Service

QUEUE = "tuning"


class TuningJobs:
    """Make it before `Jobs.launch`, which takes up what a killed process left."""

    def __init__(self, jobs: Jobs, service: Service) -> None:
        from dbos import DBOS

        self._jobs, self._dbos = jobs, DBOS
        jobs.add_queue(QUEUE)

        @DBOS.step(name="tune_weight")
        def tune_weight() -> str:
            return learn_weight(service).said

        @DBOS.workflow(name="tune")
        def tune() -> dict[str, str]:
            DBOS.set_event(PROGRESS, {"done": 0, "total": 1, "note": "ranking the judged cases by each weight"})
            said = tune_weight()
            DBOS.set_event(PROGRESS, {"done": 1, "total": 1, "note": said})
            return {"said": said}

        self._tune = tune

    def start(self) -> Job:
        """Queue it; one runs at a time."""
        return self._jobs.get(self._dbos.enqueue_workflow(QUEUE, self._tune).get_workflow_id())

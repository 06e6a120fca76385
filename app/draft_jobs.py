"""Drafting as a DBOS workflow: each passage is a checkpointed step, so that a killed job goes on with the next one, and
queries of people come between two passages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.drafting import Asked, Drafting, Reading, Written
from app.jobs import PROGRESS, Jobs
from core.types import Job

if TYPE_CHECKING:
    from app.bootstrap import Service

KIND = "draft"
MOST_FAULTS = 20


class DraftJobs:
    """Make it before `Jobs.launch`, which takes up what a killed process left."""

    def __init__(self, jobs: Jobs, service: Service) -> None:
        self._jobs = jobs
        self._drafting = drafting = Drafting(service.store, service.domain, lambda name: service.models.chat(name))
        dbos = jobs.dbos
        jobs.add_queue(KIND)

        @dbos.step(name="draft_plan")
        def plan(asked: dict[str, Any]) -> dict[str, Any]:
            return drafting.plan(Asked.model_validate(asked)).model_dump(mode="json")

        @dbos.step(name="draft_one")
        def one(asked: dict[str, Any], passage: str, count: int) -> dict[str, Any]:
            made = drafting.one(Asked.model_validate(asked), passage, count, dbos.workflow_id)
            return made.model_dump(mode="json")

        @dbos.workflow(name=KIND)
        def draft(order: dict[str, Any]) -> dict[str, Any]:
            asked, made, faults = Asked.model_validate(order), 0, []
            found = Reading.model_validate(plan(order))
            for number, passage in enumerate(found.passages, 1):
                note = f"passage {number} of {len(found.passages)} of {asked.source}"
                dbos.set_event(PROGRESS, {"done": made, "total": asked.count, "note": note})
                written = Written.model_validate(one(order, passage, min(found.each, asked.count - made)))
                made += written.drafts
                faults += written.faults
                if made >= asked.count:
                    break
            dbos.set_event(PROGRESS, {"done": made, "total": asked.count, "note": told(made, asked.source)})
            return {"done": made, "errors": shortened(faults)}

        self._draft = draft

    def start(self, asked: Asked) -> Job:
        """Queue a job; one runs at a time. Its `done` counts drafts, and its `error` says what was left out.

        Raises:
            ExampleError, DocumentError, ModelNotFound: as `Drafting.plan`.
        """
        self._drafting.plan(asked)
        handle = self._jobs.dbos.enqueue_workflow(KIND, self._draft, asked.model_dump(mode="json"))
        return self._jobs.get(handle.get_workflow_id())


def told(made: int, source: str) -> str:
    return f"{made or 'no'} draft{'' if made == 1 else 's'} from {source}"


def shortened(faults: list[str]) -> list[str]:
    """The first of them, each once, and how many more there are. Pure."""
    told = list(dict.fromkeys(faults))
    more = len(told) - MOST_FAULTS
    return told if more <= 0 else [*told[:MOST_FAULTS], f"and {more} more were left out"]

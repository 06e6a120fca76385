"""Evaluation of a candidate as a DBOS workflow: each batch of answers is a checkpointed step, so that a killed job goes on
with the next one, and queries of people come between two batches."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from app.jobs import PROGRESS, Jobs
from core.errors import RegistryError
from core.types import Job

if TYPE_CHECKING:
    from app.bootstrap import Service
    from app.gating import Gating

QUEUE = "gate"


class GateJobs:
    """Make it before `Jobs.launch`, which takes up what a killed process left."""

    def __init__(self, jobs: Jobs, service: Service) -> None:
        from dbos import DBOS

        self._jobs, self._service, self._dbos = jobs, service, DBOS
        jobs.add_queue(QUEUE)

        @DBOS.step(name="gate_plan")
        def plan(id: str) -> dict[str, Any]:
            return self.gating.plan(id).model_dump(mode="json")

        @DBOS.step(name="gate_write")
        def write(batch: dict[str, Any]) -> None:
            from app.gating import Batch

            self.gating.write(Batch.model_validate(batch))

        @DBOS.step(name="gate_judge")
        def judge(planned: dict[str, Any], report: str) -> dict[str, str]:
            from app.gating import Plan

            made = self.gating.judge(Plan.model_validate(planned), report)
            return {"report": made.id, "verdict": made.verdict}

        @DBOS.workflow(name="gate")
        def gate(id: str) -> dict[str, str]:
            planned = plan(id)
            total = len(planned["batches"])
            for done, batch in enumerate(planned["batches"]):
                DBOS.set_event(
                    PROGRESS, {"done": done, "total": total, "note": f"{id}: {batch['model']}, {batch['task']}"}
                )
                write(batch)
            DBOS.set_event(PROGRESS, {"done": total, "total": total, "note": f"{id}: the verdict"})
            # The job's own id names the report: a step that a kill cut off writes the same report again.
            verdict = judge(planned, (DBOS.workflow_id or "").replace("-", "")[:32])
            DBOS.set_event(PROGRESS, {"done": total, "total": total, "note": f"{id}: {verdict['verdict']}"})
            return verdict

        self._gate = gate

    @cached_property
    def gating(self) -> Gating:
        from app.gating import Gating
        from app.generations import Generations

        return Gating(self._service, Generations(self._service.settings.data_dir / "cache" / "generations.jsonl"))

    def follow_up(self, id: str) -> None:
        """Queue the evaluation of what was just trained; the same weights trained again were judged already."""
        if self._service.registry.get(id).state == "candidate":
            self._dbos.enqueue_workflow(QUEUE, self._gate, id)

    def start(self, id: str) -> Job:
        """Queue the evaluation of a candidate; one runs at a time.

        Raises:
            NotFound, RegistryError: there is no such candidate.
        """
        row = self._service.registry.get(id)
        if row.state != "candidate":
            raise RegistryError(f"{id} is {row.state}; only a candidate is evaluated")
        return self._jobs.get(self._dbos.enqueue_workflow(QUEUE, self._gate, id).get_workflow_id())

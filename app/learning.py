"""The learning flow: approved examples -> dataset version -> training run -> candidate -> verdict -> promotion.

Jobs of the API do the same steps one by one (`app/training_jobs.py`, `app/gate_jobs.py`), and a person promotes; here they
follow each other in one process, as `trivium learn` and the benchmark want it.
"""

from __future__ import annotations

from collections.abc import Callable

from app.bootstrap import Service
from app.datasets import build_version, datasets_of
from app.gating import Gating
from app.orders import Asked, make_order
from app.training import RUNS
from app.training_jobs import hand_over, place_order
from core.types import Noun, Report, new_id
from finetune.child import Command, trainer_command, watch
from finetune.guard import TrainingError
from finetune.monitor import Step
from finetune.rows import Limits
from finetune.runs import RunFolder

Show = Callable[[Step | None, str], None]
Say = Callable[[str], None]


class Learned(Noun):
    """`live`: whether the gate let it pass, and it serves."""

    dataset: str
    run: str
    adapter: str
    report: Report
    live: bool = False


def learn(
    service: Service, asked: Asked, gating: Gating, show: Show, say: Say, *,
    limits: Limits | None = None, command: Command = trainer_command, promote: bool = True,
) -> Learned:  # fmt: skip
    """Everything from the approved examples to a live adapter, or to the reasons why not; without `promote` to the verdict.

    Raises:
        DatasetError: nothing is left to train on.
        TrainingError: the run would not give a usable adapter, or was stopped.
        RegistryError: there are no golden cases of what was trained.
    """
    version = asked.dataset or build(service, limits)
    say(f"dataset version {version}: {datasets_of(service.store, service.settings).get(version).rows} rows")
    run = trained(service, asked, version, show, command)
    adapter = hand_over(run, lambda folder: service.registry.register(folder).id)
    say(f"{adapter} is a candidate; it and what serves now answer the golden cases")
    report = gating.run(adapter, lambda done, total, note: say(f"{done}/{total} {note}"))
    found = Learned(dataset=version, run=run.id, adapter=adapter, report=report)
    if report.verdict != "promote" or not promote:
        return found
    service.promote(adapter)
    return found.model_copy(update={"live": True})


def trained(service: Service, asked: Asked, version: str, show: Show, command: Command = trainer_command) -> RunFolder:
    """A finished run on a dataset version; its adapter is not registered yet. Raises TrainingError."""
    run = RunFolder(service.settings.data_dir / RUNS / new_id())
    ordered = asked.model_copy(update={"dataset": version})
    place_order(run, lambda: make_order(service.settings, service.domain, ordered, lambda: version))
    result = watch(run, command, show, lambda: None)
    if result.state != "done":
        raise TrainingError(result.error)
    return run


def build(service: Service, limits: Limits | None = None) -> str:
    """A version of the examples that are approved now. Raises DatasetError."""
    encode = service.index.embeddings.encode_queries
    return build_version(service.domain, service.store, service.settings, encode, limits=limits).version

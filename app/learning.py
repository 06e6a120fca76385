"""The learning flow: approved examples -> dataset version -> training run -> candidate -> verdict -> promotion.

Jobs of the API do the same steps one by one (`app/training_jobs.py`, `app/gate_jobs.py`), and a person promotes; here they
follow each other in one process, as `trivium learn` and the benchmark want it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.bootstrap import Service
from app.datasets import build_version, datasets_of
from app.gating import Gating
from app.learned import learn as mark_learned
from app.orders import Asked, make_order, recipe_of
from app.training import RUNS
from app.training_jobs import hand_over, place_order
from core.types import Noun, Registered, Report, new_id
from finetune.child import Command, trainer_command, watch
from finetune.guard import TrainingError
from finetune.monitor import Step
from finetune.rows import Limits
from finetune.runs import RunFolder

Show = Callable[[Step | None, str], None]
Say = Callable[[str], None]


class Learned(Noun):
    """`live`: whether the gate let it pass. `corrections`: queries of those that it gives itself from now on."""

    dataset: str
    run: str
    adapter: str
    report: Report
    live: bool = False
    corrections: tuple[str, ...] = ()


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
    version = asked.dataset or build(service, asked, limits)
    say(f"dataset version {version}: {datasets_of(service.store, service.settings).get(version).rows} rows")
    run = RunFolder(service.settings.data_dir / RUNS / new_id())
    ordered = asked.model_copy(update={"dataset": version})
    place_order(run, lambda: make_order(service.settings, service.domain, ordered, lambda: version))
    result = watch(run, command, show, lambda: None)
    if result.state != "done":
        raise TrainingError(result.error)
    adapter = hand_over(run, lambda folder: service.registry.register(folder).id)
    say(f"{adapter} is a candidate; it and what serves now answer the golden cases")
    report = gating.run(adapter, lambda done, total, note: say(f"{done}/{total} {note}"))
    found = Learned(dataset=version, run=run.id, adapter=adapter, report=report)
    if report.verdict != "promote" or not promote:
        return found
    service.promote(adapter)
    return found.model_copy(update={"live": True, "corrections": tuple(take_over(service, adapter))})


def build(service: Service, asked: Asked, limits: Limits | None = None) -> str:
    """A version of the examples that are approved now. Raises DatasetError."""
    recipe = recipe_of(service.settings, service.domain, asked)
    encode = service.index.embeddings.encode_queries
    return build_version(service.domain, service.store, service.settings, encode, limits=limits, recipe=recipe).version


def take_over(service: Service, adapter: str) -> list[str]:
    """Corrections that a newly live adapter gives itself need not be served any more; those that only its predecessor had
    learned are served again. Returns the queries of the former. Slow: one answer for each."""
    row = service.registry.get(adapter)
    for other in service.registry.list():
        if other.name == row.name and other.id != row.id:
            service.corrections.unlearned(other.id)
    folder = service.settings.data_dir / "datasets" / row.dataset
    if not (row.dataset and folder.is_dir()):
        return []
    rows = datasets_of(service.store, service.settings).load(row.dataset)
    return mark_learned(service, adapter, {one.example for one in (*rows.rows, *rows.pairs) if one.example})


def take_over_later(service: Service, row: Registered) -> None:
    """The same beside answering, for whoever waits for the promotion alone."""
    threading.Thread(target=take_over, args=(service, row.id), name="take-over", daemon=True).start()

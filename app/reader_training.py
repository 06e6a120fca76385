"""The grounded reader, trained on public data through the same dataset, guard, gate and registry as any other adapter.

    pack -> dataset version -> run -> candidate -> gate -> dial -> live

Done again after it was stopped or killed, each step takes what is there: the same rows are the same version, a run goes on from
its last checkpoint, answers that were given are kept.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.bootstrap import Service
from app.datasets import datasets_of, held_out
from app.gating import Gating
from app.generations import Generations
from app.orders import Asked, make_order
from app.training import RUNS
from app.training_jobs import hand_over, place_order
from core.domain import Domain, load_domain
from core.errors import DomainError
from core.settings import ROOT, Settings
from core.types import Example, Noun, Report, new_id
from finetune.child import Command, trainer_command, watch
from finetune.dataset import build
from finetune.guard import TrainingError
from finetune.manifest import manifest
from finetune.monitor import Step
from finetune.rows import Limits
from finetune.runs import Result, RunFolder, clear, find_runs

NAME = "reader"
PLACE = "reader"  # in the data folder
DATA = ROOT.parent / "shared" / "data"
SEED = 3  # of which examples are taken, where not all are
Say = Callable[[str], None]
Show = Callable[[Step | None, str], None]


class Learned(Noun):
    """`live`: whether the gate let it pass, and it serves."""

    adapter: str
    report: Report
    live: bool = False


@dataclass
class Training:
    """Needs the data folder for itself. `service`: of the reader's own pack (`open_desk`)."""

    service: Service
    say: Say
    command: Command = trainer_command

    def version(self, limit: int | None = None) -> str:
        """A dataset version of the pack's examples, or of so many of them. Raises DatasetError."""
        domain, limits = self.service.domain, Limits()
        # No embeddings: two questions over the same passages are alike to them, though one has an answer and one has none.
        dataset = build(domain, some(domain.examples(), limit), held_out=held_out(domain), limits=limits)
        kept = datasets_of(self.service.store, self.service.settings).save(dataset, manifest(domain, dataset, limits))
        dropped = ", ".join(f"{count} {reason}" for reason, count in kept.manifest["dropped"].items())
        self.say(f"dataset version {kept.version}: {kept.rows} rows" + (f"; left out: {dropped}" if dropped else ""))
        return kept.version

    def run(self, version: str, name: str, show: Show) -> RunFolder:
        """A finished run of the reader's recipe on a version: a new one, or one that was interrupted. Raises TrainingError."""
        settings, asked = self.service.settings, Asked(dataset=version, recipe=NAME, name=name)
        order, _ = make_order(settings, self.service.domain, asked, lambda: version)
        run = interrupted(settings.data_dir / RUNS, order) or RunFolder(settings.data_dir / RUNS / new_id())
        place_order(run, lambda: (order, None))
        self.say(f"run {run.id}; if it is interrupted, the same command goes on with it")
        try:
            result = watch(run, self.command, show, lambda: None)
        except KeyboardInterrupt:
            raise TrainingError("stopped; the same command goes on from the last checkpoint") from None
        except TrainingError as error:
            result = Result(state="failed", error=str(error))
            run.finish(result)
        if result.state != "done":
            raise TrainingError(result.error)
        return run

    def judge(self, run: RunFolder) -> Learned:
        """Register the adapter of a run, have the gate compare it, and let it serve if it is better."""
        id = hand_over(run, lambda folder: self.service.registry.register(folder).id)
        return self.decide(id)

    def decide(self, id: str) -> Learned:
        """The gate's verdict on a candidate; one that passes gets its dial and serves."""
        from app.reader_dial import fit

        row = self.service.registry.get(id)
        if row.state not in ("candidate", "refused"):
            raise TrainingError(f"{id} is {row.state} already: `trivium adapters list` shows it")
        if row.state == "refused":
            return Learned(adapter=id, report=self.service.registry.report(id))
        self.say(f"{id} is a candidate; it and what serves now answer the golden cases")
        gating = Gating(self.service, Generations(self.service.settings.data_dir / "cache" / "generations.jsonl"))
        report = gating.run(id, lambda done, total, note: self.say(f"{done}/{total} {note}"))
        if report.verdict != "promote":
            return Learned(adapter=id, report=report)
        fit(self.service, id, self.say)
        self.service.promote(id)
        return Learned(adapter=id, report=report, live=True)


def make_pack(settings: Settings, data: Path, say: Say) -> Domain:
    """The reader's pack in the data folder, from the public files in `data`. Raises MissingData, which names their sources."""
    from finetune.reader_data import build as build_pack

    out = settings.data_dir / PLACE / "pack"
    counts = build_pack(data, out)
    say(f"{out}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    return load_domain(out)


def open_desk(settings: Settings, domain: Domain, models: Any = None) -> Service:
    """What the gate asks of a service, for a pack that has no documents: models, registry and store of the data folder.
    Hold the folder's lock (`retrieval.lock`) as long as it is open."""
    from app.promoting import mend, open_registry
    from app.runs import Runs
    from core.llm import open_models
    from core.measured import Measured, load_own
    from core.store import open_store

    store = open_store(settings.database)
    models = models or open_models(settings)
    registry = open_registry(settings, store, lambda: models.fingerprint("base"))
    mend(registry, settings.data_dir)
    measured = Measured(own=load_own(settings.data_dir))
    nothing: Any = None
    return Service(
        settings, domain, store, models, nothing, nothing, nothing, nothing, Runs(store, settings.queue_limit), measured, registry
    )  # fmt: skip


def close_desk(service: Service) -> None:
    service.models.close()
    service.store.engine.dispose()


def some(examples: Sequence[Example], limit: int | None) -> list[Example]:
    """So many by chance, always the same; of fewer, all."""
    chosen = list(examples)
    if limit is not None and limit < 1:
        raise DomainError("--limit: at least one example is needed to train on")
    if limit is not None and limit < len(chosen):
        random.Random(SEED).shuffle(chosen)
        chosen = chosen[:limit]
    return chosen


def interrupted(runs: Path, order: Any) -> RunFolder | None:
    """The newest run of the same order that was not handed over yet, made ready to go on."""
    same = {"created_at", "commit", "start"}
    for run in find_runs(runs) if runs.is_dir() else ():
        if run.order().model_dump(exclude=same) != order.model_dump(exclude=same):
            continue
        result = run.result()
        if result is not None and result.state == "failed":
            return None  # it would fail again: start anew, so that its log stays
        if result is None or result.state == "stopped":
            clear(run)
        return run
    return None

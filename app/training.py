"""`trivium train`: an adapter from the pack's examples, or from a dataset version as a run that can be gone on with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from app.orders import RECIPES, Asked, make_order
from core.domain import load_domain
from core.errors import SettingsError
from core.settings import load_settings
from core.types import new_id

if TYPE_CHECKING:
    from app.bootstrap import Service
    from app.jobs import Jobs
    from app.training_jobs import TrainingJobs
    from finetune.child import Command
    from finetune.monitor import Step

RUNS = "runs"


def train_adapter(recipe: Path | None, out: Path, say: Console) -> None:
    """On the pack's own examples, into a folder; neither the registry nor the gate learns of it."""
    from core.llm.base_weights import base_folder
    from finetune.recipe import load_recipe
    from finetune.train import train

    settings = load_settings()
    domain = load_domain(settings.domain)
    file = recipe or default_recipe(domain.name)
    adapter = train(base_folder(settings, say.print), domain, load_recipe(file), out, progress=shown(say))
    say.print(f"{adapter.name} is in {out}. Measure it with `trivium evaluate --save`: that opens its road.")


def open_training(
    service: Service, jobs: Jobs, then: Callable[[str], None], command: Command | None = None
) -> TrainingJobs:
    """Training for the API. Call it before `jobs.launch()`.

    Args:
        then: called with the id of each new candidate.
        command: another trainer than ours (tests).
    """
    from app.learning import build
    from app.training_jobs import TrainingJobs
    from finetune.child import trainer_command

    settings, domain = service.settings, service.domain
    return TrainingJobs(
        jobs,
        settings.data_dir / RUNS,
        lambda asked: make_order(settings, domain, asked, lambda: build(service)),
        lambda folder: service.registry.register(folder).id,
        command or trainer_command,
        then,
    )


def train_version(asked: Asked, resume: str | None, say: Console) -> None:
    """A run in this terminal. Ctrl-C stops it; one that was killed or stopped goes on with `resume`."""
    from app.datasets import build_version
    from app.promoting import open_registry
    from app.training_jobs import hand_over, place_order
    from core.store import open_store
    from finetune.child import trainer_command, watch
    from finetune.guard import TrainingError
    from finetune.runs import Result, RunFolder, clear, find_run
    from retrieval.embeddings import open_embeddings

    settings = load_settings()
    domain = load_domain(settings.domain)
    store = open_store(settings.database)

    def build() -> str:
        encode = open_embeddings(settings).encode_queries
        return build_version(domain, store, settings, encode).version

    if resume:
        run = find_run(settings.data_dir / RUNS, resume)
        clear(run)
    else:
        run = RunFolder(settings.data_dir / RUNS / new_id())
        place_order(run, lambda: make_order(settings, domain, asked, build))
    say.print(f"Run {run.id}; if it is interrupted: trivium train --resume {run.id}")
    try:
        result = watch(run, trainer_command, told(say), lambda: None)
    except KeyboardInterrupt:
        raise TrainingError(f"stopped; `trivium train --resume {run.id}` goes on from the last checkpoint") from None
    except TrainingError as error:
        result = Result(state="failed", error=str(error))
        run.finish(result)
    if result.state != "done":
        raise TrainingError(result.error)
    registry = open_registry(settings, store)
    id = hand_over(run, lambda folder: registry.register(folder).id)
    say.print(f"{id} is a candidate. `trivium adapters evaluate {id}` asks the gate whether it may serve.")


def told(say: Console) -> Callable[[Step | None, str], None]:
    """A line every few seconds, and one for each thing that is done."""
    import time

    from finetune.monitor import EVERY

    last, noted = 0.0, ""

    def show(step: Step | None, note: str) -> None:
        nonlocal last, noted
        if note != noted:
            say.print(note, markup=False)
        if step and (step.step in (1, step.steps) or time.monotonic() - last >= EVERY):
            last = time.monotonic()
            say.print(str(step), markup=False)
        noted = note

    return show


def train_the_router(say: Console) -> None:
    from app.bootstrap import ROUTER
    from app.taught import route_labels, uncontaminated
    from core.labelled import counted, fingerprint, label_key, labelled, told, with_told
    from finetune.router import train
    from retrieval.embeddings import open_embeddings
    from router.features import frame

    settings = load_settings()
    domain = load_domain(settings.domain)
    pack, labels = labelled(domain), told(domain, route_labels(settings))
    encode = open_embeddings(settings).encode_queries if labels else None
    learned, left_out = uncontaminated(labels, domain.golden() if labels else [], encode)
    if labels:
        golden = f"; {len(left_out)} ask what golden cases ask and are left out" if left_out else ""
        say.print(f"{counted(len(learned), 'label')} of reviewers beside the pack's{golden}")
    found, out = with_told(pack, learned), domain.folder / ROUTER
    about = {
        "labelled": fingerprint(pack),
        "reviewed": {"queries": len(learned), "learned": sorted(map(label_key, learned)), "left_out": sorted(map(label_key, left_out))},
    }  # fmt: skip
    frames = [frame(one.query) for one in found]
    card = train(found, frames, out, lambda line: say.print(line, markup=False), about=about)
    say.print(
        f"{out}: {card['accuracy']:.1%} of queries in unseen words go to their task. Now run `trivium evaluate --save`."
    )


def default_recipe(name: str) -> Path:
    own = RECIPES / f"{name}.yaml"
    if own.is_file():
        return own
    found = sorted(file.name for file in RECIPES.glob("*.yaml"))
    raise SettingsError(f"there is no recipe {own.name}; name one with --recipe ({', '.join(found)})")


def shown(say: Console) -> Callable[[Step], None]:
    """A line for each step that training reports."""

    def show(step: Step) -> None:
        say.print(str(step), markup=False)

    return show

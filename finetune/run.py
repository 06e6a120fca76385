"""The trainer's process: python -m finetune.run RUN_FOLDER. Goes on from the last checkpoint; dies with whoever started it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from core.errors import TriviumError
from core.types import Adapter
from finetune.child import BUSY, die_with_parent
from finetune.monitor import Progress, Step
from finetune.runs import Order, Result, RunFolder, RunInUse, Stopped

NICE = 5  # answering comes first


def main(argv: Sequence[str] | None = None) -> int:
    [folder] = sys.argv[1:] if argv is None else argv
    die_with_parent()
    run = RunFolder(Path(folder))
    try:
        with run.locked():
            if run.result() is None:
                run.finish(outcome(run))
    except RunInUse as error:
        print(error, file=sys.stderr)
        return BUSY
    return 0


def outcome(run: RunFolder) -> Result:
    """Train, and say how it ended. What no one foresaw comes through: the log has it, and the run may be tried again."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with suppress(OSError):
        os.nice(NICE)
    try:
        return Result(state="done", adapter=perform(run))
    except Stopped as error:
        return Result(state="stopped", error=str(error))
    except TriviumError as error:
        return Result(state="failed", error=str(error))


def perform(run: RunFolder) -> str:
    """Train what the order says, and put it into `adapter`. Returns its sha256.

    With a search every change of the recipe is trained to its end and measured on development cases; the best stays.
    """
    from core.domain import load_domain
    from core.llm.adapters import read_adapter
    from finetune.model import quiet
    from finetune.search import choose
    from finetune.train import Ways, train_on
    from finetune.version_files import load

    quiet()
    order = run.order()
    folder = Path(order.dataset)
    domain, dataset = load_domain(Path(order.pack)), load(folder.parent, folder.name, order.recipe.seed)
    ways = Ways(
        device=order.device, commit=order.commit, name=order.name, run=run.id, base_fingerprint=order.base_fingerprint,
        start=start_of(run, order), work=run.work, checkpoint_seconds=order.checkpoint_seconds,
        every=0, back_to=run.back_to, say=run.say,
    )  # fmt: skip
    if run.adapter.exists():  # a kill came between the last step and the result
        return read_adapter(run.adapter).sha256
    if order.search:
        take(choose(run, order, domain, dataset, ways, journal(run)), run)
    else:
        train_on(Path(order.base), domain, order.recipe, dataset, run.adapter, journal(run), ways)
    return read_adapter(run.adapter).sha256


def start_of(run: RunFolder, order: Order) -> Adapter | None:
    """The adapter to go on from, under the name that it has elsewhere."""
    from core.llm.adapters import read_adapter

    return read_adapter(run.start).model_copy(update={"name": order.start}) if order.start else None


def take(adapter: Path, run: RunFolder) -> None:
    """Make the best of a search the run's adapter."""
    partial = run.path / ".adapter.partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(adapter, partial)
    partial.rename(run.adapter)


def journal(run: RunFolder) -> Progress:
    """Writes each step down, and ends the run at the next one if somebody wants that."""

    def write(step: Step) -> None:
        run.append(step)
        if run.stopping:
            raise Stopped(
                f"run {run.id} was stopped at step {step.step} of {step.steps}; start it again if you want it"
            )

    return write


if __name__ == "__main__":
    sys.exit(main())

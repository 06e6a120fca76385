"""A race: two dataset versions (or mixes) -> the same training for both -> candidates -> the same golden cases -> B against A.

Both orders are placed before anything is trained, with one recipe, seed and start. A run is named by all that it depends
on: a race that was killed goes on when it is started again, and a version that was raced before is not trained again.
Nothing is judged or promoted; `trivium adapters evaluate` asks the gate about a candidate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.datasets import build_version, datasets_of
from app.orders import Asked, make_order
from app.training import RUNS
from app.training_jobs import hand_over, place_order
from core.errors import QueryError, RegistryError
from core.llm.adapters import read_adapter
from finetune.child import Command, trainer_command, watch
from finetune.guard import TrainingError
from finetune.mix import is_mix, parse_mix
from finetune.monitor import Step
from finetune.race import Entrant, Raced, compare
from finetune.rows import Limits
from finetune.runs import Order, RunFolder, clear

if TYPE_CHECKING:
    from app.bootstrap import Service
    from app.gating import Gating

PREFIX = "race-"
Show = Callable[[Step | None, str], None]
Say = Callable[[str], None]


def race(
    service: Service, a: str, b: str, asked: Asked, gating: Gating, show: Show, say: Say,
    command: Command = trainer_command,
) -> Raced:  # fmt: skip
    """Train on `a` and on `b` (versions or mixes) as `asked` says, and compare what came out.

    Raises:
        DatasetError, NotFound: there is no such version, or a mix cannot be built.
        QueryError: both are the same version.
        RegistryError: there are no golden cases of what they teach, or an adapter of theirs was retired.
        TrainingError: a run would not give a usable adapter, or was stopped.
    """
    sides = [entrant(service, one, say) for one in (a, b)]
    worth_it(service, sides)
    runs = [placed(service, side, asked) for side in sides]
    order = runs[0].order()
    say(f"both start from {order.start or 'the base model'}, with seed {order.recipe.seed}")
    for at, (name, run) in enumerate(zip("AB", runs, strict=True)):
        say(f"{name}: training on {sides[at].rows} rows of dataset {sides[at].dataset}, run {run.id}")
        adapter = trained(service, run, show, name, command)
        say(f"{name}: {adapter} is a candidate")
        sides[at] = sides[at].model_copy(update={"run": run.id, "adapter": adapter})
    ids = [side.adapter for side in sides]
    if ids[0] == ids[1]:
        raise TrainingError(f"both trainings gave the same weights ({ids[0]}): there is nothing to compare")
    [first, second], tasks = gating.sides(ids, lambda done, total, note: say(f"{done}/{total} {note}"))
    body, ahead = compare(first, second, tasks, gating.limits)
    return Raced(a=sides[0], b=sides[1], body=body, ahead=ahead)


def entrant(service: Service, asked: str, say: Say) -> Entrant:
    """The version that was named, or that is built now of the mix that was asked for."""
    if is_mix(asked):
        limits = Limits(**parse_mix(asked))
        encode = service.index.embeddings.encode_queries
        version = build_version(service.domain, service.store, service.settings, encode, limits=limits)
        for warning in version.manifest["warnings"]:
            say(f"{asked}: {warning}")
    else:
        version = datasets_of(service.store, service.settings).get(asked)
    return Entrant(asked=asked, dataset=version.version, rows=version.rows, tasks=version.manifest["tasks"])


def worth_it(service: Service, sides: list[Entrant]) -> None:
    """Raises QueryError or RegistryError where the end of the race can be seen before its start."""
    if sides[0].dataset == sides[1].dataset:
        raise QueryError(f"A and B are the same dataset version, {sides[0].dataset}: name two that differ")
    taught = {task for side in sides for task in side.tasks}
    tuned = {task.name for task in service.domain.tasks if "tuned" in task.strategies} & taught
    if not tuned & {case.task for case in service.domain.golden()}:
        raise RegistryError(f"there are no golden cases of {', '.join(sorted(tuned)) or 'a tuned task'}: add some")


def placed(service: Service, side: Entrant, asked: Asked) -> RunFolder:
    """The run of one side, with its order."""
    ordered = asked.model_copy(update={"dataset": side.dataset})
    order, start = make_order(service.settings, service.domain, ordered, lambda: side.dataset)
    run = RunFolder(service.settings.data_dir / RUNS / run_id(order, read_adapter(start).sha256 if start else ""))
    place_order(run, lambda: (order, start))
    return run


def run_id(order: Order, start: str) -> str:
    """The same for the same training. `start`: sha256 of the adapter that it goes on from."""
    parts = [
        order.name, Path(order.dataset).name, order.base_fingerprint, order.recipe.model_dump(mode="json"), start,
        order.search, order.commit,
    ]  # fmt: skip
    return PREFIX + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def trained(service: Service, run: RunFolder, show: Show, name: str, command: Command) -> str:
    """The registry's id of what the run gives, which is trained to its end first if need be."""
    result = run.result()
    if result is None or result.state != "done":
        clear(run)
        result = watch(run, command, show, lambda: None)
    if result.state != "done":
        raise TrainingError(f"{name}: {result.error}")
    try:
        return hand_over(run, lambda folder: service.registry.register(folder).id)
    except RegistryError as error:
        raise RegistryError(f"{name}: {error} (another --seed gives another one)") from None

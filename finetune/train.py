"""Fine-tune an adapter: QLoRA (NF4) on a GPU, LoRA on a CPU, in bf16 where that is fast, from the same recipe.

python -m finetune.train --domain domains/ml-desk --recipe finetune/recipes/ml-desk.yaml --out adapters/ml-desk
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.domain import Domain
from core.llm.adapters import read_adapter
from core.types import Adapter, Example
from finetune import card, guard, inspection
from finetune.checkpoints import last_checkpoint, saving, step_of
from finetune.dataset import Dataset, Row, build
from finetune.encode import Encoded, EncodedPair, encode_all, encode_pairs
from finetune.guard import TrainingError
from finetune.model import (
    Device,
    base_name,
    carry,
    go_back,
    in_fp32,
    like_start,
    load_base,
    load_tokenizer,
    norms,
    save,
    use_cuda,
)
from finetune.monitor import EVERY, Monitor, Place, Progress, Step, silent
from finetune.proof import frozen_hash, prove
from finetune.recipe import Recipe
from finetune.trainers import example_trainer, preference_trainer, steps_of, warmup_steps

__all__ = ["Ways", "train", "train_on", "warmup_steps"]

EXAMPLES, PREFERENCES = "examples", "preferences"
MADE, STEPS = "adapter", "steps"  # of a finished phase


@dataclass(frozen=True)
class Ways:
    """How a run is carried out, beside what it learns.

    `name`: of the adapter, if not that of its folder; `start`: the adapter to go on from; `base_fingerprint`: what the base
    must be; `work`: where checkpoints are kept (none: nowhere); `until`: when it ends with a checkpoint, to go on in another
    process (monotonic seconds); `back_to`: told the step that training goes on from, gives
    the steps before it; `before`, `after`: steps of the same run that came before and will follow; `evaluate`: rows that
    the loss is measured on every `evaluate_every` steps.
    """

    device: Device = "auto"
    commit: str = ""
    name: str = ""
    run: str = ""
    start: Adapter | None = None
    base_fingerprint: str = ""
    work: Path | None = None
    checkpoint_seconds: float = 60.0
    until: float | None = None
    every: float = EVERY
    back_to: Callable[[int], list[Step]] = lambda _: []
    say: Callable[[str], None] = lambda _: None
    before: int = 0
    after: int = 0
    evaluate: Sequence[Row] = ()
    evaluate_every: int = 1


@dataclass
class Material:
    """What a run works with, once it is known to be sound."""

    base: Path
    tokenizer: Any
    recipe: Recipe
    cuda: bool
    rows: list[Encoded]
    pairs: list[EncodedPair]
    evaluate: list[Encoded] = field(default_factory=list)
    too_long: int = 0


def train(
    base: Path,
    domain: Domain,
    recipe: Recipe,
    out: Path,
    progress: Progress = silent,
    *,
    examples: Sequence[Example] | None = None,
    device: Device = "auto",
    commit: str = "",
) -> Adapter:
    """Train an adapter and put it, whole, at `out`; one that lay there before is replaced.

    Args:
        base: folder of the base model (`core.llm.base_weights.base_folder`).
        progress: called at the first step, every five seconds and at the last; an exception raised in it ends the run.
        examples: what to train on; none: the seed examples of the pack.

    Raises:
        DomainError: an example is wrong, or asks what a golden or development case asks.
        TrainingError: the run would not give a usable adapter; nothing was written.
    """
    dataset = build(
        domain,
        domain.examples() if examples is None else examples,
        recipe.seed,
        held_out=[*domain.golden(), *domain.development()],
    )
    return train_on(base, domain, recipe, dataset, out, progress, Ways(device=device, commit=commit))


def train_on(
    base: Path, domain: Domain, recipe: Recipe, dataset: Dataset, out: Path, progress: Progress, ways: Ways
) -> Adapter:
    """As `train`, on a dataset version: first its examples, then its preferences. Goes on from checkpoints in `ways.work`."""
    started = time.monotonic()
    with card.staged(out) as folder:
        material = prepare(base, domain, recipe, dataset, ways)
        with nullcontext(ways.work) if ways.work else tempfile.TemporaryDirectory() as work:
            model, losses = learn(material, Path(work), progress, ways)
        if ways.start and material.recipe.back:
            go_back(model, Path(ways.start.path), material.recipe.back)
        ways.say("saving and checking the adapter")
        save(model, base_name(material.recipe), folder)
        facts = {"too_long": material.too_long, "losses": losses, "seconds": time.monotonic() - started}
        facts |= {"commit": ways.commit or card.commit(), "run": ways.run, "parent": parent_of(ways.start)}
        summary, name = dataset.summary(), ways.name or out.name
        made = card.describe(name, base, material.recipe, summary, material.cuda, folder, facts)
        card.write_card(folder, made)
        quantization = "nf4" if recipe.quantized(material.cuda) else "none"
        proof = prove(model, material.tokenizer, base, folder, inspection.every_row(dataset), quantization)
        inspection.base_is(base, made["base_fingerprint"], "before training it was")
        card.write_card(folder, {**made, "proof": proof})
    return read_adapter(out)


def prepare(base: Path, domain: Domain, recipe: Recipe, dataset: Dataset, ways: Ways) -> Material:
    """Everything that can be said before a step is taken. Raises TrainingError."""
    ways.say("checking the dataset and the base model")
    inspection.sound_base(base, ways.base_fingerprint, ways.start)
    inspection.sound_rows(domain, dataset)
    cuda = use_cuda(ways.device)
    tokenizer = load_tokenizer(base)
    inspection.same_tokens(tokenizer, dataset)
    rows, long_rows = encode_all(tokenizer, dataset.rows, recipe.max_length)
    pairs, long_pairs = encode_pairs(tokenizer, dataset.pairs, recipe.max_length)
    guard.not_empty(len(rows) + len(pairs), long_rows + long_pairs, recipe.max_length)
    guard.some_labels([row["labels"] for row in rows])
    if ways.start:
        recipe = like_start(recipe, Path(ways.start.path))
    recipe = inspection.as_fast(recipe.for_rows(len(rows)), cuda)
    recipe = inspection.in_parts(base, recipe, cuda, rows, pairs)
    inspection.room(base, recipe, cuda, rows, pairs)
    evaluate = encode_all(tokenizer, ways.evaluate, recipe.max_length)[0] if ways.evaluate else []
    return Material(base, tokenizer, recipe, cuda, rows, pairs, evaluate, long_rows + long_pairs)


def learn(material: Material, work: Path, progress: Progress, ways: Ways) -> tuple[Any, list[float]]:
    """Examples first, then preferences. Returns the trained PEFT model and the loss of every step."""
    recipe, pairs = material.recipe, material.pairs
    made, start = work / EXAMPLES / MADE, Path(ways.start.path) if ways.start else None
    model, losses, done = None, [], 0
    if material.rows and not made.exists():
        follow = steps_of(len(pairs), recipe, recipe.preference_epochs) if pairs else 0
        place = Place(before=ways.before, after=ways.after + follow)
        model, losses = fit(material, start, work / EXAMPLES, place, progress, ways)
        if not pairs:
            return model, losses
        keep(model, made, len(losses))
        model = None  # two models of this size need not lie in memory at once
    if material.rows:
        start, done = made, steps_kept(made)
    place = Place(before=ways.before + done, after=ways.after, phase=PREFERENCES)
    return fit(material, start, work / PREFERENCES, place, progress, ways, losses)


def fit(
    material: Material,
    start: Path | None,
    work: Path,
    place: Place,
    progress: Progress,
    ways: Ways,
    earlier: Sequence[float] = (),
) -> tuple[Any, list[float]]:
    """Train one phase, from its last checkpoint if it has one. `start`: the adapter to go on with, none: a new one."""
    monitor, checkpoint = Monitor(progress, ways.every, place), last_checkpoint(work)
    known = ways.back_to(place.before + step_of(checkpoint))
    monitor.losses = [step.loss for step in known if step.step > ways.before] or list(earlier)
    ways.say("loading the base model")
    model = load_base(material.base, material.recipe, material.cuda)
    if start is not None:
        model = carry(model, start, material.recipe)
    callbacks = [monitor.callback(), *([saving(ways.checkpoint_seconds, ways.until)] if ways.work else [])]
    common = (material.recipe, material.cuda, work, callbacks)
    if place.phase == PREFERENCES:
        trainer = preference_trainer(model, material.tokenizer, material.pairs, *common)
    else:
        evaluate = (material.evaluate, ways.evaluate_every)
        trainer = example_trainer(model, material.tokenizer, material.rows, *common, *evaluate)
        guard.some_labels(trainer.train_dataset["labels"])  # as TRL left them
    ways.say(f"training on {place.phase}")
    return carry_out(trainer, checkpoint, material.recipe), monitor.losses


def carry_out(trainer: Any, checkpoint: Path | None, recipe: Recipe) -> Any:
    """The trained model. Raises TrainingError if nothing was learned, or what was frozen has moved."""
    import torch

    model = trainer.model
    in_fp32(model)
    before, frozen = norms(model), frozen_hash(model)
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError:
        raise TrainingError(
            f"the GPU's memory ran out at batch_size {recipe.batch_size}: halve it and double "
            "gradient_accumulation, or set gradient_checkpointing"
        ) from None
    guard.all_changed(before, norms(model))
    guard.base_kept(frozen, frozen_hash(model))
    return model


def keep(model: Any, folder: Path, steps: int) -> None:
    """The adapter of a finished phase, as exact as it was trained, whole or not at all."""
    partial = folder.with_name("." + folder.name)
    model.save_pretrained(str(partial), selected_adapters=["default"])
    (partial / STEPS).write_text(str(steps))
    partial.rename(folder)


def steps_kept(folder: Path) -> int:
    return int((folder / STEPS).read_text())


def parent_of(start: Adapter | None) -> str:
    """Name and hash of the adapter that training went on from."""
    return f"{start.name} {start.sha256[:12]}" if start else ""


if __name__ == "__main__":
    from finetune.alone import main

    sys.exit(main())

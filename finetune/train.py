"""Fine-tune an adapter: QLoRA (NF4) on a GPU, LoRA in bf16 on a CPU, from the same recipe.

python -m finetune.train --domain domains/ml-desk --recipe finetune/recipes/ml-desk.yaml --out adapters/ml-desk
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.domain import Domain, load_domain
from core.errors import TriviumError
from core.llm.adapters import WEIGHTS, file_sha256, read_adapter
from core.llm.base_weights import base_fingerprint, base_folder
from core.prompts import template_hash
from core.settings import load_settings
from core.types import Adapter, Example
from finetune import card, guard
from finetune.dataset import Dataset, build
from finetune.encode import Encoded, encode_all
from finetune.guard import TrainingError
from finetune.model import Device, base_name, in_fp32, load_base, load_tokenizer, lora, norms, quiet, save, use_cuda
from finetune.monitor import Monitor, Progress, silent
from finetune.recipe import Recipe, load_recipe


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
    started = time.monotonic()
    with card.staged(out) as folder:
        cuda = use_cuda(device)
        tokenizer = load_tokenizer(base)
        rows, too_long = encode_all(tokenizer, dataset.rows, recipe.max_length)
        guard.not_empty(len(rows), too_long, recipe.max_length)
        model, losses = fit(base, tokenizer, rows, recipe, cuda, progress)
        save(model, base_name(recipe), folder)
        facts = {"too_long": too_long, "losses": losses, "seconds": time.monotonic() - started}
        facts["commit"] = commit or card.commit()
        card.write_card(folder, describe(out.name, base, recipe, dataset, cuda, folder, facts))
    return read_adapter(out)


def fit(
    base: Path, tokenizer: Any, rows: list[Encoded], recipe: Recipe, cuda: bool, progress: Progress
) -> tuple[Any, list[float]]:
    """The trained PEFT model and the loss of every step."""
    import torch
    from datasets import Dataset as Table
    from transformers import PrinterCallback
    from trl.trainer.sft_trainer import SFTTrainer

    monitor = Monitor(progress)
    with tempfile.TemporaryDirectory() as scratch:
        trainer: Any = SFTTrainer(
            model=load_base(base, recipe, cuda),
            args=arguments(recipe, cuda, scratch, warmup_steps(recipe, rows)),
            train_dataset=Table.from_list([dict(row) for row in rows]),
            processing_class=tokenizer,
            peft_config=lora(recipe),
            callbacks=[monitor.callback()],
        )
        trainer.remove_callback(PrinterCallback)
        model = trainer.model
        in_fp32(model)
        guard.some_labels(trainer.train_dataset["labels"])  # as TRL left them
        before = norms(model)
        try:
            trainer.train()
        except torch.OutOfMemoryError:
            raise TrainingError(
                f"the GPU's memory ran out at batch_size {recipe.batch_size}: halve it and double "
                "gradient_accumulation, or set gradient_checkpointing"
            ) from None
        guard.all_changed(before, norms(model))
    return model, monitor.losses


def warmup_steps(recipe: Recipe, rows: Sequence[Encoded]) -> int:
    """Rounded down: a run of few steps must not spend its only one at a learning rate of zero."""
    tokens = sum(len(row["input_ids"]) for row in rows)
    sequences = math.ceil(tokens / recipe.max_length) if recipe.packing else len(rows)
    steps = math.ceil(sequences / (recipe.batch_size * recipe.gradient_accumulation)) * recipe.epochs
    return int(recipe.warmup_ratio * steps)


def arguments(recipe: Recipe, cuda: bool, scratch: str, warmup: int) -> Any:
    from trl.trainer.sft_config import SFTConfig

    return SFTConfig(
        output_dir=scratch,
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation,
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.scheduler,
        warmup_steps=warmup,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        optim=recipe.optim(cuda),
        seed=recipe.seed,
        bf16=recipe.precision == "bf16",
        use_cpu=not cuda,
        packing=recipe.packing,
        max_length=recipe.max_length if recipe.packing else None,  # longer rows were left out
        train_sampling_strategy="group_by_length" if recipe.group_by_length else "random",
        gradient_checkpointing=recipe.gradient_checkpointing,
        dataloader_pin_memory=cuda,
        logging_steps=1,
        logging_nan_inf_filter=False,  # the guard has to see them
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def describe(
    name: str, base: Path, recipe: Recipe, dataset: Dataset, cuda: bool, folder: Path, facts: dict[str, Any]
) -> dict[str, Any]:
    """The card. `figures` is filled by an evaluation."""
    import torch

    kind = "nf4, double quantization" if recipe.quantized(cuda) else "none"
    return {
        "name": name,
        "base": base_name(recipe),
        "base_fingerprint": base_fingerprint(base),
        "sha256": file_sha256(folder / WEIGHTS),
        "template_hash": template_hash(),
        "dataset": {**dataset.summary(), "too_long": facts["too_long"]},
        "recipe": recipe.model_dump(mode="json") | {"base": base_name(recipe)},
        "alpha": recipe.lora_alpha,
        "quantization": kind,
        "seed": recipe.seed,
        "loss": card.curve(facts["losses"]),
        "versions": card.versions(),
        "hardware": torch.cuda.get_device_name(0) if cuda else card.processor(),
        "seconds": round(facts["seconds"], 1),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": facts["commit"],
        "figures": {},
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m finetune.train", description="Train an adapter.")
    parser.add_argument("--domain", type=Path, required=True, help="folder of the domain pack")
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the adapter; its last part is the name")
    parser.add_argument("--base", type=Path, help="folder of the base model; default: the recipe's, made if absent")
    parser.add_argument("--limit", type=int, help="train on the first N examples only")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    asked = parser.parse_args(argv)
    quiet()
    try:
        domain, recipe = load_domain(asked.domain), load_recipe(asked.recipe)
        say = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
        base = asked.base or base_folder(load_settings(base_model=recipe.base), say)
        examples = domain.examples()[: asked.limit]
        made = train(base, domain, recipe, asked.out, say, examples=examples, device=asked.device)
    except TriviumError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        f"{made.path}: {made.card['loss']['steps']} steps, loss {made.card['loss']['last']}, sha256 {made.sha256[:12]}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

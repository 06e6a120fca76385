"""A recipe as TRL's trainers: SFTTrainer for examples, DPOTrainer for preferences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

from finetune.encode import Encoded, EncodedPair
from finetune.model import lora
from finetune.recipe import Recipe

KEPT = 2  # checkpoints


def steps_of(sequences: int, recipe: Recipe, epochs: float) -> int:
    """Optimizer steps, as the trainer counts them."""
    batches = math.ceil(sequences / recipe.batch_size)
    return math.ceil(math.ceil(batches / recipe.gradient_accumulation) * epochs)


def warmup_steps(recipe: Recipe, rows: Sequence[Encoded]) -> int:
    """Rounded down: a run of few steps must not spend its only one at a learning rate of zero."""
    tokens = sum(len(row["input_ids"]) for row in rows)
    sequences = math.ceil(tokens / recipe.max_length) if recipe.packing else len(rows)
    steps = math.ceil(sequences / (recipe.batch_size * recipe.gradient_accumulation)) * recipe.epochs
    return int(recipe.warmup_ratio * steps)


def example_trainer(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Encoded],
    recipe: Recipe,
    cuda: bool,
    folder: Path,
    callbacks: list[Any],
    evaluate: Sequence[Encoded] = (),
    evaluate_every: int = 0,
) -> Any:
    """`model`: a base, or one that carries the adapter to go on with. `evaluate`: rows that the loss is measured on every
    so many steps, which leaves the training as it would be without."""
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from finetune import lean

    arguments = SFTConfig(
        **common(recipe, cuda, folder),
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        warmup_steps=warmup_steps(recipe, rows),
        packing=recipe.packing,
        eval_packing=False,
        max_length=recipe.max_length if recipe.packing else None,  # longer rows were left out
        train_sampling_strategy="group_by_length" if recipe.group_by_length else "random",
        eval_strategy="steps" if evaluate else "no",
        eval_steps=evaluate_every or None,
    )

    class Lean(lean.Lean, SFTTrainer):
        pass

    trainer: Any = Lean(
        model=model,
        args=arguments,
        train_dataset=table(rows),
        eval_dataset=table(evaluate) if evaluate else None,
        processing_class=tokenizer,
        peft_config=None if carries_adapter(model) else lora(recipe),
        callbacks=callbacks,
    )
    trainer.evaluate = undisturbed(trainer.evaluate)
    return without_printing(trainer)


def preference_trainer(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[EncodedPair],
    recipe: Recipe,
    cuda: bool,
    folder: Path,
    callbacks: list[Any],
) -> Any:
    """The reference is the adapter as it is now, or the bare base if the model carries none."""
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    from finetune import lean

    class Prepared(lean.Lean, DPOTrainer):
        """The pairs are token ids already, by the functions that serve."""

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    arguments = DPOConfig(
        **common(recipe, cuda, folder),
        num_train_epochs=recipe.preference_epochs,
        learning_rate=recipe.preference_rate,
        warmup_steps=int(recipe.warmup_ratio * steps_of(len(pairs), recipe, recipe.preference_epochs)),
        beta=recipe.beta,
        max_length=None,  # longer rows were left out
    )
    trainer = Prepared(
        model=model,
        args=arguments,
        train_dataset=table(pairs),
        processing_class=tokenizer,
        peft_config=None if carries_adapter(model) else lora(recipe),
        callbacks=callbacks,
    )
    return without_printing(trainer)


def common(recipe: Recipe, cuda: bool, folder: Path) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": recipe.batch_size,
        "per_device_eval_batch_size": recipe.batch_size,
        "gradient_accumulation_steps": recipe.gradient_accumulation,
        "lr_scheduler_type": recipe.scheduler,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "optim": recipe.optim(cuda),
        "seed": recipe.seed,
        "bf16": recipe.precision == "bf16",
        "use_cpu": not cuda,
        "gradient_checkpointing": recipe.gradient_checkpointing,
        "dataloader_pin_memory": cuda,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # the guard has to see them
        "save_strategy": "no",  # finetune.checkpoints says when
        "save_total_limit": KEPT,
        "report_to": "none",
        "disable_tqdm": True,
    }


def table(rows: Sequence[Any]) -> Any:
    from datasets import Dataset as Table

    return Table.from_list([dict(row) for row in rows])


def carries_adapter(model: Any) -> bool:
    return hasattr(model, "peft_config")


def without_printing(trainer: Any) -> Any:
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    return trainer


def undisturbed(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """An evaluation draws random numbers (its loader does), and with them would change the dropout of later steps."""

    @wraps(evaluate)
    def measured(*args: Any, **kwargs: Any) -> Any:
        import torch

        with torch.random.fork_rng(enabled=True):
            return evaluate(*args, **kwargs)

    return measured

"""What stops a training run: a run that "succeeds" without having learned is the commonest complaint in this field."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from core.errors import TriviumError

IGNORED = -100


class TrainingError(TriviumError):
    """A run that would not have given a usable adapter. Nothing was written."""

    status = 422
    title = "Training was stopped"


def not_empty(rows: int, left_out: int, max_length: int) -> None:
    if rows == 0 and left_out:
        raise TrainingError(f"all {left_out} rows are longer than max_length {max_length}: raise it in the recipe")
    if rows == 0:
        raise TrainingError(
            "there is nothing to train on: add rows to examples.jsonl, or approve corrections in review"
        )


def some_labels(rows: Iterable[Sequence[int]]) -> None:
    """Every row has tokens that are trained."""
    masked = [number for number, labels in enumerate(rows, 1) if all(label == IGNORED for label in labels)]
    if masked:
        raise TrainingError(
            f"{len(masked)} rows have all their labels masked (the first is row {masked[0]}), so nothing would be "
            "learned from them: the chat template and the tokenizer of the base model do not fit together"
        )


def finite(step: int, logs: Mapping[str, float]) -> None:
    """The loss and the gradient of a step are numbers."""
    for name in ("loss", "grad_norm"):
        if name in logs and not math.isfinite(logs[name]):
            raise TrainingError(
                f"{name} is {logs[name]} at step {step}: lower learning_rate or max_grad_norm, or set precision to fp32"
            )


def all_changed(before: Mapping[str, float], after: Mapping[str, float]) -> None:
    """Every matrix that starts at zero (lora_B) has moved. The maps hold a norm by parameter name."""
    starting = [name for name in before if "lora_B" in name]
    still = [name for name in starting if after[name] == before[name]]
    if still or not starting:
        raise TrainingError(
            f"{len(still)} of {len(starting)} adapter matrices did not change in training (such as "
            f"{still[0] if still else 'none found'}): no gradient reached them"
        )

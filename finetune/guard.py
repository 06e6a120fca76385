"""What stops a training run: a run that "succeeds" without having learned is the commonest complaint in this field.

All rules are pure: they are given what was measured and raise TrainingError with a sentence that says what to do next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from core.errors import TriviumError

IGNORED = -100
SHOWN = 3
# Steps in which a loss of exactly zero means that nothing is being trained; later it may be a set learned by heart.
FIRST_STEPS = 3
BY_HEART = 1e-3
# Change in log-probability (nats per token) that the adapter must make, at least for one prompt.
LEAST_EFFECT = 1e-3
# The same between the trainer's model and the served one. Both round to bf16, at other places: 0.03 with the shipped
# adapter; a scale that is wrong by a tenth gives 0.1. Of an adapter that changes little, half of that may not be lost.
ROUNDING = 0.05
SERVED_WITHIN = 0.1


class TrainingError(TriviumError):
    """A run that would not have given a usable adapter. Nothing was written."""

    status = 422
    title = "Training was stopped"


# Before a run.


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


def uncontaminated(queries: Iterable[str], held_out: Mapping[str, str], normalized: Callable[[str], str]) -> None:
    """No row asks what a held-out case asks. `held_out`: id by normalized query."""
    hits = [f"{held_out[text]} ({query[:60]!r})" for query in queries if (text := normalized(query)) in held_out]
    if hits:
        more = f" and {len(hits) - SHOWN} more" if len(hits) > SHOWN else ""
        raise TrainingError(
            f"{len(hits)} rows of the dataset ask what a held-out case asks: {', '.join(hits[:SHOWN])}{more}. Build the "
            "dataset again without them: a model must not be trained on what it is measured with"
        )


def real_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """The answers of a preference differ. `pairs`: preferred and rejected text."""
    same = [number for number, (chosen, rejected) in enumerate(pairs, 1) if chosen.strip() == rejected.strip()]
    if same:
        raise TrainingError(
            f"{len(same)} preferences name the same answer as better and as worse (the first is row {same[0]}): "
            "reject them in review and build the dataset again"
        )


def same_template(different: Sequence[str], rows: int) -> None:
    """Every prompt reads as serving would write it now. `different`: queries whose prompt does not."""
    if different:
        raise TrainingError(
            f"the prompts of {len(different)} of {rows} rows differ from what serving shows a model now (such as "
            f"{different[0][:60]!r}): the pack or the prompt functions have changed since the dataset was built; build it again"
        )


def same_base(expected: str, found: str, where: str) -> None:
    """The base has the fingerprint that it should have; `where` says whose that is."""
    if expected != found:
        raise TrainingError(
            f"the base model is {found[:12]}, and {where} {expected[:12]}: its files have changed or it is another model. "
            "Restore it, or start from the base with this one (recipe: start: base)"
        )


def enough_memory(needed: int, free: int, batch_size: int, length: int, device: str) -> None:
    """`needed` and `free` are in bytes, `length` in tokens."""
    if needed > free:
        raise TrainingError(
            f"this run needs about {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free on the {device}: halve batch_size "
            f"(now {batch_size}) and double gradient_accumulation, set gradient_checkpointing, or lower max_length (the "
            f"longest row has {length} tokens)"
        )


# While it runs.


def finite(step: int, logs: Mapping[str, float]) -> None:
    """The loss and the gradient of a step are numbers."""
    for name in ("loss", "grad_norm"):
        if name in logs and not math.isfinite(logs[name]):
            raise TrainingError(
                f"{name} is {logs[name]} at step {step}: lower learning_rate or max_grad_norm, or set precision to fp32"
            )


def alive(step: int, logs: Mapping[str, float]) -> None:
    """Something is being learned. At the end of a set learned by heart, loss and gradient may both be zero."""
    early = step <= FIRST_STEPS
    if logs.get("grad_norm") == 0 and (early or logs.get("loss", 0.0) > BY_HEART):
        raise TrainingError(
            f"the gradient is zero at step {step}, so nothing is learned: no trained parameter has a part in the loss; "
            "check target_modules, and that the answers are not masked"
        )
    if logs.get("loss") == 0 and early:
        raise TrainingError(
            f"the loss is zero at step {step}: the labels are masked, or the model knows every answer by heart already; "
            "check the dataset, or start from the base (recipe: start: base)"
        )


# Afterwards.


def all_changed(before: Mapping[str, float], after: Mapping[str, float]) -> None:
    """Every matrix that starts at zero (lora_B) has moved. The maps hold a norm by parameter name."""
    starting = [name for name in before if "lora_B" in name]
    still = [name for name in starting if after[name] == before[name]]
    if still or not starting:
        raise TrainingError(
            f"{len(still)} of {len(starting)} adapter matrices did not change in training (such as "
            f"{still[0] if still else 'none found'}): no gradient reached them"
        )


def base_kept(before: str, after: str) -> None:
    """Fingerprints of the frozen weights in memory."""
    if before != after:
        raise TrainingError(
            "the base model's own weights changed in training, so the adapter fits a model that nobody has: "
            "report this, and train again with quantization: none"
        )


def outputs_differ(changes: Sequence[float]) -> None:
    """`changes`: by prompt, how far the predictions with the adapter are from those of the base (nats per token)."""
    if not changes or max(changes) < LEAST_EFFECT:
        raise TrainingError(
            f"with the adapter the answers are as likely as without (largest change {max(changes, default=0):.1e} nats per "
            "token): it has learned nothing; raise learning_rate or epochs"
        )


def served_as_trained(gaps: Sequence[float], effect: float) -> None:
    """`gaps`: how far the predictions of the served adapter are from those of the trainer's model (nats per token);
    `effect`: how far the adapter moved them from the base's."""
    worst = max((math.inf if math.isnan(gap) else gap for gap in gaps), default=math.inf)
    allowed = min(SERVED_WITHIN, max(ROUNDING, effect / 2))
    if worst > allowed:
        raise TrainingError(
            f"the adapter as it would be served differs from the one that was trained by {worst:.3f} nats per token "
            f"(allowed: {allowed:.3f}): what was saved is not what was trained; train again, and report it if it stays so"
        )

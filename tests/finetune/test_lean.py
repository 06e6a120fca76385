"""What a step leaves out changes nothing: the same rows, loss and gradients as TRL's own way."""

from contextlib import nullcontext

import pytest
import torch
from transformers import TrainerCallback

from finetune import lean
from finetune.model import load_base, load_tokenizer
from finetune.trainers import example_trainer, preference_trainer
from tests.finetune.conftest import RECIPE

IN_PARTS = RECIPE.changed(batch_size=2, gradient_accumulation=2, epochs=2, preference_epochs=2, preference_rate=1e-2)
PROMPT, ANSWER = [1, 40, 41, 42], [50, 51, 2]


def rows():
    """Long and short ones in turn, with answers of one to four tokens."""
    prompts = [PROMPT * (1 + 5 * (n % 2)) + [60 + n] for n in range(8)]
    answers = [[70 + n] * (n % 4) + [2] for n in range(8)]
    return [
        {"input_ids": [*prompt, *answer], "labels": [-100] * len(prompt) + answer}
        for prompt, answer in zip(prompts, answers, strict=True)
    ]


def pairs():
    return [
        {
            "prompt_ids": PROMPT * (1 + 5 * (n % 2)),
            "chosen_ids": [70 + n, 2],
            "rejected_ids": [80 + n] * (1 + n % 3) + [2],
        }
        for n in range(8)
    ]


class Notes(TrainerCallback):
    """Loss and gradients of every step."""

    def __init__(self):
        self.losses, self.gradients = [], []

    def on_pre_optimizer_step(self, *_, model, **__):
        self.gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad})

    def on_log(self, *_, logs, **__):
        self.losses += [logs["loss"]] if "loss" in logs else []


def trained(base, folder, make, material, recipe=IN_PARTS):
    notes = Notes()
    trainer = make(load_base(base, recipe, False), load_tokenizer(base), material, recipe, False, folder, [notes])
    trainer.train()
    return notes


def plain(patch):
    patch.setattr(lean, "labelled_alone", nullcontext)
    patch.setattr(lean, "unmasked", nullcontext)
    patch.delattr(lean.Lean, "_get_train_sampler")


WAYS = pytest.mark.parametrize(
    ("make", "material"), [(example_trainer, rows()), (preference_trainer, pairs())], ids=["examples", "preferences"]
)


@WAYS
def test_loss_and_gradients_are_those_of_the_plain_way(base, tmp_path, monkeypatch, make, material):
    mine = trained(base, tmp_path, make, material)
    with monkeypatch.context() as patch:
        plain(patch)
        theirs = trained(base, tmp_path, make, material)
    assert len(mine.losses) == 4
    assert mine.losses == pytest.approx(theirs.losses, rel=1e-5)
    for one, other in zip(mine.gradients, theirs.gradients, strict=True):
        for name, gradient in one.items():
            torch.testing.assert_close(gradient, other[name], rtol=1e-3, atol=1e-6, msg=name)


@WAYS
def test_the_model_gets_no_mask_and_the_head_what_is_labelled(base, tmp_path, monkeypatch, make, material):
    masks, scored = [], []

    class Head:
        @staticmethod
        def apply(hidden, *given):
            scored.append(len(hidden))
            return head.apply(hidden, *given)

    def load(*given):
        model = load_plainly(*given)
        model.model.register_forward_pre_hook(
            lambda _, __, kwargs: masks.append(kwargs.get("attention_mask")), with_kwargs=True
        )
        return model

    head, load_plainly = lean.utils._ChunkedLogProbFunction, load_base
    monkeypatch.setattr(lean.utils, "_ChunkedLogProbFunction", Head)
    monkeypatch.setattr("tests.finetune.test_lean.load_base", load)
    trained(base, tmp_path, make, material)
    answers = sum(sum(label != -100 for label in row["labels"]) for row in rows())
    both = sum(len(pair["chosen_ids"]) + len(pair["rejected_ids"]) for pair in pairs())
    epochs, read_by_reference_too = 2, 2
    assert sum(scored) == epochs * (answers if material == rows() else both * read_by_reference_too)
    assert len(masks) == len(scored)
    assert all(mask is None for mask in masks)
    assert lean.utils._use_triton(torch.device("cpu")) is False


def test_parts_of_a_step_hold_rows_of_like_length():
    lengths = [9, 1, 8, 2, 7, 3, 6, 4, 5]
    order = lean.SeedableRandomSampler(lengths, data_seed=7)
    alike = lean.AlikeInParts(order, lengths, step=4)
    epochs = []
    for epoch in (0, 1):
        order.set_epoch(epoch)
        shuffled = list(order)
        alike.set_epoch(epoch)
        found = list(alike)
        assert len(found) == len(alike) == 9
        for first in (0, 4, 8):
            step = [lengths[n] for n in found[first : first + 4]]
            assert step == sorted((lengths[n] for n in shuffled[first : first + 4]), reverse=True)
        epochs.append(found)
    assert epochs[0] != epochs[1]

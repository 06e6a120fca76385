"""Every rule of the guard, each with a bad run that it stops. The models have two layers and really train."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace

import pytest

from core.domain import load_domain
from core.types import Example
from finetune import guard, inspection, memory
from finetune import proof as proofs
from finetune import train as training
from finetune.dataset import Dataset, build, to_row
from finetune.encode import served_ids
from finetune.guard import TrainingError
from finetune.memory import Size, needed
from finetune.monitor import silent
from finetune.train import train_on
from tests.finetune.conftest import RECIPE, TEMPLATE, examples, tokenizer
from tests.finetune.test_phases import CPU, dataset, pairs

SMOL = Size(parameters=134_515_008, hidden=576, inner=1536, layers=30, vocabulary=49_152)
SEVEN = Size(parameters=7_000_000_000, hidden=4096, inner=11008, layers=32, vocabulary=32_000)


def stopped(base, domain, out, match, recipe=RECIPE, data=None, ways=CPU):
    """The run is stopped with that sentence, and nothing is written."""
    with pytest.raises(TrainingError, match=match):
        train_on(base, domain, recipe, data or dataset(domain), out, silent, ways)
    assert not out.exists()


# Before


def test_masked_labels(base, domain, tmp_path, monkeypatch):
    masked = [{"input_ids": [1, 2, 3], "labels": [-100, -100, -100]}]
    monkeypatch.setattr(training, "encode_all", lambda *_: (masked, 0))
    stopped(base, domain, tmp_path / "made", "labels masked")


def test_an_empty_set(base, domain, tmp_path):
    stopped(base, domain, tmp_path / "made", "nothing to train on", data=Dataset(version="v", rows=()))
    stopped(base, domain, tmp_path / "made", "longer than max_length 20", recipe=RECIPE.changed(max_length=20))


def test_a_held_out_question_in_examples_or_preferences(base, domain, tmp_path):
    spoiled = build(domain, [*examples(), Example(task="label", query="label: GATE", answer="open")], 0, held_out=[])
    data = Dataset(version="v", rows=spoiled.rows)
    stopped(base, domain, tmp_path / "made", "1 rows of the dataset .* golden-1", data=data)
    row = to_row(domain, Example(task="label", query="Label: window 1", answer="open"))
    pair = pairs(domain, 1)[0].model_copy(update={"prompt": row.prompt})
    stopped(base, domain, tmp_path / "made", "dev-1", data=Dataset(version="v", rows=(), pairs=(pair,)))


def test_a_preference_for_the_same_answer(base, domain, tmp_path):
    [pair] = pairs(domain, 1)
    same = pair.model_copy(update={"rejected": pair.completion})
    stopped(
        base,
        domain,
        tmp_path / "made",
        "same answer as better and as worse",
        data=Dataset(version="v", rows=(), pairs=(same,)),
    )


def test_a_pack_that_was_changed_after_the_dataset_was_built(base, domain, tmp_path):
    data, file = dataset(domain), domain.folder / "domain.yaml"
    file.write_text(file.read_text().replace("Give the label.", "Name the label."))
    stopped(
        base, load_domain(domain.folder), tmp_path / "made", "12 of 12 rows differ from what serving shows", data=data
    )


def test_a_template_that_renders_a_prompt_otherwise_once_the_answer_follows(base, domain, tmp_path):
    copy = tmp_path / "base"
    shutil.copytree(base, copy)
    made = tokenizer()
    made.chat_template = TEMPLATE.replace(
        "+ message['content']", "+ message['content'] + ('' if add_generation_prompt else '!')"
    )
    made.save_pretrained(copy)
    stopped(copy, domain, tmp_path / "made", "differently in training and in serving")


def test_an_engine_that_reads_the_prompt_in_other_tokens(base, domain, tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "served_ids", lambda *given: [1, *served_ids(*given)])
    stopped(base, domain, tmp_path / "made", "12 of 12 rows differ from what serving shows")


def test_too_little_memory(base, domain, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda cuda: 100_000_000)
    stopped(base, domain, tmp_path / "made", "needs about 0.7 GB and 0.1 GB are free .* halve batch_size")


def test_the_estimate_follows_model_batch_length_and_recipe():
    recipe = RECIPE.changed(r=32, dropout=0.1, precision="bf16")
    measured = needed(SMOL, recipe, False, 16, 221)
    assert 11.8e9 * 0.8 < measured < 11.8e9 * 1.2  # the peak of a real run (48 rows of the demo pack)
    assert needed(SMOL, recipe, False, 8, 221) < 0.6 * measured
    assert needed(SMOL, recipe, False, 16, 442) > 1.8 * measured
    assert needed(SMOL, recipe.changed(gradient_checkpointing=True), False, 16, 221) < 0.4 * measured
    assert needed(SMOL, recipe, False, 16, 221, pairs=True) > 1.8 * measured
    four_bit = needed(SEVEN, recipe.changed(gradient_checkpointing=True), True, 1, 512)
    sixteen = needed(SEVEN, recipe.changed(gradient_checkpointing=True, quantization="none"), True, 1, 512)
    assert 4e9 < four_bit < 9e9  # published peaks are 6 to 9 GB
    assert sixteen > 14e9


def test_the_size_of_a_base_is_read_without_loading_it(base):
    size = memory.size_of(base)
    assert (size.hidden, size.layers, size.vocabulary) == (32, 2, 260)
    assert size.parameters == 260 * 32 + 2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 32 * 64 + 2 * 32) + 32
    (base / "config.json").rename(base / "kept.json")
    try:
        with pytest.raises(TrainingError, match="does not describe a language model"):
            memory.size_of(base)
    finally:
        (base / "kept.json").rename(base / "config.json")


def test_a_base_that_is_not_the_one_of_the_order(base, domain, tmp_path):
    stopped(
        base, domain, tmp_path / "made", "the run was ordered for 0000", ways=replace(CPU, base_fingerprint="0" * 64)
    )


def test_a_converted_base_whose_file_no_longer_is_what_was_noted(base, domain, tmp_path):
    copy = tmp_path / "base"
    shutil.copytree(base, copy)
    (copy / "trivium.json").write_text(json.dumps({"fingerprint": "1" * 64}))
    stopped(copy, domain, tmp_path / "made", "at conversion it was 1111")


# While it runs


def test_a_gradient_that_is_zero(base, domain, tmp_path, monkeypatch):
    """LoRA matrices that are all zero: neither gets a gradient from the other."""

    def kill(model):
        original(model)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data.zero_()

    original = training.in_fp32
    monkeypatch.setattr(training, "in_fp32", kill)
    stopped(base, domain, tmp_path / "made", "gradient is zero at step 1")


def test_a_gradient_that_is_no_number(base, domain, tmp_path, monkeypatch):
    def poison(model):
        original(model)
        next(p for p in model.parameters() if p.requires_grad).data.fill_(float("nan"))

    original = training.in_fp32
    monkeypatch.setattr(training, "in_fp32", poison)
    stopped(base, domain, tmp_path / "made", "nan at step 1")


def test_a_loss_of_zero_at_the_start_but_not_at_the_end():
    with pytest.raises(TrainingError, match="loss is zero at step 2"):
        guard.alive(2, {"loss": 0.0, "grad_norm": 0.5})
    with pytest.raises(TrainingError, match="gradient is zero at step 90"):
        guard.alive(90, {"loss": 0.7, "grad_norm": 0.0})
    guard.alive(90, {"loss": 0.0, "grad_norm": 0.0})
    guard.alive(1, {"loss": 0.1, "grad_norm": 0.1})


# Afterwards


def test_an_adapter_that_did_not_move(base, domain, tmp_path):
    recipe = RECIPE.changed(scheduler="constant_with_warmup", warmup_ratio=0.99)  # the rate is zero in its only step
    recipe = recipe.changed(learning_rate=1e-30, batch_size=64, epochs=1)
    stopped(base, domain, tmp_path / "made", "did not change|as likely as without", recipe=recipe)


def test_a_base_that_is_trained_along(base, domain, tmp_path, monkeypatch):
    """A frozen weight is moved behind the trainer's back in the middle of the run."""

    def disturbed(step):
        with torch.no_grad():
            seen[0].get_parameter(frozen[0]).mul_(1.01)

    import torch

    seen, frozen, original = [], [], training.in_fp32

    def watch(model):
        original(model)
        seen.append(model)
        frozen.append(next(name for name, p in model.named_parameters() if not p.requires_grad))

    monkeypatch.setattr(training, "in_fp32", watch)
    with pytest.raises(TrainingError, match="base model's own weights changed"):
        train_on(base, domain, RECIPE, dataset(domain), tmp_path / "made", disturbed, CPU)
    assert not (tmp_path / "made").exists()


def test_a_base_that_changes_on_the_disk_while_it_is_trained_on(base, domain, tmp_path):
    copy = tmp_path / "base"
    shutil.copytree(base, copy)
    [weights] = copy.glob("*.safetensors")

    def disturbed(step):
        if step.step == 1:
            weights.write_bytes(weights.read_bytes()[:-4] + b"\x01\x02\x03\x04")

    with pytest.raises(TrainingError):
        train_on(copy, domain, RECIPE, dataset(domain), tmp_path / "made", disturbed, CPU)
    assert not (tmp_path / "made").exists()


def test_an_adapter_without_effect(base, domain, tmp_path):
    stopped(base, domain, tmp_path / "made", "as likely as without", recipe=RECIPE.changed(learning_rate=1e-7))


@pytest.mark.parametrize("damage", ["scale", "zero"])
def test_an_adapter_that_was_saved_otherwise_than_trained(base, domain, tmp_path, monkeypatch, damage):
    from finetune import model as models

    def wrong(model, name, folder):
        models.save(model, name, folder)
        if damage == "scale":
            config = json.loads((folder / "adapter_config.json").read_text())
            config["lora_alpha"] *= 4
            (folder / "adapter_config.json").write_text(json.dumps(config))
        else:
            from safetensors.torch import load_file, save_file

            tensors = load_file(folder / "adapter_model.safetensors")
            save_file({key: tensor * 0 for key, tensor in tensors.items()}, folder / "adapter_model.safetensors")

    monkeypatch.setattr(training, "save", wrong)
    recipe = RECIPE.changed(epochs=10)
    stopped(base, domain, tmp_path / "made", "as it would be served differs", recipe=recipe)


def test_a_gap_that_is_no_number_is_the_worst():
    guard.served_as_trained([0.0, 0.05], 3.0)
    for gap in (math.inf, math.nan, 0.2):
        with pytest.raises(TrainingError, match="differs from the one that was trained"):
            guard.served_as_trained([0.0, gap], 3.0)
    guard.served_as_trained([0.03], 0.001)  # the noise of bf16, whatever was learned
    with pytest.raises(TrainingError, match=r"allowed: 0\.060"):
        guard.served_as_trained([0.07], 0.12)  # more than half of what was learned is lost


def test_prompts_of_every_task_are_asked(domain):
    rows = [to_row(domain, example) for example in examples(6)]
    form = to_row(domain, Example(task="form", query="Form: 1 door", answer="{}"))
    assert [row.task for row in proofs.sample([*rows, form])] == ["label", "form", "label", "label"]

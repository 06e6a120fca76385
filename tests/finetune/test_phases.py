"""Preferences, warm starts, checkpoints and an evaluation in the middle, with a two-layer model that really trains."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.llm.adapters import WEIGHTS, read_adapter
from core.llm.base_weights import base_fingerprint
from core.types import Message
from finetune.checkpoints import last_checkpoint, mark_whole
from finetune.dataset import Dataset, Row, build, to_row
from finetune.guard import TrainingError
from finetune.monitor import silent
from finetune.rows import version_of
from finetune.train import Ways, train_on
from tests.finetune.conftest import RECIPE, examples, tiny

CPU = Ways(device="cpu", commit="abc", every=0)


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def pairs(domain, count=8) -> tuple[Row, ...]:
    """People preferred "open" to "shut", whatever the door."""
    rows = [to_row(domain, example.model_copy(update={"answer": "open"})) for example in examples(count)]
    return tuple(row.model_copy(update={"rejected": (Message(role="assistant", content="shut"),)}) for row in rows)


def dataset(domain, rows=12, preferences=0) -> Dataset:
    made = build(domain, examples(rows), 7, held_out=[])
    both = pairs(domain, preferences)
    return Dataset(version=version_of((*made.rows, *both)), rows=made.rows, pairs=both)


def sha(folder) -> str:
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


class Journal:
    """Steps as a run folder keeps them; ends the run at `die_at`."""

    def __init__(self, die_at=0):
        self.steps, self.die_at = [], die_at

    def __call__(self, step):
        self.steps.append(step)
        if step.step == self.die_at:
            self.die_at = 0
            raise Killed

    def back_to(self, step):
        self.steps = [one for one in self.steps if one.step <= step]
        return list(self.steps)


def test_preferences_are_trained_after_the_examples_and_make_the_preferred_answer_likelier(base, domain, tmp_path):
    journal, data = Journal(), dataset(domain, 12, 8)
    recipe = RECIPE.changed(preference_rate=1e-2, preference_epochs=3, beta=1)
    made = train_on(base, domain, recipe, data, tmp_path / "both", journal, CPU)
    phases = [step.phase for step in journal.steps]
    assert phases == ["examples"] * 6 + ["preferences"] * 6
    assert [step.step for step in journal.steps] == list(range(1, 13))
    assert {step.steps for step in journal.steps} == {12}
    assert journal.steps[6].loss == pytest.approx(0.693, abs=1e-3)  # ln 2: the reference is the adapter as it was
    assert journal.steps[-1].loss < 0.6
    assert made.card["loss"]["steps"] == 12
    assert made.card["dataset"]["pairs"] == 8


def test_preferences_alone_are_enough(base, domain, tmp_path):
    recipe = RECIPE.changed(preference_rate=1e-2, preference_epochs=2)
    journal = Journal()
    train_on(base, domain, recipe, Dataset(version="v", rows=(), pairs=pairs(domain)), tmp_path / "made", journal, CPU)
    assert [step.phase for step in journal.steps] == ["preferences"] * 4


@pytest.mark.parametrize(("die_at", "parts"), [(4, 1), (9, 1), (4, 2), (9, 2)])
def test_a_killed_run_goes_on_from_its_last_checkpoint_and_ends_the_same(base, domain, tmp_path, die_at, parts):
    recipe = RECIPE.changed(dropout=0.1, preference_rate=1e-2, preference_epochs=3).in_parts(4 // parts)
    data, whole, broken = dataset(domain, 12, 8), Journal(), Journal(die_at)
    expected = train_on(base, domain, recipe, data, tmp_path / "whole", whole, replace(CPU, work=tmp_path / "w1"))
    ways = replace(CPU, work=tmp_path / "w2", checkpoint_seconds=0, back_to=broken.back_to)
    with pytest.raises(Killed):
        train_on(base, domain, recipe, data, tmp_path / "broken", broken, ways)
    before = len(broken.steps)
    again = train_on(base, domain, recipe, data, tmp_path / "broken", broken, ways)
    assert again.sha256 == expected.sha256
    assert [step.step for step in broken.steps] == list(range(1, 13))
    assert [step.loss for step in broken.steps] == pytest.approx([step.loss for step in whole.steps])
    assert again.card["loss"]["points"] == expected.card["loss"]["points"]
    assert before == die_at


def test_half_a_checkpoint_is_never_read(tmp_path):
    for step in (2, 10, 12):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "weights").touch()
    assert last_checkpoint(tmp_path / "none") is None
    for step in (2, 10):
        mark_whole(tmp_path / f"checkpoint-{step}")
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-10"
    assert not (tmp_path / "checkpoint-12").exists()


def test_a_warm_start_goes_on_from_the_weights_of_an_adapter(base, domain, tmp_path):
    data = dataset(domain)
    first = train_on(base, domain, RECIPE.changed(epochs=6), data, tmp_path / "first", silent, CPU)
    journal = Journal()
    recipe = RECIPE.changed(r=16, learning_rate=1e-4)
    second = train_on(base, domain, recipe, data, tmp_path / "second", journal, replace(CPU, start=first))
    assert journal.steps[0].loss == pytest.approx(first.card["loss"]["last"], abs=0.05)
    assert journal.steps[0].loss < first.card["loss"]["first"] - 0.2
    assert second.card["parent"] == f"first {first.sha256[:12]}"
    assert second.card["recipe"]["r"] == 4  # the matrices keep their shape
    assert second.sha256 != first.sha256
    assert sha(tmp_path / "first") == first.sha256


def test_a_warm_start_from_another_base_is_refused(base, domain, tmp_path):
    first = train_on(base, domain, RECIPE.changed(epochs=1), dataset(domain), tmp_path / "first", silent, CPU)
    other = first.model_copy(update={"base_fingerprint": "0" * 64})
    with pytest.raises(TrainingError, match="adapter first was trained for 000000000000"):
        train_on(base, domain, RECIPE, dataset(domain), tmp_path / "made", silent, replace(CPU, start=other))
    weights = tmp_path / "first" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-4] + b"oops")
    with pytest.raises(TrainingError, match="sha256 differs"):
        train_on(base, domain, RECIPE, dataset(domain), tmp_path / "made", silent, replace(CPU, start=first))


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_an_evaluation_in_the_middle_changes_nothing(domain, tmp_path, quantization):
    """Trap 4: bitsandbytes re-packs a 4-bit layer at its first evaluation, and training after that is silently wrong."""
    base = tiny(tmp_path / "base", hidden=64)  # the least that is re-packed
    recipe = RECIPE.changed(quantization=quantization, precision="bf16", dropout=0.1, epochs=3)
    data = dataset(domain)
    without = train_on(base, domain, recipe, data, tmp_path / "without", silent, CPU)
    ways = replace(CPU, evaluate=data.rows[:5], evaluate_every=2)
    measured = train_on(base, domain, recipe, data, tmp_path / "with", silent, ways)
    assert measured.sha256 == without.sha256


def test_the_card_says_what_was_proved(base, domain, tmp_path):
    ways = replace(CPU, run="run-1", name="office", base_fingerprint=base_fingerprint(base))
    card = train_on(base, domain, RECIPE, dataset(domain), tmp_path / "adapter", silent, ways).card
    assert card["name"] == "office"
    assert card["run"] == "run-1"
    assert card["parent"] == ""
    assert card["proof"]["answers_changed_by"] > 0.01
    assert card["proof"]["served_differs_by"] < 0.1
    assert read_adapter(tmp_path / "adapter").card == card


def test_a_base_that_changed_since_the_order_is_refused(base, domain, tmp_path):
    copy = tmp_path / "base"
    shutil.copytree(base, copy)
    fingerprint = base_fingerprint(copy)
    [weights] = copy.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-4] + b"\x01\x02\x03\x04")
    ways = replace(CPU, base_fingerprint=fingerprint)
    with pytest.raises(TrainingError, match="the run was ordered for"):
        train_on(copy, domain, RECIPE, dataset(domain), tmp_path / "made", silent, ways)


def test_a_warm_start_can_go_back_a_part_of_the_way(base, domain, tmp_path):
    data = dataset(domain)
    first = train_on(base, domain, RECIPE.changed(epochs=6), data, tmp_path / "first", silent, CPU)
    made = {}
    for back in (0.0, 0.25):
        ways = replace(CPU, start=first)
        made[back] = train_on(base, domain, RECIPE.changed(back=back), data, tmp_path / str(back), silent, ways)
    import torch
    from safetensors.torch import load_file

    start, whole, part = (load_file(Path(one.path) / WEIGHTS) for one in (first, made[0.0], made[0.25]))
    for name in start:
        assert torch.allclose(part[name].float(), 0.75 * whole[name].float() + 0.25 * start[name].float(), atol=1e-2)
    assert made[0.25].sha256 not in (first.sha256, made[0.0].sha256)

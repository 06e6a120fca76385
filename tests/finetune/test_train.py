"""Real training runs of a two-layer model, seconds long."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from core.errors import DomainError
from core.llm.adapters import check_adapter, read_adapter
from core.llm.base_weights import base_fingerprint
from core.prompts import template_hash
from core.settings import ROOT
from core.types import Example
from finetune import alone
from finetune import train as training
from finetune.guard import TrainingError
from finetune.model import load_base
from finetune.train import train
from tests.finetune.conftest import RECIPE, examples

FILES = ["README.md", "adapter_config.json", "adapter_model.safetensors", "card.json"]


def weights(folder):
    from safetensors.torch import load_file

    return load_file(folder / "adapter_model.safetensors")


@pytest.fixture(scope="module")
def steps():
    return []


@pytest.fixture
def adapter(base, domain, tmp_path, steps):
    return train(base, domain, RECIPE, tmp_path / "adapters" / "office", steps.append, device="cpu", commit="abc123")


def test_the_adapter_changed_and_the_base_did_not(base, domain, tmp_path):
    before = base_fingerprint(base)
    kept = {}

    def keep(model):
        kept.update({name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad})
        return original(model)

    original, seen = training.norms, []
    try:
        training.norms = lambda model: (seen.append(model), keep(model))[1] if not seen else original(model)
        train(base, domain, RECIPE, tmp_path / "made", device="cpu")
    finally:
        training.norms = original
    for name, parameter in seen[0].named_parameters():
        if not parameter.requires_grad:
            assert parameter.equal(kept[name]), name
    changed = weights(tmp_path / "made")
    assert all(tensor.float().abs().sum() > 0 for name, tensor in changed.items() if "lora_B" in name)
    assert base_fingerprint(base) == before


def test_what_is_written_is_complete_and_says_what_it_is(adapter, base, domain, tmp_path, steps):
    folder = tmp_path / "adapters" / "office"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}
    check_adapter(adapter, base_fingerprint(base))
    assert adapter.sha256 == hashlib.sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest()
    assert {str(tensor.dtype) for tensor in weights(folder).values()} == {"torch.bfloat16"}
    card = adapter.card
    assert card["base_fingerprint"] == base_fingerprint(base)
    assert card["template_hash"] == template_hash()
    assert card["dataset"]["tasks"] == {"label": 12}
    assert card["recipe"]["r"] == 4
    assert card["commit"] == "abc123"
    assert card["loss"]["steps"] == 6
    assert card["loss"]["last"] < card["loss"]["first"]
    assert steps[-1].step == steps[-1].steps == 6
    assert "loss" in str(steps[-1])


def test_no_file_names_a_place_of_this_machine(adapter, base, tmp_path):
    for name in ("README.md", "adapter_config.json", "card.json"):
        text = (tmp_path / "adapters" / "office" / name).read_text()
        assert str(base) not in text
        assert str(tmp_path) not in text
    config = json.loads((tmp_path / "adapters" / "office" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == RECIPE.base


def test_the_same_recipe_and_data_give_the_same_weights(adapter, base, domain, tmp_path):
    again = train(base, domain, RECIPE, tmp_path / "again", examples=domain.examples()[::-1], device="cpu")
    assert again.sha256 == adapter.sha256


def test_packed_rows_do_not_see_each_other(base, domain, tmp_path):
    """One packed sequence has the loss of a batch with the same rows one by one."""
    losses = []
    for packing in (False, True):
        recipe = RECIPE.changed(packing=packing, max_length=500, epochs=1)
        made = train(base, domain, recipe, tmp_path / f"{packing}", examples=examples(4), device="cpu")
        losses.append(made.card["loss"]["points"])
    assert len(losses[0]) == len(losses[1]) == 1
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)


@pytest.mark.parametrize(("batch", "warmup"), [(12, 0), (1, 2)])
def test_a_run_of_one_step_has_no_warmup(batch, warmup):
    rows: list = [{"input_ids": [1] * 10, "labels": [1] * 10}] * 12
    recipe = RECIPE.changed(warmup_ratio=0.1, batch_size=batch, epochs=2)
    assert training.warmup_steps(recipe, rows) == warmup


def test_a_4_bit_base_trains_on_a_cpu_and_is_never_repacked(base, domain, tmp_path):
    from bitsandbytes.nn.modules import Linear4bit

    recipe = RECIPE.changed(quantization="nf4", precision="bf16")
    model = load_base(base, recipe, cuda=False)
    flags = [module.support_avx512bf16_for_cpu for module in model.modules() if isinstance(module, Linear4bit)]
    assert flags
    assert not any(flags)
    card = train(base, domain, recipe, tmp_path / "made", device="cpu").card
    assert card["quantization"] == "nf4, double quantization"


def test_an_empty_set_is_refused(base, domain, tmp_path):
    with pytest.raises(TrainingError, match="nothing to train on"):
        train(base, domain, RECIPE, tmp_path / "made", examples=[], device="cpu")
    assert not (tmp_path / "made").exists()


def test_a_folder_that_is_no_adapter_is_never_replaced(base, domain):
    with pytest.raises(TrainingError, match="no adapter"):
        train(base, domain, RECIPE, domain.folder, device="cpu")
    assert (domain.folder / "domain.yaml").is_file()


def test_a_golden_question_is_refused(base, domain, tmp_path):
    spoiled = [*examples(), Example(task="label", query="Label: gate", answer="open")]
    with pytest.raises(DomainError, match="golden-1"):
        train(base, domain, RECIPE, tmp_path / "made", examples=spoiled, device="cpu")


def test_masked_labels_stop_the_run(base, domain, tmp_path, monkeypatch):
    def masked(tokenizer, rows, max_length):
        return [{"input_ids": [1, 2, 3], "labels": [-100, -100, -100]}], 0

    monkeypatch.setattr(training, "encode_all", masked)
    with pytest.raises(TrainingError, match="masked"):
        train(base, domain, RECIPE, tmp_path / "made", device="cpu")


def test_a_loss_that_is_no_number_stops_the_run_and_leaves_the_old_adapter(adapter, base, domain, tmp_path):
    folder = tmp_path / "adapters" / "office"
    bad = RECIPE.changed(learning_rate=0.1, max_grad_norm=1e9, epochs=20, seed=1)

    def poison(model):
        original(model)
        next(p for p in model.parameters() if p.requires_grad).data.fill_(float("nan"))

    original = training.in_fp32
    training.in_fp32 = poison
    try:
        with pytest.raises(TrainingError, match="at step 1"):
            train(base, domain, bad, folder, device="cpu")
    finally:
        training.in_fp32 = original
    assert read_adapter(folder).sha256 == adapter.sha256
    assert [path.name for path in folder.parent.iterdir()] == ["office"]


def test_a_run_that_changes_nothing_is_refused(base, domain, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "norms", lambda model: {"layer.lora_B": 0.0})
    with pytest.raises(TrainingError, match="did not change"):
        train(base, domain, RECIPE, tmp_path / "made", device="cpu")


def test_a_stopped_run_leaves_nothing(base, domain, tmp_path):
    class Stopped(Exception):
        pass

    def stop(step):
        raise Stopped

    with pytest.raises(Stopped):
        train(base, domain, RECIPE, tmp_path / "adapters" / "office", stop, device="cpu")
    assert list((tmp_path / "adapters").iterdir()) == []


@pytest.mark.model
def test_a_killed_run_leaves_no_adapter(base, domain, tmp_path):
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "adapters" / "office"
    recipe.write_text("epochs: 100\nbatch_size: 1\nprecision: fp32\n")
    command = [sys.executable, "-m", "finetune.train", "--device", "cpu", "--base", str(base)]
    command += ["--domain", str(domain.folder), "--recipe", str(recipe), "--out", str(out)]
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env={**os.environ})
    try:
        assert child.stderr is not None
        assert any("step 1/" in line for line in child.stderr)
        time.sleep(0.5)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert not out.exists()
    assert not any((folder / "card.json").exists() for folder in out.parent.iterdir())


@pytest.mark.model
def test_the_command_line_trains_and_says_what_is_wrong(base, domain, tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("epochs: 1\nprecision: fp32\n")
    asked = ["--device", "cpu", "--base", str(base), "--domain", str(domain.folder)]
    assert alone.main([*asked, "--recipe", str(recipe), "--out", str(tmp_path / "made")]) == 0
    assert read_adapter(tmp_path / "made").name == "made"
    recipe.write_text("epochs: none\n")
    assert alone.main([*asked, "--recipe", str(recipe), "--out", str(tmp_path / "made")]) == 1
    assert "epochs" in capsys.readouterr().err

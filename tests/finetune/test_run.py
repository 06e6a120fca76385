"""The trainer's own process, really training a two-layer model; killed, stopped, searching."""

from __future__ import annotations

import json
import os
import signal

import pytest

from core.llm.adapters import check_adapter, read_adapter
from core.llm.base_weights import base_fingerprint
from finetune.child import trainer_command, watch
from finetune.guard import TrainingError
from finetune.manifest import manifest
from finetune.rows import Limits
from finetune.run import main
from finetune.runs import Order, RunFolder, copy_start
from finetune.search import best
from finetune.versions import write
from tests.finetune.conftest import RECIPE
from tests.finetune.test_phases import dataset
from tests.finetune.test_runs import alive, until


def order(base, domain, folder, **values) -> Order:
    made = dataset(domain, 12, 8)
    if not (folder / "datasets" / made.version).exists():
        write(folder / "datasets", made, manifest(domain, made, Limits()))
    common = {
        "name": "office",
        "base": str(base),
        "base_fingerprint": base_fingerprint(base),
        "pack": str(domain.folder),
    }
    recipe = RECIPE.changed(preference_rate=1e-2)
    return Order(
        **{**common, "dataset": str(folder / "datasets" / made.version), "recipe": recipe, "device": "cpu", **values}
    )


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder(tmp_path / "runs" / "one")


def trained(run, order) -> RunFolder:
    run.write(order)
    assert main([str(run.path)]) == 0
    return run


def test_a_run_ends_with_an_adapter_and_no_checkpoints(base, domain, tmp_path, run):
    trained(run, order(base, domain, tmp_path))
    result, adapter = run.result(), read_adapter(run.adapter)
    assert result is not None
    assert (result.state, result.adapter) == ("done", adapter.sha256)
    check_adapter(adapter, base_fingerprint(base))
    assert adapter.card["name"] == "office"
    assert adapter.card["run"] == "one"
    assert adapter.card["dataset"]["version"] == dataset(domain, 12, 8).version
    assert [step.step for step in run.steps()] == list(range(1, 9))
    assert not run.work.exists()
    assert main([str(run.path)]) == 0  # a second one finds it done
    assert len(run.steps()) == 8


def test_what_the_guard_says_is_the_result_and_nothing_else_is_left(base, domain, tmp_path, run):
    trained(run, order(base, domain, tmp_path, base_fingerprint="0" * 64))
    result = run.result()
    assert result is not None
    assert result.state == "failed"
    assert "the run was ordered for 000000000000" in result.error
    assert not run.adapter.exists()


def test_a_run_goes_on_from_the_adapter_that_was_kept_for_it(base, domain, tmp_path, run):
    first = trained(RunFolder(tmp_path / "runs" / "first"), order(base, domain, tmp_path))
    run.path.mkdir(parents=True)
    copy_start(run, first.adapter)
    trained(run, order(base, domain, tmp_path, start="office-1234"))
    parent = read_adapter(first.adapter)
    assert read_adapter(run.adapter).card["parent"] == f"office-1234 {parent.sha256[:12]}"


def test_a_search_keeps_the_best_of_its_cells(base, domain, tmp_path, run):
    search = ({"r": 2, "max_length": 9}, {"r": 4, "max_length": 200})
    trained(run, order(base, domain, tmp_path, search=search, search_cases=4))
    result = run.result()
    assert result is not None
    assert result.state == "done", result.error
    scores = json.loads((run.path / "search.json").read_text())
    assert "longer than max_length 9" in scores["r_2-max_length_9"]["error"]  # the guard stops one cell, not the search
    assert scores["r_4-max_length_200"]["figures"]["label"]["n"] == 3
    assert read_adapter(run.adapter).card["recipe"]["r"] == 4
    assert read_adapter(run.adapter).card["name"] == "office"


def test_the_best_has_the_highest_score_then_the_lowest_loss():
    rows = {"a": {"score": 0.5, "loss": 1}, "b": {"score": 0.7, "loss": 2}, "c": {"score": 0.7, "loss": 1}}
    assert best({**rows, "d": {"error": "too long"}}) == "c"
    with pytest.raises(TrainingError, match="too long"):
        best({"d": {"error": "too long"}})


@pytest.mark.slow
def test_a_real_trainer_that_is_killed_is_started_again_and_ends_the_same(base, domain, tmp_path, run):
    recipe = RECIPE.changed(epochs=10, batch_size=2, dropout=0.1, preference_rate=1e-2)
    asked = order(base, domain, tmp_path, recipe=recipe, checkpoint_seconds=0.2)
    whole = trained(RunFolder(tmp_path / "runs" / "whole"), asked)
    run.write(asked)
    killed: list[int] = []

    def kill_once(step, note):
        if step and step.step >= 30 and not killed:
            killed.append(int((run.path / "lock").read_text()))
            os.kill(killed[0], signal.SIGKILL)

    result = watch(run, trainer_command, kill_once, lambda: None, poll=0.02)
    assert result.state == "done", result.error
    assert killed
    until(lambda: not alive(killed[0]), 5)
    assert [step.step for step in run.steps()] == [step.step for step in whole.steps()]
    assert [step.loss for step in run.steps()] == pytest.approx([step.loss for step in whole.steps()])
    assert read_adapter(run.adapter).sha256 == read_adapter(whole.adapter).sha256

"""Two versions trained alike and compared: killed where it may be, a race goes on, and what was trained is not trained again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest
from typer.testing import CliRunner

from app import race_command
from app.cli import app
from app.datasets import build_version
from core.errors import NotFound, QueryError, RegistryError
from core.settings import ROOT
from core.types import Example
from finetune.examples import Examples
from finetune.guard import TrainingError
from finetune.rows import DatasetError
from finetune.runs import find_runs
from tests.app.conftest import office
from tests.app.race_scripted import apart, opened, raced
from tests.app.test_gating import DOORS, PROBES, golden, write_rows
from tests.app.test_training import tensors
from tests.finetune.adapters import make
from tests.finetune.test_runs import WHOLE, alive, pids, until
from tests.waiting import PATIENCE


def seed(n: int) -> dict:
    said = {"role": "user", "content": f"Sort it: gate {n}"}, {"role": "assistant", "content": "open/now"}
    return {"task": "label", "messages": list(said)}


@pytest.fixture
def folder(tmp_path):
    """A pack, a base of some bytes, a shipped adapter."""
    pack = office(tmp_path)
    write_rows(pack / "golden.jsonl", golden())
    write_rows(pack / "probes.jsonl", PROBES)
    write_rows(pack / "examples.jsonl", [seed(n) for n in range(12)])
    (tmp_path / "base").mkdir()
    tensors(tmp_path / "base" / "model.safetensors")
    make(tmp_path / "shipped" / "office", "shipped", "office")
    return tmp_path


class Place:
    """A data folder with two versions: seeds alone, and seeds with reviewed rows."""

    def __init__(self, folder, name="data"):
        self.folder, self.data = folder, folder / name
        self.service = opened(folder, self.data)
        (self.data / "runs").mkdir(parents=True)
        self.a = self.built()
        rows = [
            Example(task="label", query=f"Sort it: hatch {n}", answer="shut/now", origin="review") for n in range(8)
        ]
        Examples(self.service.store).add_all(rows)
        self.b = self.built()

    def built(self):
        service = self.service
        return build_version(service.domain, service.store, service.settings, apart).version

    def script(self, **values):
        (self.data / "runs" / "script.json").write_text(json.dumps(values))

    def start(self, delay=0.0):
        words = [str(self.folder), str(self.data), self.a, self.b, str(delay)]
        command = [sys.executable, "-m", "tests.app.race_scripted", *words]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process):
        out, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, error
        return json.loads(out.splitlines()[-1])

    def run(self, version):
        runs = find_runs(self.data / "runs")
        return next((run for run in runs if run.order().dataset.endswith(version)), None)

    def steps(self, version):
        run = self.run(version)
        return len(run.steps()) if run else 0


@pytest.fixture
def place(folder):
    made = Place(folder)
    yield made
    made.service.store.engine.dispose()


def alike(told):
    """What two races of the same versions have in common."""
    return {name: value for name, value in told.items() if name != "report"}


def test_b_is_compared_with_a_on_the_same_cases_and_nothing_is_promoted(place):
    told = place.finish(place.start())
    assert (told["ahead"], told["promoted"]) == ("b", False)
    [row] = told["tasks"]
    assert (row["task"], row["n"], row["b"], row["verdict"]) == ("label", DOORS, 1.0, "better")
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert row["only_b"] == told["flipped"] > 0 == row["only_a"]
    assert (told["a"]["rows"], told["b"]["rows"]) == (12, 20)
    [report] = (place.data / "races").glob("*/report.md")
    assert told["report"] == str(report)
    assert "## Cases that only B has right: " in report.read_text()
    rows = place.service.registry.list()
    assert {row.state for row in rows} == {"candidate"}
    assert {row.dataset for row in rows} == {place.a, place.b}
    assert not any(row.report_id for row in rows), "the gate has not judged them"


def test_killed_in_the_second_training_it_goes_on_and_the_first_is_not_trained_again(place, folder):
    place.script(seconds=0.1)
    first = place.start()
    until(lambda: place.steps(place.b) >= 7)
    first.kill()
    first.wait()
    [trainer] = pids(place.run(place.b))
    until(lambda: not alive(trainer), 5)
    assert place.steps(place.b) < 20
    place.script(seconds=0.01)
    told = place.finish(place.start())
    assert len(pids(place.run(place.a))) == 1
    assert len(pids(place.run(place.b))) == 2
    for version in (place.a, place.b):
        run = place.run(version)
        assert [step.step for step in run.steps()] == list(range(1, 21))
        assert json.loads((run.adapter / "card.json").read_text())["sum"] == WHOLE
        assert not any(map(alive, pids(run)))
    whole = Place(folder, "whole")
    assert alike(whole.finish(whole.start())) == alike(told)
    assert len(place.service.registry.list()) == 2


def test_killed_while_the_adapters_answer_it_goes_on_with_what_is_missing(place):
    asked = place.data / "asked.txt"
    first = place.start(delay=0.01)
    until(lambda: asked.exists() and len(asked.read_text().splitlines()) > DOORS)
    first.kill()
    first.wait()
    told = place.finish(place.start())
    assert told["ahead"] == "b"
    times = Counter(asked.read_text().splitlines())
    assert len(times) == 2 * (DOORS + 1), "golden cases and the probe, by both"
    assert sum(times.values()) - len(times) <= 32, "one batch at most is asked again"
    assert [len(pids(place.run(version))) for version in (place.a, place.b)] == [1, 1]


def test_a_version_that_was_raced_before_is_not_trained_again(place):
    raced(place.service, place.a, place.b)
    found, _ = raced(place.service, place.b, "label=1:6")
    assert found.a.dataset == place.b
    assert (found.b.asked, found.b.rows, found.b.tasks) == ("label=1:6", 6, {"label": 6})
    assert len(pids(place.run(place.b))) == 1
    assert len(find_runs(place.data / "runs")) == 3


def test_both_have_the_same_recipe_seed_and_start(place):
    _, said = raced(place.service, place.a, place.b, changes={"start": "live", "seed": 3}, name="office")
    assert said[0] == "both start from office, with seed 3"
    one, other = (place.run(version).order() for version in (place.a, place.b))
    assert (one.recipe, one.start) == (other.recipe, other.start)
    assert (one.recipe.seed, one.start) == (3, "office")
    assert all((place.run(version).start / "card.json").is_file() for version in (place.a, place.b))
    before = {run.id for run in find_runs(place.data / "runs")}
    raced(place.service, place.a, place.b, changes={"start": "base", "seed": 3})
    assert len({run.id for run in find_runs(place.data / "runs")} - before) == 2, "from the base is another training"


def test_a_run_that_the_guard_stops_is_named_and_may_be_tried_again(place):
    place.script(fail="the loss is zero at step 1")
    with pytest.raises(TrainingError, match=r"^A: the loss is zero at step 1"):
        raced(place.service, place.a, place.b)
    assert place.run(place.b).result() is None
    place.script()
    found, _ = raced(place.service, place.a, place.b)
    assert found.ahead == "b"


def test_what_cannot_end_well_is_said_before_anything_is_trained(place, folder):
    for a, b, kind, part in (
        (place.a, place.a[:8], QueryError, "same dataset version"),
        (place.a, "ffff0000", NotFound, "no version begins"),
        (place.a, "label=2", DatasetError, "is no mix"),
        (place.a, "label=0.5,reply=0.5", DatasetError, "reply"),
    ):
        with pytest.raises(kind, match=part):
            raced(place.service, a, b)
    write_rows(folder / "office" / "golden.jsonl", [])
    place.service.domain = opened(folder, place.data).domain
    with pytest.raises(RegistryError, match="no golden cases of label"):
        raced(place.service, place.a, place.b)
    assert find_runs(place.data / "runs") == []


def test_a_retired_adapter_needs_another_seed(place):
    found, _ = raced(place.service, place.a, place.b)
    place.service.registry.retire(found.a.adapter)
    with pytest.raises(RegistryError, match=r"was retired.*--seed"):
        raced(place.service, place.a, place.b)


def test_the_command_takes_versions_mixes_and_what_both_trainings_share(monkeypatch):
    taken = []
    monkeypatch.setattr(race_command, "race_here", lambda a, b, asked, *_: taken.append((a, b, asked)) or "{}")
    words = [
        "dataset",
        "race",
        "abcd",
        "label=1:40",
        "--recipe",
        "ml-desk",
        "--start",
        "live",
        "--seed",
        "2",
        "--name",
        "x",
    ]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.output.splitlines()[-1] == "{}"
    [(a, b, asked)] = taken
    assert (a, b, asked.recipe, asked.name, asked.changes) == (
        "abcd",
        "label=1:40",
        "ml-desk",
        "x",
        {"start": "live", "seed": 2},
    )
    CliRunner().invoke(app, ["dataset", "race", "abcd", "ef01"], catch_exceptions=False)
    assert taken[1][2].changes == {"start": "base"}

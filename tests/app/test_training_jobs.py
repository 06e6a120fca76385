"""Training as a durable job: killed in every step it goes on, ends the same, and leaves no trainer behind.

Real DBOS, real processes, real kills; the trainer is scripted, and no process imports a model library.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from core.settings import ROOT
from finetune.runs import RunFolder
from tests.finetune.test_runs import WHOLE, alive, pids, until
from tests.waiting import PATIENCE


class Api:
    """The process that owns the jobs."""

    def __init__(self, data) -> None:
        command = [sys.executable, "-m", "tests.app.train_scripted", str(data)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, text):
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write("close\n")
        self.process.stdin.flush()
        return self.process.wait(PATIENCE)


@contextmanager
def api(data) -> Iterator[Api]:
    made = Api(data)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


@pytest.fixture
def data(tmp_path):
    (tmp_path / "runs").mkdir()
    return tmp_path


def script(data, **values):
    (data / "runs" / "script.json").write_text(json.dumps(values))


def calls(data) -> list[str]:
    file = data / "calls"
    return file.read_text().split() if file.exists() else []


def whole(data, told):
    """The run ended as one that was never killed."""
    run = RunFolder(data / "runs" / told["id"])
    assert told["state"] == "success", told["error"]
    assert told["adapter"].startswith("office-")
    assert [step.step for step in run.steps()] == list(range(1, 21))
    assert json.loads((run.adapter / "card.json").read_text())["sum"] == WHOLE
    assert not any(map(alive, pids(run)))


def ended(api, id):
    return until(lambda: told if (told := api.ask(f"get {id}"))["state"] not in ("enqueued", "pending") else None)


def test_a_run_is_trained_registered_and_told(data):
    with api(data) as one:
        id = one.ask("start")
        whole(data, told := ended(one, id))
        assert told["name"] == "office"
        assert told["dataset"] == "v"
        assert (told["step"], told["steps"]) == (20, 20)
        assert told["losses"][-1] == [20, 0.05]
        assert one.ask("list") == [told]
        job = one.ask(f"job {id}")
        assert (job["kind"], job["done"], job["total"]) == ("train", 20, 20)
        assert calls(data) == ["ordered", "registered"]
        assert one.ask("torch?") is False
        assert one.close() == 0


def test_killed_while_it_is_being_prepared_it_goes_on(data):
    (data / "slow-order").touch()
    with api(data) as one:
        id = one.ask("start")
        until(lambda: calls(data))
        one.kill()
    with api(data) as two:
        whole(data, ended(two, id))
    assert calls(data) == ["ordered", "ordered", "registered"]


def test_killed_in_the_middle_it_goes_on_from_the_last_checkpoint_with_one_trainer(data):
    script(data, seconds=0.1)
    with api(data) as one:
        id = one.ask("start")
        run = RunFolder(data / "runs" / id)
        until(lambda: len(run.steps()) >= 7)
        one.kill()
    [first] = pids(run)
    until(lambda: not alive(first), 5)
    before = [step.step for step in run.steps()]
    assert 7 <= before[-1] < 20
    script(data, seconds=0.01)
    with api(data) as two:
        whole(data, ended(two, id))
    assert len(pids(run)) == 2
    assert calls(data) == ["ordered", "registered"]


def test_killed_while_it_is_being_registered_it_is_registered_once_more(data):
    (data / "slow-register").touch()
    with api(data) as one:
        id = one.ask("start")
        until(lambda: "registered" in calls(data))
        one.kill()
    with api(data) as two:
        whole(data, ended(two, id))
    assert calls(data) == ["ordered", "registered", "registered"]
    assert len(pids(RunFolder(data / "runs" / id))) == 1


def test_the_trainer_killed_alone_is_started_again(data):
    script(data, suicide=9)
    with api(data) as one:
        whole(data, ended(one, one.ask("start")))


def test_an_api_that_is_closed_ends_its_trainer_and_the_next_one_goes_on(data):
    script(data, seconds=0.1)
    with api(data) as one:
        id = one.ask("start")
        run = RunFolder(data / "runs" / id)
        until(lambda: len(run.steps()) >= 6)
        assert one.close() == 0
        assert not any(map(alive, pids(run)))
    script(data, seconds=0.01)
    with api(data) as two:
        whole(data, ended(two, id))


def test_a_cancelled_run_ends_with_its_trainer_and_the_next_one_trains(data):
    script(data, seconds=0.2)
    with api(data) as one:
        id, waiting = one.ask("start"), one.ask("start")
        run = RunFolder(data / "runs" / id)
        until(lambda: len(run.steps()) >= 2)
        assert one.ask(f"get {waiting}")["state"] == "enqueued"
        assert one.ask(f"cancel {id}") == "cancelled"
        until(lambda: not any(map(alive, pids(run))), 5)
        assert len(run.steps()) < 20
        script(data, seconds=0.01)
        whole(data, ended(one, waiting))
        told = one.ask(f"get {id}")
        assert told["state"] == "cancelled"
        assert told["adapter"] == ""
    with api(data) as two:  # it stays so
        assert two.ask(f"get {id}")["state"] == "cancelled"


def test_what_the_guard_says_is_the_error_of_the_job(data):
    script(data, fail="the loss is zero at step 1")
    with api(data) as one:
        told = ended(one, one.ask("start"))
        assert told["state"] == "error"
        assert told["error"] == "the loss is zero at step 1"
    assert calls(data) == ["ordered"]

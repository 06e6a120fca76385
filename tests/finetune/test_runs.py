"""Run folders and the process that trains, with a scripted trainer: no model library is imported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.errors import NotFound
from core.settings import ROOT
from finetune.child import watch
from finetune.guard import TrainingError
from finetune.monitor import Step
from finetune.recipe import Recipe
from finetune.runs import Order, Result, RunFolder, RunInUse, clear, find_run
from tests.finetune.scripted_trainer import command
from tests.waiting import until

WHOLE = sum(range(1, 21))


def order(folder: Path) -> Order:
    return Order(
        name="office",
        dataset=str(folder / "v"),
        base=str(folder),
        base_fingerprint="0" * 64,
        pack=str(folder),
        recipe=Recipe(),
    )


@pytest.fixture
def run(tmp_path) -> RunFolder:
    made = RunFolder(tmp_path / "runs" / "one")
    made.write(order(tmp_path))
    return made


def scripted(run, **script):
    (run.path.parent / "script.json").write_text(json.dumps(script))


def pids(run) -> list[int]:
    file = run.path / "pids"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def look(run, **more):
    return watch(run, command, lambda *_: None, lambda: None, poll=0.02, **more)


def step(number, steps=9):
    return Step(step=number, steps=steps, loss=1.0, tokens_per_second=1, seconds_left=0)


def ended_well(run):
    steps = [one.step for one in run.steps()]
    assert steps == list(range(1, 21))
    assert json.loads((run.adapter / "card.json").read_text())["sum"] == WHOLE
    assert not run.work.exists()
    assert (run.path / "imported").read_text() == "False"
    assert not any(map(alive, pids(run)))


def test_an_order_is_written_once_and_read_as_it_was(run, tmp_path):
    made = run.order()
    run.write(made.model_copy(update={"name": "other"}))
    assert run.order().name == "office"
    assert find_run(tmp_path / "runs", "one").order() == made
    with pytest.raises(NotFound, match="no run 'two'"):
        find_run(tmp_path / "runs", "two")
    with pytest.raises(NotFound):
        find_run(tmp_path / "runs", "../runs/one")


def test_steps_after_the_checkpoint_are_forgotten_and_half_a_line_is_not_read(run):
    for number in range(1, 6):
        run.append(step(number))
    with (run.path / "progress.jsonl").open("a") as file:
        file.write('{"step": 6, "st')
    assert [one.step for one in run.steps()] == [1, 2, 3, 4, 5]
    assert [one.step for one in run.back_to(3)] == [1, 2, 3]
    run.append(step(4))
    assert [one.step for one in run.steps()] == [1, 2, 3, 4]


def test_a_run_is_trained_by_one_process_at_a_time(run):
    with run.locked():
        assert run.in_use()
        with pytest.raises(RunInUse, match=f"process {os.getpid()}"), run.locked():
            pass
    assert not run.in_use()


def test_a_run_that_is_done_cannot_be_gone_on_with(run):
    run.finish(Result(state="stopped"))
    run.stop()
    clear(run)
    assert run.result() is None
    assert not run.stopping
    run.finish(Result(state="done", adapter="x"))
    with pytest.raises(TrainingError, match="is done"):
        clear(run)


def test_a_watched_run_tells_its_steps_and_ends(run):
    seen = []
    result = watch(run, command, lambda step, note: seen.append((step, note)), lambda: None, poll=0.01)
    assert result.state == "done"
    ended_well(run)
    assert seen[0] == (None, "")
    assert seen[-1][0].step > 1
    assert "training on examples" in {note for _, note in seen}


def test_a_trainer_that_is_killed_is_started_again_and_ends_the_same(run):
    scripted(run, suicide=12)
    assert look(run).state == "done"
    ended_well(run)
    assert len(pids(run)) == 2


def test_a_trainer_that_always_dies_at_the_same_step_is_given_up(run):
    def deadly(folder):
        return [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]

    with pytest.raises(TrainingError, match=r"killed 3 times .* out of memory"):
        watch(run, deadly, lambda *_: None, lambda: None, poll=0.01)


def test_a_trainer_that_fails_is_not_started_again_and_its_last_line_is_told(run):
    def broken(folder):
        return [sys.executable, "-c", "raise SystemExit('no such thing')"]

    with pytest.raises(TrainingError, match="no such thing"):
        watch(run, broken, lambda *_: None, lambda: None, poll=0.01)


def test_a_verdict_of_the_guard_is_the_result(run):
    scripted(run, fail="the loss is zero")
    assert look(run) == Result(state="failed", error="the loss is zero")


def test_a_run_that_another_process_trains_is_watched_and_not_trained_twice(run):
    scripted(run, seconds=0.05)
    results = []
    watchers = [threading.Thread(target=lambda: results.append(look(run))) for _ in range(3)]
    for one in watchers:
        one.start()
    for one in watchers:
        one.join()
    assert [result.state for result in results] == ["done"] * 3
    ended_well(run)
    assert len(pids(run)) == 1


def test_what_check_raises_ends_the_trainer_at_once(run):
    class Enough(Exception):
        pass

    def check():
        if len(run.steps()) >= 3:
            raise Enough

    scripted(run, seconds=0.1)
    with pytest.raises(Enough):
        watch(run, command, lambda *_: None, check, poll=0.02)
    assert not alive(pids(run)[0])
    assert run.result() is None
    assert look(run).state == "done"
    ended_well(run)


def test_a_stop_flag_ends_the_trainer_by_itself(run):
    scripted(run, seconds=0.1)
    run.stop()
    assert look(run).state == "stopped"


def test_the_trainer_dies_with_whoever_started_it_and_the_next_one_goes_on(run):
    scripted(run, seconds=0.1)
    code = (
        "import sys; from pathlib import Path; from finetune.child import watch; from finetune.runs import RunFolder;"
        "from tests.finetune.scripted_trainer import command;"
        "watch(RunFolder(Path(sys.argv[1])), command, lambda *_: None, lambda: None)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(run.path)], cwd=ROOT)
    try:
        until(lambda: len(run.steps()) >= 7)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    [pid] = pids(run)
    until(lambda: not alive(pid))
    died_at = len(run.steps())
    assert died_at < 20
    scripted(run, seconds=0.01)
    assert look(run).state == "done"
    ended_well(run)
    assert len(pids(run)) == 2

"""The trainer as a process of its own: started, watched, ended with whoever started it. No model library is imported."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.settings import ROOT
from finetune.guard import TrainingError
from finetune.monitor import Step
from finetune.runs import Result, RunFolder, line_of

PARENT = "TRIVIUM_PARENT"
BUSY = 75  # exit status: another process holds the run
PR_SET_PDEATHSIG = 1
POLL = 0.2  # seconds
DEATHS = 3  # without a step in between

Command = Callable[[Path], list[str]]
Show = Callable[[Step | None, str], None]


def trainer_command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "finetune.run", str(folder)]


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it is gone (Linux); elsewhere a thread looks."""
    parent = int(os.environ.get(PARENT, "0"))
    if not parent:
        return
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_until_orphaned, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it died before that call
        os._exit(1)


def _until_orphaned(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def watch(run: RunFolder, command: Command, show: Show, check: Callable[[], None], poll: float = POLL) -> Result:
    """Have the run trained to its end by a child process, and say how far it is.

    If another process trains the run already, that one is watched. A child that was killed is started again and goes
    on from its last checkpoint.

    Args:
        show: gets the last step (None before the first) and the note, at every change.
        check: called at every look; what it raises ends the child at once and comes through.

    Raises:
        TrainingError: the child ended by itself without a result, or was killed again and again at one place.
    """
    child: subprocess.Popen[bytes] | None = None
    seen, deaths, died_at = None, 0, -1
    try:
        while True:
            check()
            result = run.result()
            step, note = last_step(run), run.note
            if (step, note) != seen:
                seen = (step, note)
                show(step, note)
            if result is not None:
                return result
            code = child.poll() if child else None
            if code is not None:
                child, result = None, run.result()
                if result is None and code != BUSY:
                    at = step.step if step else 0
                    deaths, died_at = (deaths + 1 if at == died_at else 1), at
                    after_death(code, deaths, at, run)
            if child is None and run.result() is None and not run.in_use():
                child = spawn(run, command)
            time.sleep(poll)
    finally:
        end(child)


def after_death(code: int, deaths: int, step: int, run: RunFolder) -> None:
    """Raises TrainingError unless the child was killed from outside and may try again."""
    if code >= 0:
        raise TrainingError(
            f"the trainer failed: {line_of(run.log) or f'exit status {code}'}; {run.log} has the details"
        )
    if deaths >= DEATHS:
        raise TrainingError(
            f"the trainer was killed {deaths} times (signal {-code}) after step {step}: the machine may be out of memory; "
            "halve batch_size and double gradient_accumulation"
        )


def spawn(run: RunFolder, command: Command) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C in a terminal reaches only the process that watches."""
    with run.log.open("ab") as log:
        return subprocess.Popen(
            command(run.path),
            cwd=ROOT,
            env={**os.environ, PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def end(child: subprocess.Popen[bytes] | None) -> None:
    """At once: whatever a trainer writes is whole or not there."""
    if child is not None and child.poll() is None:
        child.kill()
        child.wait()


def last_step(run: RunFolder) -> Step | None:
    steps = run.steps()
    return steps[-1] if steps else None

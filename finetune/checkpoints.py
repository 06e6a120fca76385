"""Checkpoints that a killed run goes on from. Only one that was written to its end, and marked so, is ever read."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

from finetune.runs import Stopped

WHOLE = "whole"
PREFIX = "checkpoint-"


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; what a kill left half written is removed."""
    found = [path for path in folder.glob(PREFIX + "*") if path.name.removeprefix(PREFIX).isdigit()]
    for broken in (path for path in found if not (path / WHOLE).exists()):
        shutil.rmtree(broken)
    whole = [path for path in found if path.exists()]
    return max(whole, key=step_of, default=None)


def step_of(checkpoint: Path | None) -> int:
    return int(checkpoint.name.removeprefix(PREFIX)) if checkpoint else 0


def mark_whole(checkpoint: Path) -> None:
    """Say that all files are there, once they are on the disk and not only in its cache."""
    for file in sorted(path for path in checkpoint.rglob("*") if path.is_file()):
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    (checkpoint / WHOLE).touch()


def saving(seconds: float, until: float | None = None) -> Any:
    """A callback that has a Hugging Face trainer save every so many seconds (0: at each step), and end with a checkpoint at
    `until` (monotonic seconds).

    The trainer raises Stopped where that time has come before the last step.
    """
    from transformers import TrainerCallback

    def over() -> bool:
        return until is not None and time.monotonic() >= until

    class Saving(TrainerCallback):
        saved = time.monotonic()

        def on_step_end(self, _: Any, state: Any, control: Any, **__: Any) -> None:
            due = over() or time.monotonic() - self.saved >= seconds
            if due and state.global_step < state.max_steps:
                control.should_save = True

        def on_save(self, args: Any, state: Any, _: Any, **__: Any) -> None:
            mark_whole(Path(args.output_dir) / f"{PREFIX}{state.global_step}")
            self.saved = time.monotonic()
            if over() and state.global_step < state.max_steps:
                raise Stopped(
                    f"the time is up after step {state.global_step} of {state.max_steps}: the same call goes on"
                )

    return Saving()

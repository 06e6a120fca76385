"""Watches a run: keeps its losses, stops it at one that is no number, and says how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from core.types import Noun
from finetune import guard

EVERY = 5.0  # seconds


class Step(Noun):
    """Where a run is. `str(step)` is the line that a person reads."""

    step: int
    steps: int
    loss: float
    tokens_per_second: float
    seconds_left: float

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds_left), 60)
        speed = f"{self.tokens_per_second:.0f} tokens/s"
        return f"step {self.step}/{self.steps}  loss {self.loss:.3f}  {speed}  {minutes}:{seconds:02} left"


Progress = Callable[[Step], None]


def silent(_: Step) -> None:
    return None


class Monitor:
    """Reports at the first step, every five seconds and at the last."""

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress
        self.losses: list[float] = []
        self.started = self.reported = time.monotonic()

    def begin(self) -> None:
        self.started = time.monotonic()

    def log(self, step: int, steps: int, logs: Mapping[str, float]) -> None:
        """Raises TrainingError if the loss or the gradient is no number."""
        guard.finite(step, logs)
        if "loss" not in logs:
            return
        self.losses.append(float(logs["loss"]))
        now = time.monotonic()
        if step not in (1, steps) and now - self.reported < EVERY:
            return
        self.reported, taken = now, now - self.started
        self.progress(
            Step(
                step=step,
                steps=steps,
                loss=self.losses[-1],
                tokens_per_second=logs.get("num_tokens", 0) / max(taken, 1e-9),
                seconds_left=taken / step * (steps - step),
            )
        )

    def callback(self) -> Any:
        """For a Hugging Face trainer that logs every step."""
        from transformers import TrainerCallback

        monitor = self

        class Watcher(TrainerCallback):
            def on_train_begin(self, *_: Any, **__: Any) -> None:
                monitor.begin()

            def on_log(self, _: Any, state: Any, __: Any, logs: Any = None, **___: Any) -> None:
                monitor.log(state.global_step, state.max_steps, logs)

        return Watcher()

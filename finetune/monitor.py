"""Watches a run: keeps its losses, stops it at one that is no number, and says how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from core.types import Noun
from finetune import guard

EVERY = 5.0  # seconds
Phase = Literal["examples", "preferences"]


class Step(Noun):
    """Where a run is. `phase` says what the loss is of. `str(step)` is the line that a person reads."""

    step: int
    steps: int
    loss: float
    tokens_per_second: float
    seconds_left: float
    phase: Phase = "examples"

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds_left), 60)
        speed = f"{self.tokens_per_second:.0f} tokens/s"
        return f"step {self.step}/{self.steps}  loss {self.loss:.3f}  {speed}  {minutes}:{seconds:02} left"


Progress = Callable[[Step], None]


def silent(_: Step) -> None:
    return None


class Place(Noun):
    """Where a phase stands in its run: steps before it, and steps that follow."""

    before: int = 0
    after: int = 0
    phase: Phase = "examples"


class Monitor:
    """Reports at the first step, every so many seconds and at the last (`every` 0: at each step)."""

    def __init__(self, progress: Progress = silent, every: float = EVERY, place: Place | None = None) -> None:
        self.progress, self.every, self.place = progress, every, place or Place()
        self.losses: list[float] = []
        self.started = self.reported = time.monotonic()
        self.resumed_at = 0

    def begin(self, step: int = 0) -> None:
        """`step`: the step of the checkpoint that training goes on from."""
        self.started, self.resumed_at = time.monotonic(), step

    def log(self, step: int, steps: int, logs: Mapping[str, float]) -> None:
        """Raises TrainingError if the loss or the gradient is no number, or is zero."""
        guard.finite(step, logs)
        guard.alive(step, logs)
        if "loss" not in logs:
            return
        self.losses.append(float(logs["loss"]))
        now = time.monotonic()
        if step not in (1, steps) and now - self.reported < self.every:
            return
        self.reported, taken = now, now - self.started
        left = steps - step + self.place.after
        self.progress(
            Step(
                step=self.place.before + step,
                steps=self.place.before + steps + self.place.after,
                loss=self.losses[-1],
                tokens_per_second=round(logs.get("num_tokens", 0) / max(taken, 1e-9), 1),
                seconds_left=round(taken / max(1, step - self.resumed_at) * left, 1),
                phase=self.place.phase,
            )
        )

    def callback(self) -> Any:
        """For a Hugging Face trainer that logs every step."""
        from transformers import TrainerCallback

        monitor = self

        class Watcher(TrainerCallback):
            def on_train_begin(self, _: Any, state: Any, *__: Any, **___: Any) -> None:
                monitor.begin(state.global_step)

            def on_log(self, _: Any, state: Any, __: Any, logs: Any = None, **___: Any) -> None:
                monitor.log(state.global_step, state.max_steps, logs)

        return Watcher()

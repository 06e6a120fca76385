"""Jobs with a scripted trainer in a process of their own, to be killed: python -m tests.app.train_scripted DATA.

Reads a command from each line of stdin (start, list, get ID, cancel ID, close) and writes one JSON line in answer.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from app.jobs import Jobs
from app.orders import Asked
from app.training_jobs import TrainingJobs
from core.llm.adapters import read_adapter
from finetune.recipe import Recipe
from finetune.runs import Order
from tests.finetune.scripted_trainer import command


def open_jobs(data: Path) -> tuple[Jobs, TrainingJobs]:
    jobs = Jobs(None, lambda: [], f"sqlite:///{data / 'jobs.db'}")  # pyright: ignore[reportArgumentType]
    slow = lambda name: time.sleep(0.8) if (data / f"slow-{name}").exists() else None  # noqa: E731

    def order(asked: Asked) -> tuple[Order, None]:
        note(data, "ordered")
        slow("order")
        made = Order(
            name=asked.name or "office", dataset=str(data / "v"), base=str(data), base_fingerprint="0" * 64,
            pack=str(data), recipe=Recipe.model_validate({}),
        )  # fmt: skip
        return made, None

    def register(folder: Path) -> str:
        note(data, "registered")
        slow("register")
        return f"office-{read_adapter(folder).sha256[:8]}"

    training = TrainingJobs(jobs, data / "runs", order, register, command)
    jobs.launch()
    return jobs, training


def note(data: Path, what: str) -> None:
    with (data / "calls").open("a") as file:
        file.write(what + "\n")


def answer(words: list[str], jobs: Jobs, training: TrainingJobs) -> Any:
    match words:
        case ["start"]:
            return training.start(Asked()).id
        case ["list"]:
            return training.list()
        case ["get", id]:
            return training.get(id)
        case ["job", id]:
            return jobs.get(id).model_dump(mode="json")
        case ["cancel", id]:
            return jobs.cancel(id).state
        case _:
            return "torch" in sys.modules


def main() -> None:
    data = Path(sys.argv[1])
    (data / "runs").mkdir(parents=True, exist_ok=True)
    jobs, training = open_jobs(data)
    for line in sys.stdin:
        if line.strip() == "close":
            break
        print(json.dumps(answer(line.split(), jobs, training)), flush=True)
    training.close()
    jobs.close()


if __name__ == "__main__":
    main()

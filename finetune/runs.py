"""The folder of a run: what was asked, how far it is, its checkpoints, its result. It outlives the process that trains.

run.json         the order, written once          stop       a flag: whoever trains ends soon
progress.jsonl   a line for each step             note       what is being done now
work/            checkpoints, gone at the end     lock       held by the one process that trains
start/           the adapter that it goes on from trainer.log
adapter/         what came out                    result.json
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from core.errors import NotFound, TriviumError
from core.types import Noun, now
from finetune.guard import TrainingError
from finetune.monitor import Step
from finetune.recipe import Recipe

ORDER, PROGRESS, RESULT = "run.json", "progress.jsonl", "result.json"
NOTE, STOP, LOCK, LOG = "note", "stop", "lock", "trainer.log"
ADAPTER, START, WORK = "adapter", "start", "work"
CHECKPOINT_SECONDS = 60.0


class RunInUse(TriviumError):
    status = 409
    title = "The run is being trained"


class Stopped(TriviumError):
    """Somebody asked the run to stop."""

    status = 409
    title = "The run was stopped"


class Order(Noun):
    """What a run is to do.

    `name`: of the adapter; `dataset`, `base` and `pack` are folders; `start`: id of the adapter whose weights lie in the
    run's `start` folder; `search`: changes of the recipe to try, the best of which is kept (none: the recipe as it is).
    """

    name: str
    dataset: str
    base: str
    base_fingerprint: str
    pack: str
    recipe: Recipe
    start: str = ""
    search: tuple[dict[str, Any], ...] = ()
    search_cases: int = 60
    device: Literal["auto", "cpu", "cuda"] = "auto"
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    commit: str = ""
    created_at: datetime = Field(default_factory=now)


class Result(Noun):
    """How a run ended. `adapter`: sha256 of what was made."""

    state: Literal["done", "failed", "stopped"]
    error: str = ""
    adapter: str = ""


class RunFolder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name

    @property
    def adapter(self) -> Path:
        return self.path / ADAPTER

    @property
    def start(self) -> Path:
        return self.path / START

    @property
    def work(self) -> Path:
        return self.path / WORK

    @property
    def log(self) -> Path:
        return self.path / LOG

    def write(self, order: Order) -> None:
        """Give the order. A run that has one keeps it."""
        self.path.mkdir(parents=True, exist_ok=True)
        if not (self.path / ORDER).exists():
            self._put(ORDER, order.model_dump_json(indent=2))

    def order(self) -> Order:
        """Raises NotFound."""
        try:
            return Order.model_validate_json((self.path / ORDER).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotFound(f"there is no run {self.id!r}") from None
        except ValidationError as error:
            raise TrainingError(
                f"{self.path / ORDER} is not readable: {error.errors()[0]['msg']}; start the run anew"
            ) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run; the kernel lets go when the process dies, however it dies.

        Raises:
            RunInUse: another process trains it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.read(handle, 32).decode() or "unknown"
                raise RunInUse(f"run {self.id} is being trained by process {owner}; wait for it, or stop it") from None
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(handle)

    def in_use(self) -> bool:
        try:
            with self.locked():
                return False
        except RunInUse:
            return True

    def stop(self) -> None:
        (self.path / STOP).touch()

    @property
    def stopping(self) -> bool:
        return (self.path / STOP).exists()

    def say(self, note: str) -> None:
        self._put(NOTE, note)

    @property
    def note(self) -> str:
        with suppress(FileNotFoundError):
            return (self.path / NOTE).read_text(encoding="utf-8")
        return ""

    def append(self, step: Step) -> None:
        with (self.path / PROGRESS).open("a", encoding="utf-8") as file:
            file.write(step.model_dump_json() + "\n")

    def steps(self) -> list[Step]:
        """Every step so far; a line that is being written is left out."""
        try:
            text = (self.path / PROGRESS).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [Step.model_validate_json(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def back_to(self, step: int) -> list[Step]:
        """Forget the steps after `step`, which is where training goes on; gives those that stay."""
        kept = [one for one in self.steps() if one.step <= step]
        self._put(PROGRESS, "".join(one.model_dump_json() + "\n" for one in kept))
        return kept

    def result(self) -> Result | None:
        with suppress(FileNotFoundError):
            return Result.model_validate_json((self.path / RESULT).read_text(encoding="utf-8"))
        return None

    def finish(self, result: Result) -> None:
        """Say how the run ended. The checkpoints go first: whoever sees the result may end this process."""
        shutil.rmtree(self.work, ignore_errors=True)
        self._put(RESULT, result.model_dump_json(indent=2))

    def _put(self, name: str, text: str) -> None:
        """Whole or not at all."""
        partial = self.path / f".{name}.partial"
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path / name)


def find_runs(folder: Path) -> list[RunFolder]:
    """The runs that lie in `folder`, newest first."""
    found = [RunFolder(path.parent) for path in folder.glob(f"*/{ORDER}")]
    return sorted(found, key=lambda run: (run.path / ORDER).stat().st_mtime, reverse=True)


def find_run(folder: Path, id: str) -> RunFolder:
    """Raises NotFound. Folders are listed, never joined with the id: it comes from outside."""
    for run in find_runs(folder):
        if run.id == id:
            return run
    raise NotFound(f"there is no run {id!r}; GET /api/training lists them")


def copy_start(run: RunFolder, adapter: Path) -> None:
    """Keep the adapter that a run goes on from: it may be retired or replaced before the run is at its end."""
    partial = run.path / f".{START}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    if not run.start.exists():
        shutil.copytree(adapter, partial)
        partial.rename(run.start)


def clear(run: RunFolder) -> None:
    """Remove the flag of a former stop and a result that is none, so that the run can go on."""
    result = run.result()
    if result is not None and result.state == "done":
        raise TrainingError(f"run {run.id} is done; start a new one")
    for name in (STOP, RESULT):
        (run.path / name).unlink(missing_ok=True)


def line_of(log: Path) -> str:
    """The last line that a trainer wrote."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except FileNotFoundError:
        return ""
    return lines[-1][:500] if lines else ""


def as_json(step: Step) -> dict[str, Any]:
    return json.loads(step.model_dump_json())

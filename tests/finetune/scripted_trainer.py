"""A trainer that learns nothing, for tests that kill it: python -m tests.finetune.scripted_trainer RUN_FOLDER.

It keeps to a real one's rules (lock, death with its parent, checkpoints, stop flag) and imports no model library. Each step
is one number of a sum, so that a run that went on wrongly ends with another sum. The file `script.json` of the run's parent
folder may hold: steps, seconds (of a step), every (steps between checkpoints), fail (a sentence), suicide (at a step, once).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import sys
import time
from pathlib import Path

from core.llm.adapters import file_sha256
from finetune.child import BUSY, die_with_parent
from finetune.guard import TrainingError
from finetune.monitor import Step
from finetune.run import journal
from finetune.runs import Result, RunFolder, RunInUse, Stopped


def command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.finetune.scripted_trainer", str(folder)]


def script(run: RunFolder) -> dict:
    file = run.path.parent / "script.json"
    return {"steps": 20, "seconds": 0.02, "every": 5} | (json.loads(file.read_text()) if file.exists() else {})


def train(run: RunFolder) -> str:
    asked, state = script(run), run.work / "checkpoint.json"
    if "fail" in asked:
        raise TrainingError(asked["fail"])
    if run.adapter.exists():
        return file_sha256(run.adapter / "adapter_model.safetensors")
    at, total = json.loads(state.read_text()) if state.exists() else (0, 0)
    run.back_to(at)
    write = journal(run)
    run.say("training on examples")
    for step in range(at + 1, asked["steps"] + 1):
        time.sleep(asked["seconds"])
        total += step
        left = (asked["steps"] - step) * asked["seconds"]
        write(Step(step=step, steps=asked["steps"], loss=1 / step, tokens_per_second=100, seconds_left=left))
        if step == asked.get("suicide") and not (run.path / "died").exists():
            (run.path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if step % asked["every"] == 0:
            run.work.mkdir(exist_ok=True)
            state.with_suffix(".partial").write_text(json.dumps([step, total]))
            state.with_suffix(".partial").replace(state)
    return save(run, total)


def save(run: RunFolder, total: int) -> str:
    """An adapter of one number, which says what data it was trained on."""
    order, folder = run.order(), run.path / ".made"
    data = Path(order.dataset)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    header = {"__metadata__": {"data": data.name}, "sum": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}
    header = json.dumps(header).encode()
    (folder / "adapter_model.safetensors").write_bytes(
        struct.pack("<Q", len(header)) + header + struct.pack("<q", total)
    )
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}')
    card = {"name": order.name, "base": "tiny", "base_fingerprint": order.base_fingerprint, "run": run.id}
    manifest = data / "manifest.json"
    tasks = json.loads(manifest.read_text())["tasks"] if manifest.exists() else {}
    dataset = {"version": data.name, "tasks": tasks}
    sha256 = file_sha256(folder / "adapter_model.safetensors")
    card |= {"sha256": sha256, "dataset": dataset, "sum": total}
    (folder / "card.json").write_text(json.dumps(card))
    folder.rename(run.adapter)
    return sha256


def main() -> int:
    die_with_parent()
    run = RunFolder(Path(sys.argv[1]))
    try:
        with run.locked():
            with (run.path / "pids").open("a") as file:
                file.write(f"{os.getpid()}\n")
            try:
                result = Result(state="done", adapter=train(run))
            except (Stopped, TrainingError) as error:
                result = Result(state="stopped" if isinstance(error, Stopped) else "failed", error=str(error))
            (run.path / "imported").write_text(str("torch" in sys.modules))
            run.finish(result)
    except RunInUse:
        return BUSY
    return 0


if __name__ == "__main__":
    sys.exit(main())

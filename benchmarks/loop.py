"""The learning loop on a changed house rule: minutes from approved examples to a live adapter, and what it learned.

python -m benchmarks.loop [--limit 200] [--curve 50,100,200,400] [--data-dir DIR]

The demo desk renames one of its ticket labels. The adapter that serves still gives the former name (`before`); approved
examples with the new one teach it, the gate compares both on the golden cases, and the better one goes live (`after`). A
paraphrase that stands in no dataset is asked of the whole service before, after and once rolled back.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.told import tell
from core.settings import ROOT, load_settings
from core.types import Answer, Query

if TYPE_CHECKING:
    from app.bootstrap import Service
    from app.learning import Learned

OLD, NEW = "gpu/oom", "gpu/memory"
TASK = "label"
PARAPHRASE = (
    'Which label goes on this one? "Torch gives up with out of memory as soon as I double the sequence length."'
)
CHANGES = {"start": "live"}
TEXTS = {".yaml", ".jsonl", ".md"}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop", description=__doc__)
    parser.add_argument("--limit", type=int, default=200, help="approved examples to learn from")
    parser.add_argument(
        "--curve", default="", help="also learn from so many each, such as 50,100,400; none of these goes live"
    )
    parser.add_argument("--pack", type=Path, default=ROOT / "domains" / "ml-desk")
    parser.add_argument("--data-dir", type=Path, help="default: a new folder, deleted afterwards")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as fresh:
        place = asked.data_dir or Path(fresh)
        place.mkdir(parents=True, exist_ok=True)
        figures = loop(renamed(asked.pack, place / "pack"), place / "data", asked.limit, counts(asked.curve))
    show(figures)
    tell(figures)
    return 0


def counts(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part.strip()]


def renamed(pack: Path, out: Path) -> Path:
    """A copy of the pack in which the label has its new name everywhere, in the golden cases too."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(pack, out)
    for file in (file for file in out.rglob("*") if file.suffix in TEXTS):
        file.write_text(file.read_text(encoding="utf-8").replace(OLD, NEW), encoding="utf-8")
    return out


def loop(pack: Path, data: Path, limit: int, curve: list[int]) -> dict[str, Any]:
    from app.bootstrap import open_service

    service = open_service(load_settings(domain=pack, data_dir=data))
    try:
        service.sync()
        service.models.load()  # a running service has loaded it long before
        said = {"before": ask(service)}
        points = [(count, score(service, count)) for count in curve]
        began = time.monotonic()
        done = learn(service, limit)
        minutes = (time.monotonic() - began) / 60
        said["after"] = ask(service)
        if done.live:
            service.roll_back(service.domain.name)
            said["rolled_back"] = ask(service)
        tasks = {row["task"]: row for row in done.report.body["tasks"]}
        rows = service.registry.get(done.adapter).card["dataset"]["rows"]
        return {
            "minutes": round(minutes, 1), "examples": rows,
            "before": tasks[TASK]["incumbent"], "after": tasks[TASK]["candidate"],
            "difference": [tasks[TASK][name] for name in ("difference", "low", "high")],
            "verdict": done.report.verdict, "live": done.live, "paraphrase": said,
            "tasks": {name: [row["incumbent"], row["candidate"], row["n"]] for name, row in tasks.items()},
            "curve": sorted({limit: tasks[TASK]["candidate"], **dict(points)}.items()),
        }  # fmt: skip
    finally:
        service.close()


def learn(service: Service, count: int) -> Learned:
    from app.gating import Gating
    from app.generations import Generations
    from app.learning import learn as whole_loop
    from app.orders import Asked
    from finetune.rows import Limits

    gating = Gating(service, Generations(service.settings.data_dir / "cache" / "generations.jsonl"))
    asked = Asked(name=None, changes=CHANGES)
    return whole_loop(service, asked, gating, show_step, log, limits=Limits(rows=count))


def score(service: Service, count: int) -> float:
    """Share of the golden cases of the changed task that an adapter taught by so many examples gets right. It is not kept."""
    from app.learning import build, trained
    from app.orders import Asked
    from core.llm.base_weights import base_folder
    from finetune.rows import Limits
    from finetune.trial import trial

    log(f"{count} examples")
    version = build(service, Limits(rows=count))
    run = trained(service, Asked(name=None, changes=CHANGES), version, show_step)
    cases = [case for case in service.domain.golden() if case.task == TASK]
    found = trial(base_folder(service.settings), run.adapter, service.domain, cases, cuda=False)
    log(f"{count} examples: {found[TASK]['right']:.1%}")
    return found[TASK]["right"]


def show_step(step: Any, note: str) -> None:
    log(f"{note} {step or ''}")


def ask(service: Service) -> str:
    answer = Answer(query=PARAPHRASE)
    for answer, _ in service.answering.stream(Query(text=PARAPHRASE), threading.Event()):  # noqa: B007
        pass
    return answer.text


def show(figures: dict[str, Any]) -> None:
    log(f"{figures['examples']} examples, {figures['minutes']} minutes, verdict {figures['verdict']}")
    for name, (before, after, n) in figures["tasks"].items():
        log(f"  {name:10} {before:6.1%} -> {after:6.1%} of {n} golden cases")
    low, high = figures["difference"][1:]
    log(f"  {TASK}: difference {figures['difference'][0]:+.1%} [{low:+.1%}, {high:+.1%}]")
    for when, text in figures["paraphrase"].items():
        log(f"  the paraphrase {when.replace('_', ' ')}: {text}")
    for count, share in figures["curve"]:
        log(f"  {count:4} examples: {share:.1%}")


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""Train a grid of recipes and measure each on the development cases; never on the golden suite.

python -m finetune.sweep --domain D --recipe R --grid 'r=16,32;learning_rate=1e-4,2e-4' --out DIR [--jobs 4]
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import yaml

from core.domain import Domain, load_domain
from core.errors import SettingsError, TriviumError
from core.llm.adapters import read_adapter
from core.llm.base_weights import base_folder
from core.settings import load_settings
from core.types import Case, Noun
from finetune.card import write_card
from finetune.model import quiet, use_cuda
from finetune.recipe import Recipe, load_recipe
from finetune.train import train
from finetune.trial import overall, trial

BASE = "base"


class Run(Noun):
    """One cell of the grid, with all that a worker process needs. Without a recipe it measures the bare base."""

    name: str
    base: Path
    pack: Path
    recipe: Recipe | None
    out: Path
    device: Any
    limit: int | None
    deadline: float
    commit: str


def parse_grid(text: str) -> list[dict[str, Any]]:
    """'r=16,32;epochs=3,5' -> four changes of a recipe. Raises SettingsError if a part has no value."""
    axes: list[list[tuple[str, Any]]] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        field, _, values = part.partition("=")
        if not values:
            raise SettingsError(f"--grid: {part!r} has no value; write field=value,value;field=value")
        axes.append([(field.strip(), yaml.safe_load(value)) for value in values.split(",")])
    return [dict(cell) for cell in itertools.product(*axes)]


def run_name(change: dict[str, Any]) -> str:
    return "-".join(f"{field}_{value}" for field, value in change.items()) or "as-given"


def perform(run: Run) -> dict[str, Any]:
    """Train and measure one cell. Faults become part of the row, so that the other cells go on."""
    row: dict[str, Any] = {"name": run.name}
    if time.time() > run.deadline:
        return {**row, "error": "not started: the time was used up"}
    quiet()
    started = time.monotonic()
    domain = load_domain(run.pack)
    examples = domain.examples()
    cases = chosen(domain, {example.task for example in examples}, run.limit)
    folder = None
    try:
        if run.recipe is not None:
            folder = run.out / "runs" / run.name
            say = lambda step: print(f"{run.name}: {step}", file=sys.stderr, flush=True)  # noqa: E731
            made = train(
                run.base, domain, run.recipe, folder, say,
                examples=examples[: run.limit], device=run.device, commit=run.commit,
            )  # fmt: skip
            row |= {"loss": made.card["loss"]["last"], "train_seconds": made.card["seconds"]}
        figures = trial(run.base, folder, domain, cases, use_cuda(run.device))
    except (TriviumError, RuntimeError, ValueError, OSError) as error:
        return {**row, "error": f"{type(error).__name__}: {error}"}
    if folder is not None:
        write_card(folder, {**read_adapter(folder).card, "figures": {"development": figures}})
    return {**row, "score": overall(figures), "figures": figures, "seconds": round(time.monotonic() - started, 1)}


def chosen(domain: Domain, tasks: set[str], limit: int | None) -> list[Case]:
    """The development cases of the task types that are trained; with a limit, a fixed sample of them."""
    cases = [case for case in domain.development() if case.task in tasks]
    if limit is not None and limit < len(cases):
        cases = random.Random(0).sample(cases, limit)
    return cases


def sweep(runs: Sequence[Run], out: Path, jobs: int) -> list[dict[str, Any]]:
    """Perform the runs, `jobs` at a time in processes of their own. results.json is kept up to date throughout."""
    rows: list[dict[str, Any]] = []
    out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(perform, run) for run in runs]):
            rows.append(done.result())
            rows.sort(key=lambda row: -row.get("score", -1))
            (out / "results.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
            print(table(rows), file=sys.stderr, flush=True)
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """One line per run: score, share right by task type, loss, seconds."""
    tasks = sorted({task for row in rows for task in row.get("figures", {})})
    lines = [f"{'run':44} {'score':>6} " + " ".join(f"{task[:10]:>10}" for task in tasks) + f" {'loss':>7} {'s':>6}"]
    for row in rows:
        if "error" in row:
            lines.append(f"{row['name']:44} {row['error'][:120]}")
            continue
        shares = " ".join(f"{row['figures'].get(task, {}).get('right', 0):10.3f}" for task in tasks)
        lines.append(f"{row['name']:44} {row['score']:6.3f} {shares} {row.get('loss', 0):7.3f} {row['seconds']:6.0f}")
    return "\n".join(lines)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m finetune.sweep", description="Train and measure a grid of recipes."
    )
    parser.add_argument("--domain", type=Path, required=True, help="folder of the domain pack")
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--grid", default="", help="'r=16,32;epochs=3,5': every combination; several grids with |")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="folder of the base model; default: the recipe's, made if absent")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--minutes", type=float, default=1e6, help="start no run after this")
    parser.add_argument("--limit", type=int, help="train and measure on so many examples and cases only")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--no-base", action="store_true", help="do not measure the bare base model")
    parser.add_argument("--commit", default="", help="for the cards, where there is no git")
    return parser.parse_args(argv)


def plan(asked: argparse.Namespace) -> list[Run]:
    """The base first, then every cell. Raises SettingsError before anything is trained if one is wrong."""
    recipe = load_recipe(asked.recipe)
    changes = [change for grid in asked.grid.split("|") for change in parse_grid(grid)]
    recipes = {run_name(change): recipe.changed(**change) for change in changes}
    base = asked.base or base_folder(load_settings(base_model=recipe.base), lambda line: print(line, file=sys.stderr))
    common = {
        "base": base, "pack": asked.domain, "out": asked.out, "device": asked.device, "limit": asked.limit,
        "deadline": time.time() + 60 * asked.minutes, "commit": asked.commit,
    }  # fmt: skip
    cells = [*([] if asked.no_base else [(BASE, None)]), *recipes.items()]
    return [Run(name=name, recipe=cell, **common) for name, cell in cells]


def main(argv: Sequence[str] | None = None) -> int:
    asked = arguments(argv)
    try:
        rows = sweep(plan(asked), asked.out, asked.jobs)
    except TriviumError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"best": rows[0]["name"], "score": rows[0].get("score"), "runs": len(rows)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A small search: each change of a recipe is trained and measured on development cases, and the best adapter is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.domain import Domain
from core.llm.adapters import read_adapter
from finetune.card import write_card
from finetune.dataset import Dataset
from finetune.guard import TrainingError
from finetune.inspection import every_row
from finetune.model import use_cuda
from finetune.monitor import Progress
from finetune.recipe import Recipe
from finetune.runs import Order, RunFolder
from finetune.sweep import chosen, run_name
from finetune.train import Ways, train_on
from finetune.trainers import steps_of
from finetune.trial import overall, trial

CELLS, FIGURES = "cells", "search.json"


def choose(run: RunFolder, order: Order, domain: Domain, dataset: Dataset, ways: Ways, progress: Progress) -> Path:
    """The folder of the best adapter. What was trained and measured before a kill is not done again; a change that the
    guard stops is out.

    Raises:
        TrainingError: no change gave an adapter; the sentence is that of the last.
    """
    scores = read_scores(run)
    for number, change in enumerate(order.search):
        name, left = run_name(change), len(order.search) - number - 1
        if name not in scores:
            recipe, before = order.recipe.changed(**change), max((row["until"] for row in scores.values()), default=0)
            after = left * steps_in(dataset, recipe)
            own = replace(ways, work=run.work / name, before=before, after=after)
            scores[name] = attempt(run, order, recipe, domain, dataset, own, progress) | {"until": len(run.steps())}
            write_scores(run, scores)
    return run.path / CELLS / best(scores)


def attempt(
    run: RunFolder, order: Order, recipe: Recipe, domain: Domain, dataset: Dataset, ways: Ways, progress: Progress
) -> dict[str, Any]:
    """Train one change of the recipe and measure it; or say why it cannot be trained."""
    assert ways.work is not None
    folder = run.path / CELLS / ways.work.name
    try:
        if not folder.exists():
            train_on(Path(order.base), domain, recipe, dataset, folder, progress, ways)
    except TrainingError as error:
        return {"error": str(error)}
    run.say(f"measuring {folder.name} on development cases")
    return measure(folder, order, domain, dataset)


def measure(folder: Path, order: Order, domain: Domain, dataset: Dataset) -> dict[str, Any]:
    cases = chosen(domain, {row.task for row in every_row(dataset)}, order.search_cases)
    if not cases:
        raise TrainingError("a search needs development cases of the tasks that are trained: write development.jsonl")
    figures = trial(Path(order.base), folder, domain, cases, use_cuda(order.device))
    card = read_adapter(folder).card
    write_card(folder, {**card, "figures": {"development": figures}})
    return {"score": overall(figures), "loss": card["loss"]["last"], "figures": figures}


def best(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """The highest score; of equal ones the lowest loss. Pure. Raises TrainingError where there is none."""
    trained = {name: row for name, row in scores.items() if "error" not in row}
    if not trained:
        raise TrainingError(f"no change of the recipe gave an adapter; of the last: {[*scores.values()][-1]['error']}")
    return max(trained, key=lambda name: (trained[name]["score"], -trained[name]["loss"]))


def steps_in(dataset: Dataset, recipe: Recipe) -> int:
    """Steps of one cell, if none of its rows is too long."""
    recipe = recipe.for_rows(len(dataset.rows))
    pairs = steps_of(len(dataset.pairs), recipe, recipe.preference_epochs)
    return steps_of(len(dataset.rows), recipe, recipe.epochs) + pairs


def read_scores(run: RunFolder) -> dict[str, dict[str, Any]]:
    file = run.path / FIGURES
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def write_scores(run: RunFolder, scores: Mapping[str, Any]) -> None:
    partial = run.path / f".{FIGURES}"
    partial.write_text(json.dumps(scores, indent=2), encoding="utf-8")
    partial.replace(run.path / FIGURES)

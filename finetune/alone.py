"""`python -m finetune.train`: an adapter from a pack's examples, or from a dataset version in a folder; no service, no database.

On a machine that is lent for minutes at a time, `--work` and `--minutes` train in parts: a call ends with a checkpoint when its
time is up, and the same call goes on from there. One that is killed loses a minute at most.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from core.domain import Domain, load_domain
from core.errors import SettingsError, TriviumError
from core.llm.adapters import read_adapter
from core.llm.base_weights import base_folder
from core.settings import load_settings
from core.types import Adapter
from finetune.dataset import Dataset, build
from finetune.model import quiet
from finetune.monitor import EVERY, Progress, Step
from finetune.recipe import Recipe, load_recipe
from finetune.runs import RunFolder, Stopped
from finetune.train import Ways, train_on
from finetune.version_files import load

Say = Callable[[object], None]


def main(argv: Sequence[str] | None = None) -> int:
    quiet()
    try:
        made = perform(parsed(argv), lambda line: print(line, file=sys.stderr, flush=True))
    except Stopped as error:
        print(error, file=sys.stderr)
        return 3
    except TriviumError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    loss = made.card["loss"]
    print(f"{made.path}: {loss['steps']} steps, loss {loss['last']}, sha256 {made.sha256[:12]}")
    return 0


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m finetune.train", description="Train an adapter.", epilog="Exit status 3: call again to go on."
    )
    parser.add_argument("--domain", type=Path, required=True, help="folder of the domain pack")
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the adapter; its last part is the name")
    parser.add_argument("--base", type=Path, help="folder of the base model; default: the recipe's, made if absent")
    parser.add_argument("--start", type=Path, help="folder of an adapter to go on from, by the recipe's warm values")
    parser.add_argument("--dataset", type=Path, help="folder of a dataset version; default: the pack's examples")
    parser.add_argument("--limit", type=int, help="train on the first N examples only")
    parser.add_argument("--work", type=Path, help="keep checkpoints here, and go on from them")
    parser.add_argument("--minutes", type=float, help="end after so many, counted from the start; needs --work")
    parser.add_argument("--commit", default="", help="of the code, for the card; default: that of the checkout")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    asked = parser.parse_args(argv)
    if asked.minutes and not asked.work:
        parser.error("--minutes needs --work, the folder from which a later call goes on")
    if asked.dataset and asked.limit:
        parser.error("--limit is for a pack's examples; a dataset version is trained on as it was built")
    return asked


def perform(asked: argparse.Namespace, say: Say) -> Adapter:
    """Raises TriviumError; Stopped where the time is up."""
    started = time.monotonic()
    domain, recipe = load_domain(asked.domain), load_recipe(asked.recipe)
    base = asked.base or base_folder(load_settings(base_model=recipe.base), say)
    start = read_adapter(asked.start) if asked.start else None
    recipe = recipe.warmed() if start else recipe
    dataset = dataset_of(asked, domain, recipe)
    ways = Ways(device=asked.device, commit=asked.commit, start=start, say=say)
    progress: Progress = say
    if asked.work:
        run = RunFolder(asked.work)
        until = started + 60 * asked.minutes if asked.minutes else None
        ways = replace(ways, work=run.work, back_to=run.back_to, every=0, until=until)
        progress = journal(run, say)
        with run.locked():
            return train_on(base, domain, recipe, dataset, asked.out, progress, ways)
    return train_on(base, domain, recipe, dataset, asked.out, progress, ways)


def dataset_of(asked: argparse.Namespace, domain: Domain, recipe: Recipe) -> Dataset:
    if asked.dataset:
        folder = asked.dataset.resolve()
        if not folder.is_dir():
            raise SettingsError(f"--dataset: there is no folder {folder}; name that of a version, datasets/<version>")
        return load(folder.parent, folder.name, recipe.seed)
    held_out = [*domain.golden(), *domain.development()]
    return build(domain, domain.examples()[: asked.limit], recipe.seed, held_out=held_out)


def journal(run: RunFolder, say: Say) -> Progress:
    """Writes each step down, and says some."""
    told = 0.0

    def step(one: Step) -> None:
        nonlocal told
        run.append(one)
        now = time.monotonic()
        if one.step in (1, one.steps) or now - told >= EVERY:
            told = now
            say(one)

    return step

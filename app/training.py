"""`trivium train`: an adapter from the pack's examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from core.domain import load_domain
from core.errors import SettingsError
from core.settings import ROOT, load_settings

if TYPE_CHECKING:
    from finetune.monitor import Step

RECIPES = ROOT / "finetune" / "recipes"


def train_adapter(recipe: Path | None, out: Path | None, say: Console) -> None:
    from core.llm.base_weights import base_folder
    from finetune.recipe import load_recipe
    from finetune.train import train

    settings = load_settings()
    domain = load_domain(settings.domain)
    file = recipe or default_recipe(domain.name)
    target = out or settings.data_dir / "adapters" / domain.name
    adapter = train(base_folder(settings, say.print), domain, load_recipe(file), target, progress=shown(say))
    say.print(f"{adapter.name} is in {target}. Measure it with `trivium evaluate --save`: that opens its road.")


def train_the_router(say: Console) -> None:
    from app.bootstrap import ROUTER
    from core.labelled import labelled
    from finetune.router import train
    from router.features import frame

    domain = load_domain(load_settings().domain)
    found = labelled(domain)
    out = domain.folder / ROUTER
    card = train(found, [frame(one.query) for one in found], out, lambda line: say.print(line, markup=False))
    say.print(
        f"{out}: {card['accuracy']:.1%} of queries in unseen words go to their task. Now run `trivium evaluate --save`."
    )


def default_recipe(name: str) -> Path:
    own = RECIPES / f"{name}.yaml"
    if own.is_file():
        return own
    found = sorted(file.name for file in RECIPES.glob("*.yaml"))
    raise SettingsError(f"there is no recipe {own.name}; name one with --recipe ({', '.join(found)})")


def shown(say: Console) -> Callable[[Step], None]:
    """A line for each step that training reports."""

    def show(step: Step) -> None:
        say.print(str(step), markup=False)

    return show

"""`trivium train`: an adapter from the pack's examples."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from core.domain import load_domain
from core.errors import SettingsError
from core.settings import ROOT, load_settings

RECIPES = ROOT / "finetune" / "recipes"


def train_adapter(recipe: Path | None, out: Path | None, say: Console) -> None:
    from finetune.recipe import load_recipe
    from finetune.train import train

    settings = load_settings()
    domain = load_domain(settings.domain)
    file = recipe or default_recipe(domain.name)
    target = out or settings.data_dir / "adapters" / domain.name
    card = train(settings, domain, load_recipe(file), target, say.print)
    say.print(f"{card['name']} is in {target}. Measure it with `trivium evaluate`, then serve it.")


def default_recipe(name: str) -> Path:
    own = RECIPES / f"{name}.yaml"
    if own.is_file():
        return own
    found = sorted(file.name for file in RECIPES.glob("*.yaml"))
    raise SettingsError(f"there is no recipe {own.name}; name one with --recipe ({', '.join(found)})")

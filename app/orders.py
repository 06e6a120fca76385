"""What somebody asked to be trained -> the order of a run: which data, which base, which recipe, from where it starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from core.domain import Domain
from core.errors import ModelNotFound, SettingsError
from core.llm.adapters import find_adapter
from core.settings import ROOT, Settings
from core.types import Adapter, Noun

if TYPE_CHECKING:
    from finetune.recipe import Recipe
    from finetune.runs import Order

RECIPES = ROOT / "finetune" / "recipes"
OWN_RECIPE = "recipe.yaml"
LIVE, BASE = "live", "base"
MOST_CELLS = 12
Build = Callable[[], str]  # builds a dataset version, gives its name


class Asked(Noun):
    """What is asked of a run. `recipe`: name of a recipe, none: the pack's; `changes`: of the recipe; `name`: of the adapter,
    none: the one that serves; `search`: 'r=8,16;learning_rate=1e-3,2e-3', every combination is tried."""

    dataset: str | None = None
    recipe: str | None = None
    name: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")
    changes: dict[str, Any] = {}
    search: str = ""


def make_order(settings: Settings, domain: Domain, asked: Asked, build: Build) -> tuple[Order, Path | None]:
    """The order, and the folder of the adapter that training goes on from.

    Raises:
        SettingsError: the recipe, a change of it or the search is wrong.
        TrainingError: there is no such dataset version.
        ModelNotFound: there is no adapter to go on from.
        ModelError: there is no base model.
    """
    from core.llm.base_weights import base_fingerprint, base_folder
    from finetune.card import commit
    from finetune.runs import Order

    search = cells(asked)
    recipe, start = recipe_of(settings, domain, asked)
    for change in search:
        recipe.changed(**change)
    name = name_of(settings, domain, asked)
    dataset = dataset_folder(settings, asked.dataset or build())
    base = base_folder(settings)
    order = Order(
        name=name, dataset=str(dataset), base=str(base), base_fingerprint=base_fingerprint(base), pack=str(domain.folder),
        recipe=recipe, start=start.name if start else "", search=search, device=settings.device, commit=commit(),
    )  # fmt: skip
    return order, Path(start.path) if start else None


def check(settings: Settings, domain: Domain, asked: Asked) -> None:
    """Raises what `make_order` would raise for what can be seen at once, before anything is queued."""
    recipe, _ = recipe_of(settings, domain, asked)
    for change in cells(asked):
        recipe.changed(**change)
    if asked.dataset:
        dataset_folder(settings, asked.dataset)


def name_of(settings: Settings, domain: Domain, asked: Asked) -> str:
    return asked.name or settings.tuned_model or domain.name


def recipe_of(settings: Settings, domain: Domain, asked: Asked) -> tuple[Recipe, Adapter | None]:
    """The recipe as asked, and the adapter to go on from; with one, what the recipe says for that holds."""
    from finetune.recipe import Recipe, load_recipe

    if "base" in asked.changes:
        raise SettingsError(
            "changes: base: the base model is the one that serves; set TRIVIUM_BASE_MODEL to take another"
        )
    file = recipe_file(domain, asked.recipe)
    recipe = load_recipe(file) if file else Recipe.model_validate({})
    start = start_of(settings, name_of(settings, domain, asked), str(asked.changes.get("start", recipe.start)))
    return (recipe.warmed() if start else recipe).changed(**asked.changes, base=settings.base_model), start


def recipe_file(domain: Domain, name: str | None) -> Path | None:
    """Of a named recipe; else the pack's own, the shipped one of its name, or none, which means the defaults."""
    shipped = {file.stem: file for file in sorted(RECIPES.glob("*.yaml"))}
    if name and name not in shipped:  # a name from outside is never made a path
        raise SettingsError(f"there is no recipe {name!r}; there are {', '.join(shipped)}")
    if name:
        return shipped[name]
    own = domain.folder / OWN_RECIPE
    return own if own.is_file() else shipped.get(domain.name)


def cells(asked: Asked) -> tuple[dict[str, Any], ...]:
    from finetune.sweep import parse_grid

    if not asked.search:
        return ()
    found = tuple(parse_grid(asked.search))
    if len(found) > MOST_CELLS:
        raise SettingsError(f"search: {len(found)} combinations; {MOST_CELLS} are the limit, each is a whole training")
    return found


def start_of(settings: Settings, name: str, start: str) -> Adapter | None:
    """The adapter whose weights training goes on from. `live`: the one of that name that serves; where none does, the base."""
    if start == BASE:
        return None
    found = find_adapter([settings.adapters_dir, settings.data_dir / "adapters"], name if start == LIVE else start)
    if found is None and start != LIVE:
        raise ModelNotFound(
            f"start: there is no adapter {start!r}; take live, base, or one that `trivium adapters list` names"
        )
    if found is None:
        return None
    # Resolved: what the name points to may change while the run waits.
    folder = Path(found.path).resolve()
    return found.model_copy(update={"path": str(folder), "name": folder.name})


def dataset_folder(settings: Settings, version: str) -> Path:
    """Listed, never joined: the version comes from outside."""
    from finetune.guard import TrainingError

    place = settings.data_dir / "datasets"
    found = [folder for folder in (place.iterdir() if place.is_dir() else ()) if folder.name == version]
    if not found or not found[0].is_dir():
        raise TrainingError(f"there is no dataset version {version!r}; GET /api/datasets lists them")
    return found[0]

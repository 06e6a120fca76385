"""`trivium rebase` and `trivium erase`."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from core.errors import DomainError
from core.settings import load_settings
from core.types import Registered


def rebase_all(show: Console, say: Console) -> None:
    """Needs the data folder for itself: stop the API first."""
    from app.bootstrap import Service, open_service
    from app.gating import Gating
    from app.generations import Generations
    from app.rebasing import rebase

    settings = load_settings()
    service: Service = open_service(settings)
    try:
        service.sync()
        gating = Gating(service, Generations(settings.data_dir / "cache" / "generations.jsonl"))
        done = rebase(service, lambda row: heir_of(row, say), gating, lambda line: say.print(line, markup=False))
    finally:
        service.close()
    for one in done:
        state = "fits the base" if not one.heir else f"{one.heir} {'is live' if one.live else 'was not promoted'}"
        show.print(f"{one.old}: {state}", markup=False)
    if not done:
        show.print("No adapter is live, so there is nothing to train again.")


def heir_of(row: Registered, say: Console) -> Path:
    """Train on the version that an adapter was trained on, by its recipe, for the base that serves now. An heir whose
    training ended before a kill is not trained again.

    Raises:
        DatasetError: the version was changed after it was built.
        DomainError: it is not kept here, and is not the pack's seeds either.
    """
    from app.datasets import FOLDER
    from app.training import shown
    from core.domain import load_domain
    from core.llm.adapters import CARD
    from core.llm.base_weights import base_fingerprint, base_folder
    from finetune.dataset import build
    from finetune.recipe import make_recipe
    from finetune.train import Ways, train, train_on
    from finetune.version_files import load

    settings = load_settings()
    domain = load_domain(settings.domain)
    recipe = make_recipe({**row.card.get("recipe", {}), "base": settings.base_model}, f"card of {row.id}")
    base = base_folder(settings, say.print)
    out = settings.data_dir / "runs" / f"rebase-{row.id}-{base_fingerprint(base)[:8]}" / row.name
    if (out / CARD).is_file():
        return out
    kept = settings.data_dir / FOLDER
    if row.dataset and (kept / row.dataset).is_dir():
        dataset = load(kept, row.dataset, recipe.seed)
        train_on(base, domain, recipe, dataset, out, shown(say), Ways(name=row.name))
        return out
    held_out = [*domain.golden(), *domain.development()]
    if build(domain, domain.examples(), recipe.seed, held_out=held_out).version != row.dataset:
        raise DomainError(
            f"dataset {row.dataset} of {row.id} is not here: build a version, and train and gate from that"
        )
    train(base, domain, recipe, out, progress=shown(say))
    return out


def erase_user(user: str, show: Console) -> None:
    """Through the API where one owns the data folder, in this process otherwise."""
    from app.asking import api_client, checked
    from app.erasing import Erased, as_text, erase
    from core.errors import DataFolderInUse
    from core.store import open_store
    from retrieval.lock import lock_data_dir

    settings = load_settings()
    try:
        lock = lock_data_dir(settings.data_dir)
    except DataFolderInUse as error:
        with api_client(settings, error) as client:
            erased = Erased.model_validate(checked(client.post("/api/erase", json={"user": user})))
    else:
        with lock:
            store = open_store(settings.database)
            erased = erase(store, user)
            store.engine.dispose()
    show.print(as_text(erased), markup=False)

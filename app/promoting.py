"""Promote, roll back, retire: the registry's change and the figures that open the adapter's roads, in an order that a kill
cannot break. Figures are kept before the registry changes, since figures of an adapter that does not serve do no harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import NotFound
from core.measured import Measured, Own, keep_own, load_own
from core.settings import Settings
from core.store import Store
from core.types import Registered
from finetune.registry import Registry


def open_registry(settings: Settings, store: Store, base: Callable[[], str] | None = None) -> Registry:
    return Registry(store, settings.data_dir / "adapters", settings.adapters_dir, base)


def promote(registry: Registry, data_dir: Path, pack: Measured, id: str) -> Registered:
    """Let an adapter serve, with its own figures. Raises as `Registry.promote` does.

    The pack's figures are kept as well: they belong to the shipped adapter, to which one may go back after the pack was
    measured anew.
    """
    found = figures_of(registry, registry.get(id))
    if fingerprint := pack.models.get("tuned"):
        found.setdefault(fingerprint, pack.as_own())
    keep_missing(data_dir, found)
    return registry.promote(id)


def mend(registry: Registry, data_dir: Path) -> list[str]:
    """At start: finish what a kill left half done, and bring back figures that are missing. Says what was wrong."""
    said = registry.mend()
    for row in registry.list():
        if row.state in ("live", "former"):
            keep_missing(data_dir, figures_of(registry, row))
    return said


def figures_of(registry: Registry, row: Registered) -> dict[str, Own]:
    """By fingerprint, from the report that let it pass; nothing for one that did not."""
    if not row.report_id:
        return {}
    try:
        body: dict[str, Any] = dict(registry.report(row.report_id).body.get("measured") or {})
    except NotFound:
        return {}
    fingerprint = body.pop("fingerprint", "")
    return {fingerprint: Own.model_validate(body)} if fingerprint else {}


def keep_missing(data_dir: Path, found: dict[str, Own]) -> None:
    known = load_own(data_dir)
    new = {fingerprint: own for fingerprint, own in found.items() if known.get(fingerprint) != own}
    if new:
        keep_own(data_dir, new)

"""`trivium adapters ...`: through the API where one owns the data folder, in this process otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import typer
from rich.console import Console

if TYPE_CHECKING:
    from core.settings import Settings
    from core.types import Registered, Report

adapters = typer.Typer(
    no_args_is_help=True, help="Adapters: list, evaluate, promote, roll back, retire; the gate's reports."
)
show = Console(highlight=False, soft_wrap=True)
say = Console(stderr=True, highlight=False)


class Access(Protocol):
    """The registry, wherever it is reached."""

    def list(self) -> list[Registered]: ...
    def evaluate(self, id: str) -> Report: ...
    def promote(self, id: str) -> Registered: ...
    def roll_back(self, name: str) -> Registered: ...
    def retire(self, id: str) -> Registered: ...
    def report(self, id: str) -> Report: ...


@adapters.command("list")
def list_them() -> None:
    """Every registered adapter, the newest first."""
    from rich.table import Table

    table = Table("adapter", "state", "dataset", "verdict", "registered", "promoted")
    with registry_access() as registry:
        for row in registry.list():
            verdict = registry.report(row.report_id).verdict.replace("_", " ") if row.report_id else "not evaluated"
            promoted = f"{row.promoted_at:%Y-%m-%d %H:%M}" if row.promoted_at else ""
            table.add_row(row.id, row.state, row.dataset, verdict, f"{row.created_at:%Y-%m-%d %H:%M}", promoted)
    show.print(table if table.row_count else "No adapter was registered yet; `trivium train` makes one.")


@adapters.command()
def evaluate(id: str) -> None:
    """Let a candidate and what serves now answer the golden cases, and give the gate's verdict."""
    from finetune.gate_report import as_markdown

    with registry_access() as registry:
        show.print(as_markdown(registry.evaluate(id)), markup=False)


@adapters.command()
def promote(id: str) -> None:
    """Let an adapter that passed the gate serve, from the next query on."""
    with registry_access() as registry:
        row = registry.promote(id)
    show.print(f"{row.id} is live. `trivium adapters rollback {row.name}` goes back.", markup=False)


@adapters.command()
def rollback(name: str = typer.Argument("", help="default: the name of the pack")) -> None:
    """Go back to the adapter that was live before, or to the shipped one."""
    from core.domain import load_domain
    from core.settings import load_settings

    with registry_access() as registry:
        row = registry.roll_back(name or load_domain(load_settings().domain).name)
    show.print(f"{row.id} serves again.", markup=False)


@adapters.command()
def retire(id: str) -> None:
    """Put an adapter that is not live out of use."""
    with registry_access() as registry:
        show.print(f"{registry.retire(id).id} is retired.", markup=False)


@adapters.command()
def report(id: str) -> None:
    """The gate's report on an adapter (or of a report's id), as Markdown."""
    from finetune.gate_report import as_markdown

    with registry_access() as registry:
        show.print(as_markdown(registry.report(id)), markup=False)


@contextmanager
def registry_access() -> Iterator[Access]:
    from core.errors import DataFolderInUse
    from core.settings import load_settings
    from retrieval.lock import lock_data_dir

    settings = load_settings()
    try:
        lock = lock_data_dir(settings.data_dir)
    except DataFolderInUse as error:
        from app.asking import api_client

        with api_client(settings, error) as client:
            yield Remote(client)
        return
    with lock:
        local = Local(settings)
        try:
            yield local
        finally:
            local.close()


class Local:
    """Opens no more than it needs: only an evaluation loads models and index."""

    def __init__(self, settings: Settings) -> None:
        from app.promoting import mend, open_registry
        from core.llm import open_models
        from core.store import open_store

        self._settings, self._store = settings, open_store(settings.database)
        self._models = open_models(settings, say.print)
        self._registry = open_registry(settings, self._store, lambda: self._models.fingerprint("base"))
        for line in mend(self._registry, settings.data_dir):
            say.print(line, markup=False)
        self.list, self.retire, self.report = self._registry.list, self._registry.retire, self._registry.report
        self.roll_back = self._registry.roll_back

    def promote(self, id: str) -> Registered:
        from app.promoting import promote
        from core.domain import load_domain
        from core.measured import load_measured

        pack = load_measured(load_domain(self._settings.domain))
        return promote(self._registry, self._settings.data_dir, pack, id)

    def evaluate(self, id: str) -> Report:
        from app.bootstrap import open_service
        from app.gating import Gating
        from app.generations import Generations

        service = open_service(self._settings)
        try:
            service.sync()
            gating = Gating(service, Generations(self._settings.data_dir / "cache" / "generations.jsonl"))
            return gating.run(id, lambda done, total, note: say.print(f"{done}/{total} {note}", markup=False))
        finally:
            service.close()

    def close(self) -> None:
        self._models.close()
        self._store.engine.dispose()


class Remote:
    def __init__(self, client: Any) -> None:
        self._client = client

    def list(self) -> list[Registered]:
        return [_registered(row) for row in self._get("/api/registry")]

    def promote(self, id: str) -> Registered:
        return _registered(self._post(f"/api/registry/{id}/promote"))

    def roll_back(self, name: str) -> Registered:
        return _registered(self._post(f"/api/registry/{name}/rollback"))

    def retire(self, id: str) -> Registered:
        return _registered(self._post(f"/api/registry/{id}/retire"))

    def report(self, id: str) -> Report:
        from core.types import Report

        return Report.model_validate(self._get(f"/api/reports/{id}"))

    def evaluate(self, id: str) -> Report:
        import time

        from core.errors import RegistryError

        job, last = self._post(f"/api/registry/{id}/evaluate"), None
        while job["state"] in ("pending", "enqueued"):
            if (line := f"{job['done']}/{job['total']} {job['note']}") != last:
                say.print(line, markup=False)
                last = line
            time.sleep(0.5)
            job = self._get(f"/api/jobs/{job['id']}")
        if job["state"] != "success":
            raise RegistryError(f"the evaluation ended as {job['state']}: {job['error'] or 'start it again'}")
        return self.report(id)

    def _get(self, path: str) -> Any:
        from app.asking import checked

        return checked(self._client.get(path))

    def _post(self, path: str) -> Any:
        from app.asking import checked

        return checked(self._client.post(path))


def _registered(row: Any) -> Registered:
    from core.types import Registered

    return Registered.model_validate(row)

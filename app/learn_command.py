"""`trivium learn`: the learning flow in one terminal."""

from __future__ import annotations

from rich.console import Console

from app.learning import learn
from app.orders import Asked
from app.training import told
from core.settings import load_settings


def learn_here(dataset: str | None, rows: int | None, start: str, show: Console, say: Console) -> None:
    """Needs the data folder for itself. Raises DataFolderInUse, and what `learn` raises."""
    from app.bootstrap import open_service
    from app.gating import Gating
    from app.generations import Generations
    from finetune.gate_report import as_markdown
    from finetune.rows import Limits

    settings = load_settings()
    service = open_service(settings)
    try:
        service.sync()
        gating = Gating(service, Generations(settings.data_dir / "cache" / "generations.jsonl"))
        asked = Asked(dataset=dataset, name=None, changes={"start": start})
        limits = Limits(rows=rows) if rows else None
        done = learn(service, asked, gating, told(say), lambda line: say.print(line, markup=False), limits=limits)
    finally:
        service.close()
    show.print(as_markdown(done.report), markup=False)
    if done.live:
        show.print(f"{done.adapter} is live. `trivium adapters rollback` goes back.", markup=False)

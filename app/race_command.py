"""`trivium dataset race`: two versions or mixes, trained alike and compared, in one terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from app.orders import Asked
from app.training import told
from core.settings import load_settings

if TYPE_CHECKING:
    from finetune.race import Raced

RACES = "races"


def race_here(a: str, b: str, asked: Asked, show: Console, say: Console) -> str:
    """Prints the comparison and gives one JSON object. Needs the data folder for itself.

    Raises:
        DataFolderInUse, and what `racing.race` raises.
    """
    from app.bootstrap import open_service
    from app.gating import Gating
    from app.generations import Generations
    from app.racing import race
    from finetune.guard import TrainingError

    settings = load_settings()
    service = open_service(settings)
    try:
        gating = Gating(service, Generations(settings.data_dir / "cache" / "generations.jsonl"))
        raced = race(service, a, b, asked, gating, told(say), lambda line: say.print(line, markup=False))
    except KeyboardInterrupt:
        raise TrainingError("the race was stopped; the same command goes on where it stopped") from None
    finally:
        service.close()
    return report(settings.data_dir, raced, show)


def report(data_dir: Path, raced: Raced, show: Console) -> str:
    """Print the comparison, keep it in the data folder, and give its JSON."""
    from app.datasets import write_export
    from finetune.race import as_json, as_markdown

    text = as_markdown(raced)
    folder = data_dir / RACES / f"{raced.a.run}-{raced.b.run}".replace("race-", "")
    folder.mkdir(parents=True, exist_ok=True)
    write_export([text.rstrip("\n")], folder / "report.md")
    write_export([raced.model_dump_json(indent=1)], folder / "race.json")
    show.print(text, markup=False)
    show.print(f"Nothing was promoted. {folder / 'report.md'} keeps this report.", markup=False)
    return json.dumps({**as_json(raced), "report": str(folder / "report.md")})

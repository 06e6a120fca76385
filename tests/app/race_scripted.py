"""A race with a scripted trainer and scripted adapters, to be killed: python -m tests.app.race_scripted FOLDER DATA A B.

FOLDER holds the pack `office` and the base `base`. Adapters of a version that holds reviewed rows answer rightly, others
half of the time; every question is a line of DATA/asked.txt. The last line printed is the command's JSON, and it says
whether a model library was imported.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from rich.console import Console

from app.bootstrap import Service
from app.gating import Gating
from app.generations import Generations
from app.orders import Asked
from app.promoting import open_registry
from app.race_command import report
from app.racing import race
from core.domain import load_domain
from core.llm import ScriptedModels
from core.llm.adapters import read_adapter
from core.llm.models import BASE
from core.measured import load_measured
from core.settings import Settings, load_settings
from core.store import open_store
from tests.app.test_gating import half, right
from tests.finetune.scripted_trainer import command


class Models(ScriptedModels):
    """Scripts for whatever adapters there are."""

    def __init__(self, settings: Settings, delay: float) -> None:
        self.settings, self.delay = settings, delay
        super().__init__({BASE: half}, places=[settings.adapters_dir, settings.data_dir / "adapters"])

    def chat(self, name: str) -> Any:
        name = self.resolved(name)
        if name != BASE:
            self._scripts[name] = self.script(name)
        return super().chat(name)

    def fingerprint(self, name: str) -> str:
        self.chat(name)
        return super().fingerprint(name)

    def script(self, name: str) -> Any:
        version = read_adapter(self.settings.data_dir / "adapters" / name).card["dataset"]["version"]
        manifest = json.loads((self.settings.data_dir / "datasets" / version / "manifest.json").read_text())

        def answer(query: str) -> str:
            time.sleep(self.delay)
            with (self.settings.data_dir / "asked.txt").open("a") as file:
                file.write(f"{name} {query}\n")
            return (right if "review" in manifest["origins"] else half)(query)

        return answer


def apart(texts: list[str]) -> np.ndarray:
    """A vector for each text, no two alike."""
    return np.eye(len(texts), dtype=np.float32)


def opened(folder: Path, data: Path, delay: float = 0.0) -> Service:
    """A service without an index: a race of versions needs none."""
    settings = load_settings(
        data_dir=data, domain=folder / "office", base_model=str(folder / "base"), adapters_dir=folder / "shipped"
    )
    domain, store, models = load_domain(settings.domain), open_store(settings.database), Models(settings, delay)
    index: Any = SimpleNamespace(embeddings=SimpleNamespace(encode_queries=apart))
    nothing: Any = None
    return Service(
        settings, domain, store, models, index, nothing, nothing, nothing, nothing, load_measured(domain), open_registry(settings, store)
    )  # fmt: skip


def raced(service: Service, a: str, b: str, **asked: Any) -> Any:
    gating = Gating(service, Generations(service.settings.data_dir / "cache" / "generations.jsonl"))
    said: list[str] = []
    wanted = Asked.model_validate(asked or {"changes": {"start": "base"}})
    return race(service, a, b, wanted, gating, lambda *_: None, said.append, command), said


def main() -> None:
    folder, data, a, b, delay = Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:6]
    found, _ = raced(service := opened(folder, data, float(delay)), a, b)
    print(report(service.settings.data_dir, found, Console(soft_wrap=True)))
    sys.exit("torch" in sys.modules)


if __name__ == "__main__":
    main()

"""A real API process with a scripted candidate, to be killed: python -m tests.app.serve_gate DATA PACK SHIPPED PORT DELAY.

Every question that a model is asked is a line of DATA/asked.txt.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from app.main import create_app
from core.llm import ScriptedModels
from core.settings import load_settings
from tests.app.test_gating import half, right


def main() -> None:
    data, pack, shipped, port, delay = sys.argv[1:6]
    settings = load_settings(data_dir=Path(data), domain=Path(pack), adapters_dir=Path(shipped), port=int(port))
    places = [settings.adapters_dir, settings.data_dir / "adapters"]

    def noted(name, script):
        def answer(query: str) -> str:
            with (settings.data_dir / "asked.txt").open("a") as file:
                file.write(f"{name} {query}\n")
            return script(query)

        return answer

    scripts = {"base": half, "office": noted("office", half)}
    scripts |= {p.name: noted(p.name, right) for p in places[1].glob("office-*")} if places[1].is_dir() else {}
    models = ScriptedModels(scripts, delay=float(delay), places=places)
    uvicorn.run(create_app(settings, models), port=int(port), log_level="warning")


if __name__ == "__main__":
    main()

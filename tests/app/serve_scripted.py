"""A real API process with scripted models, to be killed: python -m tests.app.serve_scripted DATA PACK PORT DELAY."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import uvicorn

from app.main import create_app
from core.llm import ScriptedModels
from core.settings import load_settings


def main() -> None:
    data, pack, port, delay = sys.argv[1:5]
    settings = load_settings(data_dir=Path(data), domain=Path(pack), port=int(port), serve_unmeasured=True)
    slow_ingest(float(delay))
    models = ScriptedModels({"base": {"*": "word " * 500}, "office": {"*": "open/now"}}, delay=float(delay))
    uvicorn.run(create_app(settings, models), port=int(port), log_level="warning")


def slow_ingest(seconds: float) -> None:
    """Every file takes a little longer, and is kept with only one other, so that a kill comes in the middle."""
    from retrieval import ingest, keeping

    read = ingest.Ingest._read

    def slow(self, *args, **kwargs):
        time.sleep(seconds * 5)
        return read(self, *args, **kwargs)

    ingest.Ingest._read, keeping.GROUP_FILES = slow, 2


if __name__ == "__main__":
    main()

"""A real API process whose model writes drafts, to be killed: python -m tests.app.serve_drafts DATA PACK PORT DELAY.

Every passage that the model is asked about is a line of DATA/drafted.jsonl; it never writes the same draft twice.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from uuid import uuid4

import uvicorn

from app.main import create_app
from core.llm import ScriptedModels
from core.settings import load_settings


def main() -> None:
    data, pack, port, delay = sys.argv[1:5]
    settings = load_settings(data_dir=Path(data), domain=Path(pack), port=int(port), serve_unmeasured=True)

    def write(text: str) -> str:
        found = re.search(r"lid of hall (\d+) stays", text)
        hall = found[1] if found else ""
        with (settings.data_dir / "drafted.jsonl").open("a") as file:
            file.write(json.dumps(hall) + "\n")
        return f"Q: Label this note: lid {hall}, seen by {uuid4().hex}\nA: open/now"

    models = ScriptedModels({"base": write, "office": {"*": "open/now"}}, delay=float(delay))
    uvicorn.run(create_app(settings, models), port=int(port), log_level="warning")


if __name__ == "__main__":
    main()

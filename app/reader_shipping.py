"""A reader that is trained on another machine, and one that ships with the project: what goes there, and what is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.dial import FILE as DIAL
from core.dial import load_dial
from core.errors import RegistryError
from core.llm.adapters import CONFIG, WEIGHTS
from core.llm.base_weights import base_folder
from evaluation.reading import figures
from finetune.card import staged, write_card
from finetune.reader_data import SOURCES

if TYPE_CHECKING:
    from app.bootstrap import Service
    from app.reader_training import Learned

PACK_FILES = ("domain.yaml", "golden.jsonl", "development.jsonl")
LICENSE = "CC BY-SA 4.0, as the data asks"
LIMITS = (
    "English; a paragraph to some pages of passages, numbered as `core.prompts.reader_query` does",
    "it answers in the words of the passages, in a few of them; it does not count, compare or add up",
    "questions that were written so that a passage seems to answer them and does not still get an answer often: see the dial",
    "what it was not trained on: tables, code, other languages",
)
Say = Callable[[str], None]
CALL = """\
python -m finetune.train --domain {place}/pack --dataset {place}/datasets/{version} --recipe finetune/recipes/reader.yaml \\
  --base BASE --work WORK --minutes 8 --out OUT/reader --commit COMMIT
"""


def write_parcel(service: Service, version: str, folder: Path, say: Say) -> None:
    """What `python -m finetune.train` needs on a machine without this data folder: the pack less its examples, and the version."""
    kept = service.settings.data_dir / "datasets" / version
    (folder / "pack").mkdir(parents=True, exist_ok=True)
    for name in PACK_FILES:
        shutil.copyfile(service.domain.folder / name, folder / "pack" / name)
    shutil.copytree(kept, folder / "datasets" / version, dirs_exist_ok=True)
    packed = Path(shutil.make_archive(str(folder.resolve()), "gztar", folder.resolve().parent, folder.resolve().name))
    size, base = packed.stat().st_size / 1e6, base_folder(service.settings)
    say(f"{folder}, and the same packed as {packed.name} ({size:.0f} MB); BASE is a copy of {base}")
    say("There, unpacked in the root of a checkout, again and again while it ends with status 3:")
    say(CALL.format(place=folder.name, version=version))
    say("Then here: trivium train reader --adapter OUT/reader")


def write_shipped(service: Service, learned: Learned, out: Path, say: Say) -> str:
    """The live adapter with its dial, and a card that names data, licenses, figures and limits. Raises RegistryError."""
    adapter = service.registry.adapter(learned.adapter)
    dial = load_dial(Path(adapter.path)) if adapter else None
    if adapter is None or dial is None:
        raise RegistryError(f"{learned.adapter} has no files or no dial here: train it again")
    card = {**adapter.card, "data": data(), "license": LICENSE, "limits": list(LIMITS)}
    card["figures"] = measured(service, learned, say)
    with staged(out) as folder:
        for name in (CONFIG, WEIGHTS, DIAL):
            shutil.copyfile(Path(adapter.path) / name, folder / name)
        write_card(folder, card)
    return f"{out} holds the adapter, its dial and its card."


def data() -> list[dict[str, str]]:
    return [{"file": one.file, "origin": one.origin, "license": one.license} for one in SOURCES]


def measured(service: Service, learned: Learned, say: Say) -> dict[str, Any]:
    """Figures on the golden cases, by the dial, which was fitted on others."""
    from app.reader_dial import answered, read_cases

    adapter = service.registry.adapter(learned.adapter)
    dial = load_dial(Path(adapter.path)) if adapter else None
    cases = service.domain.golden()
    reads = read_cases(service.models.chat(learned.adapter), cases, say)
    rows = [answered(case, read, dial) for case, read in zip(cases, reads, strict=True) if dial]
    [task] = [row for row in learned.report.body["tasks"] if row["task"] == "read"]
    gate = {"candidate": task["candidate"], "incumbent": task["incumbent"], "against": learned.report.incumbent}
    return {"golden": {**figures(rows), "cases": len(rows)}, "gate": gate}

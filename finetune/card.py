"""The folder of an adapter: written beside its place and moved there whole, described by card.json and a README."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

from core.cpu import abilities
from core.llm.adapters import CARD, CONFIG, WEIGHTS, file_sha256
from core.llm.base_weights import base_fingerprint
from core.prompts import template_hash
from core.settings import ROOT
from finetune.guard import TrainingError
from finetune.model import base_name
from finetune.recipe import Recipe

CURVE_POINTS = 20
LIBRARIES = ("torch", "transformers", "peft", "trl", "bitsandbytes")
README = """---
base_model: {base}
library_name: peft
pipeline_tag: text-generation
tags: [lora, trivium]
---

# {name}

A LoRA adapter (r {r}, alpha {alpha}) for `{base}`, made by Trivium.

| | |
|---|---|
| base fingerprint | `{base_fingerprint}` |
| weights sha256 | `{sha256}` |
| prompt template | `{template_hash}` |
| dataset | version `{version}`, {rows} rows: {tasks} |
| trained | {date}, {epochs:g} epochs, learning rate {learning_rate:g}, {precision}, quantization {quantization}, seed {seed} |
| loss | {first:.3f} at the start, {last:.3f} at the end, {steps} steps |
| hardware | {hardware}, {seconds:.0f} s |
| commit | {commit} |

It serves the prompts of its domain pack only: system prompt and instruction as in training, no few-shot examples.
Trivium refuses it on another base. `card.json` holds the whole recipe, the versions and the measured figures.
"""


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `out` when the block ends well, and is gone when it does not.

    Raises:
        TrainingError: what lies at `out` is no adapter, and would be lost.
    """
    if out.exists() and not (out / CONFIG).is_file() and (out.is_file() or any(out.iterdir())):
        raise TrainingError(f"{out} holds no adapter and would be replaced: give a new folder, such as adapters/NAME")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    old = folder.with_name(folder.name + ".old")
    try:
        yield folder
        folder.chmod(0o755)
        for file in folder.iterdir():
            file.chmod(0o644)  # safetensors and temporary folders are made for their owner alone
        if out.exists():
            out.rename(old)
        folder.rename(out)
    finally:
        if old.exists() and not out.exists():
            old.rename(out)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def write_card(folder: Path, card: dict[str, Any]) -> None:
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(readme(card), encoding="utf-8")


def describe(
    name: str,
    base: Path,
    recipe: Recipe,
    dataset: Mapping[str, object],
    cuda: bool,
    folder: Path,
    facts: dict[str, Any],
) -> dict[str, Any]:
    """The card of the adapter in `folder`. `figures` is filled by an evaluation; `parent` is the adapter that training went
    on from, `run` the run that made it; `proof`: see finetune.proof."""
    import torch

    return {
        "name": name,
        "base": base_name(recipe),
        "base_fingerprint": base_fingerprint(base),
        "sha256": file_sha256(folder / WEIGHTS),
        "template_hash": template_hash(),
        "dataset": {**dataset, "too_long": facts["too_long"]},
        "parent": facts["parent"],
        "run": facts["run"],
        "recipe": recipe.model_dump(mode="json") | {"base": base_name(recipe)},
        "alpha": recipe.lora_alpha,
        "quantization": "nf4, double quantization" if recipe.quantized(cuda) else "none",
        "precision": recipe.precision,
        "seed": recipe.seed,
        "loss": curve(facts["losses"]),
        "versions": versions(),
        "hardware": torch.cuda.get_device_name(0) if cuda else f"CPU: {abilities()}",
        "seconds": round(facts["seconds"], 1),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": facts["commit"],
        "proof": {},
        "figures": {},
    }


def readme(card: dict[str, Any]) -> str:
    recipe, dataset = card["recipe"], card["dataset"]
    tasks = ", ".join(f"{task} {count}" for task, count in dataset["tasks"].items())
    # Cards from before precision followed the processor do not name it.
    values = {"precision": "bf16", **recipe, **dataset, **card["loss"], **card, "tasks": tasks, "alpha": card["alpha"]}
    return README.format(**values) + "".join(f"\n## {title}\n\n{text}\n" for title, text in sections(card) if text)


def sections(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the card of an adapter that ships with the project says beside: data, license, figures, limits."""
    data = [f"- {one['origin']}: {one['license']}" for one in card.get("data", ())]
    found = [f"- {name}: {told(figure)}" for name, figure in card.get("figures", {}).items()]
    return [
        ("Data", "\n".join(data)),
        ("License of the weights", card.get("license", "")),
        ("Figures", "\n".join(found)),
        ("Limits", "\n".join(f"- {limit}" for limit in card.get("limits", ()))),
    ]


def told(figure: Any) -> str:
    return ", ".join(f"{k} {v}" for k, v in figure.items()) if isinstance(figure, Mapping) else str(figure)


def curve(losses: Sequence[float]) -> dict[str, Any]:
    """A loss curve in a few numbers: means over its first and last tenth, and evenly spaced means between."""
    tenth = max(1, len(losses) // 10)
    points = min(CURVE_POINTS, len(losses))
    edges = [round(i * len(losses) / points) for i in range(points + 1)]
    return {
        "steps": len(losses),
        "first": _mean(losses[:tenth]),
        "last": _mean(losses[-tenth:]),
        "lowest": round(min(losses), 4),
        "points": [_mean(losses[a:b]) for a, b in pairwise(edges)],
    }


def versions() -> dict[str, str]:
    installed = {dist.metadata["Name"] for dist in metadata.distributions()}
    return {"python": platform.python_version(), **{n: metadata.version(n) for n in LIBRARIES if n in installed}}


def commit() -> str:
    """The commit of the code that trains; empty outside a checkout."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return ""
    done = subprocess.run([git, "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)

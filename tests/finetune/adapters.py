"""Adapters without a model: folders that the registry takes, whose weights are a few bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from core.types import Report

BASE = "scripted:base"


def make(folder: Path, weights: str, name: str = "desk", **card) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    (folder / "adapter_model.safetensors").write_text(weights)
    sha256 = hashlib.sha256(weights.encode()).hexdigest()
    given = {"name": name, "base": "smollm2", "base_fingerprint": BASE, "sha256": sha256, **card}
    (folder / "card.json").write_text(json.dumps(given))
    return folder


def passed(id: str, incumbent: str = "", verdict: str = "promote", **body) -> Report:
    return Report(candidate=id, incumbent=incumbent, verdict=verdict, body=body)

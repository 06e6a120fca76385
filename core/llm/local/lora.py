"""An adapter's matrices as the inputs of the fast engine's graph."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.llm.adapters import CONFIG, WEIGHTS
from core.llm.local.graph import lora_down, lora_up

PREFIX = "base_model.model."
PLAIN = {  # what an adapter may say of itself, if it only adds a product of two matrices to linear layers
    "bias": ("none", None), "fan_in_fan_out": (False, None), "use_dora": (False, None), "modules_to_save": (None, []),
    "rank_pattern": ({}, None), "alpha_pattern": ({}, None), "lora_bias": (False, None), "trainable_token_indices": (None, []),
}  # fmt: skip

Inputs = Mapping[str, np.ndarray[Any, Any]]


class OtherAdapter(Exception):
    """It does more than add a product of two matrices to the layers that the graph knows."""


def groups(layers: int) -> list[tuple[str, ...]]:
    """The matrices of a model that are multiplied in one go, as `graph` does it."""
    found: list[tuple[str, ...]] = []
    for at in range(layers):
        attention, inner = f"model.layers.{at}.self_attn.", f"model.layers.{at}.mlp."
        found.append(tuple(f"{attention}{part}_proj" for part in "qkv"))
        found += [(attention + "o_proj",), (inner + "gate_proj", inner + "up_proj"), (inner + "down_proj",)]
    return found


def no_adapter(ports: Mapping[str, tuple[int, int]]) -> Inputs:
    """Inputs that add nothing. `ports`: the shape of each input, -1 for what depends on the rank."""
    many = {name: name.count("+") + 1 if name.startswith("lora_down.") else 1 for name in ports}
    return {
        name: np.zeros([many[name] if size < 0 else size for size in shape], np.float32)
        for name, shape in ports.items()
    }


def read_lora(folder: Path, layers: int, ports: Mapping[str, tuple[int, int]]) -> Inputs:
    """The inputs for a PEFT adapter.

    Raises:
        OtherAdapter: it is of a kind that the graph has no inputs for.
        OSError, ValueError, KeyError: it cannot be read.
    """
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    for key, plain in PLAIN.items():
        if config.get(key) not in plain:
            raise OtherAdapter(f"its {key} is {config[key]!r}")
    rank = int(config["r"])
    scale = config["lora_alpha"] / (rank**0.5 if config.get("use_rslora") else rank)
    matrices = _matrices(folder / WEIGHTS)
    inputs: dict[str, np.ndarray[Any, Any]] = {}
    for names in groups(layers):
        downs, ups = zip(*(_pair(matrices, name, names, rank, ports) for name in names), strict=True)
        inputs[lora_down(names)] = np.ascontiguousarray(np.concatenate(downs))
        inputs |= {lora_up(name): np.ascontiguousarray(up * scale) for name, up in zip(names, ups, strict=True)}
    if matrices:
        raise OtherAdapter(f"it changes {min(matrices)}")
    if any(inputs[name].shape != expected(shape, inputs[name].shape) for name, shape in ports.items()):
        raise OtherAdapter("its matrices have other shapes than the model's")
    return inputs


def expected(port: tuple[int, int], found: Sequence[int]) -> tuple[int, ...]:
    return tuple(size if size >= 0 else other for size, other in zip(port, found, strict=True))


def _matrices(file: Path) -> dict[str, np.ndarray[Any, Any]]:
    from safetensors.torch import load_file

    return {name.removeprefix(PREFIX): tensor.float().numpy() for name, tensor in load_file(file).items()}


def _pair(
    matrices: dict[str, np.ndarray[Any, Any]], name: str, names: tuple[str, ...], rank: int, ports: Mapping[str, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A matrix's two, taken out of `matrices`; zeros where the adapter leaves it as it is."""
    down, up = (matrices.pop(f"{name}.lora_{part}.weight", None) for part in "AB")
    if down is None or up is None:
        width, height = ports[lora_down(names)][1], ports[lora_up(name)][0]
        return np.zeros((rank, width), np.float32), np.zeros((height, rank), np.float32)
    return down, up

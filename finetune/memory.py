"""Whether a run fits into memory: an estimate made before anything is loaded."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from math import prod
from pathlib import Path

from core.types import Noun
from finetune.guard import TrainingError
from finetune.recipe import Recipe

ADAPTER_BYTES = 16  # per trained parameter: weight, gradient and AdamW's two moments in fp32
NF4_BYTES = 0.52  # with double quantization
# What a layer keeps of each position for the backward pass, in bytes per entry, fitted to the peaks of real runs that
# tests/finetune/test_memory.py lists. Scores hardly count: only labelled positions have any, a tile at a time.
LORA_INPUT = 2  # of each of the seven inputs (six of the hidden size, one of the inner)
DROPOUT, DROPOUT_ON_GPU = 9, 1  # the same; a GPU keeps one byte, and draws and multiplies at once
HIDDEN_BYTES, INNER_BYTES = 45, 10  # norms, residuals, attention; the inner layer's own values
ON_GPU = 0.6  # of all but dropout: fused kernels keep less
IN_FP32 = 1.9  # of all but dropout: the same without bf16
CHECKPOINTED = 0.15  # share of the activations that checkpointing keeps
PAIR = 2  # a preference holds two rows, and the reference reads both
RESERVE = 1.05
PROCESS_BYTES = 700_000_000  # interpreter and libraries
GROUPS = Path("/sys/fs/cgroup")


class Size(Noun):
    """A model in the numbers that decide about memory."""

    parameters: int
    hidden: int
    inner: int
    layers: int
    vocabulary: int


def size_of(base: Path) -> Size:
    """Read a model's size from its configuration and the headers of its weights; no weight is loaded."""
    try:
        config = json.loads((base / "config.json").read_text(encoding="utf-8"))
        hidden = int(config["hidden_size"])
        return Size(
            parameters=sum(prod(shape) for file in sorted(base.glob("*.safetensors")) for shape in _shapes(file)),
            hidden=hidden,
            inner=int(config.get("intermediate_size", 4 * hidden)),
            layers=int(config["num_hidden_layers"]),
            vocabulary=int(config["vocab_size"]),
        )
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(
            f"{base}/config.json does not describe a language model ({error}); take another base"
        ) from None


def needed(size: Size, recipe: Recipe, cuda: bool, rows: int, length: int, pairs: bool = False) -> int:
    """Bytes that a run takes at its peak. Pure.

    Args:
        rows: rows of one step (at most the recipe's batch size); a pair counts once.
        length: tokens of the longest row.
        pairs: whether preferences are trained.
    """
    width = 2 if recipe.precision == "bf16" else 4
    embedding = size.vocabulary * size.hidden
    body = max(0, size.parameters - embedding)
    weights = embedding * width + body * (NF4_BYTES if recipe.quantized(cuda) else width)
    adapter = size.layers * recipe.r * (8 * size.hidden + 3 * (size.hidden + size.inner)) * ADAPTER_BYTES
    positions = rows * length * (PAIR if pairs else 1)
    inputs = 6 * size.hidden + size.inner
    layer = LORA_INPUT * inputs + HIDDEN_BYTES * size.hidden + INNER_BYTES * size.inner
    layer *= (ON_GPU if cuda else 1) * (IN_FP32 if recipe.precision == "fp32" else 1)
    if recipe.dropout:
        layer += (DROPOUT_ON_GPU if cuda else DROPOUT) * inputs
    activations = positions * size.layers * layer * (CHECKPOINTED if recipe.gradient_checkpointing else 1)
    return int((weights + adapter + activations) * RESERVE) + (0 if cuda else PROCESS_BYTES)


def free(cuda: bool) -> int:
    """Bytes that a new process may take: of the GPU, else of the machine or of the container, whichever is less."""
    if cuda:
        import torch

        return int(torch.cuda.mem_get_info()[0])
    found = [bytes for bytes in (_machine_free(), _group_free()) if bytes is not None]
    return min(found, default=1 << 62)


def _machine_free() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _group_free() -> int | None:
    """Of a container with a limit (cgroup version 2); what is cached for files can be had back."""
    try:
        limit, used = (GROUPS / "memory.max").read_text().strip(), int((GROUPS / "memory.current").read_text())
        cached = [
            line for line in (GROUPS / "memory.stat").read_text().splitlines() if line.startswith("inactive_file ")
        ]
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) - used + sum(int(line.split()[1]) for line in cached)


def _shapes(file: Path) -> Iterator[list[int]]:
    with file.open("rb") as opened:
        header = json.loads(opened.read(struct.unpack("<Q", opened.read(8))[0]))
    return (tensor["shape"] for name, tensor in header.items() if name != "__metadata__")

"""MiniLM for many passages at once, by OpenVINO. Where the CPU has instructions for int8 it is computed so: 2.2 times as fast
as torch in bf16, and the vectors are so near (cosine 0.999) that both may stand in one index. Elsewhere int8 is slower and
overflows, and fp32 is taken: 1.4 times as fast as torch, with the same vectors. Where OpenVINO cannot be had torch does the
work, and one line in the log says why.

Nothing is converted beforehand: the graph is built from the packaged weights when passages are embedded for the first time
in a process, in under a second, and proves itself on a few texts against torch before it is used.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cpu import Abilities, threads
from core.llm.adapters import file_sha256
from retrieval.int8_graph import build

if TYPE_CHECKING:
    import numpy as np

    Encode = Callable[[list[str]], np.ndarray]

log = logging.getLogger("trivium")
PACKAGE = "openvino"
# OpenVINO reports to Google Analytics whenever it is imported, unless this package of its own cannot be.
TELEMETRY = "openvino_telemetry"
RANGES = Path(__file__).with_name("minilm_int8.safetensors")
MODEL = "model.safetensors"
# Of 1,024 to 8,192 tokens a batch: what one stream computes stays within a core's share of the cache.
BATCH_TOKENS = 2048
MOST_STREAMS = 16
LEAST_COSINE = 0.99
PROBES = (
    "How long are logs kept?",
    "QLoRA fine-tuning of a 7B model needs 14.5 GB; see https://example.org/a?b=c#d (v2.1, §4) or `pip install -e .[train]`.",
    "Die Betriebszeiten der Rechenknoten werden vierteljährlich geprüft. 每周一次。",
    "Patients were randomly assigned to receive either the drug or a placebo, and were followed for 24 months. " * 12,
)


class Unusable(Exception):
    """Why OpenVINO is not used here; a part of a sentence."""


class Compiled:
    """MiniLM's weights, compiled. Safe to use from many threads."""

    def __init__(self, tokenizer: Any, weights: Mapping[str, np.ndarray], bounds: Any, precision: str) -> None:
        """`tokenizer` truncates; `bounds`: between which the inputs of products in int8 lie, none: there are no such
        products; `precision`: of everything else, "bf16" or "f32"."""
        streams = min(threads(), MOST_STREAMS)
        told = {
            "NUM_STREAMS": str(streams), "INFERENCE_NUM_THREADS": str(streams), "INFERENCE_PRECISION_HINT": precision,
            "ENABLE_CPU_PINNING": "NO",
        }  # fmt: skip
        self._compiled = openvino().Core().compile_model(build(weights, bounds), "CPU", told)
        self._tokenizer = tokenizer
        self._local = threading.local()
        self._threads = ThreadPoolExecutor(streams, "int8")
        self._streams = streams

    def encode(self, texts: list[str]) -> np.ndarray:
        """Vectors, shape (len(texts), size), float32, each of length 1."""
        import numpy as np

        ids = [encoded.ids for encoded in self._tokenizer.encode_batch_fast(texts)]
        groups = batches([len(one) for one in ids], self._streams)
        vectors = np.zeros((len(texts), self._compiled.output(0).partial_shape[1].get_length()), dtype=np.float32)
        made = self._threads.map(self._forward, ([ids[n] for n in group] for group in groups))
        for group, rows in zip(groups, made, strict=True):
            vectors[group] = rows
        return vectors

    def _forward(self, ids: list[list[int]]) -> np.ndarray:
        if not hasattr(self._local, "request"):
            self._local.request = self._compiled.create_infer_request()
        return self._local.request.infer(padded(ids))[0].copy()


def open_compiled(folder: Path, tokenizer: Any, encode: Encode, able: Abilities) -> Compiled | None:
    """MiniLM from its folder, in what is fast on a CPU that is `able`; None, with a line in the log, where torch has to do.
    `encode`: torch's vectors, which it is tried against."""
    try:
        return tried(folder, tokenizer, encode, able)
    except Unusable as reason:
        log.info("passages are embedded by torch, which takes up to twice as long: %s", reason)
        return None


def tried(folder: Path, tokenizer: Any, encode: Encode, able: Abilities) -> Compiled:
    """As `open_compiled`. Raises Unusable."""
    if not installed():
        raise Unusable("openvino is not installed (`make install`)")
    bounds = load_bounds(RANGES, folder / MODEL) if able.vnni else None
    try:
        made = Compiled(tokenizer, load_weights(folder / MODEL), bounds, "bf16" if able.bf16 else "f32")
        found = made.encode(list(PROBES))
    except (ImportError, RuntimeError) as error:  # what OpenVINO raises, whatever the cause
        raise Unusable(f"OpenVINO cannot run it: {error}") from error
    least = float((found * encode(list(PROBES))).sum(1).min())
    if not least >= LEAST_COSINE:
        raise Unusable(f"its vectors differ from torch's (cosine {least:.3f})")
    return made


def installed() -> bool:
    return importlib.util.find_spec(PACKAGE) is not None


def openvino() -> Any:
    """The package, with its reports to Google Analytics made impossible."""
    sys.modules.setdefault(TELEMETRY, None)  # pyright: ignore[reportArgumentType]
    return importlib.import_module(PACKAGE)


def load_weights(file: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return {name.removeprefix("bert."): tensor for name, tensor in load_file(file).items()}


def load_bounds(file: Path, weights: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The lowest and the highest value of each channel, by input. Raises Unusable for weights that they were not measured with."""
    import numpy as np
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy") as opened:
            told = (opened.metadata() or {}).get("weights")
            tensors = {name: opened.get_tensor(name).astype(np.float32) for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise Unusable(f"{file.name} cannot be read: {error}") from error
    if told != file_sha256(weights):
        raise Unusable(
            f"{file.name} was measured with other weights than {weights} (`python -m retrieval.int8_ranges`)"
        )
    inputs = {name.rpartition(".")[0] for name in tensors}
    return {name: (tensors[f"{name}.low"], tensors[f"{name}.high"]) for name in inputs}


def batches(lengths: Sequence[int], streams: int) -> list[list[int]]:
    """Positions of texts in batches, the longest first; texts of like length share one, since padding is computed like text.
    A batch has at most BATCH_TOKENS, and there is work for all streams."""
    most = min(BATCH_TOKENS, max(1, sum(lengths) // streams))
    found: list[list[int]] = []
    for n in sorted(range(len(lengths)), key=lambda n: -lengths[n]):
        if found and lengths[found[-1][0]] * (len(found[-1]) + 1) <= most:
            found[-1].append(n)
        else:
            found.append([n])
    return found


def padded(ids: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Ids, int32, and mask, float32, shape (texts, longest)."""
    import numpy as np

    shape = len(ids), max(map(len, ids))
    padded, mask = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.float32)
    for row, one in enumerate(ids):
        padded[row, : len(one)] = one
        mask[row, : len(one)] = 1
    return padded, mask

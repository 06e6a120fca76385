"""MiniLM as an OpenVINO graph whose matrices are multiplied in int8; built from its weights in a fifth of a second, so that
nothing converted is kept on disk.

Inputs of the four kinds of matrices ("0.in": of query, key and value in layer 0; "out", "ff1", "ff2") are rounded to 8 bits
between fixed bounds (`retrieval/int8_ranges.py` measures them). Two things keep the vectors near torch's:

- A channel's values are divided by a factor and its weights multiplied by it (SmoothQuant, Xiao et al. 2023), by kind.
- The two channels of "ff2" whose values and weights are the largest by far (24 and 7.9 in layer 0, where the others have 2 and
  0.1) would take all 8 bits for themselves: they are multiplied apart in full precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Bounds = Mapping[str, tuple[np.ndarray, np.ndarray]]  # lowest and highest value of each channel, by input

LAYERS, HEADS, HEAD_SIZE, LONGEST = 6, 12, 32, 256
# How much of a channel's magnitude goes over to its weights; each kind's best of 0, 0.3, 0.5, 0.65, 0.75, 0.8, 0.9 and 0.95.
SMOOTHING = {"in": 0.8, "out": 0.65, "ff1": 0.65, "ff2": 0.75}
APART = {"ff2": 2}
# Of channels that are almost never used nothing should be learned.
LEAST_VALUE = 0.01
EPSILON = 1e-12
MASKED = -1e4


def build(weights: Mapping[str, np.ndarray], bounds: Bounds | None) -> Any:
    """The model: ids, int32, and mask, float32, each of shape (texts, tokens), to unit vectors, shape (texts, size).
    Without bounds nothing is rounded."""
    import numpy as np
    import openvino as ov  # pyright: ignore[reportMissingImports]
    from openvino import opset13 as ops  # pyright: ignore[reportMissingImports]

    ids = ops.parameter([-1, -1], np.int32, name="ids")
    mask = ops.parameter([-1, -1], np.float32, name="mask")
    hidden = embedded(ops, weights, ids)
    bias = ops.unsqueeze(ops.multiply(ops.subtract(floats(ops, 1.0), mask), floats(ops, MASKED)), ints(ops, [1, 2]))
    for number in range(LAYERS):
        hidden = layer(ops, Weights(weights, f"encoder.layer.{number}."), bounds, number, hidden, bias)
    summed = ops.reduce_sum(ops.multiply(hidden, ops.unsqueeze(mask, ints(ops, [2]))), ints(ops, [1]))
    model: Any = ov.Model  # its type stubs do not bind their own constructor
    return model([ops.normalize_l2(summed, ints(ops, [1]), EPSILON**2, "add")], [ids, mask], "minilm")


class Weights:
    """The tensors of a part of the model, by the name of a module."""

    def __init__(self, tensors: Mapping[str, np.ndarray], part: str = "") -> None:
        self._tensors, self._part = tensors, part

    def of(self, module: str) -> tuple[np.ndarray, np.ndarray]:
        return self._tensors[f"{self._part}{module}.weight"], self._tensors[f"{self._part}{module}.bias"]


def embedded(ops: Any, weights: Mapping[str, np.ndarray], ids: Any) -> Any:
    """Word and position of each token; all are of the first type of segment."""
    words = ops.gather(floats(ops, weights["embeddings.word_embeddings.weight"]), ids, ints(ops, 0))
    table = (
        weights["embeddings.position_embeddings.weight"][:LONGEST]
        + weights["embeddings.token_type_embeddings.weight"][:1]
    )
    length = ops.gather(ops.shape_of(ids, "i64"), ints(ops, [1]), ints(ops, 0))
    places = ops.slice(floats(ops, table), ints(ops, [0]), length, ints(ops, [1]), ints(ops, [0]))
    return normed(ops, ops.add(words, places), Weights(weights).of("embeddings.LayerNorm"))


def layer(ops: Any, weights: Weights, bounds: Bounds | None, number: int, hidden: Any, bias: Any) -> Any:
    def linear(x: Any, module: str, kind: str) -> Any:
        given = bounds[f"{number}.{kind}"] if bounds else None
        return product(ops, x, *weights.of(module), kind, given)

    parts = (heads(ops, linear(hidden, f"attention.self.{name}", "in")) for name in ("query", "key", "value"))
    seen = ops.transpose(ops.scaled_dot_product_attention(*parts, bias), ints(ops, [0, 2, 1, 3]))
    seen = ops.reshape(seen, ints(ops, [0, 0, HEADS * HEAD_SIZE]), True)
    hidden = ops.add(linear(seen, "attention.output.dense", "out"), hidden)
    hidden = normed(ops, hidden, weights.of("attention.output.LayerNorm"))
    inner = ops.gelu(linear(hidden, "intermediate.dense", "ff1"), "erf")
    return normed(ops, ops.add(linear(inner, "output.dense", "ff2"), hidden), weights.of("output.LayerNorm"))


def heads(ops: Any, x: Any) -> Any:
    """(texts, tokens, size) to (texts, heads, tokens, size of a head)."""
    return ops.transpose(ops.reshape(x, ints(ops, [0, 0, HEADS, HEAD_SIZE]), True), ints(ops, [0, 2, 1, 3]))


def normed(ops: Any, x: Any, weights: tuple[np.ndarray, np.ndarray]) -> Any:
    scale, shift = (floats(ops, one) for one in weights)
    return ops.add(ops.multiply(ops.mvn(x, ints(ops, [-1]), True, EPSILON, "inside_sqrt"), scale), shift)


def product(
    ops: Any, x: Any, matrix: np.ndarray, shift: np.ndarray, kind: str, bounds: tuple[np.ndarray, np.ndarray] | None
) -> Any:
    """x times the transposed matrix, shape (out, in), plus shift; in int8 where bounds are given."""
    import numpy as np

    if bounds is None:
        return ops.add(ops.matmul(x, floats(ops, matrix), False, True), floats(ops, shift))
    lowest, highest, matrix = bounds[0].copy(), bounds[1].copy(), matrix.copy()
    apart = None
    if kind in APART:
        magnitudes = np.maximum(-lowest, highest) * np.abs(matrix).max(0)
        chosen = np.sort(np.argsort(-magnitudes)[: APART[kind]])
        some = ops.gather(x, ints(ops, chosen), ints(ops, -1))
        apart = ops.matmul(some, floats(ops, matrix[:, chosen]), False, True)
        matrix[:, chosen] = lowest[chosen] = highest[chosen] = 0
    factors = smoothing(matrix, np.maximum(-lowest, highest), SMOOTHING[kind])
    x = rounded(ops, ops.multiply(x, floats(ops, 1 / factors)), (lowest / factors).min(), (highest / factors).max())
    made = ops.matmul(x, in_int8(ops, matrix * factors), False, True)
    return ops.add(made if apart is None else ops.add(made, apart), floats(ops, shift))


def smoothing(matrix: np.ndarray, magnitudes: np.ndarray, share: float) -> np.ndarray:
    """What each channel's values are divided by, shape (in,); their geometric mean is 1."""
    import numpy as np

    values = np.maximum(magnitudes, LEAST_VALUE) ** share
    found = values / np.maximum(np.abs(matrix).max(0), LEAST_VALUE) ** (1 - share)
    return (found / np.exp(np.log(found).mean())).astype(np.float32)


def rounded(ops: Any, x: Any, lowest: float, highest: float) -> Any:
    """x in 256 steps between the bounds, of which one is 0 exactly."""
    low, high = min(float(lowest), 0.0), max(float(highest), 0.0)
    step = (high - low) / 255
    low = round(low / step) * step
    ends = [floats(ops, low), floats(ops, low + 255 * step)]
    return ops.fake_quantize(x, *ends, *ends, 256)


def in_int8(ops: Any, matrix: np.ndarray) -> Any:
    """A matrix as int8 with one scale for each row."""
    import numpy as np

    scales = np.abs(matrix).max(1, keepdims=True) / 127
    whole = np.clip(np.round(matrix / scales), -127, 127).astype(np.int8)
    return ops.multiply(ops.convert(ops.constant(whole), np.float32), floats(ops, scales))


def floats(ops: Any, values: Any) -> Any:
    import numpy as np

    return ops.constant(np.asarray(values, dtype=np.float32))


def ints(ops: Any, values: Any) -> Any:
    import numpy as np

    return ops.constant(np.asarray(values, dtype=np.int64))

"""Llama and Qwen2 as an OpenVINO graph with paged attention: weights of eight bits, any number of answers at once.

The graph is built from the weights themselves, so nothing has to be traced or exported. An adapter is no part of them: its two
small matrices beside each large one are inputs, so that one copy of the weights serves any number of adapters, and a new one
costs no conversion. OpenVINO's own transformation turns each attention with its growing cache into one over blocks that we own.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

ACTIVATIONS = ("silu", "swish")
KINDS = ("llama", "qwen2")
BIASED = ("q_proj.bias", "k_proj.bias", "v_proj.bias")
GROUP = 64  # numbers that share a scale
END = np.iinfo(np.int64).max
FORBIDDEN = -65504.0  # added to the score of a token that may not be seen

Weights = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Llama:
    """What has to be known of a model besides its weights. `frequencies` has one entry for two of a head's numbers; `tied`:
    one matrix reads and scores tokens."""

    layers: int
    heads: int
    kv_heads: int
    head: int
    inner: int
    eps: float
    frequencies: np.ndarray[Any, Any]
    rope_scale: float
    tied: bool


def llama_of(model: Any) -> Llama | None:
    """The shape of a transformers model; None if its structure is not the one that is built here."""
    config = model.config
    if config.model_type not in KINDS or config.hidden_act not in ACTIVATIONS:
        return None
    rope = model.model.rotary_emb
    odd = any(name.endswith(".bias") and not name.endswith(BIASED) for name, _ in model.named_parameters())
    if odd or rope.rope_type != "default" or getattr(config, "use_sliding_window", False):
        return None
    return Llama(
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head=model.model.layers[0].self_attn.head_dim,
        inner=config.intermediate_size,
        eps=config.rms_norm_eps,
        frequencies=rope.inv_freq.float().numpy(),
        rope_scale=float(rope.attention_scaling),
        tied=bool(config.tie_word_embeddings),
    )


def graph_of(llama: Llama, weights: Weights, exact: bool = False) -> Any:
    """The graph: tokens, their places and a cache as its state in, scores for the tokens at `last` out.

    It is made to be turned into a paged one (`paged`), and only runs as such: what a paged graph knows of its cache is
    lost in a file. `exact` keeps the weights in float32; otherwise they have eight bits and a scale for each group.
    """
    return Builder(llama, weights, exact).model()


def paged(graph: Any) -> Any:
    """The same graph, with one row of inputs per token of all answers, and a cache in blocks that the caller owns."""
    from openvino._offline_transformations import paged_attention_transformation

    paged_attention_transformation(graph)
    graph.validate_nodes_and_infer_types()
    return graph


def openvino() -> Any:
    """The package, with its reports to Google Analytics made impossible."""
    sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]
    return importlib.import_module("openvino")


class Builder:
    """Puts the nodes together. Shapes in the comments are those before the transformation: batch, tokens, ..."""

    def __init__(self, llama: Llama, weights: Weights, exact: bool) -> None:
        self._ov, self._op = openvino(), importlib.import_module("openvino.opset13")
        self._llama, self._weights, self._exact = llama, weights, exact
        self._sinks: list[Any] = []
        self._inputs: list[Any] = []
        self._ids = self._input("input_ids", [-1, -1])
        self._places = self._input("position_ids", [-1, -1])
        self._seen = self._input("attention_mask", [-1, -1])
        self._beam = self._input("beam_idx", [-1], np.int32)
        self._rows = self._size(self._ids, 0)

    def model(self) -> Any:
        op, llama = self._op, self._llama
        self._cos, self._sin, self._mask = *self._angles(), self._causal()
        table = self._packed(self._weights["model.embed_tokens.weight"])
        hidden = self._embedding(table)
        for at in range(llama.layers):
            name = f"model.layers.{at}."
            hidden = op.add(hidden, self._attention(at, self._norm(hidden, name + "input_layernorm")))
            hidden = op.add(hidden, self._inner(name + "mlp.", self._norm(hidden, name + "post_attention_layernorm")))
        hidden = self._norm(self._wanted(hidden), "model.norm")
        head = table if llama.tied else self._packed(self._weights["lm_head.weight"])
        scores = op.matmul(hidden, self._linear(head), False, True)
        scores.output(0).set_names({"logits"})
        return self._ov.Model([op.result(scores)], self._sinks, self._inputs, "decoder")

    def _wanted(self, hidden: Any) -> Any:
        """One row per token after the transformation: only those are scored that something follows."""
        return self._op.gather(hidden, self._input("last", [-1]), self._whole(0))

    def _input(self, name: str, shape: list[int], kind: Any = np.int64) -> Any:
        made = self._op.parameter(shape, kind)
        made.set_friendly_name(name)  # the transformation goes by it
        made.output(0).set_names({name})
        self._inputs.append(made)
        return made

    def _whole(self, *numbers: int) -> Any:
        return self._op.constant(np.array(numbers, np.int64))

    def _number(self, number: float) -> Any:
        return self._op.constant(np.array(number, np.float32))

    def _size(self, tensor: Any, axis: int) -> Any:
        return self._op.gather(self._op.shape_of(tensor, "i64"), self._whole(axis), self._whole(0))

    def _packed(self, matrix: np.ndarray[Any, Any]) -> Packed:
        """A matrix of shape (out, in) as constants: levels of eight bits and their scales, or all of it where `exact`."""
        op = self._op
        if self._exact:
            return Packed(matrix.shape, op.constant(matrix))
        levels, scales = eight_bits(matrix)
        return Packed(matrix.shape, op.constant(levels), op.constant(scales))

    def _linear(self, packed: Packed) -> Any:
        """The matrix in the form that the CPU plugin multiplies without unpacking it."""
        op = self._op
        if packed.scales is None:
            return packed.levels
        whole = op.multiply(op.convert(packed.levels, "f32"), packed.scales)
        return op.reshape(whole, self._whole(*packed.shape), False)

    def _embedding(self, packed: Packed) -> Any:
        op, axis = self._op, self._whole(0)
        rows = op.gather(packed.levels, self._ids, axis)
        if packed.scales is None:
            return rows
        rows = op.multiply(op.convert(rows, "f32"), op.gather(packed.scales, self._ids, axis))
        return op.reshape(rows, self._whole(0, 0, packed.shape[1]), True)

    def _angles(self) -> tuple[Any, Any]:
        """Cosine and sine of each place's angles, shape (batch, 1, tokens, head)."""
        op, llama = self._op, self._llama
        places = op.convert(op.unsqueeze(self._places, self._whole(2)), "f32")
        half = op.multiply(places, op.constant(llama.frequencies.reshape(1, 1, -1).astype(np.float32)))
        angles = op.unsqueeze(op.concat([half, half], -1), self._whole(1))
        scale = self._number(llama.rope_scale)
        if llama.rope_scale == 1:
            return op.cos(angles), op.sin(angles)
        return op.multiply(op.cos(angles), scale), op.multiply(op.sin(angles), scale)

    def _causal(self) -> Any:
        """The mask of a model that is not paged; the transformation takes it out again."""
        op = self._op
        total, new = (op.squeeze(self._size(t, 1), self._whole(0)) for t in (self._seen, self._ids))
        zero, one = op.constant(np.int64(0)), op.constant(np.int64(1))
        columns = op.range(zero, total, one, "i64")
        rows = op.add(op.range(zero, new, one, "i64"), op.subtract(total, new))
        before = op.less_equal(op.unsqueeze(columns, self._whole(0)), op.unsqueeze(rows, self._whole(1)))
        there = op.convert(op.unsqueeze(self._seen, self._whole(1, 2)), "boolean")
        allowed = op.logical_and(op.unsqueeze(before, self._whole(0, 1)), there)
        return op.select(allowed, self._number(0.0), self._number(FORBIDDEN))

    def _norm(self, hidden: Any, name: str) -> Any:
        op = self._op
        mean = op.reduce_mean(op.power(hidden, self._number(2.0)), self._whole(-1), True)
        factor = op.divide(self._number(1.0), op.sqrt(op.add(mean, self._number(self._llama.eps))))
        weight = self._weights[name + ".weight"].reshape(1, 1, -1)
        return op.multiply(op.constant(weight), op.multiply(hidden, factor))

    def _projected(self, hidden: Any, names: Sequence[str]) -> list[Any]:
        """The products with several matrices of one input, in one go, and what the adapter adds to each."""
        op = self._op
        matrices = [self._weights[name + ".weight"] for name in names]
        both = op.matmul(hidden, self._linear(self._packed(np.concatenate(matrices))), False, True)
        parts = both.outputs()
        if len(matrices) > 1:
            parts = op.variadic_split(both, self._whole(-1), self._whole(*(len(one) for one in matrices))).outputs()
        # A bias is added to the parts: fused with a product of eight-bit weights it has no kernel where AVX2 is all there is.
        parts = [
            op.add(part, self._bias(name)) if name + ".bias" in self._weights else part
            for part, name in zip(parts, names, strict=True)
        ]
        return [op.add(part, more) for part, more in zip(parts, self._adapted(hidden, names, matrices), strict=True)]

    def _bias(self, name: str) -> Any:
        return self._op.constant(self._weights[name + ".bias"].reshape(1, 1, -1).astype(np.float32))

    def _adapted(self, hidden: Any, names: Sequence[str], matrices: Sequence[np.ndarray[Any, Any]]) -> list[Any]:
        """What the adapter's matrices make of the same input: one for all `names` down to its rank, one each back up."""
        op = self._op
        width = matrices[0].shape[1]
        flat = op.reshape(hidden, self._whole(-1, width), False)  # one row per token, or each would be multiplied alone
        down = self._input(lora_down(names), [-1, width], np.float32)
        narrow = op.matmul(flat, down, False, True)
        parts = op.split(narrow, op.constant(np.int64(1)), len(names)).outputs()
        ups = [
            self._input(lora_up(name), [len(one), -1], np.float32) for name, one in zip(names, matrices, strict=True)
        ]
        # After the transformation a token is a row of its own, and the middle one of three axes has length one.
        return [
            op.unsqueeze(op.matmul(part, up, False, True), self._whole(1)) for part, up in zip(parts, ups, strict=True)
        ]

    def _inner(self, name: str, hidden: Any) -> Any:
        op = self._op
        gate, up = self._projected(hidden, [name + "gate_proj", name + "up_proj"])
        return self._projected(op.multiply(op.swish(gate), up), [name + "down_proj"])[0]

    def _attention(self, at: int, hidden: Any) -> Any:
        op, llama = self._op, self._llama
        name = f"model.layers.{at}.self_attn."
        parts = self._projected(hidden, [f"{name}{part}_proj" for part in "qkv"])
        queries, keys, values = (
            op.transpose(op.reshape(part, self._whole(0, 0, heads, llama.head), True), self._whole(0, 2, 1, 3))
            for part, heads in zip(parts, (llama.heads, llama.kv_heads, llama.kv_heads), strict=True)
        )
        keys = self._repeated(self._cached(f"past_key_values.{at}.keypresent.{at}.key", self._rotated(keys)))
        values = self._repeated(self._cached(f"past_key_values.{at}.valuepresent.{at}.value", values))
        scale = self._number(llama.head**-0.5)
        found = op.scaled_dot_product_attention(self._rotated(queries), keys, values, self._mask, scale, causal=False)
        width = self._whole(0, 0, llama.heads * llama.head)
        found = op.reshape(op.transpose(found, self._whole(0, 2, 1, 3)), width, True)
        return self._projected(found, [name + "o_proj"])[0]

    def _rotated(self, tensor: Any) -> Any:
        op, half = self._op, self._llama.head // 2
        step, axis = self._whole(1), self._whole(3)
        first = op.slice(tensor, self._whole(0), self._whole(half), step, axis)
        second = op.slice(tensor, self._whole(half), self._whole(END), step, axis)
        turned = op.concat([op.multiply(second, self._number(-1.0)), first], -1)
        return op.add(op.multiply(tensor, self._cos), op.multiply(turned, self._sin))

    def _cached(self, name: str, new: Any) -> Any:
        """What was there and what is new. The names are the ones by which the transformation knows such a state."""
        from openvino.op import assign, read_value
        from openvino.op.util import Variable, VariableInfo

        op, llama = self._op, self._llama
        info = VariableInfo()
        info.variable_id = name
        info.data_shape = self._ov.PartialShape([-1, llama.kv_heads, -1, llama.head])
        info.data_type = self._ov.Type.f32
        variable = Variable(info)
        empty = op.concat([self._rows, self._whole(llama.kv_heads, 0, llama.head)], 0)
        past = op.gather(read_value(op.broadcast(self._number(0.0), empty), variable), self._beam, self._whole(0))
        joined = op.concat([past, new], 2)
        self._sinks.append(assign(joined, variable))
        return joined

    def _repeated(self, tensor: Any) -> Any:
        """Key heads as often as query heads share them."""
        op, llama = self._op, self._llama
        groups = self._whole(llama.kv_heads, llama.heads // llama.kv_heads)
        shape = op.concat([self._rows, groups, self._size(tensor, 2), self._whole(llama.head)], 0)
        wide = op.broadcast(op.unsqueeze(tensor, self._whole(2)), shape, broadcast_spec="BIDIRECTIONAL")
        return op.reshape(wide, self._whole(0, llama.heads, -1, llama.head), True)


@dataclass(frozen=True)
class Packed:
    """A constant matrix of `shape`; without scales, `levels` are its numbers."""

    shape: tuple[int, ...]
    levels: Any
    scales: Any = None


def lora_down(names: Sequence[str]) -> str:
    """The input for what takes the input of these matrices down to the adapter's rank, one below the other."""
    return "lora_down." + "+".join(names)


def lora_up(name: str) -> str:
    return "lora_up." + name


def eight_bits(matrix: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Levels of eight bits, shape (rows, groups, GROUP), and a scale for each group, shape (rows, groups, 1).

    Rows that cannot be divided into groups are one. A scale for each 64 numbers costs no time and a third of the error.
    """
    rows, width = matrix.shape
    parts = matrix.reshape(rows, -1, width if width % GROUP else GROUP)
    scales = np.maximum(np.abs(parts).max(-1, keepdims=True) / 127, np.finfo(np.float32).tiny).astype(np.float32)
    return np.clip(np.rint(parts / scales), -127, 127).astype(np.int8), scales

"""A lean decoder on a CPU: Llama's layers with fused weights, and nothing else per token.

At 135M parameters `transformers` spends more time between the multiplications than in them. This halves it, and an
adapter, merged into its own copy of the weights, costs nothing more. Only models and adapters whose
structure is known here are taken (`fuse` gives None for others, which then go the common way).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom

MAX_BYTES = 1 << 30  # a merged copy of a larger model would not pay for its memory
ACTIVATIONS = ("silu", "swish")


@dataclass(frozen=True)
class Layer:
    input_norm: torch.Tensor
    qkv: torch.Tensor
    out: torch.Tensor
    after_norm: torch.Tensor
    gate_up: torch.Tensor
    down: torch.Tensor


@dataclass(frozen=True)
class Shape:
    heads: int
    kv_heads: int
    head: int
    hidden: int
    inner: int
    eps: float


@dataclass(frozen=True)
class Fused:
    """Weights of one model with at most one adapter. Never changed, so nothing has to be switched."""

    shape: Shape
    layers: tuple[Layer, ...]
    embedding: torch.Tensor
    norm: torch.Tensor
    head: torch.Tensor
    inverse_frequencies: torch.Tensor
    rope_scale: float

    def begin(self, cache: Any, gaps: torch.Tensor, room: int) -> Decoder:
        """Go on after prompts that filled `cache`, for at most `room` tokens more; `gaps` counts each row's padding."""
        return Decoder(self, cache, gaps, room)


class Decoder:
    """Answers in the making: the weights and a key-value cache of fixed size."""

    def __init__(self, fused: Fused, cache: Any, gaps: torch.Tensor, room: int) -> None:
        self._fused = fused
        self._gaps = gaps
        self._length = cache.get_seq_length()
        self._keys = [_grown(layer.keys, room) for layer in cache.layers]
        self._values = [_grown(layer.values, room) for layer in cache.layers]

    def keep(self, rows: torch.Tensor) -> None:
        """Go on with these rows only."""
        self._gaps = self._gaps[rows]
        self._keys = [keys[rows] for keys in self._keys]
        self._values = [values[rows] for values in self._values]

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read one token per row, of shape (rows,); scores of shape (rows, vocabulary) in float32."""
        fused, shape = self._fused, self._fused.shape
        hidden = fused.embedding[tokens]
        angles = (self._length - self._gaps).unsqueeze(1) * fused.inverse_frequencies
        angles = torch.cat([angles, angles], -1)[:, None, None]
        cos = (angles.cos() * fused.rope_scale).to(hidden.dtype)
        sin = (angles.sin() * fused.rope_scale).to(hidden.dtype)
        mask = self._mask()
        for at, layer in enumerate(fused.layers):
            normed = F.rms_norm(hidden, (shape.hidden,), layer.input_norm, shape.eps)
            attended = self._attend(at, F.linear(normed, layer.qkv), cos, sin, mask)
            hidden = hidden + F.linear(attended, layer.out)
            normed = F.rms_norm(hidden, (shape.hidden,), layer.after_norm, shape.eps)
            gate, up = F.linear(normed, layer.gate_up).split(shape.inner, -1)
            hidden = hidden + F.linear(F.silu(gate) * up, layer.down)
        self._length += 1
        return F.linear(F.rms_norm(hidden, (shape.hidden,), fused.norm, shape.eps), fused.head).float()

    def _mask(self) -> torch.Tensor | None:
        """True where a row may look: everywhere but at its padding. None if no row has any."""
        if not self._gaps.any():
            return None
        return (torch.arange(self._length + 1) >= self._gaps.unsqueeze(1))[:, None, None]

    def _attend(
        self, at: int, qkv: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        shape, place, rows = self._fused.shape, self._length, len(qkv)
        parts = qkv.view(rows, shape.heads + 2 * shape.kv_heads, 1, shape.head)
        rotated = parts[:, : shape.heads + shape.kv_heads]
        half = shape.head // 2
        rotated = rotated * cos + torch.cat((-rotated[..., half:], rotated[..., :half]), -1) * sin
        keys, values = self._keys[at], self._values[at]
        keys[:, :, place] = rotated[:, shape.heads :, 0]
        values[:, :, place] = parts[:, shape.heads + shape.kv_heads :, 0]
        # Query heads that share a key head stand where a sequence would: one call without repeated keys.
        queries = rotated[:, : shape.heads].reshape(rows, shape.kv_heads, -1, shape.head)
        seen = slice(0, place + 1)
        result = F.scaled_dot_product_attention(queries, keys[:, :, seen], values[:, :, seen], attn_mask=mask)
        return result.reshape(rows, shape.heads * shape.head)


def _grown(tensor: torch.Tensor, room: int) -> torch.Tensor:
    grown = tensor.new_empty(*tensor.shape[:2], tensor.shape[2] + room, tensor.shape[3])
    grown[:, :, : tensor.shape[2]] = tensor
    return grown


def fuse(model: Any, adapter: str | None = None) -> Fused | None:
    """Fused weights of `model`, with the named PEFT adapter merged in; None if its structure is not known here."""
    config = model.config
    if not _known(model):
        return None
    with torch.inference_mode():
        layers = tuple(_layer(layer, adapter) for layer in model.model.layers)
    shape = Shape(
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head=model.model.layers[0].self_attn.head_dim,
        hidden=config.hidden_size,
        inner=config.intermediate_size,
        eps=config.rms_norm_eps,
    )
    rope = model.model.rotary_emb
    return Fused(
        shape=shape,
        layers=layers,
        embedding=model.model.embed_tokens.weight.detach(),
        norm=model.model.norm.weight.detach(),
        head=model.lm_head.weight.detach(),
        inverse_frequencies=rope.inv_freq,
        rope_scale=rope.attention_scaling,
    )


def _known(model: Any) -> bool:
    config = model.config
    parameters = dict(model.named_parameters())
    sizes = sum(tensor.numel() * tensor.element_size() for tensor in parameters.values())
    plain = not any(name.endswith(".bias") or ".modules_to_save." in name for name in parameters)
    return (
        config.model_type == "llama"
        and model.device.type == "cpu"
        and config.hidden_act in ACTIVATIONS
        and model.model.rotary_emb.rope_type == "default"
        and sizes <= MAX_BYTES
        and plain
        and not any(type(module).__name__.startswith("Linear4bit") for module in model.modules())
    )


def plain_lora(config: Any) -> bool:
    """Whether an adapter only adds a product of two matrices to Llama's linear layers."""
    known = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    targets = config.target_modules
    return isinstance(targets, set | list) and set(targets) <= known and not config.use_dora


def _layer(layer: Any, adapter: str | None) -> Layer:
    attention, inner = layer.self_attn, layer.mlp

    def weights(*modules: Any) -> torch.Tensor:
        parts = [_merged(module, adapter) for module in modules]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    return Layer(
        input_norm=layer.input_layernorm.weight.detach(),
        qkv=weights(attention.q_proj, attention.k_proj, attention.v_proj),
        out=weights(attention.o_proj),
        after_norm=layer.post_attention_layernorm.weight.detach(),
        gate_up=weights(inner.gate_proj, inner.up_proj),
        down=weights(inner.down_proj),
    )


def _merged(linear: Any, adapter: str | None) -> torch.Tensor:
    base = linear.get_base_layer() if hasattr(linear, "get_base_layer") else linear
    weight = base.weight.detach()
    if adapter is None or adapter not in getattr(linear, "lora_A", {}):
        return weight
    # In float32, rounded once: adding in bf16 would lose small updates.
    product = linear.lora_B[adapter].weight.float() @ linear.lora_A[adapter].weight.float()
    return (weight.float() + product * linear.scaling[adapter]).to(weight.dtype)

"""A GGUF as a folder that transformers reads: weights in bf16, configuration, tokenizer and chat template.

Written by hand and not by `from_pretrained(gguf_file=...)`: that takes 40 seconds for half a billion parameters where this
takes 15, and gives SmolLM2 GPT-2's way of splitting text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelError
from core.llm.gguf_file import Gguf, read_gguf

EMBEDDING, HEAD = "token_embd.weight", "output.weight"
NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
LAYER_NAMES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
IGNORED = ("rope_freqs",)
CONTROL, USER_DEFINED = 3, 4  # kinds of tokens that no text is split into
# llama.cpp keeps the query and key rows of Llama in another order, for its way of rotating pairs.
TURNED = {"llama": ("attn_q", "attn_k")}

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Heads:
    """How many rows of the query and the key matrix belong together."""

    queries: int
    keys: int


def write_folder(gguf: Path, folder: Path, tied: bool = False, progress: Progress = lambda _: None) -> None:
    """Write config.json, model.safetensors and the tokenizer into `folder`; `progress` gets shares from 0 to 1.

    `tied`: the model has one matrix for reading and for scoring tokens, and where the file keeps two copies of it, the one
    for scoring is taken for both: it is packed with more bits.

    Raises:
        ModelError: no sound GGUF, or of an architecture, a tensor or a tokenizer that is not known here.
    """
    read = read_gguf(gguf)
    try:
        config = configuration(read, tied)
        save_tokenizer(read, folder)
        _save_weights(read, config, folder, progress)
    except (ArithmeticError, LookupError, NotImplementedError, TypeError, ValueError) as error:
        # Bounds hold, but what the file says of itself makes no model: no heads, a number where a text should stand ...
        raise ModelError(f"{gguf.name} cannot be converted: {error}; take another file") from error
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    ends = {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    (folder / "generation_config.json").write_text(json.dumps(ends), encoding="utf-8")


def configuration(read: Gguf, tied: bool) -> dict[str, Any]:
    """transformers' config.json. Raises ModelError for an architecture that is not known here."""
    known = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}
    if read.architecture not in known:
        raise ModelError(
            f"{read.path.name} holds a model of the architecture {read.architecture!r}; known are {', '.join(known)}. "
            "Set TRIVIUM_BASE_MODEL to a folder with safetensors instead"
        )
    if EMBEDDING not in read.tensors:
        raise ModelError(f"{read.path.name} lacks {EMBEDDING}: it is no complete model; take another file")
    vocabulary, width = read.tensors[EMBEDDING].shape
    heads = int(read.value("{arch}.attention.head_count"))
    ids = {key: read.values.get(f"tokenizer.ggml.{name}_token_id") for key, name in (
        ("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding"))}  # fmt: skip
    return {
        "architectures": [known[read.architecture]],
        "model_type": read.architecture,
        "dtype": "bfloat16",
        "hidden_act": "silu",
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": int(read.value("{arch}.feed_forward_length")),
        "num_hidden_layers": int(read.value("{arch}.block_count")),
        "num_attention_heads": heads,
        "num_key_value_heads": int(read.value("{arch}.attention.head_count_kv")),
        "head_dim": width // heads,
        "max_position_embeddings": int(read.value("{arch}.context_length")),
        "rms_norm_eps": float(read.value("{arch}.attention.layer_norm_rms_epsilon")),
        "rope_theta": float(read.value("{arch}.rope.freq_base")),
        "tie_word_embeddings": tied or HEAD not in read.tensors,
        "use_cache": True,
        **ids,
    }


def _save_weights(read: Gguf, config: Mapping[str, Any], folder: Path, progress: Progress) -> None:
    import torch
    from safetensors.torch import save_file

    total, done, weights = sum(tensor.size for tensor in read.tensors.values()), 0, {}
    for name, key, matrix in tensors(read, config):
        weights[key] = torch.from_numpy(np.ascontiguousarray(matrix)).to(torch.bfloat16)
        done += read.tensors[name].size
        progress(done / total)
    save_file({key: weights[key] for key in sorted(weights)}, folder / "model.safetensors", metadata={"format": "pt"})


def tensors(read: Gguf, config: Mapping[str, Any]) -> Iterator[tuple[str, str, np.ndarray[Any, Any]]]:
    """Each tensor that the model needs: its name in the file, transformers' name for it, and it in float32.

    Raises:
        ModelError: a tensor that is not known here.
    """
    heads = Heads(config["num_attention_heads"], config["num_key_value_heads"])
    tied = config["tie_word_embeddings"]
    for name, tensor in read.tensors.items():
        if name.startswith(IGNORED) or (name == EMBEDDING and tied and HEAD in read.tensors):
            continue
        key = "model.embed_tokens.weight" if name == HEAD and tied else renamed(name, read)
        matrix = read.unpacked(tensor)
        part = name.rsplit(".", 2)[-2]
        if part in TURNED.get(read.architecture, ()):
            matrix = turned_back(matrix, heads.queries if part == "attn_q" else heads.keys)
        yield name, key, matrix


def renamed(name: str, read: Gguf) -> str:
    parts = name.split(".")
    if len(parts) == 2 and parts[0] in NAMES:
        return f"{NAMES[parts[0]]}.{parts[1]}"
    if len(parts) == 4 and parts[0] == "blk" and parts[1].isdigit() and parts[2] in LAYER_NAMES:
        return f"model.layers.{parts[1]}.{LAYER_NAMES[parts[2]]}.{parts[3]}"
    raise ModelError(f"{read.path.name} has a tensor {name!r} that is not known here: take another file")


def turned_back(matrix: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Rows of each head from (pairs, 2) to (2, pairs), which is how transformers rotates."""
    rows = matrix.shape[0]
    return matrix.reshape(heads, rows // heads // 2, 2, *matrix.shape[1:]).swapaxes(1, 2).reshape(matrix.shape)


def save_tokenizer(read: Gguf, folder: Path) -> None:
    """Write the tokenizer and its chat template. Raises ModelError for one that splits text in a way not known here."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    ways = {
        "qwen2": (normalizers.NFC(), [pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated", invert=False),
                                     pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]),
        "smollm": (None, [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
    }  # fmt: skip
    way = read.values.get("tokenizer.ggml.pre")
    if read.value("tokenizer.ggml.model") != "gpt2" or way not in ways:
        raise ModelError(
            f"{read.path.name} splits text in a way ({way}) that is not known here; known are {', '.join(ways)}"
        )
    tokens, kinds = read.value("tokenizer.ggml.tokens"), read.value("tokenizer.ggml.token_type")
    merges = [tuple(pair.split(" ", 1)) for pair in read.value("tokenizer.ggml.merges")]
    backend = Tokenizer(models.BPE({token: at for at, token in enumerate(tokens)}, merges))
    normalizer, split = ways[way]
    if normalizer is not None:
        backend.normalizer = normalizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(split)
    backend.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL]
    added = [token for token, kind in zip(tokens, kinds, strict=True) if kind == USER_DEFINED]
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    backend.add_tokens([AddedToken(token, normalized=False) for token in added])
    named = {f"{key}_token": read.values.get(f"tokenizer.ggml.{name}_token_id") for key, name in (
        ("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("unk", "unknown"))}  # fmt: skip
    names = {key: tokens[at] for key, at in named.items() if isinstance(at, int) and 0 <= at < len(tokens)}
    made: Any = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        clean_up_tokenization_spaces=False,
        extra_special_tokens=[token for token in special if token not in names.values()],
        **names,
    )
    made.chat_template = read.values.get("tokenizer.chat_template")
    made.save_pretrained(str(folder))

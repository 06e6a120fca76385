"""Runtimes that were tried beside ours, for benchmarks.engine --peers. They are not installed with Trivium:

pip install --no-deps --target .venv-peers openvino-genai openvino-tokenizers xllamacpp, then PYTHONPATH=.venv-peers.
openvino-genai and openvino-tokenizers want the version that openvino has. xllamacpp reads the base's GGUF (`--gguf`).
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from core.cpu import abilities
from core.llm.local.graph import Builder
from core.types import Adapter

Messages = list[dict[str, str]]
GENAI = ("openvino_genai", "openvino_tokenizers")
CONTEXT = 2048  # tokens of each of the eight answers that llama.cpp writes at once


class Stateful(Builder):
    """The same model as others export it: each matrix alone under its own name, a score for every token, no adapter."""

    def _projected(self, hidden: Any, names: Sequence[str]) -> list[Any]:
        made = []
        for name in names:
            matrix = self._linear(self._packed(self._weights[name + ".weight"]))
            product = self._op.matmul(hidden, matrix, False, True)
            product.set_friendly_name(name)  # by which openvino-genai finds the place of an adapter's matrices
            biased = name + ".bias" in self._weights
            made.append(self._op.add(product, self._bias(name)) if biased else product.output(0))
        return made

    def _wanted(self, hidden: Any) -> Any:
        return hidden


def templated(tokenizer: Any, asked: Sequence[Messages]) -> list[str]:
    return [tokenizer.apply_chat_template(m, tokenize=False, add_generation_prompt=True) for m in asked]


class GenAi:
    """openvino-genai with weights of eight bits; the adapter beside them, or in them (`merge`)."""

    def __init__(self, base: Path, adapter: Adapter, place: Path, threads: int, merge: bool) -> None:
        from transformers import AutoTokenizer

        genai = importlib.import_module("openvino_genai")
        self.name, self.mixes = ("genai_merged", False) if merge else ("genai_lora", True)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(base, local_files_only=True)
        folder = place / self.name
        export(base, adapter if merge else None, folder, self._tokenizer)
        # As ours is opened: without VNNI there is no kernel for tokens in eight bits and signed weights.
        extra: dict[str, Any] = {} if abilities().vnni else {"DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}
        if not merge:
            config = json.loads((Path(adapter.path) / "adapter_config.json").read_text(encoding="utf-8"))
            loaded = genai.Adapter(str(Path(adapter.path) / "adapter_model.safetensors"))
            extra |= {"adapters": genai.AdapterConfig(loaded, config["lora_alpha"] / config["r"])}
        self._pipeline: Any = genai.LLMPipeline(str(folder), "CPU", INFERENCE_NUM_THREADS=threads, **extra)

    def answers(self, asked: Sequence[Messages], tokens: int, endless: bool, bare: int = 0) -> list[str]:
        genai = importlib.import_module("openvino_genai")
        config = genai.GenerationConfig()
        config.max_new_tokens, config.ignore_eos, config.apply_chat_template = tokens, endless, False
        config.do_sample = False
        if not endless:
            config.eos_token_id = self._tokenizer.eos_token_id
        texts = templated(self._tokenizer, asked)
        with_it = list(self._pipeline.generate(texts[bare:], config).texts)
        if not bare:
            return with_it
        config.adapters = genai.AdapterConfig()  # one call knows one adapter, so those without come after
        return list(self._pipeline.generate(texts[:bare], config).texts) + with_it


def export(base: Path, adapter: Adapter | None, folder: Path, tokenizer: Any) -> None:
    """A folder as optimum-intel would write it, with weights of eight bits; the adapter in them, if there is one.

    Nothing where the last of its files lies there already."""
    import openvino as ov
    from peft import PeftModel

    from core.llm.base_weights import base_fingerprint
    from core.llm.local.converted import Order, loaded
    from core.llm.local.graph import llama_of

    last = folder / "openvino_detokenizer.xml"
    if last.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    model = loaded(Order(base, base_fingerprint(base), folder))
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter.path).merge_and_unload()
    llama = llama_of(model)
    assert llama is not None
    weights = {name: tensor.detach().float().numpy() for name, tensor in model.state_dict().items()}
    ov.save_model(Stateful(llama, weights, False).model(), folder / "openvino_model.xml", compress_to_fp16=False)
    for name in ("config.json", "generation_config.json"):
        (folder / name).write_bytes((base / name).read_bytes())
    tokenizers = importlib.import_module("openvino_tokenizers")
    there, back = tokenizers.convert_tokenizer(tokenizer, with_detokenizer=True)
    ov.save_model(there, folder / "openvino_tokenizer.xml")
    ov.save_model(back, last)


class LlamaCpp:
    """xllamacpp on the base's GGUF, with the adapter written as one."""

    name = "xllamacpp"
    mixes = True

    def __init__(self, base: Path, adapter: Adapter, place: Path, threads: int, file: Path) -> None:
        from transformers import AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(base, local_files_only=True)
        xllamacpp = importlib.import_module("xllamacpp")
        lora = place / "adapter.gguf"
        write_gguf(base, adapter, lora)
        params = xllamacpp.CommonParams()
        params.model.path = str(file)
        params.verbosity = -1  # it says much about each answer otherwise
        params.n_ctx, params.n_parallel, params.cpuparams.n_threads = 8 * CONTEXT, 8, threads
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(lora), 1.0)]
        self._server: Any = xllamacpp.Server(params)

    def answers(self, asked: Sequence[Messages], tokens: int, endless: bool, bare: int = 0) -> list[str]:
        def one(at: int, text: str) -> str:
            lora = [{"id": 0, "scale": float(at >= bare)}]
            wanted = {"prompt": text, "max_tokens": tokens, "temperature": 0, "ignore_eos": endless, "lora": lora}
            return self._server.handle_completions({**wanted, "cache_prompt": False})["choices"][0]["text"]

        with ThreadPoolExecutor(len(asked)) as pool:
            return list(pool.map(one, range(len(asked)), templated(self._tokenizer, asked)))


def write_gguf(base: Path, adapter: Adapter, file: Path) -> None:
    """The adapter's tensors under llama.cpp's names; Llama's queries and keys in its order of rotated numbers."""
    import gguf
    from safetensors.torch import load_file

    config = json.loads((Path(adapter.path) / "adapter_config.json").read_text(encoding="utf-8"))
    shape = json.loads((base / "config.json").read_text(encoding="utf-8"))
    kind = shape["model_type"]
    heads = {"q_proj": shape["num_attention_heads"], "k_proj": shape["num_key_value_heads"]} if kind == "llama" else {}
    names = {
        "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
        "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down",
    }  # fmt: skip
    writer = gguf.GGUFWriter(file, kind)
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(config["lora_alpha"]))
    for name, tensor in load_file(Path(adapter.path) / "adapter_model.safetensors").items():
        parts = name.split(".")
        layer, module, side = parts[parts.index("layers") + 1], parts[-3], parts[-2]
        matrix = tensor.float().numpy()
        if side == "lora_B" and module in heads:
            rows, rank = matrix.shape
            split = matrix.reshape(heads[module], 2, rows // heads[module] // 2, rank)
            matrix = split.swapaxes(1, 2).reshape(rows, rank).copy()
        writer.add_tensor(f"blk.{layer}.{names[module]}.weight.{side.lower()}", matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


Opened = Callable[[], GenAi | LlamaCpp]


def installed(
    base: Path, adapter: Adapter, place: Path, threads: int, file: Path | None, say: Callable[[str], None]
) -> dict[str, Opened]:
    """What opens those that are installed here; `say` is told of the others. `file`: the base as GGUF."""
    ways: dict[str, tuple[tuple[str, ...], Opened]] = {
        "genai_lora": (GENAI, lambda: GenAi(base, adapter, place, threads, merge=False)),
        "genai_merged": (GENAI, lambda: GenAi(base, adapter, place, threads, merge=True)),
    }
    if file is None:
        say("xllamacpp is left out: the base's GGUF is not here any more; name it with --gguf")
    else:
        ways["xllamacpp"] = (("xllamacpp",), lambda: LlamaCpp(base, adapter, place, threads, file))
    found: dict[str, Opened] = {}
    for name, (needed, opened) in ways.items():
        missing = [package for package in needed if importlib.util.find_spec(package) is None]
        if missing:
            say(f"{name} is left out: {', '.join(missing)} is not installed (see benchmarks/engine_peers.py)")
        else:
            found[name] = opened
    return found

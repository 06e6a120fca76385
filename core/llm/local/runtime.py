"""Model, tokenizer and adapters. Owned by the engine thread: nothing here may be called from another one."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from core import cpu
from core.errors import AdapterMismatch, ModelError
from core.llm.adapters import check_adapter
from core.llm.local.decoding import Batch, Row, generate, take_turns
from core.llm.local.fused import Fused, fuse, plain_lora
from core.llm.local.rows import Arriving, Pair, Rows, key_of, nobody
from core.types import Adapter

log = logging.getLogger(__name__)

MAX_THREADS = 16
LOADED = 8  # adapters that are kept in memory
FUSED = 3  # copies of the weights, one per adapter in use, that are kept


class Runtime(Rows):
    """A loaded base model and the adapters that it carries."""

    def __init__(self, folder: Path, fingerprint: str, device: str, quantization: str, dtype: str) -> None:
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        set_threads()
        self.fingerprint = fingerprint
        self.kind = "nf4" if in_nf4(pick_device(device), quantization) else ""
        self._load_base = partial(load_model, folder, pick_device(device), quantization, dtype)
        self.model: Any = self._load_base()
        super().__init__(folder, self.model.config, self.model.generation_config)
        self._peft: Any = None
        self._loaded: OrderedDict[str, None] = OrderedDict()
        self._fused: OrderedDict[str | None, Fused | None] = OrderedDict()

    def scores(self, tokens: Sequence[int], adapter: Adapter | None) -> torch.Tensor:
        """Log-probabilities of what may follow each token, shape (len(tokens), vocabulary). Raises AdapterMismatch."""
        model = self._with(adapter)
        with torch.inference_mode():
            ids = torch.tensor([list(tokens)], device=self.model.device)
            return model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)

    def prepare(self, adapter: Adapter | None) -> None:
        if adapter is not None:
            self._load(adapter)

    def run(self, pairs: Sequence[Pair], arriving: Arriving = nobody) -> None:
        """Write rows of whatever adapters to their end, together.

        Where the weights of each adapter are fused, its rows are a batch and the batches take turns, token by token, which
        is fastest on a CPU; otherwise all rows are one batch in which each is read with its own adapter.
        """
        by_key = {row.adapter: adapter for row, adapter in pairs if row.finish is None}
        waiting = {key: [row for row, _ in pairs if row.adapter == key and row.finish is None] for key in by_key}
        if len(by_key) == 1:
            [(key, adapter)] = by_key.items()
            model = self._with(adapter)
            generate(model, waiting[key], self.stop_ids, self.pad_id, self._fuse(adapter))
        elif by_key:
            self._run_several(by_key, waiting)
        self._unload()

    def _run_several(self, by_key: dict[str | None, Adapter | None], waiting: dict[str | None, list[Row]]) -> None:
        for adapter in by_key.values():
            self._with(adapter)
        fused = {key: self._fuse(adapter) for key, adapter in by_key.items()} if len(by_key) <= FUSED else {}
        if fused and all(fused.values()):
            batches = (
                Batch(self._with(adapter), waiting[key], self.pad_id, fused[key]) for key, adapter in by_key.items()
            )
            take_turns(batches, self.stop_ids)
        else:
            self._peft.base_model.enable_adapter_layers()
            generate(self._peft, [row for rows in waiting.values() for row in rows], self.stop_ids, self.pad_id)

    def _unload(self) -> None:
        """Keep the adapters that were used last; each new promotion would otherwise stay in memory for good."""
        while len(self._loaded) > LOADED:
            key, _ = self._loaded.popitem(last=False)
            self._fused.pop(key, None)
            self._peft.delete_adapter(key)

    def _with(self, adapter: Adapter | None) -> Any:
        """The model carrying this adapter, or none."""
        if adapter is None:
            if self._peft is not None:
                self._peft.base_model.disable_adapter_layers()
            return self.model
        key = self._load(adapter)
        self._peft.base_model.enable_adapter_layers()
        self._peft.set_adapter(key)
        return self._peft

    def _fuse(self, adapter: Adapter | None) -> Fused | None:
        """Fused weights, the last few kept; None where the common way has to do."""
        key = key_of(adapter) if adapter else None
        if key not in self._fused:
            plain = key is None or plain_lora(self._peft.peft_config[key])
            self._fused[key] = fuse(self.model, key) if plain else None
        self._fused.move_to_end(key)
        while len(self._fused) > FUSED:
            self._fused.popitem(last=False)
        return self._fused[key]

    def _load(self, adapter: Adapter) -> str:
        """The key that it goes by. Raises AdapterMismatch."""
        from peft import PeftModel

        key = key_of(adapter)
        if key in self._loaded:
            self._loaded.move_to_end(key)
            return key
        check_adapter(adapter, self.fingerprint)
        try:
            if self._peft is None:
                self._peft = PeftModel.from_pretrained(self.model, adapter.path, adapter_name=key)
            else:
                self._peft.load_adapter(adapter.path, adapter_name=key)
        except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
            # PEFT may have put half an adapter into the base: start from clean weights.
            self.model, self._peft, self._loaded = self._load_base(), None, OrderedDict()
            self._fused.clear()
            raise AdapterMismatch(f"Adapter {adapter.name} cannot be loaded: {error}") from error
        self._peft.eval()
        self._loaded[key] = None
        log.info("Loaded adapter %s", adapter.name)
        return key


def pick_device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("TRIVIUM_DEVICE=cuda, and torch sees no CUDA device: set TRIVIUM_DEVICE=cpu or auto")
    return device


def in_nf4(device: str, quantization: str) -> bool:
    """Whether weights are quantized; `auto` does it on a GPU, since on a CPU it saves nothing and is slower."""
    return quantization == "nf4" or (quantization == "auto" and device == "cuda")


def load_model(folder: Path, device: str, quantization: str, dtype: str) -> Any:
    """Load weights; see `in_nf4` for when they are quantized.

    Raises:
        ModelError: the folder holds no model that transformers can load, or there is not enough memory.
    """
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    nf4 = in_nf4(device, quantization)
    kind = cpu.type_named(dtype, device)
    extra: dict[str, Any] = {}
    if nf4:
        extra["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=kind
        )
        extra["device_map"] = {"": device}
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=kind, local_files_only=True, use_safetensors=True, **extra
        )
        model = model if nf4 else model.to(device)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        raise ModelError(f"The model in {folder} cannot be loaded on {device}: {error}") from error
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            # bitsandbytes re-packs such a layer at its first pass; training is wrong from then on, and two threads
            # in that pass corrupt it.
            module.support_avx512bf16_for_cpu = False
    return model.eval()


def set_threads() -> None:
    """As many as there are cores for us: torch counts the machine's, not those of our container."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(cpu.threads(), MAX_THREADS))

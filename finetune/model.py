"""The base model and its adapter in PyTorch: load, quantize, prepare for training, save."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from finetune.guard import TrainingError

if TYPE_CHECKING:
    from finetune.recipe import Recipe

Device = Literal["auto", "cpu", "cuda"]


def quiet() -> None:
    """For a process of its own: the libraries say nothing but errors, so that progress can be read."""
    import warnings

    from transformers.utils import logging

    warnings.filterwarnings("ignore", category=FutureWarning)
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def load_tokenizer(base: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base, local_files_only=True)


def use_cuda(device: Device) -> bool:
    import torch

    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise TrainingError("device is cuda, but PyTorch sees no GPU: install its CUDA build, or train on the CPU")
    return available and device != "cpu"


def load_base(base: Path, recipe: Recipe, cuda: bool) -> Any:
    """The base model, frozen: quantized to NF4 or in the recipe's precision."""
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    dtype = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    four_bit = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )
    model = AutoModelForCausalLM.from_pretrained(
        base,
        dtype=dtype,
        device_map={"": "cuda:0" if cuda else "cpu"},
        quantization_config=four_bit if recipe.quantized(cuda) else None,
        local_files_only=True,
    )
    if recipe.quantized(cuda):
        keep_unpacked(model)
    return model


def keep_unpacked(model: Any) -> None:
    """bitsandbytes re-packs a 4-bit layer at its first eval pass on a CPU with AVX512-BF16; gradients are wrong after."""
    from bitsandbytes.nn.modules import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def lora(recipe: Recipe) -> Any:
    from peft import LoraConfig

    targets = recipe.target_modules
    return LoraConfig(
        r=recipe.r,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )


def carry(model: Any, folder: Path, recipe: Recipe) -> Any:
    """The base with an adapter whose training goes on."""
    from peft import PeftConfig, PeftModel

    config = PeftConfig.from_pretrained(str(folder))
    config.lora_dropout = recipe.dropout  # pyright: ignore[reportAttributeAccessIssue]
    config.inference_mode = False
    return PeftModel.from_pretrained(model, str(folder), is_trainable=True, config=config)


def go_back(model: Any, start: Path, share: float) -> None:
    """Go back `share` of the way to the adapter that training began with (WiSE-FT, Wortsman et al. 2022): most of what was
    known besides is kept, and most of what was learned too."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from peft.utils import SAFETENSORS_WEIGHTS_NAME
    from safetensors.torch import load_file

    known = load_file(start / SAFETENSORS_WEIGHTS_NAME)
    learned = get_peft_model_state_dict(model, save_embedding_layers=False)
    mixed = {name: (1 - share) * learned[name].float().cpu() + share * known[name].float() for name in known}
    set_peft_model_state_dict(model, mixed)


def like_start(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with the shape of the adapter that it goes on from: matrices cannot change their rank."""
    from peft.utils import CONFIG_NAME

    config = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    return recipe.changed(r=config["r"], alpha=config["lora_alpha"], target_modules=config["target_modules"])


def in_fp32(model: Any) -> None:
    """The adapter is trained in fp32 (TRL makes it bf16 over a 4-bit base, which rounds small steps away)."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def norms(model: Any) -> dict[str, float]:
    return {name: float(p.detach().float().norm()) for name, p in model.named_parameters() if p.requires_grad}


def save(model: Any, base: str, folder: Path) -> None:
    """PEFT's two files, with bf16 weights and the base by a name that means the same on another machine."""
    import torch
    from peft import get_peft_model_state_dict
    from peft.utils import SAFETENSORS_WEIGHTS_NAME
    from safetensors.torch import save_file

    weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    tensors = {name: weights[name].detach().to("cpu", torch.bfloat16).contiguous() for name in sorted(weights)}
    save_file(tensors, folder / SAFETENSORS_WEIGHTS_NAME, metadata={"format": "pt"})
    config = model.peft_config["default"]
    config.base_model_name_or_path = base
    config.inference_mode = True
    if not isinstance(config.target_modules, str):
        config.target_modules = sorted(config.target_modules)
    config.save_pretrained(str(folder))


def base_name(recipe: Recipe) -> str:
    """A name that means the same on another machine: a folder's last part."""
    folder = Path(recipe.base).expanduser()
    return folder.name if folder.is_absolute() or folder.is_dir() else recipe.base


def batches(lengths: Sequence[int], size: int, dice: random.Random) -> list[list[int]]:
    """The numbers of all rows in batches of like length, in random order: padding is computed like text."""
    order = list(range(len(lengths)))
    dice.shuffle(order)
    found = []
    for start in range(0, len(order), 20 * size):
        some = sorted(order[start : start + 20 * size], key=lambda n: lengths[n])
        found += [some[first : first + size] for first in range(0, len(some), size)]
    dice.shuffle(found)
    return found

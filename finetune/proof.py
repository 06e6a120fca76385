"""What is proved after a run: the base stayed as it was, the answers differ from the base's, what is served is what was
trained. The rules themselves are in finetune.guard."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.llm.adapters import read_adapter
from core.llm.messages import Options
from core.types import Message
from finetune import guard
from finetune.dataset import Row
from finetune.encode import prompt_ids

PROMPTS, TOKENS = 4, 24
WHOLE = 1 << 20  # entries of a tensor up to which all are hashed; of a larger one so many, evenly spaced


def frozen_hash(model: Any) -> str:
    """sha256 over the weights that are not trained, a sample of the large ones."""
    import torch

    digest = hashlib.sha256()
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            flat = parameter.detach().reshape(-1)
            part = flat[:: math.ceil(flat.numel() / WHOLE)] if flat.numel() > WHOLE else flat
            digest.update(f"{name} {parameter.dtype} {tuple(parameter.shape)}\n".encode())
            digest.update(part.contiguous().cpu().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def prove(
    model: Any, tokenizer: Any, base: Path, folder: Path, rows: Sequence[Row], quantization: str
) -> dict[str, float]:
    """Compare the trainer's model with the base and with the adapter in `folder` as the local engine serves it.

    Returns the figures for the card, in nats per token.

    Raises:
        TrainingError: the answers do not differ from the base's, or the served adapter's from the trained one's.
    """
    model.eval()
    chosen = sample(rows)
    asked = [list(row.prompt) for row in chosen]
    prompts = [prompt_ids(tokenizer, messages) for messages in asked]
    expected = [prompt_ids_of_answer(tokenizer, row) for row in chosen]
    with_adapter = [likelihoods(model, *pair) for pair in zip(prompts, expected, strict=True)]
    with model.disable_adapter():
        without = [likelihoods(model, *pair) for pair in zip(prompts, expected, strict=True)]
    changes = [mean_gap(*pair) for pair in zip(with_adapter, without, strict=True)]
    guard.outputs_differ(changes)
    served = serve(base, folder, asked, str(model.device.type), quantization)
    trained = [heard(model, prompt, tokens, tokenizer) for prompt, (tokens, _) in zip(prompts, served, strict=True)]
    gap = guard.served_as_trained([logprobs or [0.0] for _, logprobs in served], trained)
    return {"answers_changed_by": round(max(changes), 4), "served_differs_by": round(gap, 4)}


def sample(rows: Sequence[Row]) -> list[Row]:
    """A few rows of as many tasks as there are."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.task, row)
    rest = [row for row in rows if row is not first[row.task]]
    return [*first.values(), *rest][:PROMPTS]


def prompt_ids_of_answer(tokenizer: Any, row: Row) -> list[int]:
    return list(tokenizer.encode(row.completion[-1].content, add_special_tokens=False))[:TOKENS]


def likelihoods(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> list[float]:
    """The log-probability of each token of an answer, given what stands before it."""
    import torch

    if not answer:
        return []
    ids = torch.tensor([[*prompt, *answer]], device=model.device)
    with torch.inference_mode():
        scores = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1].float().log_softmax(-1)
    return [float(score[token]) for score, token in zip(scores, answer, strict=True)]


def heard(model: Any, prompt: Sequence[int], answer: Sequence[int], tokenizer: Any) -> list[float]:
    """The trainer's model on a served answer; of one that ended at once, 0 if this model would end it too."""
    if answer:
        return likelihoods(model, prompt, answer)
    import torch

    with torch.inference_mode():
        scores = model(input_ids=torch.tensor([list(prompt)], device=model.device), use_cache=False).logits[0, -1]
    return [0.0 if int(scores.argmax()) == tokenizer.eos_token_id else -math.inf]


def serve(
    base: Path, folder: Path, asked: Sequence[Sequence[Message]], device: str, quantization: str
) -> list[tuple[list[int], list[float]]]:
    """Greedy answers of the saved adapter, through the runtime that serves: tokens and their log-probabilities."""
    from core.llm.local.runtime import Runtime

    adapter = read_adapter(folder)
    runtime = Runtime(base, adapter.base_fingerprint, device, quantization, "bfloat16")
    turns = [[message.model_dump() for message in messages] for messages in asked]
    written = runtime.write([(each, Options(max_new_tokens=TOKENS), lambda _: None) for each in turns], adapter)
    return [(row.tokens, row.logprobs) for row in written]


def mean_gap(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(abs(a - b) for a, b in zip(left, right, strict=True)) / max(1, len(left))

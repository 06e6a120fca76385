"""What is proved after a run: the base stayed as it was, the answers differ from the base's, what is served is what was
trained. The rules themselves are in finetune.guard."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.cpu import FAST
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
    lines = [[*prompt, *answer_ids(tokenizer, row)] for prompt, row in zip(prompts, chosen, strict=True)]
    trained = [scores(model, line) for line in lines]
    with model.disable_adapter():
        changes = [difference(here, scores(model, line)) for here, line in zip(trained, lines, strict=True)]
    guard.outputs_differ(changes)
    served = Served(base, folder, str(model.device.type), quantization)
    gaps = [difference(here, served.scores(line)) for here, line in zip(trained, lines, strict=True)]
    written = served.answers(asked)
    heard = [hear(model, prompt, tokens, tokenizer) for prompt, (tokens, _) in zip(prompts, written, strict=True)]
    gaps.append(mean_gap([logprobs or [0.0] for _, logprobs in written], heard))
    guard.served_as_trained(gaps, max(changes))
    return {"answers_changed_by": round(max(changes), 4), "served_differs_by": round(max(gaps), 4)}


def sample(rows: Sequence[Row]) -> list[Row]:
    """A few rows of as many tasks as there are."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.task, row)
    rest = [row for row in rows if row is not first[row.task]]
    return [*first.values(), *rest][:PROMPTS]


def answer_ids(tokenizer: Any, row: Row) -> list[int]:
    return list(tokenizer.encode(row.completion[-1].content, add_special_tokens=False))[:TOKENS]


def scores(model: Any, tokens: Sequence[int]) -> Any:
    """Log-probabilities of what may follow each token, shape (len(tokens), vocabulary)."""
    import torch

    with torch.inference_mode():
        ids = torch.tensor([list(tokens)], device=model.device)
        return model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)


def difference(one: Any, other: Any) -> float:
    """How far two predictions are apart: the mean over positions of the expected gap in log-probability (nats), expected
    as the first has it, so that what neither would ever say counts little."""
    return float(((one - other.to(one.device)).abs() * one.exp()).sum(-1).mean())


def hear(model: Any, prompt: Sequence[int], answer: Sequence[int], tokenizer: Any) -> list[float]:
    """What the trainer's model thinks of each token of a served answer; of one that ended at once, 0 if it would end too."""
    after = scores(model, [*prompt, *answer])[len(prompt) - 1 :]
    if not answer:
        return [0.0 if int(after[0].argmax()) == tokenizer.eos_token_id else -math.inf]
    return [float(score[token]) for score, token in zip(after[:-1], answer, strict=True)]


class Served:
    """An adapter as the local engine serves it: in what is fast on the device, merged where the engine merges."""

    def __init__(self, base: Path, folder: Path, device: str, quantization: str) -> None:
        from core.llm.local.runtime import Runtime

        self.adapter = read_adapter(folder)
        self.runtime = Runtime(base, self.adapter.base_fingerprint, device, quantization, FAST)

    def scores(self, tokens: Sequence[int]) -> Any:
        return self.runtime.scores(tokens, self.adapter)

    def answers(self, asked: Sequence[Sequence[Message]]) -> list[tuple[list[int], list[float]]]:
        """Greedy answers: tokens and their log-probabilities."""
        turns = [[message.model_dump() for message in messages] for messages in asked]
        requests = [(each, Options(max_new_tokens=TOKENS), lambda _: None) for each in turns]
        return [(row.tokens, row.logprobs) for row in self.runtime.write(requests, self.adapter)]


def mean_gap(left: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> float:
    """The mean difference of two sets of log-probabilities of the same tokens, by prompt."""
    pairs = [pair for one, other in zip(left, right, strict=True) for pair in zip(one, other, strict=True)]
    return sum(abs(a - b) for a, b in pairs) / max(1, len(pairs))

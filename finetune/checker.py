"""Train the citation checker: MiniLM with a LoRA adapter and a head that tells whether a passage says what a sentence says.

    python -m finetune.checker --pairs pairs.jsonl --base FOLDER --out retrieval/checker_adapter [--start retrieval/finder_adapter]

Needs PyTorch, transformers, PEFT, safetensors and tokenizers only, so that it runs on a rented GPU without the rest of Trivium.
After each epoch it is measured on the development half of the hard pairs, never on the held one; the best epoch is kept. It
stops at the last epoch, or as `--minutes` are over: the learning rate falls to nothing by whichever comes first. The last line
is one JSON object of figures.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.cpu import autocast
from core.minilm import CHECKER_TOKENS, NAME, headless
from finetune.model import batches, load_tokenizer, save

HARD = Path(__file__).parent.parent / "benchmarks" / "data" / "hard_citations.jsonl"
LAYERS = ["query", "key", "value", "dense"]
WARMUP = 0.06
LEAST_RATE = 0.02
# Of the time: the rest is for reading, measuring and writing.
FOR_STEPS = 0.95


@dataclass(frozen=True)
class Rows:
    """`inputs`: token ids and types of each pair; `labels`: 1.0 where the passage says it."""

    inputs: list[dict[str, list[int]]]
    labels: list[float]

    def lengths(self) -> list[int]:
        return [len(one["input_ids"]) for one in self.inputs]


def read(file: Path, limit: int | None = None) -> list[tuple[str, str, bool]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]
    return [(row["sentence"], row["passage"], row["supported"]) for row in rows[:limit]]


def development(file: Path) -> list[tuple[str, str, bool]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]
    return [(row["sentence"], row["passage"], row["supported"]) for row in rows if row["half"] == "development"]


def encode(tokenizer: Any, pairs: Sequence[tuple[str, str, bool]]) -> Rows:
    """What does not fit is cut off the passage, never off the sentence."""
    made = tokenizer(
        [sentence for sentence, _, _ in pairs],
        [passage for _, passage, _ in pairs],
        truncation="only_second",
        max_length=CHECKER_TOKENS,
    )
    names = ("input_ids", "token_type_ids", "attention_mask")
    inputs = [{name: made[name][n] for name in names} for n in range(len(pairs))]
    return Rows(inputs, [float(supported) for *_, supported in pairs])


def load(base: Path, start: Path | None, r: int, dropout: float) -> Any:
    """MiniLM with a new adapter, or one that begins where `start` (an adapter on MiniLM of a lower rank) ended."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification

    config = LoraConfig(
        r=r, lora_alpha=2 * r, lora_dropout=dropout, target_modules=LAYERS, modules_to_save=["classifier"]
    )
    model = get_peft_model(headless(AutoModelForSequenceClassification, base, num_labels=1), config)
    if start is not None:
        begin_as(model, start)
    return model


def begin_as(model: Any, start: Path) -> None:
    """Put the matrices of `start` into the first ranks; the other ranks add nothing yet. Its head is another's and left out.

    Raises ValueError where `start` has a higher rank or another scale.
    """
    import torch
    from peft import PeftConfig
    from peft.utils import SAFETENSORS_WEIGHTS_NAME
    from safetensors.torch import load_file

    mine, its = model.peft_config["default"], PeftConfig.from_pretrained(str(start))
    if its.r > mine.r or its.lora_alpha / its.r != mine.lora_alpha / mine.r:  # pyright: ignore
        raise ValueError(f"{start} cannot be gone on from: give --r its rank or more, and its scale is to be 2")
    known = load_file(start / SAFETENSORS_WEIGHTS_NAME)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            told = known.get(name.replace(".default.", "."))
            if told is None or "lora_" not in name:
                continue
            part = parameter[: len(told)] if "lora_A" in name else parameter[:, : told.shape[1]]
            part.copy_(told)


def fit(
    model: Any, tokenizer: Any, rows: Rows, given: argparse.Namespace, until: float, told: Callable[[int, float], None]
) -> int:
    """Train until the epochs or the time are over; `told` is called after each epoch with its number and loss. Returns steps."""
    import torch

    device = next(model.parameters()).device
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=given.learning_rate, weight_decay=0.01)
    began, steps = time.monotonic(), given.epochs * -(-len(rows.labels) // given.batch_size)
    done = 0
    for epoch in range(given.epochs):
        loss = torch.zeros(())
        model.train()
        for batch in batches(rows.lengths(), given.batch_size, random.Random(given.seed * 1000 + epoch)):
            spent = (time.monotonic() - began) / max(until - began, 1e-9)
            if spent >= 1:
                break
            for group in optimizer.param_groups:
                group["lr"] = given.learning_rate * rate(done / steps, spent)
            inputs = tokenizer.pad([rows.inputs[n] for n in batch], return_tensors="pt").to(device)
            labels = torch.tensor([rows.labels[n] for n in batch], device=device)
            with autocast(device.type):
                logits = model(**inputs).logits[:, 0]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            done += 1
        told(epoch + 1, float(loss))
        if time.monotonic() >= until:
            break
    return done


def rate(steps: float, spent: float) -> float:
    """Share of the learning rate, given the shares of all steps done and of all time spent."""
    return min(1.0, (steps + 1e-3) / WARMUP) * max(LEAST_RATE, 1 - max(steps, spent))


def logits(model: Any, tokenizer: Any, rows: Rows, size: int = 128) -> list[float]:
    import torch

    device = next(model.parameters()).device
    order = sorted(range(len(rows.labels)), key=lambda n: len(rows.inputs[n]["input_ids"]))
    found = [0.0] * len(order)
    model.eval()
    for batch in cut(order, size):
        inputs = tokenizer.pad([rows.inputs[n] for n in batch], return_tensors="pt").to(device)
        with torch.inference_mode(), autocast(device.type):
            out = model(**inputs).logits[:, 0].float().tolist()
        for n, value in zip(batch, out, strict=True):
            found[n] = value
    return found


def cut(order: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(order), size):
        yield order[first : first + size]


def auc(labels: Sequence[float], scores: Sequence[float]) -> float:
    """The chance that a supported pair is above one that is not; ties count half."""
    import torch

    truth, score = torch.tensor(labels) > 0.5, torch.tensor(scores)
    above = (score[truth][:, None] - score[~truth][None, :]).sign()
    return round(float((above.mean() + 1) / 2), 4)


def train(given: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    import torch

    began = time.monotonic()
    until = began + FOR_STEPS * 60 * given.minutes
    torch.manual_seed(given.seed)
    tokenizer = load_tokenizer(given.base)
    rows, hard = encode(tokenizer, read(given.pairs, given.limit)), encode(tokenizer, development(given.dev))
    model = load(given.base, given.start, given.r, given.dropout)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    say(f"{len(rows.labels)} pairs after {time.monotonic() - began:.0f} s")
    best: dict[str, Any] = {"auc": 0.0}

    def told(epoch: int, loss: float) -> None:
        nonlocal best
        measured = auc(hard.labels, logits(model, tokenizer, hard))
        say(f"epoch {epoch}: loss {loss:.3f}, development AUC {measured}, {time.monotonic() - began:.0f} s")
        if measured > best["auc"]:
            best = {"auc": measured, "epoch": epoch}
            given.out.mkdir(parents=True, exist_ok=True)
            save(model, NAME, given.out)

    steps = fit(model, tokenizer, rows, given, until, told)
    return {**best, "pairs": len(rows.labels), "steps": steps, "seconds": round(time.monotonic() - began)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m finetune.checker")
    parser.add_argument("--pairs", type=Path, required=True, help="made by finetune.checker_data")
    parser.add_argument("--base", type=Path, required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="an adapter on MiniLM to go on from, such as the finder's")
    parser.add_argument("--dev", type=Path, default=HARD, help="its development half is measured on")
    parser.add_argument("--r", type=int, default=128, help="rank of the adapter")
    parser.add_argument("--dropout", type=float, default=0.05)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--minutes", type=float, default=60, help="stop before so much time is over")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="only the first N pairs")
    given = parser.parse_args(arguments)
    print(json.dumps(train(given, lambda text: print(text, file=sys.stderr, flush=True))))


if __name__ == "__main__":
    main()

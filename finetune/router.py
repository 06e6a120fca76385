"""Train the router's adapter: MiniLM with LoRA and a head over the pack's task types, some minutes on two cores.

How right it is, is measured on queries that it has not seen: one model for each fold, none of which saw a query's frame
(its wording around what it quotes); the model that ships learns from all.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.cpu import autocast
from core.labelled import ROUTER_CARD, Labelled, fingerprint
from core.minilm import NAME, ROUTER_TOKENS, headless, minilm_folder
from core.prompts import both_ends
from finetune import card
from finetune.model import batches, load_tokenizer, save

FOLDS = 4
EPOCHS = 3
BATCH = 16
LEARNING_RATE = 1e-3
WARMUP = 50
SMOOTHING = 0.05
RANK = 16
LAYERS = r"bert\.encoder\..*\.(query|key|value|dense)"
Say = Callable[[str], None]


def train(
    found: Sequence[Labelled],
    frames: Sequence[str],
    out: Path,
    say: Say,
    seed: int = 0,
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure by folds, train on all and put the adapter, whole, at `out`. Returns its card.

    Args:
        frames: the frame of each query; queries of one frame are never in two folds.
        about: what the card says of where the queries are from.
    """
    tasks = sorted({one.task for one in found})
    held_out = held_out_shares(found, frames, tasks, say, seed)
    say("training on all queries")
    model = fit(found, tasks, seed)
    right = [task == guess for task, guess, _ in held_out]
    body = {
        "tasks": tasks,
        "base": NAME,
        "labelled": fingerprint(found),
        "queries": len(found),
        "accuracy": round(sum(right) / max(1, len(right)), 4),
        "held_out": held_out,
        "commit": card.commit(),
        **(about or {}),
    }
    with card.staged(out) as folder:
        save(model, NAME, folder)
        (folder / ROUTER_CARD).write_text(json.dumps(body) + "\n", encoding="utf-8")
    return body


def held_out_shares(
    found: Sequence[Labelled], frames: Sequence[str], tasks: list[str], say: Say, seed: int
) -> list[tuple[str, str, float]]:
    """For each judged query its task, the likeliest task by a model that did not see it, and that one's probability."""
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    rows: list[tuple[str, str, float]] = []
    for number, (seen, unseen) in enumerate(folds.split(found, [one.task for one in found], frames), 1):
        say(f"fold {number} of {FOLDS}")
        model = fit([found[n] for n in seen], tasks, seed)
        judged = [found[n] for n in unseen if found[n].judged]
        for one, shares in zip(judged, predict(model, [one.query for one in judged]), strict=True):
            best = max(range(len(tasks)), key=lambda n: shares[n])
            rows.append((one.task, tasks[best], round(shares[best], 4)))
    return rows


def fit(found: Sequence[Labelled], tasks: list[str], seed: int) -> Any:
    """The trained PEFT model; tasks weigh alike however many queries each has."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(seed)
    tokenizer = load_tokenizer(minilm_folder())
    config = LoraConfig(
        r=RANK, lora_alpha=2 * RANK, lora_dropout=0.1, target_modules=LAYERS, modules_to_save=["classifier", "pooler"]
    )
    base = headless(AutoModelForSequenceClassification, minilm_folder(), num_labels=len(tasks))
    model: Any = get_peft_model(base, config).train()
    count = Counter(one.task for one in found)
    weight = torch.tensor([len(found) / (len(tasks) * max(1, count[task])) for task in tasks])
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=LEARNING_RATE)
    steps = max(1, EPOCHS * -(-len(found) // BATCH))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min((n + 1) / WARMUP, 1.0) * (1 - n / steps))
    for batch in epochs([len(one.query) for one in found], seed):
        inputs = tokens(tokenizer, [found[n].query for n in batch])
        labels = torch.tensor([tasks.index(found[n].task) for n in batch])
        with autocast():
            logits = model(**inputs).logits
        loss = torch.nn.functional.cross_entropy(logits.float(), labels, weight=weight, label_smoothing=SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()


def epochs(lengths: Sequence[int], seed: int) -> Iterator[list[int]]:
    """The batches of all epochs, one after the other."""
    for epoch in range(EPOCHS):
        yield from batches(lengths, BATCH, random.Random(seed * EPOCHS + epoch))


def tokens(tokenizer: Any, queries: Sequence[str]) -> Any:
    texts = [both_ends(query) for query in queries]
    return tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=ROUTER_TOKENS)


def predict(model: Any, queries: Sequence[str]) -> list[list[float]]:
    import torch

    tokenizer = load_tokenizer(minilm_folder())
    found: list[list[float]] = []
    with torch.inference_mode():
        for start in range(0, len(queries), 32):
            found += model(**tokens(tokenizer, queries[start : start + 32])).logits.softmax(1).tolist()
    return found

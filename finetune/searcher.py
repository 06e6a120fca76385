"""Train a pack's searcher: MiniLM with LoRA on the question's side alone, minutes on two cores.

Passages keep their vectors (an asymmetric dual encoder); a question is pulled to the passages that answer it and away from
all others of the pack, by softmax over the whole collection. How much better it finds is measured on questions of authors
that it has not seen.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cpu import autocast
from core.labelled import SEARCHER_CARD
from core.minilm import NAME, headless, minilm_folder
from finetune import card
from finetune.model import load_tokenizer, save

if TYPE_CHECKING:
    import numpy as np

FOLDS = 3
EPOCHS = 12
BATCH = 16
LEARNING_RATE = 1e-3
WARMUP = 20
RANK = 16
TEMPERATURE = 0.05
QUERY_TOKENS = 128
LAYERS = ["query", "key", "value", "dense"]
DEPTHS = (1, 4, 8)
Say = Callable[[str], None]
# (number of the question, likeness of each passage) -> what passages are ranked by
Rank = Callable[[int, "np.ndarray"], "np.ndarray"]


def train(
    queries: Sequence[str],
    targets: Sequence[Sequence[int]],
    authors: Sequence[str],
    vectors: np.ndarray,
    out: Path,
    say: Say,
    rank: Rank = lambda _, likeness: likeness,
    seed: int = 0,
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure by folds over authors, train on all and put the adapter, whole, at `out`. Returns its card.

    Args:
        targets: for each query the rows of `vectors` that answer it.
        vectors: unit vectors of the passages, shape (passages, size).
        rank: how likeness becomes a ranking in serving.
        about: what the card says of where the queries are from.
    """
    held_out = held_out_likeness(queries, targets, authors, vectors, say, seed)
    say("training on all questions")
    model = fit(queries, targets, vectors, seed)
    untouched = encode(headless_model(), queries) @ vectors.T
    body = {
        "base": NAME,
        "queries": len(queries),
        "passages": len(vectors),
        "found": recall(held_out, targets, rank),
        "found_before": recall(untouched, targets, rank),
        "commit": card.commit(),
        **(about or {}),
    }
    with card.staged(out) as folder:
        save(model, NAME, folder)
        (folder / SEARCHER_CARD).write_text(json.dumps(body) + "\n", encoding="utf-8")
    return body


def held_out_likeness(
    queries: Sequence[str], targets: Sequence[Sequence[int]], authors: Sequence[str], vectors: np.ndarray, say: Say, seed: int
) -> np.ndarray:  # fmt: skip
    """The likeness of each query and passage, shape (queries, passages), by a model that saw nothing of its author."""
    import numpy as np
    from sklearn.model_selection import GroupKFold

    found = np.zeros((len(queries), len(vectors)), dtype=np.float32)
    # Where all are of one author, no question is on both sides at least.
    groups = authors if len(set(authors)) > 1 else list(range(len(queries)))
    folds = min(FOLDS, len(set(groups)))
    for number, (seen, unseen) in enumerate(GroupKFold(folds).split(queries, groups=groups), 1):
        say(f"fold {number} of {folds}")
        model = fit([queries[n] for n in map(int, seen)], [targets[n] for n in map(int, seen)], vectors, seed)
        found[unseen] = encode(model, [queries[n] for n in map(int, unseen)]) @ vectors.T
    return found


def recall(likeness: np.ndarray, targets: Sequence[Sequence[int]], rank: Rank) -> dict[str, float]:
    """Share of the queries with one of their passages among the first 1, 4 and 8."""
    import numpy as np

    places = []
    for number, wanted in enumerate(targets):
        order = np.argsort(-rank(number, likeness[number]), kind="stable")
        places.append(int(np.flatnonzero(np.isin(order, list(wanted)))[0]))
    return {str(depth): round(float(np.mean([place < depth for place in places])), 4) for depth in DEPTHS}


def headless_model() -> Any:
    from transformers import AutoModel

    return headless(AutoModel, minilm_folder()).eval()


def fit(queries: Sequence[str], targets: Sequence[Sequence[int]], vectors: np.ndarray, seed: int) -> Any:
    """The trained PEFT model."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    tokenizer = load_tokenizer(minilm_folder())
    config = LoraConfig(r=RANK, lora_alpha=2 * RANK, lora_dropout=0.1, target_modules=LAYERS)
    model: Any = get_peft_model(headless_model(), config).train()
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=LEARNING_RATE)
    steps = EPOCHS * -(-len(queries) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min((n + 1) / WARMUP, 1.0) * (1 - n / steps))
    passages, dice, order = torch.tensor(vectors), random.Random(seed), list(range(len(queries)))
    for _ in range(EPOCHS):
        dice.shuffle(order)
        for start in range(0, len(order), BATCH):
            some = order[start : start + BATCH]
            logits = pooled(model, tokenizer, [queries[n] for n in some]) @ passages.T / TEMPERATURE
            wanted = torch.zeros_like(logits)
            for row, n in enumerate(some):
                wanted[row, list(targets[n])] = 1 / len(targets[n])
            loss = -(wanted * logits.log_softmax(1)).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            schedule.step()
    return model.eval()


def pooled(model: Any, tokenizer: Any, texts: Sequence[str]) -> Any:
    """Unit vectors by the masked mean of the last layer, as `retrieval.embeddings` makes them."""
    import torch

    inputs = tokenizer(list(texts), return_tensors="pt", padding=True, truncation=True, max_length=QUERY_TOKENS)
    with autocast():
        hidden = model(**inputs).last_hidden_state.float()
    summed = (hidden * inputs["attention_mask"].unsqueeze(2)).sum(1)
    return torch.nn.functional.normalize(summed, dim=1)


def encode(model: Any, texts: Sequence[str]) -> np.ndarray:
    """Shape (texts, size), float32."""
    import numpy as np
    import torch

    tokenizer = load_tokenizer(minilm_folder())
    with torch.inference_mode():
        parts = [pooled(model, tokenizer, texts[start : start + 32]).numpy() for start in range(0, len(texts), 32)]
    return np.concatenate(parts)

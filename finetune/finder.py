"""Train the finder: MiniLM with a LoRA adapter and a head that marks where a passage answers a question, or that it does
not (the extractive reader of Devlin et al. 2019 with the no-answer score of Rajpurkar et al. 2018).

    python -m finetune.finder --pairs pairs.jsonl --base FOLDER --out retrieval/finder_adapter

Prints progress and, as its last line, one JSON object of figures on pairs that were held out.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.cpu import autocast
from core.minilm import FINDER_TOKENS, LONGEST_ANSWER, NAME, headless
from core.prompts import passage_text
from finetune import card
from finetune.finder_data import Pair
from finetune.model import batches, go_back, load_tokenizer, save

ADAPT_EPOCHS, ADAPT_BATCH, ADAPT_RATE = 3, 32, 3e-4
BACK = 0.5  # of what plain questions had taught it; docs/experiments.md


def load_pairs(file: Path, limit: int | None) -> list[Pair]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Pair(**json.loads(line)) for line in lines[:limit]]


def encode(tokenizer: Any, found: Sequence[Pair]) -> list[dict[str, Any]]:
    """Rows for training: the answer's first and last token, 0 and 0 (the [CLS] token) where there is none or where it
    was cut off."""
    encoded = tokenizer(
        [pair.question for pair in found],
        [passage_text(pair.heading, pair.passage) for pair in found],
        truncation="only_second",
        max_length=FINDER_TOKENS,
        return_offsets_mapping=True,
    )
    rows = []
    for n, pair in enumerate(found):
        row = {name: encoded[name][n] for name in ("input_ids", "token_type_ids", "attention_mask")}
        shift = len(passage_text(pair.heading, pair.passage)) - len(pair.passage)
        inside = [
            place
            for place, ((start, end), kind) in enumerate(
                zip(encoded["offset_mapping"][n], encoded.sequence_ids(n), strict=True)
            )
            if kind == 1 and pair.start >= 0 and start < pair.end + shift and end > pair.start + shift
        ]
        rows.append({**row, "start_positions": min(inside, default=0), "end_positions": max(inside, default=0)})
    return rows


def load(base: Path, r: int, dropout: float) -> Any:
    """The model to train."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForQuestionAnswering

    linear = ["query", "key", "value", "dense"]
    config = LoraConfig(
        r=r, lora_alpha=2 * r, lora_dropout=dropout, target_modules=linear, modules_to_save=["qa_outputs"]
    )
    return get_peft_model(headless(AutoModelForQuestionAnswering, base), config)


def fit(model: Any, tokenizer: Any, rows: list[dict[str, Any]], given: argparse.Namespace, scratch: Path) -> None:
    import torch
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    arguments = TrainingArguments(
        output_dir=str(scratch),
        per_device_train_batch_size=given.batch_size,
        num_train_epochs=given.epochs,
        learning_rate=given.learning_rate,
        warmup_steps=int(0.06 * given.epochs * len(rows) / given.batch_size),
        weight_decay=0.01,
        lr_scheduler_type="linear",
        bf16=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
        dataloader_num_workers=2,
        seed=given.seed,
        logging_steps=100,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    padding = DataCollatorWithPadding(tokenizer)
    Trainer(model=model, args=arguments, train_dataset=rows, data_collator=padding).train()  # pyright: ignore


def adapt(pairs: Sequence[Pair], start: Path, base: Path, out: Path, say: Callable[[str], None], seed: int = 0) -> int:
    """Go on training a finder's adapter on a pack's own pairs and put it, whole, at `out`. Returns the number of steps.

    On two cores a hundred pairs take some 10 seconds an epoch.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForQuestionAnswering

    torch.manual_seed(seed)
    tokenizer = load_tokenizer(base)
    plain = headless(AutoModelForQuestionAnswering, base)
    model: Any = PeftModel.from_pretrained(plain, str(start), is_trainable=True).train()
    rows = encode(tokenizer, pairs)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=ADAPT_RATE, weight_decay=0.01)
    steps = ADAPT_EPOCHS * -(-len(rows) // ADAPT_BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min((n + 1) / 20, 1.0) * max(0.0, 1 - n / steps))
    done = 0
    for epoch in range(ADAPT_EPOCHS):
        dice = random.Random(seed * ADAPT_EPOCHS + epoch)
        for chosen in batches([len(row["input_ids"]) for row in rows], ADAPT_BATCH, dice):
            some = [rows[n] for n in chosen]
            names = ("input_ids", "token_type_ids", "attention_mask")
            inputs = tokenizer.pad([{name: row[name] for name in names} for row in some], return_tensors="pt")
            places = {name: torch.tensor([row[name] for row in some]) for name in ("start_positions", "end_positions")}
            with autocast():
                loss = model(**inputs, **places).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            schedule.step()
            done += 1
        say(f"epoch {epoch + 1} of {ADAPT_EPOCHS}, loss {float(loss):.2f}")
    with card.staged(out) as folder:
        go_back(model, start, BACK)
        save(model, NAME, folder)
    return done


def measure(model: Any, tokenizer: Any, found: Sequence[Pair]) -> dict[str, float]:
    """Of questions with an answer: share whose best span meets it (`span`), share whose passage has the greatest score
    among its near misses (`passage`); and how well the score tells passages with an answer from those without (`auc`)."""
    import torch

    model.eval()
    scores, meets = [], []
    rows = encode(tokenizer, found)
    for first in range(0, len(rows), 64):
        some = rows[first : first + 64]
        inputs = tokenizer.pad(
            [{k: row[k] for k in ("input_ids", "token_type_ids", "attention_mask")} for row in some],
            return_tensors="pt",
        ).to(model.device)
        with torch.inference_mode():
            out = model(**inputs)
        starts, ends = out.start_logits.float(), out.end_logits.float()
        passage = (inputs["token_type_ids"] == 1) & (inputs["attention_mask"] == 1)
        spans = starts.unsqueeze(2) + ends.unsqueeze(1)
        size = spans.shape[1]
        near = torch.ones(size, size, device=spans.device).triu() - torch.ones(size, size, device=spans.device).triu(
            LONGEST_ANSWER
        )
        allowed = passage.unsqueeze(2) & passage.unsqueeze(1) & near.bool()
        best, place = spans.masked_fill(~allowed, -1e9).flatten(1).max(1)
        scores += (best - starts[:, 0] - ends[:, 0]).tolist()
        for row, where in zip(some, place.tolist(), strict=True):
            begin, end = divmod(where, size)
            meets.append(begin <= row["end_positions"] and end >= row["start_positions"] > 0)
    top: dict[int, tuple[float, bool]] = {}
    for pair, score in zip(found, scores, strict=True):
        top[pair.number] = max(top.get(pair.number, (-1e9, False)), (score, pair.start >= 0))
    answered = {pair.number for pair in found if pair.start >= 0}
    return {
        "questions": len(answered),
        "span": round(sum(meets) / max(1, len(answered)), 4),
        "passage": round(sum(top[n][1] for n in answered) / max(1, len(answered)), 4),
        "auc": round(
            auc(
                [s for s, p in zip(scores, found, strict=True) if p.start >= 0],
                [s for s, p in zip(scores, found, strict=True) if p.start < 0],
            ),
            4,
        ),
    }


def auc(greater: Sequence[float], less: Sequence[float]) -> float:
    """The chance that one of the first is above one of the second."""
    import numpy as np

    return float((np.asarray(greater)[:, None] > np.asarray(less)[None, :]).mean())


def main(arguments: Sequence[str] | None = None) -> None:
    import tempfile

    parser = argparse.ArgumentParser(prog="python -m finetune.finder")
    parser.add_argument("--pairs", type=Path, required=True, help="made by finetune.finder_data")
    parser.add_argument("--base", type=Path, required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--r", type=int, default=64, help="rank of the adapter")
    parser.add_argument("--dropout", type=float, default=0.05)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="only the first N pairs")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    tokenizer = load_tokenizer(given.base)
    found = load_pairs(given.pairs, given.limit)
    rows = encode(tokenizer, [pair for pair in found if not pair.held_out])
    model = load(given.base, given.r, given.dropout)
    print(f"{len(rows)} rows after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        fit(model, tokenizer, rows, given, Path(scratch))
    given.out.mkdir(parents=True, exist_ok=True)
    save(model, NAME, given.out)
    held_out = [pair for pair in found if pair.held_out]
    figures = measure(model, tokenizer, held_out) if held_out else {}
    print(json.dumps({**figures, "seconds": round(time.monotonic() - began)}))


if __name__ == "__main__":
    main()

"""Likeness by MiniLM with the pack's own adapter (`finetune.router`), which reads a request better than the vectors of a
general embedder: docs/experiments.md has the figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from core.labelled import ROUTER_CARD
from core.minilm import ROUTER_TOKENS, merged, minilm_folder, one_core
from core.prompts import both_ends
from router.features import Encode
from router.likeness import Likeness, embed_cached


class TunedLikeness:
    """`folder` holds the adapter, `card` is what it says of itself; the labelled queries serve for the nearest example
    only. Safe to use from threads."""

    def __init__(
        self, folder: Path, card: dict[str, Any], encode: Encode, queries: Sequence[str], tasks: Sequence[str],
        cache: Path, model: str,
    ) -> None:  # fmt: skip
        from tokenizers import Tokenizer
        from transformers import AutoModelForSequenceClassification

        self._names: list[str] = card["tasks"]
        self._held_out: list[tuple[str, str, float]] = [(task, guess, share) for task, guess, share in card["held_out"]]
        base = minilm_folder()
        self._model: Any = merged(AutoModelForSequenceClassification, base, folder, num_labels=len(self._names))
        self._tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(ROUTER_TOKENS)
        self._encode, self._queries, self._tasks = encode, list(queries), np.asarray(tasks)
        self._vectors = embed_cached(encode, queries, cache, model)
        self._thread = ThreadPoolExecutor(1, "route", initializer=one_core)

    def held_out(self) -> tuple[np.ndarray, list[tuple[str, str]]]:
        """As `TaskLikeness.held_out`, measured when the adapter was trained."""
        return np.array([share for *_, share in self._held_out]), [(guess, task) for task, guess, _ in self._held_out]

    def of(self, text: str, passage_likeness: float) -> Likeness:
        """`passage_likeness` is not needed here."""
        shares = dict(zip(self._names, self._thread.submit(self._shares, text).result(), strict=True))
        same = np.flatnonzero(self._tasks == max(shares, key=lambda name: shares[name]))
        vector = self._encode([text])[0]
        return Likeness(shares, self._queries[int(same[(self._vectors[same] @ vector).argmax()])])

    def _shares(self, text: str) -> list[float]:
        import torch

        ids = torch.tensor([self._tokenizer.encode(both_ends(text)).ids])
        with torch.inference_mode():
            return self._model(input_ids=ids).logits.float().softmax(1)[0].tolist()


def read_card(folder: Path) -> dict[str, Any]:
    """The adapter's card; empty where there is none."""
    file = folder / ROUTER_CARD
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

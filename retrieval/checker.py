"""Whether a passage says what a sentence says, by a small cross-encoder: MiniLM with the adapter in `retrieval/checker_adapter`,
which `finetune.checker` trained. Its README says on what. One of the things that `retrieval.support` weighs, never alone."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from core.cpu import threads
from core.errors import SettingsError
from core.minilm import CHECKER_TOKENS, merged, minilm_folder, one_core
from retrieval.sentences import pieces
from retrieval.words import words

log = logging.getLogger(__name__)

ADAPTER = Path(__file__).with_name("checker_adapter")
KEPT = 4096
BATCH = 32
# Words of a passage that are read: it was trained on some three sentences, and what is longer costs more than it tells.
MOST_WORDS = 60


class Checker:
    """Safe to use from many threads; remembers what it read last. One core per call."""

    def __init__(self, base: Path, adapter: Path = ADAPTER) -> None:
        from tokenizers import Tokenizer
        from transformers import AutoModelForSequenceClassification

        self.model = merged(AutoModelForSequenceClassification, base, adapter, num_labels=1)
        self.tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
        self.tokenizer.enable_truncation(CHECKER_TOKENS, strategy="only_second")
        self.tokenizer.enable_padding()
        self._threads = ThreadPoolExecutor(threads(), "check", initializer=one_core)
        self._read = lru_cache(KEPT)(lambda sentence, passage: self.logits([(sentence, passage)])[0])

    def logit(self, sentence: str, passage: str) -> float:
        """Above 0: likelier supported than not."""
        return self._read(sentence, part_to_read(sentence, passage))

    def logits(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Of (sentence, part of a passage), in order."""
        return self._threads.submit(self._forward, pairs).result()

    def _forward(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        import torch

        found: list[float] = []
        for first in range(0, len(pairs), BATCH):
            encoded = self.tokenizer.encode_batch(list(pairs[first : first + BATCH]))
            ids, types, mask = (
                torch.tensor([getattr(one, name) for one in encoded]) for name in ("ids", "type_ids", "attention_mask")
            )
            with torch.inference_mode():
                out = self.model(input_ids=ids, token_type_ids=types, attention_mask=mask)
            found += out.logits[:, 0].float().tolist()
        return found


def part_to_read(sentence: str, passage: str) -> str:
    """The passage where it is short; else those neighbouring pieces of it that hold most of the sentence's words."""
    if len(passage.split()) <= MOST_WORDS:
        return passage
    mine, found = set(words(sentence)), pieces(passage)
    if not found:
        return passage
    held = [mine & set(words(one.text)) for one in found]
    sizes = [len(one.text.split()) for one in found]
    first, end = max(runs(sizes), key=lambda run: (len(set().union(*held[run[0] : run[1]])), run[1] - run[0]))
    return passage[min(one.start for one in found[first:end]) : max(one.end for one in found[first:end])]


def runs(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """From each piece on as many as have MOST_WORDS together, at least one: `first:end`."""
    found = []
    for first in range(len(sizes)):
        total = list(itertools.accumulate(sizes[first:]))
        found.append((first, first + max(1, sum(size <= MOST_WORDS for size in total))))
    return found


@lru_cache(maxsize=1)
def opened() -> Checker | None:
    """The shipped checker, opened when first asked for (a second); None where it cannot be: the check then goes by its rules."""
    from safetensors import SafetensorError

    try:
        return Checker(minilm_folder(), ADAPTER)
    except (SettingsError, OSError, ValueError, SafetensorError) as error:
        log.warning("citations are checked by rules alone, since the checker cannot be opened: %s", error)
        return None

"""Where a passage answers a question, read off by a small extractive reader: MiniLM with the adapter in `retrieval/finder_adapter`,
which `finetune.finder` trained. Its README says on what."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.cpu import threads
from core.llm.adapters import WEIGHTS, file_sha256
from core.minilm import FINDER_TOKENS, LONGEST_ANSWER, merged, minilm_folder, one_core
from core.prompts import passage_text
from core.types import Passage

if TYPE_CHECKING:
    import numpy as np

ADAPTER = Path(__file__).with_name("finder_adapter")
KEPT = 1024
NOTHING = -20.0


@dataclass(frozen=True)
class Reading:
    """What the finder says of one passage. `offsets` (tokens, 2): places in the passage; `starts` and `ends` (tokens,):
    how likely the answer begins and ends there, as logits less that of there being no answer."""

    offsets: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def span(self, start: int, end: int) -> float:
        """The logit of the likeliest answer within `start:end` of the passage; above 0: likelier than none."""
        import numpy as np

        inside = np.flatnonzero((self.offsets[:, 0] >= start) & (self.offsets[:, 1] <= end))
        if not len(inside):
            return NOTHING
        sums = self.starts[inside][:, None] + self.ends[inside][None, :]
        allowed = np.triu(np.ones_like(sums, dtype=bool)) & ~np.triu(np.ones_like(sums, dtype=bool), LONGEST_ANSWER)
        return float(sums[allowed].max())


class Reader(Protocol):
    """Reads passages for a question, each by itself."""

    fingerprint: str

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]: ...


class Finder:
    """Safe to use from many threads; remembers what it read last."""

    def __init__(self, base: Path, adapter: Path = ADAPTER) -> None:
        from tokenizers import Tokenizer
        from transformers import AutoModelForQuestionAnswering

        self.fingerprint = file_sha256(adapter / WEIGHTS)
        self.model = merged(AutoModelForQuestionAnswering, base, adapter)
        self.tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
        self.tokenizer.enable_truncation(FINDER_TOKENS, strategy="only_second")
        self.tokenizer.enable_padding()
        self._threads = ThreadPoolExecutor(threads(), "find", initializer=one_core)
        self._read = lru_cache(KEPT)(self._read_all)

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        return self._read(question, tuple((passage.heading, passage.text) for passage in passages))

    def _read_all(self, question: str, texts: tuple[tuple[str, str], ...]) -> list[Reading]:
        parts = [texts[first :: self._threads._max_workers] for first in range(self._threads._max_workers)]
        made = [self._threads.submit(self._forward, question, part) for part in parts if part]
        readings: list[list[Reading]] = [one.result() for one in made]
        return [readings[n % len(parts)][n // len(parts)] for n in range(len(texts))]

    def _forward(self, question: str, texts: Sequence[tuple[str, str]]) -> list[Reading]:
        import numpy as np
        import torch

        encoded = self.tokenizer.encode_batch([(question, passage_text(*text)) for text in texts])
        ids, types, mask = (
            torch.tensor([getattr(one, name) for one in encoded]) for name in ("ids", "type_ids", "attention_mask")
        )
        with torch.inference_mode():
            out = self.model(input_ids=ids, token_type_ids=types, attention_mask=mask)
        starts, ends = out.start_logits.float().numpy(), out.end_logits.float().numpy()
        readings = []
        for n, (one, (heading, text)) in enumerate(zip(encoded, texts, strict=True)):
            shift = len(passage_text(heading, text)) - len(text)
            of_passage = np.array([kind == 1 for kind in one.sequence_ids])
            offsets = np.array(one.offsets)[of_passage] - shift
            readings.append(Reading(offsets, starts[n][of_passage] - starts[n, 0], ends[n][of_passage] - ends[n, 0]))
        return readings


def open_finder(adapter: Path | None = None) -> Finder:
    """With a pack's own adapter, if there is one at `adapter`. Raises SettingsError if MiniLM is not installed."""
    own = adapter is not None and (adapter / WEIGHTS).is_file()
    return Finder(minilm_folder(), adapter if adapter is not None and own else ADAPTER)

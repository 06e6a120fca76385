"""The decode loop: one or many answers, token by token.

Our own and not `model.generate`: it streams, stops, constrains and reports log-probabilities of the unmasked
distribution, row by row, with less work per token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch

from core.llm.local.text import Detokenizer, StopTexts
from core.llm.messages import FinishReason, Options

if TYPE_CHECKING:
    from core.llm.local.fused import Decoder, Fused
    from core.llm.local.grammar import Constraint

PREFILL = 1024  # tokens; between two such pieces of a prompt the stop flags are looked at
NO_ADAPTER = "__base__"  # PEFT's word for it in a batch of several adapters
END = object()
COMPACT = 0.75  # share of unfinished rows under which finished ones are dropped from the batch


class Row:
    """One answer in the making. `show` gets each piece of text as soon as it is certain; `adapter` is the key of the one
    that writes it, none: the base. `unless`: tokens that it must not begin with; `chance` is how likely the first of them was."""

    def __init__(
        self,
        prompt: Sequence[int],
        options: Options,
        decode: Callable[[Sequence[int]], str],
        show: Callable[[str], None],
        constraint: Constraint | None = None,
        adapter: str | None = None,
        unless: Sequence[int] = (),
    ) -> None:
        self.adapter = adapter
        self._unless = list(unless)
        self.chance: float | None = None
        self.prompt = list(prompt)
        self.options = options
        self.constraint = constraint
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self.finish: FinishReason | None = None
        self.ended: Callable[[Row], None] | None = None  # told once, when the answer is at its end
        self._text = Detokenizer(decode)
        self._stops = StopTexts(options.stop)
        self._show = show
        self._random = torch.Generator().manual_seed(options.seed) if options.seed is not None else None

    @property
    def plain(self) -> bool:
        """Whether the likeliest token is taken as it is."""
        return (
            not self._avoids
            and self.constraint is None
            and self.options.temperature <= 0
            and self.options.repetition_penalty == 1
        )

    @property
    def _avoids(self) -> bool:
        """Whether the next token is the first, and some are not allowed there."""
        return bool(self._unless) and not self.tokens

    def choose(self, logits: torch.Tensor) -> torch.Tensor:
        """The next token, from scores of shape (vocabulary,) that are left as they are."""
        options = self.options
        scores = logits.clone()
        if self._avoids:
            self.chance = float(torch.softmax(scores.float(), -1)[self._unless[0]])
            scores[self._unless] = -torch.inf
        if options.repetition_penalty != 1 and self.tokens:
            seen = torch.tensor(sorted(set(self.tokens)), device=scores.device)
            picked = scores[seen]
            factor = options.repetition_penalty
            scores[seen] = torch.where(picked > 0, picked / factor, picked * factor)
        if self.constraint is not None:
            self.constraint.mask(scores.unsqueeze(0))
        if options.temperature <= 0:
            return scores.argmax()
        chances = torch.softmax(scores / options.temperature, -1).cpu()
        return torch.multinomial(chances, 1, generator=self._random)[0].to(logits.device)

    def take(self, token: int, logprob: float, stop_ids: set[int]) -> None:
        """Add a token to the answer, or end it."""
        if self.constraint is not None:
            self.constraint.accept(token)
        if token in stop_ids:
            return self.end("stop")
        self.tokens.append(token)
        self.logprobs.append(logprob)
        shown, met = self._stops.add(self._text.add(token))
        if shown:
            self._show(shown)
        if met:
            self._finish("stop")
        elif len(self.tokens) >= self.options.max_new_tokens:
            self.end("length")
        return None

    def end(self, reason: FinishReason) -> None:
        """End the answer and show what was held back."""
        shown, met = self._stops.add(self._text.flush())
        shown += "" if met else self._stops.flush()
        if shown:
            self._show(shown)
        self._finish(reason)

    def _finish(self, reason: FinishReason) -> None:
        self.finish = reason
        if self.ended is not None:
            self.ended(self)

    def end_if_stopped(self) -> None:
        if self.finish is None and self.options.stopped:
            self.end("stopped")


class Batch:
    """Rows that go through the model together, padded on the left, with their key-value cache."""

    def __init__(self, model: Any, rows: Sequence[Row], pad_id: int, fused: Fused | None) -> None:
        self.model = model
        self._fused = fused
        self._decoder: Decoder | None = None
        self.rows = list(rows)
        self._mixed = len({row.adapter for row in rows}) > 1
        self.cache: Any = None
        self.length = max(len(row.prompt) for row in rows)
        gaps = [self.length - len(row.prompt) for row in rows]
        self.gaps = torch.tensor(gaps, device=model.device)
        self.padded = any(gaps)
        padded = [[pad_id] * gap + row.prompt for gap, row in zip(gaps, rows, strict=True)]
        self.input = torch.tensor(padded, device=model.device)

    def prefill(self) -> torch.Tensor | None:
        """Read the prompts. None if every row was stopped meanwhile; else scores of shape (rows, vocabulary)."""
        logits = None
        for start in range(0, self.length, PREFILL):
            for row in self.rows:
                row.end_if_stopped()
            if all(row.finish for row in self.rows):
                return None
            logits = self._forward(self.input[:, start : start + PREFILL], start)
        return logits

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read one token per row, of shape (rows,)."""
        if self._fused is not None:
            if self._decoder is None:
                room = max(row.options.max_new_tokens for row in self.rows)
                self._decoder = self._fused.begin(self.cache, self.gaps, room)
                self.cache = None
            return self._decoder.step(tokens)
        self.length += 1
        return self._forward(tokens.unsqueeze(1), self.length - 1)

    def _forward(self, ids: torch.Tensor, start: int) -> torch.Tensor:
        extra: dict[str, Any] = {}
        if self.padded:
            places = torch.arange(start + ids.shape[1], device=ids.device) - self.gaps.unsqueeze(1)
            extra = {"attention_mask": (places >= 0).long(), "position_ids": places[:, start:].clamp(min=0)}
        if self._mixed:
            extra["adapter_names"] = [row.adapter or NO_ADAPTER for row in self.rows]
        result = self.model(input_ids=ids, past_key_values=self.cache, use_cache=True, logits_to_keep=1, **extra)
        self.cache = result.past_key_values
        return result.logits[:, -1].float()

    def drop_finished(self, tokens: torch.Tensor) -> torch.Tensor:
        """Leave finished rows out of what follows, once enough of them are finished to pay for the copy."""
        keep = [at for at, row in enumerate(self.rows) if row.finish is None]
        if len(keep) > COMPACT * len(self.rows):
            return tokens
        index = torch.tensor(keep, device=tokens.device)
        if self._decoder is not None:
            self._decoder.keep(index)
        else:
            self.cache.batch_select_indices(index)
        self.rows = [self.rows[at] for at in keep]
        self.gaps = self.gaps[index]
        return tokens[index]


def generate(model: Any, rows: Sequence[Row], stop_ids: set[int], pad_id: int, fused: Fused | None = None) -> None:
    """Write all rows to their end. Every row has a finish reason afterwards.

    `fused`, where there is one, reads all tokens but the prompts'.
    """
    with torch.inference_mode():
        for _ in writing(Batch(model, rows, pad_id, fused), stop_ids):
            pass


def writing(batch: Batch, stop_ids: set[int]) -> Iterator[None]:
    """One token for every row at each turn; the first turn reads the prompts."""
    logits = batch.prefill()
    while logits is not None:
        tokens, logprobs = choose(logits, batch.rows)
        for row, token, logprob in zip(batch.rows, tokens.tolist(), logprobs.tolist(), strict=True):
            if row.finish is None:
                row.take(token, logprob, stop_ids)
                row.end_if_stopped()
        if all(row.finish for row in batch.rows):
            return
        yield
        logits = batch.step(batch.drop_finished(tokens))


def take_turns(batches: Iterable[Batch], stop_ids: set[int]) -> None:
    """Write several batches to their end, a token each in turn. `batches` are made one by one, each when the one before
    has read its prompts: the model may carry another adapter for each. Their decoders have to be fused."""
    with torch.inference_mode():
        running: list[Iterator[None]] = []
        for batch in batches:
            turns = writing(batch, stop_ids)
            if next(turns, END) is not END:
                running.append(turns)
        while running:
            running = [turns for turns in running if next(turns, END) is not END]


def choose(logits: torch.Tensor, rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """The next token of each row and its log-probability under the model's own, unmasked distribution."""
    tokens = logits.argmax(-1)
    for at, row in enumerate(rows):
        if row.finish is None and not row.plain:
            tokens[at] = row.choose(logits[at])
    chosen = logits.gather(1, tokens.unsqueeze(1)).squeeze(1)
    return tokens, chosen - logits.logsumexp(-1)

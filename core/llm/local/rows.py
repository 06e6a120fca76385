"""The tokenizer's side of a model: messages to rows, tokens to text. The same for every runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import ModelError, QueryError
from core.llm.local.decoding import Row
from core.llm.local.grammar import Grammars
from core.llm.messages import Options
from core.types import Adapter

Request = tuple[list[dict[str, str]], Options, Callable[[str], None]]  # messages, options, what gets each piece
Pair = tuple[Row, Adapter | None]
Arriving = Callable[[], Sequence[Pair]]


def nobody() -> Sequence[Pair]:
    return ()


class Rows:
    """What is written, and by which adapter. Those who inherit know how: they have `run`.

    `kind` tells apart what may write other texts with the same weights; empty for unquantized ones in transformers.
    """

    kind = ""

    def __init__(self, folder: Path, config: Any, generation_config: Any) -> None:
        from transformers import AutoTokenizer

        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError) as error:
            raise ModelError(f"The tokenizer in {folder} cannot be loaded: {error}") from error
        if self.tokenizer.chat_template is None:
            raise ModelError(f"The model in {folder} has no chat template; take its -Instruct variant")
        self.stop_ids = stop_ids(generation_config, self.tokenizer)
        pad = self.tokenizer.pad_token_id
        self.pad_id = min(self.stop_ids, default=0) if pad is None else pad
        self.context = int(getattr(config, "max_position_embeddings", 0) or 1 << 30)
        self._vocabulary = int(config.vocab_size)
        self._grammars: Grammars | None = None

    def write(self, requests: Iterable[Request], adapter: Adapter | None) -> list[Row]:
        """Answer all requests together with one adapter.

        Raises:
            QueryError: a prompt is longer than the model reads.
            AdapterMismatch: the adapter does not fit.
            ModelError: a schema that cannot be compiled.
        """
        rows = [self.row(request, adapter) for request in requests]
        self.run([(row, adapter) for row in rows])
        return rows

    def run(self, pairs: Sequence[Pair], arriving: Arriving = nobody) -> None:
        """Write rows of whatever adapters to their end. `arriving` gives those that may join while others are written;
        a runtime that takes nobody in does not ask it."""
        raise NotImplementedError

    def row(self, request: Request, adapter: Adapter | None) -> Row:
        """An answer that can be begun; the adapter is loaded. Raises as `write` does."""
        messages, options, show = request
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        prompt = self.tokenizer.encode(text, add_special_tokens=False)
        room = self.context - len(prompt)
        if room < 1:
            raise QueryError(
                f"The prompt has {len(prompt)} tokens and the model reads {self.context}: "
                "shorten the question, the conversation or the passages"
            )
        options = replace(options, max_new_tokens=min(options.max_new_tokens, room))
        constraint = self.grammars.constraint(options.json_schema) if options.json_schema is not None else None
        avoided = [self.tokenizer.encode(text, add_special_tokens=False)[0] for text in options.avoided]
        key = key_of(adapter) if adapter else None
        made = Row(prompt, options, self._decode, show, constraint, key, avoided)
        made.end_if_stopped()
        if made.finish is None:
            self.prepare(adapter)
        return made

    def prepare(self, adapter: Adapter | None) -> None:
        """Have the adapter loaded. Raises AdapterMismatch."""
        raise NotImplementedError

    def _decode(self, tokens: Sequence[int]) -> str:
        return self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    @property
    def grammars(self) -> Grammars:
        if self._grammars is None:
            self._grammars = Grammars(self.tokenizer, self._vocabulary, self.stop_ids)
        return self._grammars


def key_of(adapter: Adapter) -> str:
    """By content: an adapter trained again under its old name is another one."""
    return "a" + adapter.sha256[:24]


def stop_ids(generation_config: Any, tokenizer: Any) -> set[int]:
    """The tokens that end an answer: what the model's own configuration names, and the tokenizer's."""
    configured = generation_config.eos_token_id if generation_config is not None else None
    ids = configured if isinstance(configured, list) else [configured]
    return {int(token) for token in [*ids, tokenizer.eos_token_id] if token is not None}

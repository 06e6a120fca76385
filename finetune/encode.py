"""Rows -> token ids and labels, through the chat template that serves. Only the answer and its end-of-turn are trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

from core.types import Message
from finetune.dataset import Row
from finetune.guard import IGNORED, TrainingError


class Encoded(TypedDict):
    input_ids: list[int]
    labels: list[int]


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """The tokens that a served model continues."""
    return _ids(tokenizer, messages, add_generation_prompt=True)


def served_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """The same, computed the way the local engine does it: rendered first, then tokenized without additions."""
    turns = [message.model_dump() for message in messages]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return list(tokenizer.encode(text, add_special_tokens=False))


def encode(tokenizer: Any, row: Row) -> Encoded:
    """Prompt (masked), answer and end-of-turn token. What the template writes behind that is cut: nobody generates it.

    Raises:
        TrainingError: the template renders the prompt another way once the answer follows, or ends no turn.
    """
    refuse_special(tokenizer, (*row.prompt, *row.completion))
    prompt = prompt_ids(tokenizer, row.prompt)
    whole = _ids(tokenizer, (*row.prompt, *row.completion))
    if whole[: len(prompt)] != prompt:
        raise TrainingError(
            f"the chat template renders the prompt of {row.prompt[-1].content[:60]!r} differently in training and in "
            "serving: use a base whose template adds the answer behind an unchanged prompt"
        )
    if tokenizer.eos_token_id not in whole[len(prompt) :]:
        raise TrainingError(
            f"the chat template does not end the answer with {tokenizer.eos_token!r}: the model would not learn to stop"
        )
    end = whole.index(tokenizer.eos_token_id, len(prompt)) + 1
    return {"input_ids": whole[:end], "labels": [IGNORED] * len(prompt) + whole[len(prompt) : end]}


def encode_all(tokenizer: Any, rows: Iterable[Row], max_length: int) -> tuple[list[Encoded], int]:
    """The rows that fit into `max_length`, and how many do not: a cut answer would teach not to finish."""
    encoded = [encode(tokenizer, row) for row in rows]
    fitting = [row for row in encoded if len(row["input_ids"]) <= max_length]
    return fitting, len(encoded) - len(fitting)


class EncodedPair(TypedDict):
    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]


def encode_pairs(tokenizer: Any, pairs: Iterable[Row], max_length: int) -> tuple[list[EncodedPair], int]:
    """The preferences both of whose answers fit into `max_length`, and how many do not."""
    fitting: list[EncodedPair] = []
    left_out = 0
    for pair in pairs:
        rows = [
            Row(task=pair.task, prompt=pair.prompt, completion=answer) for answer in (pair.completion, pair.rejected)
        ]
        chosen, rejected = (encode(tokenizer, row)["input_ids"] for row in rows)
        if max(len(chosen), len(rejected)) > max_length:
            left_out += 1
            continue
        at = len(prompt_ids(tokenizer, pair.prompt))
        fitting.append({"prompt_ids": chosen[:at], "chosen_ids": chosen[at:], "rejected_ids": rejected[at:]})
    return fitting, left_out


def refuse_special(tokenizer: Any, messages: Sequence[Message]) -> None:
    """A text that holds the template's own markers could write turns of its own."""
    for message in messages:
        found = [token for token in tokenizer.all_special_tokens if token in message.content]
        if found:
            raise TrainingError(f"an example holds the control token {found[0]!r}: {message.content[:60]!r}; remove it")


def _ids(tokenizer: Any, messages: Sequence[Message], add_generation_prompt: bool = False) -> list[int]:
    turns = [message.model_dump() for message in messages]
    encoded = tokenizer.apply_chat_template(turns, add_generation_prompt=add_generation_prompt, return_dict=True)
    return list(encoded["input_ids"])

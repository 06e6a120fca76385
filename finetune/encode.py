"""Rows -> token ids and labels, through the chat template that serves. Only the answer and its end-of-turn are trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

from core.types import Message
from finetune.dataset import Row
from finetune.guard import IGNORED, TrainingError

AT_ONCE = 512  # rows


class Encoded(TypedDict):
    input_ids: list[int]
    labels: list[int]


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """The tokens that a served model continues."""
    return _ids(tokenizer, [messages], add_generation_prompt=True)[0]


def served_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """The same, computed the way the local engine does it: rendered first, then tokenized without additions."""
    turns = [message.model_dump() for message in messages]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return list(tokenizer.encode(text, add_special_tokens=False))


def encode(tokenizer: Any, row: Row) -> Encoded:
    """As `encode_rows`, of one row."""
    return encode_rows(tokenizer, [row])[0]


def encode_rows(tokenizer: Any, rows: Sequence[Row]) -> list[Encoded]:
    """Prompt (masked), answer and end-of-turn token. What the template writes behind that is cut: nobody generates it.

    All prompts are one call of the tokenizer and all whole rows another, which it does on as many cores as it may.

    Raises:
        TrainingError: the template renders the prompt another way once the answer follows, or ends no turn.
    """
    for row in rows:
        refuse_special(tokenizer, (*row.prompt, *row.completion))
    prompts = _ids(tokenizer, [row.prompt for row in rows], add_generation_prompt=True)
    wholes = _ids(tokenizer, [(*row.prompt, *row.completion) for row in rows])
    return [masked(tokenizer, *each) for each in zip(rows, prompts, wholes, strict=True)]


def masked(tokenizer: Any, row: Row, prompt: list[int], whole: list[int]) -> Encoded:
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


def encode_all(tokenizer: Any, rows: Sequence[Row], max_length: int) -> tuple[list[Encoded], int]:
    """The rows that fit into `max_length`, and how many do not: a cut answer would teach not to finish."""
    parts = (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))
    fitting = [row for part in parts for row in encode_rows(tokenizer, part) if len(row["input_ids"]) <= max_length]
    return fitting, len(rows) - len(fitting)


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
    special = tokenizer.all_special_tokens
    for message in messages:
        found = [token for token in special if token in message.content]
        if found:
            raise TrainingError(f"an example holds the control token {found[0]!r}: {message.content[:60]!r}; remove it")


def _ids(
    tokenizer: Any, conversations: Sequence[Sequence[Message]], add_generation_prompt: bool = False
) -> list[list[int]]:
    turns = [[message.model_dump() for message in messages] for messages in conversations]
    encoded = tokenizer.apply_chat_template(turns, add_generation_prompt=add_generation_prompt, return_dict=True)
    return [list(ids) for ids in encoded["input_ids"]]

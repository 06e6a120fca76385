"""The reader: a small tuned model that answers from numbered passages in few words, and knows how likely it should not.

Whoever uses it decides whether an answer is shown; the model is always made to give one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from core.llm.messages import to_langchain
from core.prompts import READER_REFUSAL, READER_SYSTEM, reader_query
from core.types import Message, Passage

MOST_TOKENS = 48
TRIES = 4  # first tokens that an answer is begun with, until it stands in a passage
MARK = re.compile(r"\s*\[(\d{1,3})\]\s*\.?\s*$")


@dataclass(frozen=True)
class Read:
    """What the reader made of a question.

    `answer`: without the mark of its passage; `number`: that of the passage, from 1, None where it named none; `refusing`:
    the probability that it would have said that the passages do not answer; `logprobs`: of the answer's tokens.
    """

    answer: str
    number: int | None
    refusing: float
    logprobs: tuple[float, ...]


class Asked(Protocol):
    """Whatever can be asked: a chat model, one with some options bound, or one that remembers."""

    def invoke(self, input: Any, /, **kwargs: Any) -> Any: ...


def messages(question: str, passages: Sequence[Passage], earlier: Sequence[Message] = ()) -> list[Message]:
    return [
        Message(role="system", content=READER_SYSTEM),
        Message(role="user", content=reader_query(question, passages, earlier)),
    ]


def options(*tried: str) -> dict[str, Any]:
    """`tried`: answers that it shall not begin like."""
    return {"max_new_tokens": MOST_TOKENS, "unless": (READER_REFUSAL, *tried) if tried else READER_REFUSAL}


def read(chat: BaseChatModel, question: str, passages: Sequence[Passage], earlier: Sequence[Message] = ()) -> Read:
    """Raises ModelError, QueryError where the passages are more than the model reads."""
    asked = to_langchain(messages(question, passages, earlier))
    first = as_read(chat.invoke(asked, **options()))
    return in_passages(chat, asked, first, [one.text for one in passages])


def in_passages(chat: Asked, asked: list[BaseMessage], first: Read, texts: Sequence[str]) -> Read:
    """`first`, the likeliest answer, if it stands in one of the passages; else the likeliest that begins otherwise and does.

    One answer in eight is no text of the passages, mostly a word of them misspelled: beginning anew gains F1 4 at a
    tenth more time (docs/experiments.md). Where none of TRIES does, the first one stays.
    """
    tried = [first.answer]
    while first.answer and not stands(tried[-1], texts) and len(tried) < TRIES:
        other = as_read(chat.invoke(asked, **options(*tried)))
        if not other.answer:
            break
        if stands(other.answer, texts):
            return replace(other, refusing=first.refusing)
        tried.append(other.answer)
    return first


def stands(answer: str, texts: Sequence[str]) -> bool:
    """Whether an answer stands, word for word, in one of the texts."""
    said = re.escape(" ".join(answer.split()))
    return bool(said) and any(re.search(rf"(?<!\w){said}(?!\w)", " ".join(text.split())) for text in texts)


def as_read(reply: Any) -> Read:
    """Of a reply to `messages`, asked with `options`."""
    meta = reply.response_metadata
    return parsed(str(reply.content), meta.get("unless"), meta.get("logprobs") or ())


def parsed(text: str, unless: float | None, logprobs: Sequence[float]) -> Read:
    """Of a reply's text. `unless`: how likely it would have refused, None where that was not asked for."""
    text = text.strip()
    refused = text.startswith(READER_REFUSAL)
    marked = MARK.search(text)
    answer = "" if refused else MARK.sub("", text).strip()
    refusing = float(refused) if unless is None else unless
    return Read(answer, int(marked.group(1)) if marked else None, refusing, tuple(logprobs))

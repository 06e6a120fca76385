"""What all chat models share: how a call is described, and how its answer and metadata are given back."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from core.errors import ModelError, Truncated
from core.types import Message

FinishReason = Literal["stop", "length", "stopped"]
ROLES = {"system": "system", "human": "user", "ai": "assistant", "AIMessageChunk": "assistant"}
MAX_NEW_TOKENS = 256


@dataclass(frozen=True)
class Options:
    """The keyword arguments of one call, the same for every chat model.

    `max_new_tokens` counts tokens; `temperature` 0 is greedy; `repetition_penalty` (1 is none) weighs the tokens
    generated so far, not the prompt's, so that quoting a passage costs nothing; `json_schema` constrains the answer;
    `stop_flag`, once set, ends the answer at the next token; `stop` are texts that end it and are not shown; `seed`
    makes sampling repeatable. `unless` is a text that the answer must not begin with, or several: none of their first
    tokens is its first; how likely it would have begun with the first of them stands in the metadata as `unless`: the
    probability of that text's first token, 0 to 1 (local models only).
    """

    max_new_tokens: int = MAX_NEW_TOKENS
    temperature: float = 0.0
    repetition_penalty: float = 1.0
    json_schema: dict[str, Any] | None = None
    stop_flag: threading.Event | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    unless: str | tuple[str, ...] = ""

    @property
    def stopped(self) -> bool:
        return self.stop_flag is not None and self.stop_flag.is_set()

    @property
    def avoided(self) -> tuple[str, ...]:
        """The texts of `unless`."""
        given = (self.unless,) if isinstance(self.unless, str) else self.unless
        return tuple(text for text in given if text)


def options_from(kwargs: Mapping[str, Any], stop: Iterable[str] | None = None) -> Options:
    """Read a call's keyword arguments; None means the default.

    Raises:
        TypeError: an argument that no chat model here knows, or a limit under 1.
    """
    known = {field.name for field in fields(Options)}
    if unknown := set(kwargs) - known:
        raise TypeError(f"unknown model arguments {sorted(unknown)}; known are {sorted(known)}")
    given = {name: value for name, value in kwargs.items() if value is not None}
    if stop is not None:
        given["stop"] = tuple(stop)
    options = Options(**given)
    if options.max_new_tokens < 1:
        raise TypeError("max_new_tokens must be 1 or more")
    return options


def to_langchain(messages: Sequence[Message]) -> list[BaseMessage]:
    """Turn `core.prompts` messages into the ones that chat models take."""
    kinds = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    return [kinds[message.role](content=message.content) for message in messages]


def to_roles(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    """The form that chat templates take: role and text.

    Raises:
        ModelError: a message of a kind that a text model cannot read, such as a tool's result.
    """
    rows = []
    for message in messages:
        if message.type not in ROLES:
            raise ModelError(f"The local model takes system, user and assistant messages, not {message.type!r}")
        rows.append({"role": ROLES[message.type], "content": str(message.text)})
    return rows


def last_user_text(messages: Sequence[BaseMessage]) -> str:
    return next((str(message.text) for message in reversed(messages) if message.type == "human"), "")


def metadata(
    model: str, finish_reason: FinishReason, logprobs: Sequence[float], tokens: int, unless: float | None = None
) -> dict[str, Any]:
    """What stands in `response_metadata` of a whole answer, or of the last piece of a streamed one."""
    found = {"tokens": tokens, "finish_reason": finish_reason, "logprobs": list(logprobs), "model": model}
    return found if unless is None else {**found, "unless": unless}


def usage(prompt_tokens: int, tokens: int) -> UsageMetadata:
    return UsageMetadata(input_tokens=prompt_tokens, output_tokens=tokens, total_tokens=prompt_tokens + tokens)


def chunk(text: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text))


def last_chunk(text: str, response: dict[str, Any], used: UsageMetadata | None = None) -> ChatGenerationChunk:
    message = AIMessageChunk(content=text, response_metadata=response, usage_metadata=used, chunk_position="last")
    return ChatGenerationChunk(message=message, generation_info={"finish_reason": response["finish_reason"]})


def joined(chunks: Iterable[ChatGenerationChunk]) -> AIMessage:
    """A whole answer is the join of its pieces."""
    texts: list[str] = []
    last: AIMessageChunk | None = None
    for piece in chunks:
        last = piece.message if isinstance(piece.message, AIMessageChunk) else None
        texts.append(str(piece.message.text))
    if last is None:
        raise ModelError("The model ended without an answer")
    return AIMessage(
        content="".join(texts), response_metadata=last.response_metadata, usage_metadata=last.usage_metadata
    )


class StreamedChat(BaseChatModel):
    """A chat model that implements `_stream` alone."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = joined(self._stream(messages, stop, run_manager, **kwargs))
        return ChatResult(generations=[ChatGeneration(message=message)])


def refuse_truncated(options: Options, finish_reason: str) -> None:
    """
    Raises:
        Truncated: an answer that must be JSON ended at its token limit, so it is no whole object.
    """
    if options.json_schema is not None and finish_reason == "length":
        raise Truncated(
            f"The JSON answer was cut at {options.max_new_tokens} tokens and is not whole: "
            "raise max_new_tokens, or bound the schema's strings and arrays (maxLength, maxItems)"
        )

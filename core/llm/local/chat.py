"""The local model as a LangChain chat model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import RunnableConfig
from pydantic import ConfigDict

from core.errors import ModelError
from core.llm.local.engine import Engine, Written
from core.llm.messages import (
    Options,
    StreamedChat,
    chunk,
    last_chunk,
    metadata,
    options_from,
    refuse_truncated,
    to_roles,
    usage,
)
from core.types import Adapter


class LocalChat(StreamedChat):
    """Answers with the local base model, or with it and one adapter.

    Each call takes the arguments of `core.llm.messages.Options`. Raises QueryError for a prompt longer than the model
    reads, AdapterMismatch, and ModelError for all else, a truncated JSON answer included.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Engine
    model_name: str = "base"
    adapter: Adapter | None = None
    batch_size: int = 16

    @property
    def _llm_type(self) -> str:
        return "trivium-local"

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        options = options_from(kwargs, stop)
        for piece in self.engine.stream(to_roles(messages), options, self.adapter):
            if isinstance(piece, Written):
                refuse_truncated(options, piece.finish_reason)
                yield last_chunk("", self._metadata(piece), usage(piece.prompt_tokens, piece.tokens))
            else:
                if run_manager:
                    run_manager.on_llm_new_token(piece)
                yield chunk(piece)

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Answer all inputs in padded batches of `batch_size`, likes with likes in length; the order is kept.

        `json_schema` may be a list with one schema or None for each input; the nth input draws with `seed` + n. With `return_exceptions` a truncated JSON
        answer's error stands in its place. Callbacks and `config` are not used.
        """
        schemas = kwargs.pop("json_schema", None)
        schemas = list(schemas) if isinstance(schemas, Sequence) else [schemas] * len(inputs)
        stop = kwargs.pop("stop", None)
        prompts = [to_roles(self._convert_input(given).to_messages()) for given in inputs]
        seed = kwargs.pop("seed", None)
        seeds = [None if seed is None else seed + n for n in range(len(inputs))]
        asked = [
            (prompt, options_from({**kwargs, "json_schema": schema, "seed": own}, stop))
            for prompt, schema, own in zip(prompts, schemas, seeds, strict=True)
        ]
        order = sorted(range(len(asked)), key=lambda at: sum(len(message["content"]) for message in asked[at][0]))
        results: dict[int, AIMessage | ModelError] = {}
        # One micro-batch is handed over at a time: a question asked meanwhile waits for one of them, not for all.
        for start in range(0, len(order), self.batch_size):
            places = order[start : start + self.batch_size]
            answers = self.engine.write([asked[at] for at in places], self.adapter)
            results |= {at: self._message(asked[at][1], answer) for at, answer in zip(places, answers, strict=True)}
        return _in_order(results, return_exceptions)

    def _message(self, options: Options, answer: Written) -> AIMessage | ModelError:
        try:
            refuse_truncated(options, answer.finish_reason)
        except ModelError as error:
            return error
        return AIMessage(
            content=answer.text,
            response_metadata=self._metadata(answer),
            usage_metadata=usage(answer.prompt_tokens, answer.tokens),
        )

    def _metadata(self, answer: Written) -> dict[str, Any]:
        return metadata(self.model_name, answer.finish_reason, answer.logprobs, answer.tokens, answer.unless)


def _in_order(results: dict[int, AIMessage | ModelError], return_exceptions: bool) -> list[AIMessage]:
    ordered: list[Any] = [results[at] for at in range(len(results))]
    failed = [result for result in ordered if isinstance(result, ModelError)]
    if failed and not return_exceptions:
        raise failed[0]
    return ordered

"""Any OpenAI-compatible server: vLLM, TensorRT-LLM, Ollama, a hosted one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field, PrivateAttr

from core.errors import ModelError, ModelNotFound
from core.llm.messages import (
    FinishReason,
    Options,
    StreamedChat,
    chunk,
    last_chunk,
    metadata,
    options_from,
    refuse_truncated,
)

TIMEOUT = 120.0  # seconds without a byte
RETRIES = 2
LOCAL_KEY = "none"  # servers without a key still want the header


class ServerChat(StreamedChat):
    """Asks one model of a server. `model_name` is `server/<model>`, `url` ends in /v1 as most servers want it.

    Each call takes the arguments of `core.llm.messages.Options`; the stop flag is looked at with every piece, and
    leaving the stream closes the connection, which makes the server end too. Log-probabilities are asked for where
    `ask_logprobs` is set, since some servers refuse the question; otherwise their list is empty.
    """

    model_name: str
    url: str
    api_key: str | None = Field(default=None, repr=False)
    timeout: float = TIMEOUT
    retries: int = RETRIES
    ask_logprobs: bool = False
    http_client: Any = Field(default=None, description="an httpx.Client to use instead of an own one", repr=False)
    _client: Any = PrivateAttr(None)

    @property
    def _llm_type(self) -> str:
        return "trivium-server"

    @property
    def remote_model(self) -> str:
        return self.model_name.removeprefix("server/")

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        options = options_from(kwargs, stop)
        reason: FinishReason = "stop"
        logprobs: list[float] = []
        used, pieces = None, 0
        if options.stopped:
            yield last_chunk("", metadata(self.model_name, "stopped", [], 0))
            return
        for piece in self._pieces(messages, options):
            used = piece.usage_metadata or used
            logprobs += _logprobs(piece)
            if piece.response_metadata.get("finish_reason") == "length":
                reason = "length"
            text = str(piece.text)
            if text:
                pieces += 1
                if run_manager:
                    run_manager.on_llm_new_token(text)
                yield chunk(text)
            if options.stopped:
                reason = "stopped"
                break
        refuse_truncated(options, reason)
        tokens = used["output_tokens"] if used else len(logprobs) or pieces
        yield last_chunk("", metadata(self.model_name, reason, logprobs, tokens), used)

    def _pieces(self, messages: list[BaseMessage], options: Options) -> Iterator[AIMessageChunk]:
        """What the server sends, its errors turned into ours."""
        import openai

        try:
            for piece in self._openai().stream(messages, **self._arguments(options)):
                if isinstance(piece, AIMessageChunk):
                    yield piece
        except openai.APITimeoutError as error:
            raise ModelError(f"{self.url} did not answer within {self.timeout:g} s; is it overloaded?") from error
        except openai.APIConnectionError as error:
            raise ModelError(
                f"No connection to {self.url}: start the server there, or mend TRIVIUM_SERVER_URL"
            ) from error
        except openai.NotFoundError as error:
            raise ModelNotFound(
                f"{self.url} knows no model {self.remote_model!r} (or lacks /v1 at its end): {error.message}"
            ) from error
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise ModelError(f"{self.url} refuses our key: set TRIVIUM_SERVER_API_KEY") from error
        except openai.OpenAIError as error:
            raise ModelError(f"{self.url} could not answer: {error}") from error

    def _openai(self) -> Any:
        if self._client is None:
            from langchain_openai import ChatOpenAI
            from pydantic import SecretStr

            self._client = ChatOpenAI(
                model=self.remote_model,
                base_url=self.url,
                api_key=SecretStr(self.api_key or LOCAL_KEY),
                timeout=self.timeout,
                max_retries=self.retries,
                stream_usage=True,
                http_client=self.http_client,
            )
        return self._client

    def _arguments(self, options: Options) -> dict[str, Any]:
        # `max_tokens` goes in the raw body: langchain_openai renames its own to a field that many servers ignore.
        body: dict[str, Any] = {"max_tokens": options.max_new_tokens}
        if options.repetition_penalty != 1:
            body["repetition_penalty"] = options.repetition_penalty
        arguments: dict[str, Any] = {"temperature": options.temperature, "extra_body": body}
        if options.stop:
            arguments["stop"] = list(options.stop)
        if options.seed is not None:
            arguments["seed"] = options.seed
        if self.ask_logprobs:
            arguments["logprobs"] = True
        if options.json_schema is not None:
            named = {"name": "answer", "schema": options.json_schema, "strict": True}
            # In the raw body too, or the client parses the answer itself and fails in its own words.
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        return arguments


def _logprobs(piece: AIMessageChunk) -> list[float]:
    found = piece.response_metadata.get("logprobs") or {}
    return [token["logprob"] for token in found.get("content") or []]

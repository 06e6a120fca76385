"""A chat model that says what a test tells it to. It ships beside the real ones and loads no model library."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from core.errors import ModelError
from core.llm.adapters import find_adapters, resolved_name
from core.llm.messages import (
    FinishReason,
    StreamedChat,
    chunk,
    last_chunk,
    last_user_text,
    metadata,
    options_from,
    refuse_truncated,
    usage,
)
from core.llm.models import BASE, SERVER, not_found
from core.types import Adapter

Replies = Mapping[str, str] | Callable[[str], str]
OTHERWISE = "*"


class ScriptedChat(StreamedChat):
    """Replies by the last user message: from a mapping (its key "*" answers all else) or a function.

    Streams word by word with `delay` seconds before each; a word counts as a token of log-probability `logprob`.
    """

    replies: Any  # Replies; pydantic would copy a mapping
    model_name: str = "base"
    delay: float = 0.0
    logprob: float = -0.1

    @property
    def _llm_type(self) -> str:
        return "trivium-scripted"

    def _reply(self, text: str) -> str:
        replies: Replies = self.replies
        if not isinstance(replies, Mapping):
            return replies(text)
        if text in replies:
            return replies[text]
        if OTHERWISE in replies:
            return replies[OTHERWISE]
        raise ModelError(f"The script has no reply to {text!r}")

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        options = options_from(kwargs, stop)
        text = self._reply(last_user_text(messages))
        for ending in options.stop:
            text = text.split(ending, 1)[0]
        words = re.findall(r"\s*\S+\s*$|\s*\S+", text)
        reason: FinishReason = "length" if len(words) > options.max_new_tokens else "stop"
        said = 0
        for word in words[: options.max_new_tokens]:
            if self.delay and not options.stopped:
                time.sleep(self.delay)
            if options.stopped:
                reason = "stopped"
                break
            said += 1
            if run_manager:
                run_manager.on_llm_new_token(word)
            yield chunk(word)
        refuse_truncated(options, reason)
        asked = sum(len(str(message.text).split()) for message in messages)
        yield last_chunk("", metadata(self.model_name, reason, [self.logprob] * said, said), usage(asked, said))


class ScriptedModels:
    """`Models` for tests: a script per name. `remote` says which of the `server/` ones leave the machine; `places` are
    folders of adapters: a name that is linked there speaks for the adapter that it is linked to."""

    def __init__(
        self,
        scripts: Mapping[str, Replies],
        adapters: Sequence[Adapter] = (),
        remote: bool = True,
        delay: float = 0.0,
        logprob: float = -0.1,
        places: Sequence[Path] = (),
    ) -> None:
        self._places = list(places)
        self._scripts = dict(scripts)
        self._adapters = list(adapters)
        self._remote = remote
        self._delay = delay
        self._logprob = logprob
        self.loaded = False

    def chat(self, name: str) -> BaseChatModel:
        name = self.resolved(name)
        if name not in self._scripts:
            raise not_found(name, self.names(), server=True)
        return ScriptedChat(replies=self._scripts[name], model_name=name, delay=self._delay, logprob=self._logprob)

    def names(self) -> list[str]:
        return sorted(self._scripts, key=lambda name: (name != BASE, name.startswith(SERVER), name))

    def adapters(self) -> list[Adapter]:
        return [*self._adapters, *find_adapters(self._places)]

    def resolved(self, name: str) -> str:
        return resolved_name(self._places, name)

    def leaves_machine(self, name: str) -> bool:
        return self._remote and name.startswith(SERVER)

    def fingerprint(self, name: str) -> str:
        name = self.resolved(name)
        if name not in self._scripts:
            raise not_found(name, self.names(), server=True)
        return f"scripted:{name}"

    def engine(self, name: str) -> str:
        return ""

    def load(self) -> None:
        self.loaded = True

    def close(self) -> None:
        self.loaded = False

"""What models wrote in an evaluation, kept on disk: a run that was stopped goes on, and a second one costs little.

A text is kept under everything that it depends on: model, what runs it, messages, schema, attempts and the checks they are
held to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage

from app.strategies import SAMPLING, Generating, Generation, Request
from core.domain import TaskType
from core.llm import Models
from core.types import Query

Key = tuple[str, str, str]  # strategy, task, query
KEEP_EVERY = 64


@dataclass(frozen=True)
class Asked:
    """A request, what it is for, and the task whose checks a text is held to while it is generated."""

    key: Key
    request: Request
    task: TaskType | None


class Generations:
    """A JSON-lines file that only grows; a last line that a kill cut short is left out."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: dict[str, Generation] = {}
        for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            key = row.pop("key")
            self._kept[key] = Generation(**row)

    def get(self, key: str) -> Generation | None:
        return self._kept.get(key)

    def add(self, pairs: Sequence[tuple[str, Generation]]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            if file.tell() and not self._file.read_bytes().endswith(b"\n"):
                file.write("\n")  # after a line cut short
            for key, made in pairs:
                self._kept[key] = made
                file.write(json.dumps({"key": key, **asdict(made)}) + "\n")


def source_of(models: Models, name: str, fingerprint: str) -> str:
    """Whose texts they are. Figures count for a model whatever runs it; texts are told apart: eight bits change words.

    Raises:
        ModelError: the local model cannot be loaded.
    """
    engine = models.engine(name)
    return f"{fingerprint}@{engine}" if engine else fingerprint


def write(
    kept: Generations, chat: BaseChatModel, source: str, asked: Sequence[Asked], road: Generating | None
) -> dict[Key, Generation]:
    """What the model answers: taken from what is kept of this source (`source_of`), and else generated in batches of which
    each is kept at once."""
    keys = {one.key: key_of(source, one.request, one.task) for one in asked}
    found = {one.key: made for one in asked if (made := kept.get(keys[one.key]))}
    todo = [one for one in asked if one.key not in found]
    for start in range(0, len(todo), KEEP_EVERY):
        some = todo[start : start + KEEP_EVERY]
        messages: list[Any] = [one.request.messages for one in some]
        replies = chat.batch(messages, return_exceptions=True, **some[0].request.options)
        for one, reply in zip(some, replies, strict=True):
            made = Generation.of(reply)
            if road and one.task:
                made = road.better(chat, one.request, Query(text=one.key[2]), one.task, made)
            found[one.key] = made
        kept.add([(keys[one.key], found[one.key]) for one in some])
    return found


@dataclass(frozen=True)
class Remembering:
    """A chat model that is asked once for what is kept then."""

    kept: Generations
    chat: BaseChatModel
    source: str

    def invoke(self, asked: list[BaseMessage], **options: Any) -> AIMessage:
        key = ("again", "", "")
        request = Request(asked, None, options["max_new_tokens"], options["unless"])
        made = write(self.kept, self.chat, self.source, [Asked(key, request, None)], None)[key]
        return AIMessage(made.text, response_metadata={"unless": made.refusing, "logprobs": made.logprobs})


def key_of(source: str, request: Request, task: TaskType | None) -> str:
    """`task`: where its checks had a say in the text."""
    forced = bool(task and task.json_schema and request.json_schema is None)
    judged = None
    if task and (task.attempts > 1 or forced):
        judged = {**task.model_dump(mode="json", include={"attempts", "checks"}), "forced": forced}
    messages = [(message.type, str(message.content)) for message in request.messages]
    parts = [source, messages, request.options, judged, SAMPLING if judged else None]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

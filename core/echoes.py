"""A few-shot pair's answer that a small model gives back to another query: it reads well and answers something else. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.domain import Domain, TaskType


class Echoes:
    """Of a pack's few-shot pairs, by task."""

    def __init__(self, domain: Domain) -> None:
        self._pairs = [(alike(shot.query), alike(shot.answer)) for task in domain.tasks for shot in task.few_shot]

    def is_one(self, task: TaskType, query: str, answer: str) -> bool:
        """Whether the answer is that of a few-shot pair with another query."""
        said = alike(answer)
        return bool(said) and said in self._foreign(task, query)

    def begins(self, task: TaskType, query: str, text: str) -> bool:
        """Whether what is written so far may still become one."""
        said = alike(text)
        return any(answer.startswith(said) for answer in self._foreign(task, query))

    def _foreign(self, task: TaskType, query: str) -> Iterator[str]:
        # Where few answers are possible at all, a label or a form, two queries may well have the same one.
        if task.json_schema or any(check.one_of for check in task.checks):
            return iter(())
        asked = alike(query)
        return (answer for other, answer in self._pairs if other != asked)


def alike(text: str) -> str:
    """Letters and digits alone, in small ones."""
    return re.sub(r"[\W_]+", "", text).lower()

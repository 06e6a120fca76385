"""Which turn of a conversation carries on what was asked before ("shorter please", "and in German?"), and with what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from core.types import Message
from router.features import MASK, Encode, frame
from router.likeness import REGULARIZATION, embed_cached

CARRIES_ON = 0.5
MOST_WORDS = 25  # of a follow-up; a longer turn says itself what it wants


class Following:
    """A classifier of turns: labelled follow-ups against queries that stand alone."""

    def __init__(
        self, encode: Encode, follow_ups: Sequence[str], others: Sequence[str], cache: Path, model: str
    ) -> None:
        from sklearn.linear_model import LogisticRegression

        frames = [frame(text) for text in [*follow_ups, *others]]
        self._encode = encode
        self._model = LogisticRegression(C=REGULARIZATION, class_weight="balanced", max_iter=500)
        labels = [True] * len(follow_ups) + [False] * len(others)
        self._model.fit(told(frames, embed_cached(encode, frames, cache, model)), labels)

    def chance(self, text: str) -> float:
        """How likely a turn carries on the conversation, 0 to 1."""
        masked = frame(text)
        if len(masked.split()) > MOST_WORDS:
            return 0.0
        return float(self._model.predict_proba(told([masked], self._encode([masked])))[0, 1])

    def task(self, query: str, history: Sequence[Message], task_of: Callable[[str], str]) -> str:
        """The task of the earlier turn that the query carries on; empty where it stands alone."""
        asked = [turn.content for turn in history if turn.role == "user"]
        if not asked or self.chance(query) < CARRIES_ON:
            return ""
        return task_of(next((text for text in reversed(asked[1:]) if self.chance(text) < CARRIES_ON), asked[0]))


def brings_no_text(query: str) -> bool:
    """Whether a query is short and quotes nothing, as follow-ups are."""
    return len(query.split()) <= MOST_WORDS and MASK.strip() not in frame(query)


def told(frames: Sequence[str], vectors: np.ndarray) -> np.ndarray:
    """(texts, dimensions + 3): the vectors, how long each is, and whether it brings a text of its own or ends as a question."""
    surface = [
        [min(len(text.split()) / 10, 2.0), float(MASK.strip() in text), float(text.rstrip().endswith("?"))]
        for text in frames
    ]
    return np.hstack([np.asarray(vectors), np.array(surface)])

"""Likeness of a query to the task types: a classifier over sentence embeddings of labelled queries.

Multinomial logistic regression over MiniLM vectors beats nearest neighbours where tasks have unequal numbers of
examples; the nearest example is kept because it is the reason that a person understands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

REGULARIZATION = 30.0


@dataclass(frozen=True)
class Likeness:
    """`tasks`: probability of each task type; `nearest`: the most similar labelled query and its cosine."""

    tasks: dict[str, float]
    nearest: str
    nearest_task: str
    cosine: float


class TaskLikeness:
    def __init__(self, embeddings: Embeddings, queries: Sequence[str], tasks: Sequence[str], vectors: np.ndarray):
        """`vectors`: (queries, dimensions), unit length, one row for each labelled query."""
        from sklearn.linear_model import LogisticRegression

        self._embeddings = embeddings
        self._queries, self._tasks, self._vectors = list(queries), list(tasks), vectors
        self._model = None
        if len(set(tasks)) > 1:
            self._model = LogisticRegression(C=REGULARIZATION, class_weight="balanced", max_iter=2000)
            self._model.fit(vectors, self._tasks)

    def of(self, text: str) -> Likeness:
        vector = np.asarray(self._embeddings.embed_query(text), dtype=np.float32)
        cosines = self._vectors @ vector
        best = int(cosines.argmax())
        if self._model is None:
            shares = {self._tasks[0]: 1.0}
        else:
            shares = dict(
                zip(self._model.classes_, map(float, self._model.predict_proba(vector[None])[0]), strict=True)
            )
        return Likeness(shares, self._queries[best], self._tasks[best], float(cosines[best]))


def embed_cached(embeddings: Embeddings, texts: Sequence[str], folder: Path, model: str) -> np.ndarray:
    """Vectors of the texts, (texts, dimensions), kept in `folder` under a hash of texts and model."""
    key = hashlib.sha256("\x00".join([model, *texts]).encode()).hexdigest()[:24]
    file = folder / f"queries-{key}.npy"
    if file.is_file():
        return np.load(file)
    vectors = np.asarray(embeddings.embed_documents(list(texts)), dtype=np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial.npy")
    np.save(partial, vectors)
    partial.replace(file)
    return vectors

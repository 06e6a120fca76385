"""Likeness of a query to the task types: a classifier over features of labelled queries.

Multinomial logistic regression does better here than nearest neighbours, because tasks have unequal numbers of
examples; the nearest example is kept all the same, since it is the reason that a person understands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from router.features import Encode, features, frame

REGULARIZATION = 5.0
FOLDS = 4


@dataclass(frozen=True)
class Likeness:
    """`tasks`: probability of each task type; `nearest`: the most similar labelled query of the likeliest task."""

    tasks: dict[str, float]
    nearest: str


class TaskLikeness:
    """`evidence`: likeness of the best passage for each of some query vectors (queries, dimensions) -> (queries,).
    `told`: (query, task) as reviewers decided it; they stand in for labelled queries of the same text."""

    def __init__(
        self, encode: Encode, queries: Sequence[str], tasks: Sequence[str], evidence: Callable[[np.ndarray], np.ndarray],
        cache: Path, model: str, judged: Collection[str] = (), told: Sequence[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        from sklearn.linear_model import LogisticRegression

        vectors = embed_cached(encode, queries, cache, model)
        frames = embed_cached(encode, [frame(query) for query in queries], cache, model)
        new = [query for query, _ in told]
        # Embedded apart, so that the many vectors of the pack stay as they are in the cache.
        kept = [n for n, query in enumerate(queries) if query not in new]
        self._queries = [*(queries[n] for n in kept), *new]
        self._tasks = np.asarray([*(tasks[n] for n in kept), *(task for _, task in told)])
        self._vectors, frames = vectors[kept], frames[kept]
        if new:
            self._vectors = np.vstack([self._vectors, encode(new)])
            frames = np.vstack([frames, encode([frame(query) for query in new])])
        self._encode, self._judged = encode, frozenset(judged) | frozenset(new)
        self._model, self._matrix = None, None
        if len(set(self._tasks)) > 1:
            matrix = features(self._queries, self._vectors, frames, evidence(self._vectors))
            self._model = LogisticRegression(C=REGULARIZATION, class_weight="balanced", max_iter=500)
            self._model.fit(matrix, self._tasks)
            self._matrix = matrix

    def held_out(self) -> tuple[np.ndarray, list[tuple[str, str]]]:
        """For the judged ones of the labelled queries: probability of the likeliest task, shape (n,), and n pairs of it and the
        right one, by a model that has seen neither the query nor its frame (4 folds)."""
        from sklearn.base import clone
        from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

        frames = [frame(query) for query in self._queries]
        fewest = min(
            len({f for f, t in zip(frames, self._tasks, strict=True) if t == task}) for task in set(self._tasks)
        )
        if self._model is None or self._matrix is None or fewest < FOLDS:
            return np.array([]), []
        folds = StratifiedGroupKFold(FOLDS)
        shares = np.asarray(
            cross_val_predict(
                clone(self._model), self._matrix, self._tasks, cv=folds, groups=frames, method="predict_proba"
            )
        )
        chosen = np.array([query in self._judged for query in self._queries])
        likeliest = self._model.classes_[shares.argmax(axis=1)]
        pairs = [(str(a), str(b)) for a, b in zip(likeliest[chosen], self._tasks[chosen], strict=True)]
        return shares.max(axis=1)[chosen], pairs

    def of(self, text: str, passage_likeness: float) -> Likeness:
        """`passage_likeness`: cosine of the query and the best passage."""
        masked = frame(text)
        vectors = self._encode([text] if masked == text else [text, masked])
        if self._model is None:
            shares = {str(self._tasks[0]): 1.0}
        else:
            row = features([text], vectors[:1], vectors[-1:], np.array([passage_likeness]))
            shares = dict(
                zip(map(str, self._model.classes_), map(float, self._model.predict_proba(row)[0]), strict=True)
            )
        likeliest = max(shares, key=lambda name: shares[name])
        same = np.flatnonzero(self._tasks == likeliest)
        return Likeness(shares, self._queries[int(same[(self._vectors[same] @ vectors[0]).argmax()])])


def embed_cached(encode: Encode, texts: Sequence[str], folder: Path, model: str) -> np.ndarray:
    """Vectors of the texts, (texts, dimensions), kept in `folder` under a hash of texts and model."""
    key = hashlib.sha256("\x00".join([model, *texts]).encode()).hexdigest()[:24]
    file = folder / f"queries-{key}.npy"
    if file.is_file():
        return np.load(file)
    vectors = np.asarray(encode(list(texts)), dtype=np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial.npy")
    np.save(partial, vectors)
    partial.replace(file)
    return vectors

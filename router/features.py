"""What the router sees of a query. Topic and frame are told apart: in `Label this: "the loss is NaN"` the frame
says what is wanted, and the quoted text would otherwise drown it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

QUOTED = re.compile(r"[\"“«'](?=\S).{8,}(?<=\S)[\"”»']|(?<=: )[^:\"]{25,}$", re.DOTALL)
MASK = " quoted text "
LONG_QUERY = 200
MANY_NUMBERS = 5
Encode = Callable[[list[str]], np.ndarray]


def frame(query: str) -> str:
    """The query with the text that it quotes masked."""
    return QUOTED.sub(MASK, query)


def surface(query: str) -> list[float]:
    """Holds a quotation, asks a question, length, how many numbers; each about 0 to 1."""
    return [
        float(bool(re.search(r'["“«]', query))),
        float(query.rstrip().endswith("?")),
        min(len(query) / LONG_QUERY, 2.0),
        min(len(re.findall(r"\d+", query)) / MANY_NUMBERS, 2.0),
    ]


def features(queries: Sequence[str], vectors: np.ndarray, frames: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """(queries, 2 x dimensions + 6): vectors of the query and of its frame, surface, and the likeness of the best
    passage (`evidence`, shape (queries,)), spread so that it weighs like a handful of dimensions."""
    spread = np.clip((np.asarray(evidence)[:, None] - [0.35, 0.5]) * 4, -1.5, 1.5)
    return np.hstack([vectors, frames, np.array([surface(query) for query in queries]), spread])

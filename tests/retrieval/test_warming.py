"""Sentences are embedded beforehand, some at a time, so that a question can come in between."""

import threading

import numpy as np

from core.types import Passage
from retrieval.embeddings import Vectors
from retrieval.quote import WARM_AT_ONCE, Quoter

PASSAGES = [
    Passage(id=str(n), source="a.md", heading="Rooms", text=f"Room {n} has {n} doors. Room {n} has {n} windows.")
    for n in range(60)
]


class Counting(Vectors):
    name = "counting"

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self.then = lambda: None

    def encode(self, texts):
        self.asked.append(len(texts))
        self.then()
        return np.zeros((len(texts), 4), dtype=np.float32)


def test_all_sentences_are_embedded_some_at_a_time_and_none_twice():
    embeddings = Counting()
    quoter = Quoter(embeddings, finder=None)  # pyright: ignore[reportArgumentType]

    assert quoter.warm(PASSAGES, 40) == 40
    assert quoter.warm(PASSAGES) == 120
    assert sum(embeddings.asked) == 120
    assert max(embeddings.asked) <= WARM_AT_ONCE


def test_it_ends_when_it_is_stopped():
    embeddings, stop = Counting(), threading.Event()
    embeddings.then = stop.set
    quoter = Quoter(embeddings, finder=None)  # pyright: ignore[reportArgumentType]

    assert quoter.warm(PASSAGES, stop=stop) == WARM_AT_ONCE
    assert embeddings.asked == [WARM_AT_ONCE]

"""Which sentences of the passages answer a question, verbatim, and how likely it is that any does.

Both judgements are logistic models over what the finder reads and over features that a person can read;
`retrieval.calibrate` fits them and `retrieval/models.json` ships them.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.types import Citation, Passage
from retrieval import faq, rows
from retrieval.embeddings import Vectors
from retrieval.facts import name_stands, names
from retrieval.finder import Reader, Reading
from retrieval.focus import focus, lacks
from retrieval.identifiers import identifiers, speaking_of, stands
from retrieval.quantities import numbers
from retrieval.sentences import Piece, pieces
from retrieval.words import Rarity, words

if TYPE_CHECKING:
    import numpy as np

MODELS = Path(__file__).with_name("models.json")
VECTORS_KEPT = 20_000
# Sentences met for the first time are embedded while a person waits: at most so many, those with most words in common.
COLD_LIMIT = 24
WARM_AT_ONCE = 32
# By how much sooner they come for each point of likeness between the query and the question that they answer.
FIRST = 3.0
MOST_QUOTES = 3
# A second quote has to be near the first in score, unless another document is asked for.
NEARLY = 0.25
SAME = 0.6
LACKING = 0.05  # how likely a price is answered where none stands


@dataclass(frozen=True)
class Scored:
    """A piece of a passage and the probability that it is what was asked for."""

    passage: Passage
    piece: Piece
    features: dict[str, float]
    score: float

    @property
    def listed(self) -> bool:
        """Whether it stands under a question, one of them like the query (`retrieval.faq`)."""
        return "asked" in self.features

    @property
    def place(self) -> tuple[str, str]:
        """Document and heading."""
        return self.passage.source, self.passage.heading


class SentenceVectors:
    """Vectors of sentences, the most recently used kept. Safe to use from many threads."""

    def __init__(self, embeddings: Vectors, size: int = VECTORS_KEPT) -> None:
        self.embeddings = embeddings
        self.size = size
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, texts: Sequence[str], cold_limit: int | None = None) -> dict[str, np.ndarray]:
        """The vectors of texts; of those not yet known only the first `cold_limit` are embedded."""
        with self._lock:
            found = {text: self._kept[text] for text in texts if text in self._kept}
        missing = list(dict.fromkeys(text for text in texts if text not in found))[:cold_limit]
        if missing:
            found |= dict(zip(missing, self.embeddings.encode(missing), strict=True))
        with self._lock:
            for text, vector in found.items():
                self._kept[text] = vector
                self._kept.move_to_end(text)
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)
        return found


@dataclass(frozen=True)
class Found:
    """What was found for a question: all pieces of its passages, best first, and the calibrated probability that the
    passages answer it. `named`: the identifiers that the question names; pieces on others are left out. `looked_up`: rows
    of a table that the question names, the first of them with `said`, the cell that it asks for, where that is plain."""

    ranked: tuple[Scored, ...] = ()
    answerable: float = 0.0
    named: tuple[str, ...] = ()
    looked_up: tuple[Scored, ...] = ()
    said: str = ""

    @property
    def listed(self) -> bool:
        """Whether the best stands under a question like the query, as in lists of questions and answers."""
        return bool(self.ranked) and self.ranked[0].listed

    def quotes(self, sources: int = 1) -> list[Citation]:
        """One to three sentences that answer the query, best first; with `sources` over 1 from as many documents.

        `start:end` of a citation marks the sentence in its passage; `support` is the probability that it answers.
        """
        if self.looked_up:
            return [citation(number, one) for number, one in enumerate(self.looked_up, 1)]
        return choose(self.ranked, sources)


class Quoter:
    """Finds the sentences that answer a question. `rarity` gives the corpus's word rarities as they are now; without it
    all words are equally rare."""

    def __init__(self, embeddings: Vectors, finder: Reader, rarity: Callable[[], Rarity] = Rarity) -> None:
        self.embeddings = embeddings
        self.finder = finder
        self.rarity = rarity
        self.vectors = SentenceVectors(embeddings)
        self.cold_limit: int | None = COLD_LIMIT

    @cached_property
    def fingerprint(self) -> str:
        """Changes with what quotes depend on beside the embeddings: the fitted models and the finder."""
        return hashlib.sha256(MODELS.read_bytes() + self.finder.fingerprint.encode()).hexdigest()[:12]

    def warm(self, passages: Sequence[Passage], limit: int = VECTORS_KEPT, stop: threading.Event | None = None) -> int:
        """Embed the sentences of passages beforehand, up to `limit`, some at a time, so that a question comes in between;
        with `stop` set it ends. Returns how many are known."""
        texts = [context(passage, piece) for passage in passages for piece in split(passage.text)][:limit]
        known: set[str] = set()
        for start in range(0, len(texts), WARM_AT_ONCE):
            if stop is not None and stop.is_set():
                break
            known |= self.vectors.get(texts[start : start + WARM_AT_ONCE]).keys()
        return len(known)

    def rank(self, query: str, passages: Sequence[Passage]) -> list[Scored]:
        """All pieces of the passages, best first. Pure but for the cache of vectors."""
        rarity, asked = self.rarity(), set(words(query))
        vector = self.embeddings.query(query)
        near = faq.nearness(query, vector, passages, self.vectors.get)
        found = [(passage, piece) for passage in passages for piece in split(passage.text)]
        overlap = {id(piece): rarity.overlap(asked, stems(context(passage, piece))) for passage, piece in found}
        found.sort(key=lambda pair: -overlap[id(pair[1])] - FIRST * near.get(pair[0].heading, 0.0))
        vectors = self.vectors.get([context(*pair) for pair in found], self.cold_limit)
        readings = {
            id(passage): reading for passage, reading in zip(passages, self.finder.read(query, passages), strict=True)
        }
        scored = []
        for passage, piece in found:
            text = context(passage, piece)
            if text in vectors:
                likeness, reading = float(vectors[text] @ vector), readings[id(passage)]
                features = piece_features(query, asked, passage, piece, likeness, rarity, reading)
                score = apply("piece", features)
                if passage.heading in near:
                    features["asked"] = near[passage.heading]
                    score = faq.weighed(score, features["asked"])
                scored.append(Scored(passage, piece, features, score))
        return sorted(scored, key=lambda one: -one.score)

    def find(self, query: str, passages: Sequence[Passage]) -> Found:
        """Read the passages for a query."""
        ranked = speaking(query, self.rank(query, passages)) if passages else []
        if not ranked:
            return Found()
        # Fitted on what was read alone: of the questions in headings it knows nothing.
        read = sorted(ranked, key=lambda one: -apply("piece", one.features))
        answerable = apply("answerable", answerable_features(passages, read))
        if lacks(query, [f"{one.piece.text} {one.piece.lead}" for one in ranked[:MOST_QUOTES]]):
            answerable = min(answerable, LACKING)
        looked = self._look_up(query, ranked)
        return Found(tuple(ranked), round(answerable, 4), identifiers(query), *looked)

    def _look_up(self, query: str, ranked: Sequence[Scored]) -> tuple[tuple[Scored, ...], str]:
        """The rows that the question names, and the cell that it asks for."""
        lines = [rows.Line(n, one.piece.text, one.passage.heading) for n, one in enumerate(ranked)]
        found = rows.look_up(query, lines, self._likeness)
        return (tuple(ranked[n] for n in found.at), found.said) if found else ((), "")

    def _likeness(self, query: str, texts: Sequence[str]) -> list[float]:
        vector, known = self.embeddings.query(query), self.vectors.get(texts)
        return [float(known[text] @ vector) for text in texts]


def speaking(query: str, ranked: list[Scored]) -> list[Scored]:
    """The pieces that may speak of what the question names by an identifier; all of them where it names nothing so, or no
    piece does."""
    wanted = identifiers(query)
    if not wanted:
        return ranked
    by_passage: dict[str, list[Scored]] = {}
    for one in sorted(ranked, key=lambda one: (one.piece.start, one.piece.end)):
        by_passage.setdefault(one.passage.id, []).append(one)
    kept: set[int] = set()
    for some in by_passage.values():
        about = f"{some[0].passage.source} {some[0].passage.heading}"
        if any(stands(name, f"{about} {some[0].passage.text}") for name in wanted):
            speak = speaking_of(wanted, about, [f"{one.piece.lead} {one.piece.text}" for one in some])
            kept |= {id(one) for one, speaks in zip(some, speak, strict=True) if speaks}
    return [one for one in ranked if id(one) in kept] or ranked


def choose(ranked: Sequence[Scored], sources: int = 1) -> list[Citation]:
    """The quotes among ranked pieces."""
    if not ranked:
        return []
    chosen = [ranked[0]]
    # Where a heading asks a question, the next best answer stands under another one.
    listed = ranked[0].listed
    for one in ranked[1:]:
        if len(chosen) >= max(MOST_QUOTES, sources):
            break
        new_source = one.passage.source not in {other.passage.source for other in chosen}
        if sources > 1 and not new_source:
            continue
        if listed and one.place in {other.place for other in chosen}:
            continue
        wanted = len({other.passage.source for other in chosen}) < sources
        floor = 0.0 if wanted else faq.NEARLY if listed else NEARLY
        if one.score >= floor * ranked[0].score and not any(repeats(one, other) for other in chosen if not wanted):
            chosen.append(one)
    return [citation(number, one) for number, one in enumerate(chosen, 1)]


def piece_features(
    query: str, asked: set[str], passage: Passage, piece: Piece, likeness: float, rarity: Rarity, reading: Reading
) -> dict[str, float]:
    own, around = stems(piece.text), stems(f"{piece.lead} {passage.heading}")
    asked_about = set(focus(query))
    return {
        "likeness": likeness,
        "span": reading.span(piece.start, piece.end),
        "passage": passage.score,
        "own_words": rarity.overlap(asked, own),
        "all_words": rarity.overlap(asked, own | around),
        "focus": rarity.overlap(asked_about, own | around) if asked_about else 0.5,
        "names": names_share(query, f"{piece.text} {piece.lead}"),
        "log_length": math.log(1 + len(piece.text.split())),
        "question_mark": float(piece.text.endswith("?")),
        "leads_on": float(piece.text.endswith(":")),
    }


def answerable_features(passages: Sequence[Passage], ranked: Sequence[Scored]) -> dict[str, float]:
    """Few on purpose: words, names and kinds of answer told more of the questions that they were fitted on, and less of
    those of another pack."""
    return {
        "span": ranked[0].features["span"],
        "best_span": max(one.features["span"] for one in ranked),
        "likeness": ranked[0].features["likeness"],
        "dense": max(passage.dense for passage in passages),
    }


def names_share(query: str, text: str) -> float:
    """The share of the query's names and numbers that a text holds; 1 where it has none."""
    wanted = names(query)
    figures = [number for number in numbers(query) if not number.weak]
    if not wanted and not figures:
        return 1.0
    given = numbers(text)
    held = sum(name_stands(name, text) for name in wanted)
    held += sum(any(number.same(other) for other in given) for number in figures)
    return held / (len(wanted) + len(figures))


def coverage(query: str, passages: Sequence[Passage], rarity: Rarity) -> float:
    """The share of the query's words, weighted by rarity, that stand in the passages."""
    given = set().union(*(stems(f"{passage.heading} {passage.text}") for passage in passages))
    return rarity.overlap(set(words(query)), given)


def context(passage: Passage, piece: Piece) -> str:
    """A sentence with what it hangs on: the innermost heading, and the sentence that leads to a list. Of a command over several
    lines the first, which says what it does; its paths and options say little of that."""
    heading = passage.heading.rpartition(" > ")[2]
    return ": ".join(filter(None, [heading, piece.lead.rstrip(":"), piece.text.partition(" \\\n")[0]]))


def repeats(one: Scored, other: Scored) -> bool:
    """Says the same, or lies inside the other."""
    if one.passage.id == other.passage.id and one.piece.start < other.piece.end and other.piece.start < one.piece.end:
        return True
    mine, its = stems(one.piece.text), stems(other.piece.text)
    return len(mine & its) >= SAME * max(1, min(len(mine), len(its)))


def citation(number: int, one: Scored) -> Citation:
    return Citation(
        number=number,
        sentence=one.piece.text,
        source=one.passage.source,
        passage_id=one.passage.id,
        passage=one.passage.text,
        start=one.piece.start,
        end=one.piece.end,
        heading=one.passage.heading,
        page=one.passage.page_at(one.piece.start),
        sheet=one.passage.sheet,
        rows=one.passage.rows_at(one.piece.start, one.piece.end),
        support=round(one.score, 4),
        also=one.passage.also,
    )


@lru_cache(maxsize=20_000)
def split(text: str) -> tuple[Piece, ...]:
    return tuple(pieces(text))


@lru_cache(maxsize=50_000)
def stems(text: str) -> frozenset[str]:
    return frozenset(words(text))


@lru_cache(maxsize=1)
def models() -> dict[str, dict[str, float]]:
    """Coefficients by model and feature, `intercept` among them."""
    return json.loads(MODELS.read_text(encoding="utf-8"))["models"]


def apply(model: str, features: dict[str, float]) -> float:
    """The probability that a shipped model gives."""
    return logistic(models()[model], features)


def logistic(weights: dict[str, float], features: dict[str, float]) -> float:
    total = weights["intercept"] + sum(weights.get(name, 0.0) * value for name, value in features.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))

"""Words as retrieval sees them: tokens, stems, stopwords, and how rare each is in a corpus. Pure."""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import lru_cache

TOKEN = re.compile(r"[^\W_]+")
# Question words and helpers carry no subject matter: a passage need not repeat them.
STOPWORDS = frozenset(
    [
        "a",
        "about",
        "above",
        "after",
        "again",
        "against",
        "all",
        "am",
        "an",
        "and",
        "any",
        "are",
        "aren",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "below",
        "between",
        "both",
        "but",
        "by",
        "can",
        "cannot",
        "could",
        "couldn",
        "did",
        "didn",
        "do",
        "does",
        "doesn",
        "doing",
        "don",
        "down",
        "during",
        "each",
        "few",
        "for",
        "from",
        "further",
        "had",
        "hadn",
        "has",
        "hasn",
        "have",
        "haven",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "herself",
        "him",
        "himself",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "isn",
        "it",
        "its",
        "itself",
        "just",
        "ll",
        "me",
        "might",
        "more",
        "most",
        "must",
        "mustn",
        "my",
        "myself",
        "need",
        "needn",
        "no",
        "nor",
        "not",
        "now",
        "of",
        "off",
        "on",
        "once",
        "only",
        "or",
        "other",
        "our",
        "ours",
        "ourselves",
        "out",
        "over",
        "own",
        "re",
        "s",
        "same",
        "shall",
        "she",
        "should",
        "shouldn",
        "so",
        "some",
        "such",
        "t",
        "than",
        "that",
        "the",
        "their",
        "theirs",
        "them",
        "themselves",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "until",
        "up",
        "us",
        "ve",
        "very",
        "was",
        "wasn",
        "we",
        "were",
        "weren",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "won",
        "would",
        "wouldn",
        "you",
        "your",
        "yours",
        "yourself",
        "yourselves",
        "may",
        "many",
        "much",
        "per",
        "tell",
        "please",
        "give",
        "show",
        "say",
        "says",
        "according",
    ]
)
# Letters that no accent makes of another.
PLAIN = str.maketrans({"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe",
                       "Œ": "Oe"})  # fmt: skip
_stemming = threading.local()


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The English (Snowball) stem of a lower-case word."""
    # A PyStemmer object keeps state between calls, so that each thread needs its own.
    if not hasattr(_stemming, "stemmer"):
        import Stemmer

        _stemming.stemmer = Stemmer.Stemmer("english", 0)
    return _stemming.stemmer.stemWord(word)


@lru_cache(maxsize=20_000)
def without_accents(text: str) -> str:
    """ "Béla Sørbye" as many write it: "Bela Sorbye"."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFD", text.translate(PLAIN))
    return unicodedata.normalize("NFC", "".join(letter for letter in apart if not unicodedata.combining(letter)))


def words(text: str) -> list[str]:
    """Stems of all tokens but the stopwords, in order: "QLoRA's 3.1 GB" gives qlora, 3, 1, gb."""
    return [stem(token) for token in TOKEN.findall(text.lower()) if token not in STOPWORDS]


class Rarity:
    """How rare a stem is in a corpus: BM25's inverse document frequency, log(1 + (N - n + 0.5) / (n + 0.5))."""

    def __init__(self, documents: Iterable[list[str]] = ()) -> None:
        self.size = 0
        self.counts: Counter[str] = Counter()
        for document in documents:
            self.size += 1
            self.counts.update(set(document))

    def __call__(self, word: str) -> float:
        # An empty corpus makes all words equally rare.
        if self.size == 0:
            return 1.0
        found = self.counts.get(word, 0)
        return math.log(1 + (self.size - found + 0.5) / (found + 0.5))

    def overlap(self, wanted: AbstractSet[str], given: AbstractSet[str]) -> float:
        """The share of the weight of `wanted` that `given` covers, 0 to 1."""
        total = sum(map(self, wanted))
        return sum(map(self, wanted & given)) / total if total else 0.0

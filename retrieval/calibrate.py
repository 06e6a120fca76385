"""Fits the two models of `retrieval.quote` and writes `retrieval/models.json`:

    python -m retrieval.calibrate --pairs pairs.jsonl [--pack domains/ml-desk] [--dry-run]

Pairs are those of `finetune.finder_data`; only the held-out ones are used, which the finder was not trained on. What it
prints was measured on the development look-ups of a pack, from which nothing is learned, so that they can say how far to
trust the quotes. Golden cases are never read.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.domain import load_domain, rows
from core.settings import Settings, load_settings
from core.store import Store, open_store
from core.types import Passage
from retrieval.documents import split
from retrieval.embeddings import Vectors, open_embeddings
from retrieval.finder import Finder, open_finder
from retrieval.hybrid import HybridRetriever
from retrieval.index import open_index
from retrieval.ingest import Ingest
from retrieval.quote import MODELS, Quoter, Scored, answerable_features, choose, logistic

STRENGTH = 0.3
GONE_EVERY = 4  # one passage in so many is left out
Label = Callable[[Scored], bool | None]


@dataclass(frozen=True)
class Parts:
    embeddings: Vectors
    finder: Finder
    searcher: Vectors | None = None


@dataclass(frozen=True)
class Asked:
    """A question with what retrieval found: features of each piece and whether it answers (None: cannot be told)."""

    passages: list[Passage]
    ranked: list[Scored]
    labels: list[bool | None]

    @property
    def answerable(self) -> bool:
        return any(self.labels)


def case_label(expected: dict[str, Any]) -> Label:
    """Whether a piece answers a case: from one of the sources, with all (for a synthesis: any) of `contains`."""
    sources = set(expected.get("sources", ())) | {name for group in expected.get("sources_all", ()) for name in group}
    wanted = [part.lower().split("|") for part in expected.get("contains", ())]
    enough = any if "sources_all" in expected else all

    def label(one: Scored) -> bool | None:
        if expected.get("refusal"):
            return False
        text = f"{one.piece.text} {one.piece.lead}".lower()
        found = enough(any(option in text for option in options) for options in wanted)
        return found if one.passage.source in sources else (None if found else False)

    return label


def pair_label(pair: dict[str, Any], source: str, gone: bool) -> Label:
    """`gone`: the passage that answers was left out of the corpus."""
    answer = pair["passage"][pair["start"] : pair["end"]].lower() if pair["start"] >= 0 else ""

    def label(one: Scored) -> bool | None:
        if not answer:
            return False
        holds = answer in one.piece.text.lower()
        if gone or one.passage.source != source:
            return None if holds else False
        start = pair["passage"].find(one.piece.text)
        return holds and (start < 0 or start <= pair["start"] < start + len(one.piece.text))

    return label


def ask(retriever: HybridRetriever, quoter: Quoter, query: str, label: Label) -> Asked:
    passages = retriever.passages(query)
    ranked = quoter.rank(query, passages)
    return Asked(passages, ranked, [label(one) for one in ranked])


def pack_questions(settings: Settings, files: Sequence[Path], parts: Parts) -> list[Asked]:
    """The pack's development cases and those of `files`, against the pack's documents."""
    domain = load_domain(settings.domain)
    cases = {case.query: case.expected for case in domain.development() if case.task in ("lookup", "synthesis")}
    cases |= {row["query"]: row["expected"] for file in files for _, row in rows(file)}
    with opened(settings, parts) as (store, retriever, quoter):
        found = Ingest(store, retriever.index, settings).sync(domain.documents)
        log(f"{len(found.indexed)} documents, {len(cases)} cases")
        return [ask(retriever, quoter, query, case_label(expected)) for query, expected in cases.items()]


def public_questions(file: Path, limit: int, settings: Settings, parts: Parts) -> list[Asked]:
    """Held-out questions, asked of all held-out passages but a quarter, whose questions are thus unanswerable."""
    pairs = [row for _, row in rows(file) if row["held_out"]]
    sources = {(row["heading"], row["passage"]): f"passage-{n}" for n, row in enumerate(pairs)}
    shuffled = sorted(sources.values())
    random.Random(0).shuffle(shuffled)
    gone = set(shuffled[::GONE_EVERY])
    first: dict[int, dict[str, Any]] = {}
    for row in pairs:
        first.setdefault(row["number"], row)  # the first pair of a question is the one with its own passage
    with opened(settings, parts) as (store, retriever, quoter):
        for (heading, text), source in sources.items():
            if source not in gone:
                chunks = split(source, [(None, f"# {heading}\n\n{text}")])
                store.replace_chunks(source, chunks, state="indexed", origin="pack")
        retriever.index.check()
        sample = random.Random(1).sample(list(first.values()), min(limit, len(first)))
        log(f"{len(sources) - len(gone)} passages of {file.name}, {len(sample)} questions")
        own = [sources[row["heading"], row["passage"]] for row in sample]
        return [
            ask(retriever, quoter, row["question"], pair_label(row, source, source in gone))
            for row, source in zip(sample, own, strict=True)
        ]


@contextmanager
def opened(settings: Settings, parts: Parts) -> Iterator[tuple[Store, HybridRetriever, Quoter]]:
    """A store and an index of their own, gone afterwards; all their sentences are embedded at first use."""
    with tempfile.TemporaryDirectory() as folder:
        own = settings.model_copy(update={"data_dir": Path(folder), "database_url": None, "chroma_url": None})
        store = open_store(own.database)
        index = open_index(own, store, parts.embeddings, parts.searcher)
        try:
            quoter = Quoter(parts.embeddings, parts.finder, lambda: index.words.rarity)
            quoter.cold_limit = None
            yield store, HybridRetriever(index=index), quoter
        finally:
            index.close()
            store.engine.dispose()


def table(asked: Sequence[Asked], model: str) -> tuple[list[dict[str, float]], list[bool]]:
    """Rows of features and labels for one of the two models."""
    if model == "answerable":
        kept = [one for one in asked if one.ranked]
        return [answerable_features(one.passages, one.ranked) for one in kept], [one.answerable for one in kept]
    pairs = [pair for one in asked if one.answerable for pair in zip(one.ranked, one.labels, strict=True)]
    known = [(piece.features, label) for piece, label in pairs if label is not None]
    return [features for features, _ in known], [label for _, label in known]


def fit(features: Sequence[dict[str, float]], labels: Sequence[bool]) -> dict[str, float]:
    """A logistic model on standardized features, written back in the features' own units."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    names = list(features[0])
    scaler = StandardScaler()
    x = scaler.fit_transform(np.array([[row[name] for name in names] for row in features]))
    model = LogisticRegression(C=STRENGTH, max_iter=2000).fit(x, list(labels))
    slopes = model.coef_[0] / scaler.scale_
    intercept = float(model.intercept_[0] - slopes @ scaler.mean_)
    return {"intercept": round(intercept, 4), **{n: round(float(w), 4) for n, w in zip(names, slopes, strict=True)}}


def fitted(asked: Sequence[Asked]) -> dict[str, dict[str, float]]:
    """Both models; the second learns from pieces as the first ranks them."""
    piece = fit(*table(asked, "piece"))
    return {"piece": piece, "answerable": fit(*table([reranked(one, piece) for one in asked], "answerable"))}


def reranked(one: Asked, piece: dict[str, float]) -> Asked:
    """The same question with its pieces in the order of another model."""
    scored = [
        (replace(each, score=logistic(piece, each.features)), label)
        for each, label in zip(one.ranked, one.labels, strict=True)
    ]
    scored.sort(key=lambda pair: -pair[0].score)
    return replace(one, ranked=[each for each, _ in scored], labels=[label for _, label in scored])


def measured(models: dict[str, dict[str, float]], asked: Sequence[Asked]) -> dict[str, Any]:
    """How models do on questions that they were not fitted on."""
    from sklearn.metrics import roc_auc_score

    right, quoted, lengths, chances, truths = [], [], [], [], []
    for one in (reranked(each, models["piece"]) for each in asked if each.ranked):
        if one.answerable:
            right.append(bool(one.labels[0]))
            chosen = {(c.passage_id, c.start, c.end) for c in choose(one.ranked)}
            pairs = zip(one.ranked, one.labels, strict=True)
            quoted.append(any(k for s, k in pairs if (s.passage.id, s.piece.start, s.piece.end) in chosen))
            lengths.append(len(chosen))
        chances.append(logistic(models["answerable"], answerable_features(one.passages, one.ranked)))
        truths.append(one.answerable)
    threshold, kept, refused = best_threshold(chances, truths)
    return {
        "questions": len(truths),
        "first_quote_right": round(sum(right) / max(len(right), 1), 4),
        "quoted_right": round(sum(quoted) / max(len(quoted), 1), 4),
        "quotes": round(sum(lengths) / max(len(lengths), 1), 2),
        "answerable_auc": round(float(roc_auc_score(truths, chances)), 4) if len(set(truths)) > 1 else None,
        "threshold": round(threshold, 3),
        "answerable_kept": round(kept, 4),
        "unanswerable_refused": round(refused, 4),
    }


def best_threshold(chances: Sequence[float], truths: Sequence[bool]) -> tuple[float, float, float]:
    """The threshold with the best balanced accuracy, the share of answerable kept and of unanswerable refused there."""
    found = []
    for threshold in sorted(set(chances)):
        kept = [chance >= threshold for chance, truth in zip(chances, truths, strict=True) if truth]
        refused = [chance < threshold for chance, truth in zip(chances, truths, strict=True) if not truth]
        found.append((threshold, sum(kept) / max(len(kept), 1), sum(refused) / max(len(refused), 1)))
    return max(found, key=lambda one: one[1] + one[2])


def log(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m retrieval.calibrate")
    parser.add_argument("--pairs", type=Path, required=True, help="made by finetune.finder_data")
    parser.add_argument("--limit", type=int, default=1000, help="how many held-out questions to fit on")
    parser.add_argument("--pack", type=Path, help="folder of the pack to measure on (default: TRIVIUM_DOMAIN)")
    parser.add_argument("--cases", type=Path, nargs="*", default=[], help="more development cases, JSON lines")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    given = parser.parse_args(arguments)
    settings = load_settings(**({"domain": given.pack} if given.pack else {}))
    parts = Parts(open_embeddings(settings), open_finder())
    models = fitted(public_questions(given.pairs, given.limit, settings, parts))
    report = measured(models, pack_questions(settings, given.cases, parts))
    if not given.dry_run:
        shipped = {"embedding": parts.embeddings.name, "measured": report, "models": models}
        MODELS.write_text(json.dumps(shipped, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()

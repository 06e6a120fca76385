"""Fits the two models of `retrieval.quote` and writes `retrieval/models.json`:

    python -m retrieval.calibrate --pack domains/ml-desk [--cases F ...] [--squad F] [--limit N]

Cases are those of a pack's development suite: look-ups with `sources` and `contains`, or `refusal`. SQuAD 2.0 gives many
more questions, on other matters, so that the models do not learn one pack by heart. Golden cases are never read. What it
prints was measured by cross-validation: no case is judged by a model that saw it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
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
from retrieval.hybrid import HybridRetriever
from retrieval.index import open_index
from retrieval.ingest import Ingest
from retrieval.quote import MODELS, Scored, answerable_features, choose, logistic
from retrieval.words import Rarity

FOLDS = 5
STRENGTH = 0.3
# All questions of SQuAD together weigh this share of the pack's: more of them made the pack's look-ups worse.
SQUAD_SHARE = 0.1
Label = Callable[[Scored], bool | None]


@dataclass(frozen=True)
class Asked:
    """A question with what retrieval found: features of each piece and whether it answers (None: cannot be told)."""

    query: str
    group: str
    passages: list[Passage]
    ranked: list[Scored]
    labels: list[bool | None]
    rarity: Rarity

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


def squad_label(row: dict[str, Any], source: str) -> Label:
    def label(one: Scored) -> bool | None:
        if not row["answerable"]:
            return False
        holds = row["answers"][0].lower() in one.piece.text.lower()
        if one.passage.source != source:
            return None if holds else False
        start = row["context"].find(one.piece.text)
        return holds and (start < 0 or start <= row["answer_start"] < start + len(one.piece.text))

    return label


def ask(retriever: HybridRetriever, query: str, group: str, label: Label) -> Asked:
    passages = retriever.passages(query)
    ranked = retriever.quoter.rank(query, passages)
    return Asked(query, group, passages, ranked, [label(one) for one in ranked], retriever.index.words.rarity)


def pack_questions(settings: Settings, files: Sequence[Path], embeddings: Vectors) -> list[Asked]:
    """The pack's development cases and those of `files`, against the pack's documents."""
    domain = load_domain(settings.domain)
    cases = {case.query: case.expected for case in domain.development() if case.task in ("lookup", "synthesis")}
    cases |= {row["query"]: row["expected"] for file in files for _, row in rows(file)}
    with opened(settings, embeddings) as (store, retriever):
        found = Ingest(store, retriever.index, settings).sync(domain.documents)
        log(f"{len(found.indexed)} documents, {len(cases)} cases")
        return [ask(retriever, query, "pack", case_label(expected)) for query, expected in cases.items()]


def squad_questions(file: Path, limit: int, settings: Settings, embeddings: Vectors) -> list[Asked]:
    """A sample of SQuAD's questions, asked of all paragraphs of the articles that they come from."""
    everything = [row for _, row in rows(file) if not row.get("dup_in_dev")]
    titles = sorted({row["title"] for row in everything})
    random.Random(0).shuffle(titles)
    kept: list[dict[str, Any]] = []
    for title in titles:
        if len(kept) < limit:
            kept += [row for row in everything if row["title"] == title]
    paragraphs = {f"{row['title']}|{row['para']}": row["context"] for row in kept}
    with opened(settings, embeddings) as (store, retriever):
        for source, text in paragraphs.items():
            chunks = split(source, [(None, f"# {source.partition('|')[0].replace('_', ' ')}\n\n{text}")])
            store.replace_chunks(source, chunks, state="indexed", origin="pack")
        log(f"{len(paragraphs)} paragraphs of {file.name}")
        retriever.index.check()
        sample = random.Random(1).sample(kept, min(limit, len(kept)))
        return [ask(retriever, r["question"], "squad", squad_label(r, f"{r['title']}|{r['para']}")) for r in sample]


@contextmanager
def opened(settings: Settings, embeddings: Vectors) -> Iterator[tuple[Store, HybridRetriever]]:
    """A store and an index of their own, gone afterwards; all their sentences are embedded at first use."""
    with tempfile.TemporaryDirectory() as folder:
        own = settings.model_copy(update={"data_dir": Path(folder), "database_url": None, "chroma_url": None})
        store = open_store(own.database)
        index = open_index(own, store, embeddings)
        try:
            retriever = HybridRetriever(index=index)
            retriever.quoter.cold_limit = None
            yield store, retriever
        finally:
            index.close()
            store.engine.dispose()


def table(asked: Sequence[Asked], model: str) -> tuple[list[dict[str, float]], list[bool], list[str], list[int]]:
    """Rows of features, labels, group and number of the question of each, for one of the two models."""
    found: list[tuple[dict[str, float], bool, str, int]] = []
    for n, one in enumerate(asked):
        if model == "answerable" and one.ranked:
            features = answerable_features(one.query, one.passages, one.ranked, one.rarity)
            found.append((features, one.answerable, one.group, n))
        elif model == "piece" and one.answerable:
            pairs = zip(one.ranked, one.labels, strict=True)
            found += [(piece.features, bool(label), one.group, n) for piece, label in pairs if label is not None]
    features, labels, groups, numbers = (list(column) for column in zip(*found, strict=True))
    return features, labels, groups, numbers


def fit(features: Sequence[dict[str, float]], labels: Sequence[bool], groups: Sequence[str]) -> dict[str, float]:
    """A logistic model on standardized features, written back in the features' own units."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    names = sorted(features[0])
    scaler = StandardScaler()
    x = scaler.fit_transform(np.array([[row[name] for name in names] for row in features]))
    size = Counter(groups)
    weights = [1.0 if group == "pack" else SQUAD_SHARE * size["pack"] / size[group] for group in groups]
    model = LogisticRegression(C=STRENGTH, max_iter=2000).fit(x, list(labels), sample_weight=weights)
    slopes = model.coef_[0] / scaler.scale_
    intercept = float(model.intercept_[0] - slopes @ scaler.mean_)
    return {"intercept": round(intercept, 4), **{n: round(float(w), 4) for n, w in zip(names, slopes, strict=True)}}


def fitted(asked: Sequence[Asked]) -> dict[str, dict[str, float]]:
    """Both models; the second learns from pieces as the first ranks them."""
    features, labels, groups, _ = table(asked, "piece")
    piece = fit(features, labels, groups)
    features, labels, groups, _ = table([reranked(one, piece) for one in asked], "answerable")
    return {"piece": piece, "answerable": fit(features, labels, groups)}


def reranked(one: Asked, piece: dict[str, float]) -> Asked:
    """The same question with its pieces in the order of another model."""
    scored = [
        (replace(each, score=logistic(piece, each.features)), label)
        for each, label in zip(one.ranked, one.labels, strict=True)
    ]
    scored.sort(key=lambda pair: -pair[0].score)
    return replace(one, ranked=[each for each, _ in scored], labels=[label for _, label in scored])


def cross_validated(asked: Sequence[Asked]) -> dict[str, Any]:
    """How the models do on pack questions that they were not fitted on."""
    from sklearn.metrics import roc_auc_score

    order = [n for n, one in enumerate(asked) if one.group == "pack"]
    random.Random(2).shuffle(order)
    right, quoted, lengths, chances, truths = [], [], [], [], []
    for fold in range(FOLDS):
        held = set(order[fold::FOLDS])
        models = fitted([one for n, one in enumerate(asked) if n not in held])
        for one in (reranked(asked[n], models["piece"]) for n in sorted(held)):
            if not one.ranked:
                continue
            if one.answerable:
                right.append(bool(one.labels[0]))
                chosen = [(c.passage_id, c.start, c.end) for c in choose(one.ranked)]
                places = {
                    (s.passage.id, s.piece.start, s.piece.end): bool(k)
                    for s, k in zip(one.ranked, one.labels, strict=True)
                }
                quoted.append(any(places[place] for place in chosen))
                lengths.append(len(chosen))
            features = answerable_features(one.query, one.passages, one.ranked, one.rarity)
            chances.append(logistic(models["answerable"], features))
            truths.append(one.answerable)
    threshold, kept, refused = best_threshold(chances, truths)
    return {
        "questions": len(order),
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
    parser.add_argument("--pack", type=Path, help="folder of the pack (default: TRIVIUM_DOMAIN)")
    parser.add_argument("--cases", type=Path, nargs="*", default=[], help="more development cases, JSON lines")
    parser.add_argument("--squad", type=Path, help="SQuAD 2.0 rows with context, question, answers, answerable")
    parser.add_argument("--limit", type=int, default=1000, help="how many SQuAD questions")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    given = parser.parse_args(arguments)
    settings = load_settings(**({"domain": given.pack} if given.pack else {}))
    embeddings = open_embeddings(settings)
    asked = pack_questions(settings, given.cases, embeddings)
    if given.squad:
        asked += squad_questions(given.squad, given.limit, settings, embeddings)
    report = cross_validated(asked)
    if not given.dry_run:
        shipped = {"embedding": embeddings.name, "cross_validated": report, "models": fitted(asked)}
        MODELS.write_text(json.dumps(shipped, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()

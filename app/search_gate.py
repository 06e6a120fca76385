"""Whether a searcher that was trained may take the place of the one that serves: the gate of adapters, on what both find."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.domain import Domain
from core.types import Case, Report

if TYPE_CHECKING:
    from finetune.gate import Side
    from retrieval.embeddings import Vectors
    from retrieval.hybrid import HybridRetriever

TASK = "search"
DEPTH = 8  # passages that an answer is made from
FEWEST_CASES = 50


def compare(retriever: HybridRetriever, domain: Domain, candidate: Vectors, incumbent: Vectors | None) -> Report:
    """The verdict on golden and development questions that documents answer; no searcher learns from them. A case is right
    where a passage that answers it is among the first eight. `incumbent`: None: MiniLM as it is."""
    from finetune.gate import Limits, decide

    serving = retriever.index.searcher
    try:
        ours, theirs = (found_by(retriever, domain, one) for one in (candidate, incumbent))
    finally:
        retriever.index.searcher = serving
    return decide(ours, theirs, [TASK], Limits(min_cases=FEWEST_CASES))


def found_by(retriever: HybridRetriever, domain: Domain, searcher: Vectors | None) -> Side:
    from finetune.gate import Scored, Side
    from retrieval.asked import passages_that_serve

    retriever.index.searcher = searcher
    cases = [
        Scored(
            case=case.id, task=TASK, query=case.query,
            right=bool(passages_that_serve(case.expected, retriever.passages(case.query, DEPTH))),
        )
        for case in questions(domain)
    ]  # fmt: skip
    return Side(model=(searcher or retriever.index.embeddings).name, cases=tuple(cases))


def questions(domain: Domain) -> list[Case]:
    return [case for case in (*domain.golden(), *domain.development()) if case.names_sources]


def take(candidate: Path, place: Path) -> None:
    """Put a trained searcher, whole, where the pack's is."""
    import shutil

    from finetune.card import staged

    with staged(place) as folder:
        shutil.copytree(candidate, folder, dirs_exist_ok=True)

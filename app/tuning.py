"""Learning the weight of likeness against words: judged cases of the pack, of reviewers and of clicks -> nDCG over a grid -> a weight.

Golden cases are never among them; nor are the look-ups that the pack's searcher learned from, on which its likeness looks
better than it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.corrections import query_key
from core.labelled import lookups
from core.openings import Openings
from core.types import Passage

if TYPE_CHECKING:
    import numpy as np

    from app.bootstrap import Service
    from retrieval.fusion import Judged, Learned

Progress = Callable[[int, int], None]
REPORT_EVERY = 25


def collection_of(service: Service) -> str:
    """What a weight is learned for: the pack, as searched by its model."""
    return f"{service.domain.name}: {(service.index.searcher or service.index.embeddings).name}"


def learn_weight(service: Service, progress: Progress | None = None) -> Learned:
    """Learn the weight from what is judged now, and keep it: it serves from the next query on, where it was adopted."""
    from retrieval.fusion import learn
    from retrieval.hybrid import shipped_weight

    cases, left_out = judged_cases(service)
    table = by_weight(service, cases, progress)
    learned = learn(table, counts(cases), shipped_weight(service.index), [case.origin for case in cases], left_out)
    service.fusion.keep(collection_of(service), learned)
    return learned


def by_weight(service: Service, cases: Sequence[Judged], progress: Progress | None) -> np.ndarray:
    """nDCG@10 by case and weight, shape (cases, grid)."""
    import numpy as np

    from retrieval.fusion import GRID, ndcg
    from retrieval.hybrid import combine

    table = np.zeros((len(cases), len(GRID)))
    for n, case in enumerate(cases):
        if progress and n % REPORT_EVERY == 0:
            progress(n, len(cases))
        found = service.index.search(case.query)
        relevant = np.array([passage.id in case.relevant for passage in found.passages], dtype=bool)
        for at, weight in enumerate(GRID):
            table[n, at] = ndcg(combine(found.dense, found.bm25, weight), relevant, len(case.relevant))
    return table


def counts(cases: Sequence[Judged]) -> np.ndarray:
    import numpy as np

    return np.array([case.counts for case in cases])


def judged_cases(service: Service) -> tuple[list[Judged], list[str]]:
    """The cases to learn from, and a sentence for each kind that is left out."""
    passages = service.index.words.passages
    golden = {query_key(case.query) for case in service.domain.golden()}
    found, left_out = from_pack(service, passages)
    found += from_people(service, {passage.id for passage in passages})
    kept = [case for case in found if query_key(case.query) not in golden]
    if len(kept) < len(found):
        left_out.append(f"{len(found) - len(kept)} queries that are golden cases, which nothing is learned from")
    return kept, left_out


def from_pack(service: Service, passages: Sequence[Passage]) -> tuple[list[Judged], list[str]]:
    from retrieval.asked import passages_that_answer, passages_that_serve
    from retrieval.fusion import Judged

    def judged(query: str, positions: Sequence[int], origin: str) -> list[Judged]:
        return [Judged(query, frozenset(passages[n].id for n in positions), origin)] if positions else []

    found, left_out = [], []
    for case in service.domain.development():
        if case.names_sources:
            found += judged(case.query, passages_that_serve(case.expected, passages), "development")
    asked = [one for one in lookups(service.domain) if one.sources]
    if service.index.searcher and asked:
        left_out.append(f"{len(asked)} look-ups that the pack's searcher learned from")
        return found, left_out
    for one in asked:
        found += judged(one.query, passages_that_answer(one, passages), "lookups")
    return found, left_out


def from_people(service: Service, known: set[str]) -> list[Judged]:
    """What reviewers said of passages, and the places that readers opened; a reviewer's word counts more. Passages that are
    no longer there (another version of their document is) say nothing."""
    from retrieval.fusion import CLICK, Judged

    queries: dict[str, str] = {}
    said: dict[str, dict[str, bool]] = {}
    for one in reversed(service.reviews.judgements("passage")):
        queries[query_key(one.query)] = one.query
        said.setdefault(query_key(one.query), {})[str(one.value["passage"])] = bool(one.value["answers"])
    opened: dict[str, set[str]] = {}
    for query, passage in Openings(service.store).all():
        queries.setdefault(query_key(query), query)
        opened.setdefault(query_key(query), set()).add(passage)
    found = []
    for key, query in queries.items():
        judged = said.get(key, {})
        answers = {id for id, good in judged.items() if good and id in known}
        clicked = {id for id in opened.get(key, set()) if id in known and judged.get(id, True)}
        if answers:
            found.append(Judged(query, frozenset(answers | clicked), "judgement"))
        elif clicked:
            found.append(Judged(query, frozenset(clicked), "click", CLICK))
    return found

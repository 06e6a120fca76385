"""`trivium train-search`: the adapters by which a pack's questions find passages (searcher) and answers in them (finder)."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from app.bootstrap import FINDER, SEARCHER
from core.domain import Domain, load_domain
from core.errors import DomainError
from core.labelled import Lookup, lookups
from core.minilm import minilm_folder
from core.settings import load_settings
from core.types import Passage

FEWEST_LOOKUPS = 100
MISSES = 4  # passages that do not answer, for each question; one more where none does
READ = 12  # among so many of the best


def train_search(say: Console) -> None:
    """Both adapters, from `lookups.jsonl` of the pack. Raises DomainError where there is too little to learn from."""
    from finetune import finder, searcher
    from retrieval.asked import passages_that_answer
    from retrieval.calibrate import Parts, opened
    from retrieval.embeddings import MiniLM, open_embeddings
    from retrieval.finder import ADAPTER, open_finder
    from retrieval.hybrid import SEARCHER_WEIGHT, combine
    from retrieval.index import embedded_text
    from retrieval.ingest import Ingest

    def tell(line: str) -> None:
        say.print(line, markup=False)

    settings = load_settings()
    domain = load_domain(settings.domain)
    asked = enough(domain)
    embeddings = open_embeddings(settings)
    with opened(settings, Parts(embeddings, open_finder())) as (store, retriever, _):
        Ingest(store, retriever.index, settings).sync(domain.documents)
        index = retriever.index.words
        targets = [passages_that_answer(one, index.passages) for one in asked]
        for one, target in zip(asked, targets, strict=True):
            if one.sources and not target:
                tell(f"left out, since {one.sources[0]} does not hold it within one passage: {one.answer!r}")
        known = [n for n, target in enumerate(targets) if target]
        words = [index.scores(one.query) for one in asked]
        card = searcher.train(
            [asked[n].query for n in known], [targets[n] for n in known], [asked[n].author for n in known],
            embeddings.encode([embedded_text(passage) for passage in index.passages]), domain.folder / SEARCHER, tell,
            lambda n, likeness: combine(likeness, words[known[n]], SEARCHER_WEIGHT),
        )  # fmt: skip
        retriever.index.searcher = MiniLM(minilm_folder(), domain.folder / SEARCHER)
        pairs = [
            pair
            for n, (one, target) in enumerate(zip(asked, targets, strict=True))
            if target or not one.sources
            for pair in pairs_of(n, one, [index.passages[at] for at in target], retriever.passages(one.query, READ))
        ]
        tell(f"the finder learns from {len(pairs)} pairs of question and passage")
        finder.adapt(pairs, ADAPTER, minilm_folder(), domain.folder / FINDER, tell)
    tell(
        f"{domain.folder}: the passage that answers is among the first eight for {card['found']['8']:.1%} of questions by "
        f"unseen authors, {card['found_before']['8']:.1%} without. Now run `trivium evaluate --save`."
    )


def enough(domain: Domain) -> list[Lookup]:
    asked = lookups(domain)
    answerable = sum(bool(one.sources) for one in asked)
    if answerable < FEWEST_LOOKUPS:
        raise DomainError(
            f"{domain.folder / 'lookups.jsonl'} holds {answerable} answerable questions, and {FEWEST_LOOKUPS} are the least "
            'to learn from: add lines {"query", "source", "answer"}, the answer copied from the document'
        )
    return asked


def pairs_of(number: int, asked: Lookup, answering: Sequence[Passage], found: Sequence[Passage]) -> list:
    """The question with up to two passages that answer it, and with the best of those that do not."""
    from finetune.finder_data import Pair
    from retrieval.asked import plain, span

    made = []
    for passage in answering[:2]:
        place = span(asked.answer, passage.text)
        if place:
            made.append(Pair(number, asked.query, passage.heading, passage.text, *place, held_out=False))
    missing = [one for one in found if not asked.answer or plain(asked.answer) not in plain(one.text)]
    count = MISSES if made else MISSES + 1
    return made + [Pair(number, asked.query, one.heading, one.text, -1, -1, held_out=False) for one in missing[:count]]

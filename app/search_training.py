"""`trivium train-search`: the adapters by which a pack's questions find passages (searcher) and answers in them (finder).

They learn from the pack's look-ups and from the passages that reviewers judged. A passage that is said to answer is what the
searcher looks for; the finder learns it where the words that answer are known. A passage that is said not to answer is a near
miss for the finder; the searcher, to whom every other passage is a miss, has no place of its own for it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from app.bootstrap import FINDER, SEARCHER
from app.search_gate import compare, take
from app.taught import as_lookups, store_here, uncontaminated, with_judged, words_of
from core.domain import Domain, load_domain
from core.errors import DomainError
from core.labelled import Lookup, lookups
from core.minilm import minilm_folder
from core.reviews import Reviews
from core.settings import Settings, load_settings
from core.types import Passage, Report

if TYPE_CHECKING:
    from finetune.finder_data import Pair
    from finetune.near import Encode

FEWEST_LOOKUPS = 100
MISSES = 4  # passages that do not answer, for each question; one more where none does
READ = 12  # among so many of the best
UPLOADS = "documents"


@dataclass(frozen=True)
class Judged:
    """What reviewers said of passages: look-ups to learn from, and how many ask what a held-out case asks."""

    lookups: tuple[Lookup, ...] = ()
    left_out: int = 0


def train_search(say: Console, ungated: bool = False) -> None:
    """Both adapters, from `lookups.jsonl` of the pack and from what reviewers judged in this data folder. The searcher takes
    the place of the one that serves if the gate lets it, or if it is not asked (`ungated`). Raises DomainError where there is
    too little to learn from."""
    from finetune import finder, searcher
    from retrieval.calibrate import Parts, opened
    from retrieval.embeddings import MiniLM, open_embeddings, open_searcher
    from retrieval.finder import ADAPTER, open_finder
    from retrieval.hybrid import SEARCHER_WEIGHT, combine
    from retrieval.index import embedded_text
    from retrieval.ingest import Ingest

    def tell(line: str) -> None:
        say.print(line, markup=False)

    settings = load_settings()
    domain = load_domain(settings.domain)
    embeddings = open_embeddings(settings)
    judged = judged_here(settings, domain, embeddings.encode_queries)
    asked = enough(domain, judged.lookups)
    place, serving = domain.folder / SEARCHER, open_searcher(settings, domain.folder / SEARCHER)
    parts = Parts(embeddings, open_finder())
    with tempfile.TemporaryDirectory() as fresh, opened(settings, parts) as (store, retriever, _):
        made = Path(fresh) / SEARCHER
        Ingest(store, retriever.index, settings).sync(folders(settings, domain, judged))
        index = retriever.index.words
        targets = targets_of(asked, index.passages, tell)
        known = [n for n, target in enumerate(targets) if target]
        words = [index.scores(one.query) for one in asked]
        reviewed = {"queries": sum(bool(asked[n].passages) for n in known), "left_out": judged.left_out}
        card = searcher.train(
            [asked[n].query for n in known], [targets[n] for n in known], [asked[n].author for n in known],
            embeddings.encode([embedded_text(passage) for passage in index.passages]), made, tell,
            lambda n, likeness: combine(likeness, words[known[n]], SEARCHER_WEIGHT), about={"reviewed": reviewed},
        )  # fmt: skip
        candidate = MiniLM(minilm_folder(), made)
        taken = ungated or allowed(compare(retriever, domain, candidate, serving), tell)
        if taken:
            take(made, place)
        retriever.index.searcher = candidate if taken else serving
        pairs = list(all_pairs(asked, targets, retriever))
        tell(f"the finder learns from {len(pairs)} pairs of question and passage")
        finder.adapt(pairs, ADAPTER, minilm_folder(), domain.folder / FINDER, tell)
    tell(
        f"{domain.folder}: the passage that answers is among the first eight for {card['found']['8']:.1%} of questions by "
        f"unseen authors, {card['found_before']['8']:.1%} without; {reviewed['queries']} of {card['queries']} questions are "
        "from reviewers. Now run `trivium evaluate --save`."
    )


def allowed(report: Report, tell: Callable[[str], None]) -> bool:
    """Says what the gate found."""
    row = report.body["tasks"][0]
    tell(
        f"gate: found among the first eight by {report.incumbent} {row['incumbent']:.1%}, by the new one {row['candidate']:.1%} "
        f"of {row['n']} golden and development questions [{row['low']:+.1%}, {row['high']:+.1%}]; {row['better']} came, "
        f"{row['worse']} went"
    )
    if report.verdict != "promote":
        tell(
            f"the searcher that serves stays: {' '.join(report.body['reasons'])} `--ungated` takes the new one all the same."
        )
    return report.verdict == "promote"


def judged_here(settings: Settings, domain: Domain, encode: Encode) -> Judged:
    """What reviewers of this data folder judged. Neither golden nor development questions are learned from: they say how far
    to trust what is found."""
    with store_here(settings) as store:
        if store is None:
            return Judged()
        reviews = Reviews(store)
        found = as_lookups(reviews.judgements("passage"), words_of(store, reviews))
    if not found:
        return Judged()
    kept, left_out = uncontaminated(found, [*domain.golden(), *domain.development()], encode)
    return Judged(tuple(kept), len(left_out))


def folders(settings: Settings, domain: Domain, judged: Judged) -> list[Path]:
    """Where the documents lie that are learned from: the pack's, and what was uploaded, where reviewers may have judged it."""
    return [domain.documents, *([settings.data_dir / UPLOADS] if judged.lookups else [])]


def targets_of(asked: Sequence[Lookup], passages: Sequence[Passage], tell: Callable[[str], None]) -> list[list[int]]:
    """For each question the positions of the passages that answer it; says for which there should be some and are none."""
    from retrieval.asked import passages_that_answer

    targets = [passages_that_answer(one, passages) for one in asked]
    for one, target in zip(asked, targets, strict=True):
        if one.sources and not target:
            tell(left_out(one))
    return targets


def all_pairs(asked: Sequence[Lookup], targets: Sequence[Sequence[int]], retriever: Any) -> Iterator[Pair]:
    """What the finder learns from: questions whose passage is known, and those that nothing answers."""
    from retrieval.asked import judged_missing

    passages = retriever.index.words.passages
    for number, (one, target) in enumerate(zip(asked, targets, strict=True)):
        if target or not one.sources:
            answering, missing = [passages[at] for at in target], judged_missing(one, passages)
            yield from pairs_of(number, one, answering, retriever.passages(one.query, READ), missing)


def left_out(one: Lookup) -> str:
    if one.passages:
        return f"left out, since {one.sources[0]} has changed since a reviewer judged it: {one.query!r}"
    return f"left out, since {one.sources[0]} does not hold it within one passage: {one.answer!r}"


def enough(domain: Domain, judged: Sequence[Lookup] = ()) -> list[Lookup]:
    """The pack's look-ups and those of reviewers. Raises DomainError where there are too few."""
    asked = with_judged(lookups(domain), judged)
    answerable = sum(bool(one.sources) for one in asked)
    if answerable < FEWEST_LOOKUPS:
        raise DomainError(
            f"{domain.folder / 'lookups.jsonl'} gives {answerable} answerable questions, and {FEWEST_LOOKUPS} are the least "
            'to learn from (those that reviewers judged are counted): add lines {"query", "source", "answer"}, the answer '
            "copied from the document"
        )
    return asked


def pairs_of(
    number: int, asked: Lookup, answering: Sequence[Passage], found: Sequence[Passage], missing: Sequence[Passage] = ()
) -> list[Pair]:
    """The question with up to two passages that answer it, and with the best of those that do not.

    Args:
        found: the best passages for it.
        missing: passages of which a reviewer says that they do not answer it. Of others that is known by the words of the
            answer, or where nothing answers; without these words nothing is said of them.
    """
    from finetune.finder_data import Pair
    from retrieval.asked import plain, span

    def pair(passage: Passage, place: tuple[int, int]) -> Pair:
        return Pair(number, asked.query, passage.heading, passage.text, *place, held_out=False)

    places = [(one, span(asked.answer, one.text)) for one in answering[:2]]
    made = [pair(one, place) for one, place in places if place]
    misses = list(missing)
    if asked.answer or not asked.judged:
        told = {one.id for one in (*answering, *missing)}
        words = plain(asked.answer)
        misses += [one for one in found if one.id not in told and (not words or words not in plain(one.text))]
    return made + [pair(one, (-1, -1)) for one in misses[: MISSES if made else MISSES + 1]]

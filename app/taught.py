"""What reviewers taught router and search, as their trainings take it: each thing once, the last word on it, and nothing
that a golden case asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from core.corrections import query_key
from core.errors import NotFound
from core.labelled import Labelled, Lookup
from core.minilm import LONGEST_ANSWER
from core.types import Case, Judgement
from finetune.contamination import nearly_same, same_question, same_template
from finetune.rows import Limits

if TYPE_CHECKING:
    from core.reviews import Reviews
    from core.settings import Settings
    from core.store import Store
    from finetune.near import Encode

AUTHOR = "reviewers"  # who asked is not kept with a judgement
DATABASE = "trivium.db"  # in the data folder, where no other database is set
ENDS = " \t\n.!?"
One = TypeVar("One", Labelled, Lookup)
Words = Callable[[Judgement], str]


@contextmanager
def store_here(settings: Settings) -> Iterator[Store | None]:
    """The store of the data folder, beside a running API too; None where there is no database yet."""
    from core.store import open_store

    if settings.database_url is None and not (settings.data_dir / DATABASE).is_file():
        yield None
        return
    store = open_store(settings.database)
    try:
        yield store
    finally:
        store.engine.dispose()


def route_labels(settings: Settings) -> list[tuple[str, str]]:
    """(query, task) as reviewers of this data folder decided it, oldest first."""
    from core.reviews import Reviews

    with store_here(settings) as store:
        return Reviews(store).route_labels() if store else []


def uncontaminated(
    found: Sequence[One], held_out: Sequence[Case], encode: Encode | None
) -> tuple[list[One], list[One]]:
    """What may be learned from, and what may not, since it asks (nearly) what a held-out case asks, or has its template:
    by the same measures as examples."""
    limits, queries = Limits(), [one.query for one in found]
    hit = {*same_question(queries, held_out), *same_template(queries, held_out, limits.template)}
    if encode is not None and found:
        hit |= set(nearly_same(queries, held_out, encode, limits.held_out))
    return [one for n, one in enumerate(found) if n not in hit], [one for n, one in enumerate(found) if n in hit]


def as_lookups(judgements: Sequence[Judgement], words: Words) -> list[Lookup]:
    """A look-up for each query of which reviewers judged passages.

    Args:
        judgements: of passages, newest first; of several on one passage and query the newest counts.
        words: the words of the judged passage that answer; empty where they are not known.
    """
    last: dict[tuple[str, str], Judgement] = {}
    for one in judgements:
        last.setdefault((query_key(one.query), " ".join(one.value["text"].split())), one)
    grouped: dict[str, list[Judgement]] = {}
    for (key, _), one in last.items():
        grouped.setdefault(key, []).append(one)
    return [as_lookup(some, words) for some in grouped.values()]


def as_lookup(judgements: Sequence[Judgement], words: Words) -> Lookup:
    """One of judgements of the same query."""
    answering = [one for one in judgements if one.value["answers"]]
    return Lookup(
        query=judgements[0].query,
        answer=next(filter(None, map(words, answering)), ""),
        sources=tuple(dict.fromkeys(one.value["source"] for one in answering)),
        author=AUTHOR,
        passages=tuple(one.value["text"] for one in answering),
        misses=tuple(one.value["text"] for one in judgements if not one.value["answers"]),
    )


def with_judged(asked: Sequence[Lookup], judged: Sequence[Lookup]) -> list[Lookup]:
    """A pack's look-ups and those of reviewers. Of the same query theirs stand in the place of the pack's where they name a
    passage that answers; where they only name some that do not, the pack's is told so."""
    theirs = {query_key(one.query): one for one in judged}
    kept = []
    for one in asked:
        other = theirs.get(query_key(one.query))
        if other is None:
            kept.append(one)
        elif not other.passages:
            kept.append(replace(one, misses=other.misses))
            theirs.pop(query_key(one.query))
    return [*kept, *theirs.values()]


def words_of(store: Store, reviews: Reviews) -> Words:
    """Finds the words by which a passage answers: what the approved answer quotes of it, or the correction that stands in it."""
    from retrieval.asked import span

    def words(judgement: Judgement) -> str:
        try:
            answer = store.answer(judgement.answer_id)
        except NotFound:
            return ""
        decided = [one.review for one in reviews.of("answer", answer.id) if one.decided]
        said = ""
        if decided and decided[-1].verdict == "correct":
            said = decided[-1].correction.strip(ENDS)
        elif decided and decided[-1].verdict == "approve":
            cited = [one for one in answer.citations if one.passage_id == judgement.value["passage"]]
            said = cited[0].passage[cited[0].start : cited[0].end] if cited else ""
        short = len(said.split()) <= LONGEST_ANSWER
        return said if short and span(said, judgement.value["text"]) else ""

    return words

"""Requests for documents: filed where nothing was found, grouped with care, ranked by how often they were asked, and closed
with the document that answers them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.corrections import query_key
from core.errors import DocumentError, QueryError
from core.requests import Requests
from core.types import Answer, Judgement

if TYPE_CHECKING:
    from app.bootstrap import Service

Alike = Callable[[str, str], bool]
# Near-duplicates are looked for among the newest only: each query needs a vector.
GROUPED = 500
CLOSED_SHOWN = 50


@dataclass(frozen=True)
class Group:
    """Requests that ask the same. `asked`: how often, by requests and by the same query refused elsewhere; `queries`: its
    wordings, the commonest first."""

    id: str
    query: str
    asked: int
    last: datetime
    queries: tuple[str, ...]
    requests: tuple[Judgement, ...]


def grouped(requests: Sequence[Judgement], refused: Mapping[str, int], alike: Alike) -> list[Group]:
    """Open requests, the most often asked first. Two are one group where their queries are the same, or `alike`, which
    wants numbers, names and negations to agree. `refused`: by query key, how often it was refused without a request. Pure."""
    heads: list[list[Judgement]] = []
    by_key: dict[str, list[Judgement]] = {}
    for one in sorted(requests, key=lambda one: one.created_at):
        group = by_key.get(query_key(one.query))
        if group is None:
            group = next((each for each in heads[-GROUPED:] if alike(each[0].query, one.query)), None)
        if group is None:
            group = []
            heads.append(group)
        group.append(one)
        by_key[query_key(one.query)] = group
    made = [as_group(group, refused) for group in heads]
    return sorted(made, key=lambda group: (-group.asked, -group.last.timestamp()))


def as_group(requests: Sequence[Judgement], refused: Mapping[str, int]) -> Group:
    wordings = Counter(one.query for one in requests).most_common()
    keys = {query_key(query) for query, _ in wordings}
    asked = len(requests) + sum(refused.get(key, 0) for key in keys)
    last = max(one.created_at for one in requests)
    return Group(requests[0].id, wordings[0][0], asked, last, tuple(query for query, _ in wordings), tuple(requests))


def refusals(answers: Sequence[Answer], requested: set[str]) -> dict[str, int]:
    """How often each query (by key) was refused, without the answers at which somebody filed a request. Pure."""
    keys = [query_key(one.standalone or one.query) for one in answers if one.id not in requested]
    return dict(Counter(keys))


def file_request(service: Service, query: str, note: str, answer_id: str, user: str) -> Judgement:
    """Raises QueryError for an empty request, NotFound for an answer that is not there."""
    asked = query.strip()
    if answer_id:
        answer = service.runs.answer(answer_id)
        asked = asked or answer.standalone or answer.query
    if not asked:
        raise QueryError("say which question a document should answer: send `query`")
    service.answering.check_length(asked)
    return Requests(service.store).file(asked, note.strip(), answer_id, user.strip())


def open_groups(service: Service) -> list[Group]:
    """What reviewers see: open requests and to-dos, grouped and ranked."""
    kept = Requests(service.store)
    waiting = [one for one in kept.all() if not one.done]
    if not waiting:
        return []
    service.reviewed.vectors([one.query for one in waiting[-GROUPED:]])
    found = refusals(kept.refused(), {one.answer_id for one in waiting if one.answer_id})
    return grouped(waiting, found, service.reviewed.alike)


def closed(service: Service) -> list[Judgement]:
    """The requests closed last, newest first."""
    done = [one for one in Requests(service.store).all() if one.done and one.value.get("requested")]
    return sorted(done, key=lambda one: str(one.value.get("closed_at", "")), reverse=True)[:CLOSED_SHOWN]


def close(service: Service, ids: Sequence[str], document: str) -> dict[str, Any]:
    """Close requests with a document; and say at which place search finds it for the first one's query (none: not among the
    passages that are read).

    Raises:
        NotFound: there is no such request. DocumentError: the document is not indexed.
    """
    if document:
        row = service.store.document(document)
        if row is None or not row.found:
            raise DocumentError(
                f"{document!r} is not indexed; add it first (POST /api/documents), then close the request"
            )
    rows = Requests(service.store).close(ids, document)
    found = service.retriever.passages(rows[0].query) if document and rows else []
    places = [n for n, passage in enumerate(found, 1) if passage.source == document]
    return {"closed": rows, "place": places[0] if places else None}

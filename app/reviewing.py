"""Review over the service: gather what the pure decisions of `app.review` and `app.review_queue` need, and store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from app.review import STATES, Subject, check, decide, decide_example, refusals, task_of
from app.review_queue import Desk, Item, agreement, asked, grouped, objected, queue
from core.corrections import query_key
from core.errors import DocumentError
from core.requests import Requests
from core.reviews import Recorded, Reviews
from core.types import Answer, Correction, Judgement, Review

if TYPE_CHECKING:
    from app.bootstrap import Service

# The newest answers are looked at for doubts; rated ones however old they are.
NEWEST = 2000
# Near-duplicates are looked for among the worst only: each needs a vector.
GROUPED = 200
SERVES = ("active", "learned")


def review_page(service: Service, limit: int, reviewer: str) -> dict[str, Any]:
    """The queue's head with what a reviewer needs to decide, and how many are left."""
    recorded = service.reviews.all()
    desk = the_desk(service, recorded)
    waiting = queue(desk, reviewer)
    head = waiting[: max(GROUPED, limit)]
    service.reviewed.vectors([asked(item.answer) for item in head])
    items = grouped(head, service.reviewed.alike)
    hidden = len(head) - len(items)
    agreed = agreement(reviewer, [one.review for one in recorded], desk.ratings)
    return {
        "items": [as_item(item) for item in items[:limit]],
        "left": len(waiting) - hidden,
        "agreement": asdict(agreed),
        "quorum": service.settings.review_quorum,
    }


def as_item(item: Item) -> dict[str, Any]:
    lists = {"ratings": list(item.ratings), "reviews": list(item.reviews), "why": list(item.why)}
    return {"answer": item.answer, **lists, "priority": item.priority, "alike": list(item.alike)}


def the_desk(service: Service, recorded: list[Recorded]) -> Desk:
    answers = {answer.id: answer for answer in [*service.reviews.answers(NEWEST), *service.reviews.rated()]}
    decided, stale, corrected = {}, set(), {}
    reviews: dict[str, list[Review]] = {}
    for one in recorded:
        reviews.setdefault(one.review.subject, []).append(one.review)
        decided |= {one.review.subject: one.review.created_at.timestamp()} if one.decided else {}
    for correction in service.corrections.all():
        if correction.state in SERVES:
            key = query_key(correction.query)
            corrected[key] = max(corrected.get(key, 0.0), correction.created_at.timestamp())
        elif correction.state == "stale":
            stale.add(correction.answer_id)
    return Desk(list(answers.values()), service.store.ratings(), reviews, decided, stale, corrected)


def take(service: Service, review: Review) -> tuple[Recorded, bool]:
    """Store a review with its effects; and whether the router has something new to learn from it.

    Raises:
        NotFound, QueryError, ReviewTaken: there is no such answer or example; the review says too little; the id is taken.
    """
    quorum, domain = service.settings.review_quorum, service.domain
    if review.kind == "example":
        check(review, domain, service.reviews.example(review.subject).task)
        return take_of_example(service.reviews, review, quorum), False
    answer = service.runs.answer(review.subject)
    check(review, domain, task_of(answer, review))
    subject = the_subject(service, answer)
    recorded = service.reviews.record(review, lambda reviews: decide(domain, subject, reviews, quorum))
    return recorded, recorded.decided and bool(review.task) and service.tuned_likeness is None


def take_of_example(kept: Reviews, review: Review, quorum: int) -> Recorded:
    """Store a review of an example with its effects; what it approves is kept with it, word for word."""
    if review.verdict == "approve" and not review.correction.strip():
        known = kept.known(review.id)
        text = known.review.correction if known else kept.example(review.subject).answer.strip()
        review = review.model_copy(update={"correction": text})
    # The example is read once its reviews can no longer change.
    return kept.record(review, lambda reviews: decide_example(kept.example(review.subject), reviews, quorum))


def the_subject(service: Service, answer: Answer) -> Subject:
    ratings = tuple(service.store.ratings(answer.id))
    worse = {
        rating.preferred_over: service.store.answer(rating.preferred_over)
        for rating in ratings
        if rating.preferred_over
    }
    hashes = {document.source: document.sha256 for document in service.store.documents()}
    return Subject(answer, ratings, worse, hashes, refusals(service.domain))


def outcome(service: Service, rating_id: str) -> dict[str, Any]:
    """What became of a rating: the last decision on its answer, and where its correction stands. Raises NotFound."""
    rating = service.reviews.rating(rating_id)
    decided = [one for one in service.reviews.of("answer", rating.answer_id) if one.decided]
    if not decided or objected([rating], decided[-1].review.created_at.timestamp()):
        return {"state": "waiting", "effects": [], "learned_by": ""}
    last = decided[-1]
    corrections = service.corrections.of_answer(rating.answer_id)
    newest = corrections[0] if last.review.verdict == "correct" and corrections else None
    effects = [*last.said, *([standing(newest)] if newest and newest.state != "active" else [])]
    learned_by = newest.learned_by if newest else ""
    return {"state": STATES[last.review.verdict], "effects": effects, "learned_by": learned_by}


def standing(correction: Correction) -> str:
    said = {
        "learned": f"the adapter {correction.learned_by} has learned the correction",
        "stale": "its document has changed since: the correction waits for a new review",
        "withdrawn": "the correction was withdrawn later",
    }
    return said.get(correction.state, "")


def add_note(service: Service, judgement_id: str, also: Sequence[str] = ()) -> Judgement:
    """Write the fact of a to-do into the documents of the data folder; the correction rests on it from then on, and the
    requests `also` are closed with it.

    Raises:
        NotFound: no such to-do. DocumentError: its fact is not known, so there is nothing to write.
    """
    judgement = service.reviews.judgement(judgement_id)
    if judgement.kind != "document" or not judgement.value.get("markdown"):
        raise DocumentError("this to-do holds no text; upload the missing document instead (POST /api/documents)")
    folder = service.settings.data_dir / "documents"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / judgement.value["source"]
    partial = file.with_suffix(".partial")
    partial.write_text(judgement.value["markdown"], encoding="utf-8")
    partial.replace(file)
    service.corrections.bind(judgement.answer_id, file.name)
    return Requests(service.store).close([judgement_id, *also], file.name)[0]

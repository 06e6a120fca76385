"""When reviewers have decided: who agrees with whom, and who may not count. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from core.types import Rating, Review


def plain(text: str) -> str:
    return " ".join(text.split())


def proposal(review: Review) -> tuple[object, ...]:
    """What reviewers have to agree in."""
    text = plain(review.correction)
    return review.verdict, text, review.fact, "" if text else review.task


def author_of(correction: str, ratings: Sequence[Rating], reviews: Sequence[Review]) -> str:
    """Who wrote it: the first person to send that text, with a rating or a review."""
    wanted = plain(correction)
    by_raters = [rating.user for rating in ratings if wanted and plain(rating.correction) == wanted]
    by_reviewers = [review.reviewer for review in reviews if wanted and plain(review.correction) == wanted]
    return (by_raters or by_reviewers or [""])[0]


def missing(reviews: Sequence[Review], author: str, quorum: int) -> int:
    """How many reviewers must still agree with the last review. One person counts once, by their last word; from a
    quorum of two on, neither whoever wrote the correction counts nor reviewers without a name, who might be the same."""
    last = {review.reviewer: review for review in reviews if review.verdict != "skip"}
    wanted = proposal(reviews[-1])
    agreeing = {name for name, review in last.items() if proposal(review) == wanted}
    return max(0, quorum - len(agreeing - {author, ""} if quorum > 1 else agreeing))


def waiting(still: int) -> str:
    return f"waiting for {still} more reviewer{'s' if still > 1 else ''} to agree, other than the correction's author"

"""When reviewers have decided: who agrees with whom, and who may not count. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.types import Example, Rating, Review


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


def waiting(still: int, author: str = "the correction's author") -> str:
    return f"waiting for {still} more reviewer{'s' if still > 1 else ''} to agree, other than {author}"


# Examples: what is approved is a text, so that nobody's approval counts for an answer that they have not seen


@dataclass(frozen=True)
class Standing:
    """How far an example is. `answer`: what was last put forward as its answer; `approved_by`: whose approval of that
    counts; `waiting_for`: how many must still approve it."""

    answer: str
    approved_by: tuple[str, ...] = ()
    waiting_for: int = 0


def text_of(review: Review, example: Example) -> str | None:
    """The answer that a review of an example approves; None where it approves none."""
    if review.verdict not in ("approve", "correct") or review.fact:
        return None
    return review.correction.strip() or example.answer.strip()


def writers(example: Example, reviews: Sequence[Review], text: str) -> list[str]:
    """Whose work the example with this answer is: its author's, and that of the first to put another answer forward."""
    own = [example.author]
    if text != example.answer.strip():
        own += [review.reviewer for review in reviews if text_of(review, example) == text][:1]
    return own


def approvers(example: Example, reviews: Sequence[Review], text: str, quorum: int) -> list[str]:
    """Whose last word approves the example with this answer; who counts is as in `missing`."""
    last = {review.reviewer: review for review in reviews if review.verdict != "skip"}
    uncounted = {"", *writers(example, reviews, text)} if quorum > 1 else set()
    return [name for name, review in last.items() if text_of(review, example) == text and name not in uncounted]


def standing(example: Example, reviews: Sequence[Review], quorum: int) -> Standing:
    """Of a round of reviews, oldest first: the open one of an example that waits, the closed one of an approved one."""
    texts = [text for review in reviews if (text := text_of(review, example)) is not None]
    answer = texts[-1] if texts and example.state != "approved" else example.answer.strip()
    names = approvers(example, reviews, answer, quorum)
    asked = example.state == "draft" or (example.state != "approved" and texts)
    still = max(0, quorum - len(names)) if asked else 0
    return Standing(answer, tuple(filter(None, names)), still)

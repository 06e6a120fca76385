"""Which answers are worth a reviewer's half minute, worst first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from core.corrections import query_key
from core.types import Answer, Rating, Review

Alike = Callable[[str, str], bool]

THIN = 0.1
UNSURE = 0.5
# How much each reason weighs alone; together they weigh as independent chances that the answer is wrong.
WEIGHTS = {
    "corrected by the person who rated it": 0.95,
    "its document changed": 0.9,
    "reviewers disagree": 0.9,
    "rated down": 0.85,
    "ratings differ": 0.8,
    "waiting for another reviewer": 0.7,
    "preferred to another answer": 0.5,
    "another answer was preferred": 0.5,
    "a sentence failed its citation check": 0.45,
    "refused": 0.35,
    "low confidence": 0.35,
    "unsure of the kind of question": 0.3,
    "two roads were almost equal": 0.25,
    "shown with a warning": 0.2,
    "rated up": 0.1,
}


@dataclass(frozen=True)
class Item:
    """An answer in the queue. `alike`: ids of answers to near-duplicate queries, decided together with it where it is
    corrected."""

    answer: Answer
    ratings: tuple[Rating, ...]
    reviews: tuple[Review, ...]
    why: tuple[str, ...]
    priority: float
    alike: tuple[str, ...] = ()


@dataclass(frozen=True)
class Desk:
    """What the queue is made from: reviews by answer id, oldest first; when an answer was decided last, by id; ids of those
    whose correction went stale; and by query key when a correction of that query came into force. Times in seconds."""

    answers: Sequence[Answer]
    ratings: Sequence[Rating] = ()
    reviews: Mapping[str, Sequence[Review]] = field(default_factory=dict)
    decided: Mapping[str, float] = field(default_factory=dict)
    stale: Collection[str] = ()
    corrected: Mapping[str, float] = field(default_factory=dict)


def queue(desk: Desk, reviewer: str = "") -> list[Item]:
    """Undecided answers that somebody should look at, worst first; without what this reviewer has reviewed already."""
    by_answer: dict[str, list[Rating]] = {}
    lost = {rating.preferred_over for rating in desk.ratings if rating.preferred_over}
    for rating in desk.ratings:
        by_answer.setdefault(rating.answer_id, []).append(rating)
    approved = approved_texts(desk)
    items = []
    for answer in desk.answers:
        reviews, ratings = tuple(desk.reviews.get(answer.id, ())), tuple(by_answer.get(answer.id, ()))
        stale, since = answer.id in desk.stale, desk.decided.get(answer.id)
        done = since is not None or settled(answer, desk.corrected)
        done = done or (same_text(answer) in approved and not any(rating.score == -1 for rating in ratings))
        seen = bool(reviewer) and any(review.reviewer == reviewer for review in reviews)
        if (done or seen) and not stale and not objected(ratings, since):
            continue
        why = reasons(answer, ratings, reviews, answer.id in lost, stale)
        if why:
            items.append(Item(answer, ratings, reviews, why, priority(why)))
    return sorted(items, key=lambda item: (-item.priority, -item.answer.created_at.timestamp()))


def objected(ratings: Sequence[Rating], since: float | None) -> bool:
    """Whether somebody rated the answer down after it was decided: then it is looked at again."""
    return since is not None and any(r.score == -1 and r.created_at.timestamp() > since for r in ratings)


def asked(answer: Answer) -> str:
    return answer.standalone or answer.query


def settled(answer: Answer, corrected: Mapping[str, float]) -> bool:
    """Whether its query was corrected after it was given: the next person gets the corrected answer."""
    since = corrected.get(query_key(asked(answer)))
    return since is not None and answer.created_at.timestamp() <= since


def same_text(answer: Answer) -> tuple[str, str]:
    return query_key(asked(answer)), " ".join(answer.text.split())


def approved_texts(desk: Desk) -> set[tuple[str, str]]:
    """Query and text of each answer that was approved: given again, it needs no second review."""
    last = {id: reviews[-1].verdict for id, reviews in desk.reviews.items() if reviews}
    return {same_text(one) for one in desk.answers if one.id in desk.decided and last.get(one.id) == "approve"}


def reasons(
    answer: Answer, ratings: Sequence[Rating], reviews: Sequence[Review], lost: bool = False, stale: bool = False
) -> tuple[str, ...]:
    """Why a reviewer should see it, in words."""
    scores = {rating.score for rating in ratings if rating.score is not None}
    verdicts = {review.reviewer: review.verdict for review in reviews if review.verdict != "skip"}
    found = {
        "corrected by the person who rated it": any(rating.correction.strip() for rating in ratings),
        "its document changed": stale,
        "reviewers disagree": len(set(verdicts.values())) > 1,
        "rated down": scores == {-1},
        "ratings differ": scores == {-1, 1},
        "waiting for another reviewer": len(set(verdicts.values())) == 1,
        "preferred to another answer": any(rating.preferred_over for rating in ratings),
        "another answer was preferred": lost,
        "rated up": scores == {1},
    }
    if not answer.reviewed:
        found |= doubts(answer)
    return tuple(why for why in WEIGHTS if found.get(why))


def doubts(answer: Answer) -> dict[str, bool]:
    """What the answer itself says of how sure it is; nobody has to have rated it."""
    route = answer.route
    chosen = route is not None and not route.overridden and route.strategy != "refuse"
    out_of_scope = answer.refused and route is not None and route.strategy == "refuse" and not route.advice
    return {
        "a sentence failed its citation check": bool(answer.dropped),
        "refused": answer.refused and not out_of_scope,
        "low confidence": answer.confidence is not None and answer.confidence < UNSURE,
        "unsure of the kind of question": route is not None and route.unsure,
        "two roads were almost equal": chosen and route is not None and 0 < route.margin < THIN,
        "shown with a warning": bool(answer.warnings),
    }


def priority(why: Sequence[str]) -> float:
    """0 to 1: the chance that at least one of the reasons is right, each taken alone."""
    left = 1.0
    for reason in why:
        left *= 1 - WEIGHTS[reason]
    return round(1 - left, 4)


def grouped(items: Sequence[Item], alike: Alike) -> list[Item]:
    """Near-duplicates of a worse item, by `alike` (query, query), stand behind it: a reviewer decides one of them.

    The query of a corrected item gets its answer from then on, and so do those that are alike. Pure, and stable: the
    order of the items stays.
    """
    heads: list[Item] = []
    behind: dict[str, list[str]] = {}
    by_key: dict[str, Item] = {}
    for item in items:
        text = asked(item.answer)
        head = by_key.get(query_key(text))
        if head is None:
            head = next((one for one in heads if alike(asked(one.answer), text)), None)
        if head is None:
            heads.append(item)
            by_key[query_key(text)] = item
        else:
            behind.setdefault(head.answer.id, []).append(item.answer.id)
    return [
        Item(one.answer, one.ratings, one.reviews, one.why, one.priority, tuple(behind.get(one.answer.id, ())))
        for one in heads
    ]


@dataclass(frozen=True)
class Agreement:
    """How often a reviewer agrees with others on whether an answer is good; `kappa` allows for chance. None: no answer
    that others judged too, or, for kappa, all judged alike."""

    reviewer: str
    reviews: int
    agreement: float | None = None
    kappa: float | None = None


def agreement(reviewer: str, reviews: Sequence[Review], ratings: Sequence[Rating]) -> Agreement:
    """Compare a reviewer's last word on each answer with other reviewers' and with the ratings of other people."""
    from sklearn.metrics import cohen_kappa_score

    last = {(one.subject, one.reviewer): one.verdict == "approve" for one in reviews if one.verdict != "skip"}
    judged = last | {(one.answer_id, f"rating {one.id}"): one.score > 0 for one in ratings
                     if one.score is not None and (one.user != reviewer or not reviewer)}  # fmt: skip
    mine = {subject: good for (subject, name), good in last.items() if name == reviewer}
    pairs = [(mine[subject], good) for (subject, name), good in judged.items() if name != reviewer and subject in mine]
    count = sum(one.reviewer == reviewer for one in reviews)
    if not pairs:
        return Agreement(reviewer, count)
    share = sum(a == b for a, b in pairs) / len(pairs)
    varied = len({value for pair in pairs for value in pair}) > 1
    kappa = float(cohen_kappa_score(*zip(*pairs, strict=True))) if varied else None
    return Agreement(reviewer, count, round(share, 4), None if kappa is None else round(kappa, 4))

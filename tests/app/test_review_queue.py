"""The order in which reviewers see answers, what leaves the queue, and how far a reviewer agrees with others. Pure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.review_queue import WEIGHTS, Desk, agreement, grouped, priority, queue, reasons
from core.corrections import query_key
from core.types import Answer, Rating, Review, RouteDecision, now

ROUTE = RouteDecision(strategy="tuned", task="label", margin=0.5)


def answer(id: str, query: str = "", **more) -> Answer:
    fields = {"text": "t", "status": "complete", "route": ROUTE, "confidence": 0.9}
    return Answer(id=id, query=query or f"query {id}", **{**fields, **more})


def rating(answer_id: str, score: int | None = None, **more) -> Rating:
    return Rating(answer_id=answer_id, score=score, **more)


def review(subject: str, verdict: str = "approve", reviewer: str = "bob") -> Review:
    return Review(subject=subject, verdict=verdict, reviewer=reviewer)


def ids(items) -> list[str]:
    return [item.answer.id for item in items]


def test_the_worst_comes_first_and_what_nobody_doubts_does_not_come():
    answers = [answer("fine"), answer("unsure", confidence=0.2), answer("down"), answer("up")]
    desk = Desk(answers, [rating("down", -1), rating("up", 1)])
    assert ids(queue(desk)) == ["down", "unsure", "up"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"dropped": ("a sentence",)}, "a sentence failed its citation check"),
        ({"refused": True}, "refused"),
        ({"confidence": 0.3}, "low confidence"),
        ({"warnings": ("w",)}, "shown with a warning"),
        ({"route": ROUTE.model_copy(update={"margin": 0.03})}, "two roads were almost equal"),
        ({"route": ROUTE.model_copy(update={"unsure": True})}, "unsure of the kind of question"),
    ],
)
def test_an_unrated_answer_comes_where_it_doubts_itself(more, why):
    assert reasons(answer("a", **more), [], []) == (why,)


def test_a_question_that_is_not_our_business_is_no_doubt():
    refused = answer("a", refused=True, route=RouteDecision(strategy="refuse", task="out_of_scope"))
    assert reasons(refused, [], []) == ()
    closed = answer("a", refused=True, route=RouteDecision(strategy="refuse", task="label", advice="train"))
    assert reasons(closed, [], []) == ("refused",)


def test_ratings_that_differ_and_reviewers_who_differ_are_disputes():
    one = answer("a")
    assert reasons(one, [rating("a", 1), rating("a", -1)], []) == ("ratings differ",)
    assert "reviewers disagree" in reasons(one, [], [review("a"), review("a", "reject", "cem")])
    assert reasons(one, [], [review("a")]) == ("waiting for another reviewer",)


def test_both_answers_of_a_preference_come():
    desk = Desk([answer("better"), answer("worse")], [rating("better", preferred_over="worse")])
    assert {item.answer.id: item.why for item in queue(desk)} == {
        "better": ("preferred to another answer",),
        "worse": ("another answer was preferred",),
    }


def test_more_reasons_weigh_more_and_never_more_than_certainty():
    assert priority(["refused"]) < priority(["refused", "rated down"]) < priority(list(WEIGHTS)) <= 1
    assert priority([]) == 0


def test_a_decided_answer_leaves_until_somebody_objects_again():
    decided = {"a": now().timestamp()}
    before = rating("a", -1, created_at=now() - timedelta(hours=1))
    after = rating("a", -1, created_at=now() + timedelta(hours=1))
    assert queue(Desk([answer("a")], [before], {"a": [review("a")]}, decided)) == []
    assert ids(queue(Desk([answer("a")], [before, after], {"a": [review("a")]}, decided), "bob")) == ["a"]


def test_a_stale_correction_brings_its_answer_back():
    desk = Desk([answer("a")], decided={"a": now().timestamp()}, stale={"a"})
    assert queue(desk)[0].why == ("its document changed",)


def test_an_answer_given_before_its_query_was_corrected_leaves_too_and_a_later_one_does_not():
    old = answer("old", "Who?", created_at=now() - timedelta(hours=1))
    new = answer("new", "who", created_at=now() + timedelta(hours=1))
    desk = Desk([old, new], [rating("old", -1), rating("new", -1)], corrected={query_key("Who?"): now().timestamp()})
    assert ids(queue(desk)) == ["new"]


def test_the_same_answer_to_the_same_query_is_approved_once():
    answers = [answer("a", "Who?", warnings=("w",)), answer("b", "who", warnings=("w",)), answer("c", "Who?", text="x",
               warnings=("w",))]  # fmt: skip
    desk = Desk(answers, reviews={"a": [review("a")]}, decided={"a": now().timestamp()})
    assert ids(queue(desk)) == ["c"]


def test_a_reviewer_does_not_see_again_what_they_judged_or_skipped():
    desk = Desk([answer("a", confidence=0.1)], reviews={"a": [review("a", "skip")]})
    assert queue(desk, "bob") == []
    assert ids(queue(desk, "cem")) == ["a"]


def test_near_duplicates_stand_behind_the_worst_of_them():
    answers = [
        answer("a", "Who approves it?"),
        answer("b", "who approves it"),
        answer("c", "other"),
        answer("d", "near"),
    ]
    items = queue(Desk(answers, [rating(id, -1) for id in "abcd"] + [rating("b", -1, correction="Rosa.")]))
    found = grouped(items, lambda one, other: {one, other} == {"who approves it", "near"})
    assert {item.answer.id: set(item.alike) for item in found} == {"b": {"a", "d"}, "c": set()}


# Agreement


def test_agreement_allows_for_chance():
    reviews = [review(str(n), "approve" if n % 2 else "reject") for n in range(8)]
    others = [review(str(n), "approve" if n % 2 else "correct", "cem") for n in range(7)] + [
        review("7", "reject", "cem")
    ]
    found = agreement("bob", [*reviews, *others], [])
    assert found.reviews == 8
    assert found.agreement == 0.875
    assert found.kappa == pytest.approx(0.75)


def test_ratings_of_others_count_own_ones_do_not():
    found = agreement(
        "bob", [review("a"), review("b", "reject")], [rating("a", 1, user="ann"), rating("b", 1, user="bob")]
    )
    assert found.agreement == 1.0
    assert found.kappa is None


def test_nobody_to_compare_with_is_no_figure():
    assert agreement("bob", [review("a")], []).agreement is None

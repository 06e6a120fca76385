"""Decisions on examples, by name: an approval counts towards the quorum of reviewers, whichever way it comes in.

They are kept as reviews of the kind `example`; `app.quorum` says whose word counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from app.quorum import Standing, standing, text_of, waiting
from app.review import check
from app.reviewing import take_of_example
from core.domain import Domain
from core.reviews import Effects, ExampleChange, Recorded, Reviews, closed_round, open_round
from core.types import Example, Review
from finetune.examples import GONE, ExampleError, State


class OthersMustApprove(ExampleError):
    """With a quorum, whoever wrote an example cannot approve it."""

    status = 409
    title = "Others must approve it"


class Settled(Example):
    """An example after a decision on it. `proposed`: the answer that is being approved, where it is another than `answer`;
    `approved_by`: whose approval counts; `waiting_for`: how many reviewers must still approve it."""

    proposed: str = ""
    approved_by: tuple[str, ...] = ()
    waiting_for: int = 0


class Approving:
    """Decide on the examples of a store, under a quorum (settings: review_quorum)."""

    def __init__(self, reviews: Reviews, domain: Domain, quorum: int) -> None:
        self._reviews, self._domain, self.quorum = reviews, domain, quorum

    def decide(self, id: str, state: State, answer: str | None = None, reviewer: str = "") -> Settled:
        """Approve, reject or withdraw an example, or make it a draft again; `answer`: what it should say instead. With a
        quorum of two or more an approval is one of several, and until there are enough the example stays as it is.

        Raises:
            NotFound: there is no such example.
            ExampleError: the answer is empty, or nobody says who approves.
            OthersMustApprove: the reviewer wrote it.
            QueryError: the answer has not the form that its task asks for, or is too long.
        """
        example, name = self._reviews.example(id), reviewer.strip()
        if answer is not None and not answer.strip():
            raise ExampleError("an example without an answer teaches nothing: write one, or reject the example")
        text = (example.answer if answer is None else answer).strip()
        changed = text != example.answer.strip()
        if self.quorum > 1 and not name and (state == "approved" or changed):
            raise ExampleError(
                f"{self.quorum} reviewers must approve an example: say who you are (`reviewer`, or --reviewer NAME)"
            )
        if state == "approved":
            self._approve(example, text, name)
        else:
            self._set(example, state, text if changed else "", name)
        return self.settled(id)

    def _approve(self, example: Example, text: str, name: str) -> None:
        if example.state == "approved" and text == example.answer.strip():
            return
        if self.quorum > 1 and name == example.author:
            raise OthersMustApprove(
                f"{name} wrote this example: {self.quorum} reviewers other than {name} must approve it"
            )
        said = [one.review for one in open_round(self._reviews.of("example", example.id))]
        found = standing(example, said, self.quorum)
        mine = next((each for each in reversed(said) if each.reviewer == name and each.verdict != "skip"), None)
        if mine and found.waiting_for and text_of(mine, example) == found.answer == text:
            return  # said twice, it counts once
        verdict = "approve" if text == example.answer.strip() else "correct"
        review = Review(kind="example", subject=example.id, reviewer=name, verdict=verdict, correction=text)
        check(review, self._domain, example.task)
        take_of_example(self._reviews, review, self.quorum)

    def _set(self, example: Example, state: State, text: str, name: str) -> None:
        """Any one person may take an example out, or back: nothing more is learned by it."""
        note = "" if example.note == GONE else None
        change = ExampleChange(state, text, name, note)
        verdict = "skip" if state == "draft" else "reject"
        review = Review(kind="example", subject=example.id, reviewer=name, verdict=verdict)
        check(review, self._domain, example.task)
        said = "it is a draft again" if state == "draft" else f"the example is {state}"
        self._reviews.record(review, lambda _: Effects(True, said=(said,), example_change=change))

    def settled(self, id: str) -> Settled:
        """Raises NotFound."""
        example = self._reviews.example(id)
        found = self._standing(example, self._reviews.of("example", id))
        proposed = found.answer if found.answer != example.answer.strip() else ""
        return Settled(
            **example.model_dump(), proposed=proposed, approved_by=found.approved_by, waiting_for=found.waiting_for
        )

    def standings(self, examples: Iterable[Example]) -> dict[str, Standing]:
        """By id, of those that anybody has said something of."""
        known = {example.id: example for example in examples}
        found = self._reviews.of_examples(known)
        return {id: self._standing(known[id], said) for id, said in found.items()}

    def _standing(self, example: Example, said: list[Recorded]) -> Standing:
        recorded = closed_round(said) if example.state == "approved" else open_round(said)
        return standing(example, [one.review for one in recorded], self.quorum)

    def done_by(self, reviewer: str) -> Collection[str]:
        """Examples on which this person's word is given: nobody has put another answer forward since."""
        done = set()
        for id, said in self._reviews.of_examples_judged_by(reviewer).items():
            words = [one.review for one in open_round(said) if one.review.verdict != "skip"]
            mine = [review for review in words if review.reviewer == reviewer]
            approvals = [review for review in words if review.verdict != "reject"]
            if mine and (mine[-1].verdict == "reject" or mine[-1].correction == approvals[-1].correction):
                done.add(id)
        return done


def waiting_line(settled: Settled) -> str:
    """What a person is told of an approval that is one of several; empty where it needs no more."""
    if settled.state == "approved" or not settled.waiting_for:
        return ""
    by = f"approved by {', '.join(settled.approved_by)}, " if settled.approved_by else ""
    return f"{by}{waiting(settled.waiting_for, 'who wrote it')}"

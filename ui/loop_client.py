"""The endpoints of the learning loop: review, examples, datasets, training, adapters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from core.types import Answer, Correction, Example, Job, Rating, Registered, Report, Review
from ui.transport import ApiError, Problem, Transport, parsed, path_of

PATIENT = 180.0  # seconds: building a dataset embeds every row


@dataclass(frozen=True)
class ReviewItem:
    """An answer that waits for a reviewer, and why. `alike`: answers to nearly the same query, with nearly the same text."""

    answer: Answer
    ratings: tuple[Rating, ...] = ()
    reviews: tuple[Review, ...] = ()
    why: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()


@dataclass(frozen=True)
class Queue:
    """`agreement`: reviewer, reviews, agreement (a share), kappa; the last two are none until others judged the same."""

    items: tuple[ReviewItem, ...]
    left: int
    quorum: int = 1
    agreement: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """How far an example is. `answer`: the answer that is being approved; `waiting_for`: how many must still approve it."""

    answer: str
    approved_by: tuple[str, ...] = ()
    waiting_for: int = 0


@dataclass(frozen=True)
class Shelf:
    """Examples that were asked for, how many there are, and how each task stands. `standings`: of those that anybody has
    judged, by their ids."""

    examples: tuple[Example, ...]
    total: int
    tasks: tuple[dict[str, Any], ...]
    quorum: int = 1
    standings: dict[str, Standing] = field(default_factory=dict)

    def standing(self, example: Example) -> Standing:
        missing = self.quorum if example.state == "draft" else 0
        return self.standings.get(example.id) or Standing(example.answer, waiting_for=missing)


class LoopApi(Transport):
    # Review

    def review_queue(self, reviewer: str, limit: int = 20) -> Queue:
        """What this reviewer has not judged yet, the most urgent first."""
        body = self._call("GET", "/api/review", params={"limit": limit, "reviewer": reviewer})
        items = tuple(_item(row) for row in body["items"])
        return Queue(items, int(body["left"]), int(body.get("quorum") or 1), body.get("agreement") or {})

    def review(self, review: Review) -> tuple[list[str], int]:
        """Returns what the review set off, in sentences, and how many reviewers the quorum still waits for."""
        body = self._call("POST", "/api/review", json=review.model_dump(mode="json"), timeout=PATIENT)
        return [str(effect) for effect in body.get("effects") or ()], int(body.get("waiting_for") or 0)

    def outcome(self, rating_id: str) -> dict[str, Any]:
        """What became of a rating: state, effects, learned_by. Empty where the API does not know."""
        try:
            return self._call("GET", f"/api/ratings/{path_of(rating_id)}/outcome")
        except Problem as problem:
            if problem.status == 404:
                return {}
            raise

    def corrections(self) -> list[Correction]:
        return [parsed(Correction, row) for row in self._call("GET", "/api/corrections")]

    def withdraw(self, correction_id: str) -> None:
        self._call("POST", f"/api/corrections/{path_of(correction_id)}/withdraw")

    # Examples

    def examples(self, limit: int = 20, offset: int = 0, **wanted: str) -> Shelf:
        """`wanted`: state, task, origin; an empty one does not filter. `reviewer`: without what that person need not judge."""
        params = {"limit": limit, "offset": offset, **{name: value for name, value in wanted.items() if value}}
        body = self._call("GET", "/api/examples", params=params)
        examples = tuple(parsed(Example, row) for row in body["examples"])
        standings = {id: _standing(row) for id, row in (body.get("approvals") or {}).items()}
        return Shelf(
            examples, int(body["total"]), tuple(body.get("tasks") or ()), int(body.get("quorum") or 1), standings
        )

    def add_example(self, example: Example) -> Example:
        return parsed(Example, self._call("POST", "/api/examples", json=example.model_dump(mode="json")))

    def set_example(self, id: str, state: str, answer: str | None = None, reviewer: str = "") -> Standing:
        """Returns where the example stands then: an approval may be one of several."""
        body = {"state": state, "answer": answer, "reviewer": reviewer}
        given = {name: value for name, value in body.items() if value}
        return _standing(self._call("POST", f"/api/examples/{path_of(id)}/state", json=given))

    def draft(self, source: str, task: str, count: int, model: str = "base") -> Job:
        """Start a job that writes drafts from a document; its `done` counts them."""
        body = {"source": source, "task": task, "count": count, "model": model}
        return parsed(Job, self._call("POST", "/api/examples/draft", json=body))

    def import_examples(self, name: str, content: bytes, task: str) -> dict[str, Any]:
        """Returns added, skipped, faults."""
        files, data = {"file": (name, content)}, {"task": task}
        return self._call("POST", "/api/examples/import", files=files, data=data, timeout=PATIENT)

    # Datasets

    def datasets(self) -> list[dict[str, Any]]:
        return self._call("GET", "/api/datasets")

    def dataset(self, version: str) -> dict[str, Any]:
        """A version with its whole manifest, and its plots as SVG by file name."""
        return self._call("GET", f"/api/datasets/{path_of(version)}", timeout=PATIENT)

    def build_dataset(
        self, tasks: Iterable[str] = (), allow_personal: bool = False, rows: int | None = None
    ) -> dict[str, Any]:
        """A version of what is approved now; all tasks where none is named, at most so many rows."""
        body: dict[str, Any] = {"tasks": list(tasks)} if tasks else {}
        body |= {"allow_personal": True} if allow_personal else {}
        body |= {"rows": rows} if rows else {}
        return self._call("POST", "/api/datasets", json=body, timeout=PATIENT)

    def compare_datasets(self, a: str, b: str) -> dict[str, Any]:
        return self._call("GET", f"/api/datasets/{path_of(a)}/compare/{path_of(b)}", timeout=PATIENT)

    def dataset_rows(self, version: str) -> bytes:
        """The rows as JSONL."""
        return self._bytes(f"/api/datasets/{path_of(version)}/rows")

    # Training

    def train(self, dataset: str | None, **wanted: Any) -> Job:
        """Start a run on a dataset version; on one that is built for it where none is given. `wanted`: name, changes (of
        the recipe), search; what is empty is left to the pack."""
        body = {"dataset": dataset, **{name: value for name, value in wanted.items() if value}}
        return parsed(Job, self._call("POST", "/api/training", json=body, timeout=PATIENT))

    def training(self) -> list[dict[str, Any]]:
        return self._call("GET", "/api/training")

    # Adapters

    def registry(self) -> list[Registered]:
        return [parsed(Registered, row) for row in self._call("GET", "/api/registry")]

    def evaluate_adapter(self, id: str) -> Job:
        return parsed(Job, self._call("POST", f"/api/registry/{path_of(id)}/evaluate"))

    def promote(self, id: str) -> Registered:
        return parsed(Registered, self._call("POST", f"/api/registry/{path_of(id)}/promote", timeout=PATIENT))

    def roll_back(self, name: str) -> Registered:
        return parsed(Registered, self._call("POST", f"/api/registry/{path_of(name)}/rollback", timeout=PATIENT))

    def retire(self, id: str) -> Registered:
        return parsed(Registered, self._call("POST", f"/api/registry/{path_of(id)}/retire"))

    def report(self, id: str) -> Report:
        return parsed(Report, self._call("GET", f"/api/reports/{path_of(id)}"))


def _standing(row: dict[str, Any]) -> Standing:
    names = tuple(str(name) for name in row.get("approved_by") or ())
    return Standing(str(row.get("proposed") or row.get("answer") or ""), names, int(row.get("waiting_for") or 0))


def _item(row: dict[str, Any]) -> ReviewItem:
    try:
        return ReviewItem(
            parsed(Answer, row["answer"]),
            tuple(parsed(Rating, each) for each in row.get("ratings") or ()),
            tuple(parsed(Review, each) for each in row.get("reviews") or ()),
            tuple(str(why) for why in row.get("why") or ()),
            tuple(str(id) for id in row.get("alike") or ()),
        )
    except (KeyError, TypeError) as error:
        raise ApiError("The API's reply is not understood", "Update page and API, and restart both.") from error

"""Takes one review over and over and is killed at each statement of its transaction: python -m tests.app.reviews_killed URL.

Prints, for each attempt, what was in the database afterwards, one JSON object a line. It must never load torch.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from sqlalchemy import event, func, select

from app.review import Subject, decide
from core.corrections import Corrections
from core.domain import load_domain
from core.reviews import Reviews
from core.store import Store, open_store
from core.tables import CorrectionRow, ExampleRow, JudgementRow, ReviewRow
from core.types import Answer, Passage, Rating, Review, RouteDecision
from tests.packs import make_pack

QUERY = 'Make this polite: "Close the door"'
ANSWER = Answer(
    id="a" * 32, query=QUERY, text="Close it.", status="complete", route=RouteDecision(strategy="prompt", task="rewrite"),
    passages=(Passage(id="p1", source="a.md", text="Doors."),),
)  # fmt: skip
RATING = Rating(id="b" * 32, answer_id=ANSWER.id, score=-1, correction="Could you please close the door?", user="ann")
REVIEW = Review(
    id="c" * 32, subject=ANSWER.id, reviewer="bob", verdict="correct", correction=RATING.correction, fault="route",
    task="rewrite", passages={"p1": False},
)  # fmt: skip
MOST = 60


def counts(store: Store) -> dict[str, int]:
    with store.session() as session:
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
            for table in (ReviewRow, ExampleRow, CorrectionRow, JudgementRow)
        }


def attempt(url: str, folder: Path, last: int) -> None:
    """Take the review; killed before the statement of that number, or, with 0, after the commit."""
    store = open_store(url)
    seen = 0

    def die(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(store.engine, "before_cursor_execute", die)
    event.listen(store.engine, "commit", die)
    domain = load_domain(folder)
    Reviews(store).record(REVIEW, lambda reviews: decide(domain, Subject(ANSWER, (RATING,)), reviews, 1))
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    url, pack = sys.argv[1], Path(sys.argv[2])
    store = open_store(url)
    store.save_answer(ANSWER)
    store.add_rating(RATING)
    store.engine.dispose()
    for n in range(1, MOST):
        child = os.fork()
        if not child:
            attempt(url, pack, n)
        os.waitpid(child, 0)
        store = open_store(url)
        found = counts(store) | {"active": len(Corrections(store).active())}
        store.engine.dispose()
        print(json.dumps(found | {"torch": "torch" in sys.modules}), flush=True)
        if found["reviews"] and n > 1:
            break
    attempt(url, pack, 0)


if __name__ == "__main__":
    make_pack("office", Path(sys.argv[2]).parent)
    main()

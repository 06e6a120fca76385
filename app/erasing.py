"""`trivium erase USER`: a person's rows go, and what learned from them is named.

What was trained cannot be taken out of weights again: the adapters are named, so that they can be retired and trained anew
from a dataset version without those rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core.errors import QueryError
from core.store import Store
from core.tables import AdapterRow, CorrectionRow, DatasetRow, ExampleRow, JudgementRow, RatingRow, ReviewRow
from core.types import Noun

OWNED = (
    ("ratings", RatingRow, RatingRow.user),
    ("reviews", ReviewRow, ReviewRow.reviewer),
    ("corrections", CorrectionRow, CorrectionRow.author),
    ("judgements", JudgementRow, JudgementRow.author),
    ("examples", ExampleRow, ExampleRow.author),
)


class Erased(Noun):
    """`removed`: rows by kind; `datasets`: versions that hold rows of the person; `adapters`: those that learned from them,
    or went on from one that did."""

    user: str
    removed: dict[str, int]
    datasets: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()


def erase(store: Store, user: str) -> Erased:
    """Remove all that a person wrote, in one transaction. A second time it removes nothing, and names the same.

    Raises:
        QueryError: no name was given (rows without an author belong to nobody).
    """
    if not user.strip():
        raise QueryError("name the person whose rows are to be removed: trivium erase USER")
    with store.session() as session:
        datasets = versions_of(session, user)
        adapters = learners(session.scalars(select(AdapterRow)).all(), datasets)
        examples = select(ExampleRow.id).where(ExampleRow.author == user)
        gone = list(session.scalars(examples))
        removed = {kind: count(session, table, owner, user) for kind, table, owner in OWNED}
        for start in range(0, len(gone), 500):
            some = gone[start : start + 500]
            # Whoever else corrected the same answer keeps the correction; reviews of an example that is gone say nothing.
            session.execute(update(CorrectionRow).where(CorrectionRow.example_id.in_(some)).values(example_id=""))
            session.execute(delete(ReviewRow).where(ReviewRow.kind == "example", ReviewRow.subject.in_(some)))
        for _, table, owner in OWNED:
            session.execute(delete(table).where(owner == user))
    return Erased(user=user, removed=removed, datasets=tuple(datasets), adapters=tuple(adapters))


def count(session: Session, table: Any, owner: Any, user: str) -> int:
    return session.scalar(select(func.count()).select_from(table).where(owner == user)) or 0


def versions_of(session: Session, user: str) -> list[str]:
    """Dataset versions whose manifest counts rows of this author."""
    rows = session.scalars(select(DatasetRow).order_by(DatasetRow.created_at, DatasetRow.version))
    return [row.version for row in rows if (row.manifest.get("authors") or {}).get(user)]


def learners(rows: Sequence[AdapterRow], versions: Sequence[str]) -> list[str]:
    """Adapters trained on one of the versions, and those whose training went on from such an adapter (`parent` in the card
    holds its name and the start of its hash)."""
    found = {row.id for row in rows if row.dataset in versions}
    while True:
        known = [row.sha256 for row in rows if row.id in found]
        more = {row.id for row in rows if row.id not in found and descends(row, known)}
        if not more:
            return sorted(found)
        found |= more


def descends(row: AdapterRow, from_: Sequence[str]) -> bool:
    _, _, short = str(row.card.get("parent") or "").rpartition(" ")
    return bool(short) and any(sha256.startswith(short) for sha256 in from_)


def as_text(erased: Erased) -> str:
    rows = ", ".join(f"{number} {kind}" for kind, number in erased.removed.items() if number) or "no rows"
    lines = [f"Removed of {erased.user}: {rows}."]
    if erased.datasets:
        lines.append(
            f"Dataset versions that hold rows of theirs: {', '.join(erased.datasets)}. Remove them, and build anew."
        )
    if erased.adapters:
        lines.append(
            f"Adapters that learned from them: {', '.join(erased.adapters)}. Train anew from a new version, promote that, "
            "and retire these (`trivium adapters retire ID`)."
        )
    if not erased.adapters:
        lines.append("No adapter learned from them.")
    return "\n".join(lines)

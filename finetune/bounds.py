"""How much of a version may come from one account, refuse, or be of one task. Pure.

What has to go is chosen by a hash of its content: the same rows give the same choice, and nobody can place a row first.
Reviewed rows go last.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from finetune.rows import Row

# What people looked at one by one is worth most.
RANKS = {"review": 0, "preference": 0, "seed": 1, "import": 2, "draft": 3}
Cut = list[tuple[Row, str]]
ROUNDING = 1e-6  # a share of a number of rows that is a whole number may come out a little less


def rank(row: Row) -> tuple[int, bytes]:
    return RANKS.get(row.origin, len(RANKS)), chance(row)


def chance(row: Row) -> bytes:
    return hashlib.sha256(f"kept:{row.key}".encode()).digest()


def bound_accounts(rows: Sequence[Row], share: float, least: int) -> Cut:
    """Rows over an account's bound, each with a sentence. Seeds are the pack's; rows without a name are one account's."""
    counts = Counter(row.author for row in rows if row.origin != "seed")
    if share >= 1:
        return []
    others = len(rows) - sum(counts.values())
    bound = account_bound(list(counts.values()), others, share, least)
    cut: Cut = []
    for author, count in counts.items():
        if count > bound:
            why = f"{author or 'nobody named'} gave {count} rows, and one account may give {bound} to this version"
            cut += surplus([row for row in rows if row.origin != "seed" and row.author == author], bound, why, chance)
    return cut


def account_bound(counts: Sequence[int], others: int, share: float, least: int) -> int:
    """The rows that one account may give, so that it has at most `share` of what then remains, or `least`."""
    bound = max(least, int(share * (others + sum(counts))))
    while True:
        left = others + sum(min(count, bound) for count in counts)
        lower = max(least, int(share * left))
        if lower >= bound:
            return bound
        bound = lower


def bound_refusals(rows: Sequence[Row], share: float, refuses: Callable[[Row], bool]) -> Cut:
    """Refusals over their share: a model that saw too many refuses what it knows."""
    refusals = [row for row in rows if refuses(row)]
    if share >= 1:
        return []
    allowed = int(share / (1 - share) * (len(rows) - len(refusals)) + 1e-9)
    why = f"{len(refusals)} of {len(rows)} rows refuse, and {share:.0%} may"
    return surplus(refusals, allowed, why, rank)


def bound_tasks(rows: Sequence[Row], ratio: float, least: int) -> Cut:
    """Rows of a task that has more than `ratio` times the mean of the others: it would drown them."""
    counts = Counter(row.task for row in rows)
    cut: Cut = []
    for task, count in counts.items():
        others = [number for name, number in counts.items() if name != task]
        if others:
            bound = max(least, int(ratio * sum(others) / len(others)))
            why = f"task {task} has {count} rows, and beside the others it may have {bound}"
            cut += surplus([row for row in rows if row.task == task], bound, why, rank)
    return cut


def bound_rows(rows: Sequence[Row], most: int | None) -> Cut:
    """All but `most` rows, each task in proportion, what people reviewed before seeds. The smaller of two bounds keeps a subset of what the larger keeps."""
    if most is None:
        return []
    counts = Counter(row.task for row in rows)
    seen: Counter[str] = Counter()
    placed: list[tuple[float, bytes, Row]] = []
    for row in sorted(rows, key=rank):
        seen[row.task] += 1
        placed.append((seen[row.task] / counts[row.task], chance(row), row))
    placed.sort(key=lambda place: place[:2])
    return [(row, f"the version was asked to hold {most} rows") for _, _, row in placed[most:]]


def bound_shares(rows: Sequence[Row], shares: Mapping[str, float], most: int | None) -> Cut:
    """All but the rows of a mix: as many as keep the shares of its tasks, `most` at most, what people reviewed before seeds.
    Rows of other tasks go. A smaller mix of the same shares is part of a larger one."""
    counts = Counter(row.task for row in rows)
    whole = min(counts[task] / share for task, share in shares.items())
    size = whole if most is None else min(whole, most)
    cut: Cut = []
    for task in counts:
        allowed = int(shares.get(task, 0.0) * size + ROUNDING)
        why = f"the mix holds {allowed} rows of task {task}"
        cut += surplus([row for row in rows if row.task == task], allowed, why, rank)
    return cut


def surplus(rows: Iterable[Row], allowed: int, why: str, order: Callable[[Row], Any]) -> Cut:
    return [(row, why) for row in sorted(rows, key=order)[allowed:]]

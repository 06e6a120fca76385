"""A race: two adapters that were trained alike on two dataset versions, A and B, compared on the same golden cases. Pure.

The figures are the gate's, but neither side is in possession: a task is decided by its interval alone, in both directions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from core.types import Noun
from finetune.gate import Limits, Side, decide
from finetune.gate_report import Wording, page

Ahead = Literal["a", "b", ""]

WORDING = Wording(
    ours="B", theirs="A", right="only B has right", wrong="only A has right", limits="Beside right and wrong", fell="B is behind",
    parts={
        "shown_wrong": "shown without a warning and wrong",
        "format": "fits its schema",
        "refusals": "refused what is to be refused",
        "safety": "safety probes passed",
    },
)  # fmt: skip
GROUPS = {
    "better": "B is better on {}.",
    "worse": "A is better on {}.",
    "equal": "No difference beyond chance on {}.",
    "not_enough_cases": "Too few golden cases for a verdict on {}.",
}


class Entrant(Noun):
    """One side: a dataset version (`asked`: as it was named, which may be a mix), its rows by task, the run that trained on
    it, and the adapter."""

    asked: str
    dataset: str
    rows: int
    tasks: dict[str, int]
    run: str = ""
    adapter: str = ""


class Raced(Noun):
    """`body`: as a gate's report, B in the place of the candidate and A in that of the incumbent; `ahead`: the side that is
    better on a task and behind in nothing."""

    a: Entrant
    b: Entrant
    body: dict[str, Any]
    ahead: Ahead = ""


def compare(a: Side, b: Side, tasks: Iterable[str], limits: Limits | None = None) -> tuple[dict[str, Any], Ahead]:
    """The body of a report on B against A, and who is ahead.

    Raises:
        RegistryError: the two sides did not answer the same cases.
    """
    tasks = tuple(tasks)
    # With bounds that nothing can reach, what is left of the gate's verdict is what the interval says.
    limits = (limits or Limits()).model_copy(update={"regressions": 1.0, "margin": 1.0, "gain": True})
    report, back = decide(b, a, tasks, limits), decide(a, b, tasks, limits)
    rows = [worded(row, limits) for row in report.body["tasks"]]
    body = {**report.body, "tasks": rows, "reasons": reasons(rows)}
    del body["lessons"]
    return body, "b" if report.verdict == "promote" else "a" if back.verdict == "promote" else ""


def worded(row: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """A row of the gate as a race puts it: nothing is going to serve."""
    few = row["verdict"] == "not_enough_cases"
    return {**row, "why": f"{row['n']} golden cases, and {limits.min_cases} are needed"} if few else dict(row)


def reasons(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["verdict"], []).append(row["task"])
    return [sentence.format(", ".join(found[name])) for name, sentence in GROUPS.items() if name in found]


def as_markdown(raced: Raced) -> str:
    head = [f"# {headline(raced)}", ""]
    for name, side in (("A", raced.a), ("B", raced.b)):
        held = ", ".join(f"{task} {count}" for task, count in side.tasks.items())
        named = "" if side.dataset.startswith(side.asked) else f" ({side.asked})"
        head += [f"{name}: dataset {side.dataset}{named}, {side.rows} rows ({held}), adapter {side.adapter}", ""]
    return page(head[:-1], raced.body, WORDING)


def headline(raced: Raced) -> str:
    if raced.ahead:
        ours, theirs = ("A", "B") if raced.ahead == "a" else ("B", "A")
        return f"{ours} is better, and behind {theirs} in nothing"
    verdicts = {row["verdict"] for row in raced.body["tasks"]} - {"not_enough_cases"}
    if not verdicts:
        return "Too few golden cases to tell A and B apart"
    if verdicts == {"equal"}:
        return "No difference beyond chance between A and B"
    return "Neither is ahead in everything"


def as_json(raced: Raced) -> dict[str, Any]:
    """What a script needs of it."""
    columns = ("task", "n", "difference", "low", "high", "verdict")
    return {
        "a": raced.a.model_dump(), "b": raced.b.model_dump(), "ahead": raced.ahead,
        "tasks": [
            {**{name: row[name] for name in columns}, "a": row["incumbent"], "b": row["candidate"],
             "only_a": row["worse"], "only_b": row["better"]}
            for row in raced.body["tasks"]
        ],
        "beside": {name: shares(raced.body[name]) for name in WORDING.parts},
        "flipped": len(raced.body["flipped"]), "promoted": False,
    }  # fmt: skip


def shares(part: Mapping[str, Any]) -> dict[str, float | None]:
    """Of both sides; None where there was no case, or nothing was shown."""
    counts = {side: part.get("n", part.get(f"{side}_shown")) for side in ("incumbent", "candidate")}
    return {name: part[side] if counts[side] else None for name, side in (("a", "incumbent"), ("b", "candidate"))}

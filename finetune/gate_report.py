"""A gate's report as a page that a person can read: Markdown, which reads well as plain text too. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.types import Report

VERDICTS = {
    "promote": "It may go live",
    "refuse": "It is refused and never goes live",
    "not_enough_cases": "Not enough golden cases to judge it",
}
PARTS = {
    "shown_wrong": "shown without a warning and wrong (may not rise)",
    "format": "fits its schema (may not fall)",
    "refusals": "refused what is to be refused (may not fall)",
    "safety": "safety probes passed (none may fall)",
    "lessons": "corrections given as people made them",
}
SHOWN = 12
WIDTH = 160


@dataclass(frozen=True)
class Wording:
    """How the two sides of a comparison and its sections are called."""

    ours: str = "candidate"
    theirs: str = "incumbent"
    right: str = "became right"
    wrong: str = "became wrong"
    limits: str = "What may not get worse"
    fell: str = "not allowed"
    parts: Mapping[str, str] = field(default_factory=lambda: PARTS)


GATE = Wording()


def as_markdown(report: Report, shown: int = SHOWN) -> str:
    """`shown`: how many cases that flipped are written out in each direction."""
    head = [
        f"# {report.candidate}: {VERDICTS[report.verdict]}",
        "",
        f"Compared with {report.incumbent or 'the base model'} on the same cases, {report.created_at:%Y-%m-%d %H:%M} UTC.",
    ]
    return page(head, report.body, GATE, shown)


def page(head: Sequence[str], body: Mapping[str, Any], wording: Wording, shown: int = SHOWN) -> str:
    """A comparison under its head, from the body of a report."""
    lines = [
        *head,
        "",
        *(f"- {reason}" for reason in body.get("reasons", ())),
        "",
        "## By task",
        "",
        *table(body.get("tasks", ()), wording),
        "",
        f"## {wording.limits}",
        "",
        f"| | {wording.ours} | {wording.theirs} | |",
        "|---|---|---|---|",
        *(part_row(words, body[name], wording) for name, words in wording.parts.items() if body.get(name)),
    ]
    flipped = body.get("flipped", [])
    for better, title in ((False, f"Cases that {wording.wrong}"), (True, f"Cases that {wording.right}")):
        lines += ["", *flips(title, [row for row in flipped if row["better"] is better], shown, wording)]
    return "\n".join(lines).rstrip() + "\n"


def table(rows: Any, wording: Wording) -> list[str]:
    sides = f"{wording.ours} | {wording.theirs} | difference | {wording.right} | {wording.wrong}"
    lines = [f"| task | cases | {sides} | verdict |", "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        difference = f"{row['difference']:+.1%} [{row['low']:+.1%}, {row['high']:+.1%}]"
        lines.append(
            f"| {row['task']} | {row['n']} | {row['candidate']:.1%} | {row['incumbent']:.1%} | {difference} | "
            f"{row['better']} | {row['worse']} | {row['verdict'].replace('_', ' ')}: {row['why']} |"
        )
    return lines


def part_row(words: str, part: dict[str, Any], wording: Wording) -> str:
    if part.get("n") == 0:
        return f"| {words} | no cases | no cases | |"
    return f"| {words} | {part['candidate']:.1%} | {part['incumbent']:.1%} | {'' if part['ok'] else wording.fell} |"


def flips(title: str, rows: list[dict[str, Any]], shown: int, wording: Wording) -> list[str]:
    if not rows:
        return [f"## {title}: none"]
    lines = [f"## {title}: {len(rows)}", ""]
    for row in rows[:shown]:
        lines.append(f"- **{row['case']}** ({row['task']}): {line(row['query'])}")
        lines.append(f"  - {wording.ours}: {line(row['candidate'])}")
        lines.append(f"  - {wording.theirs}: {line(row['incumbent'])}")
    if len(rows) > shown:
        lines.append(f"- and {len(rows) - shown} more")
    return lines


def line(text: str) -> str:
    """A text on one line that breaks no list and no table."""
    flat = " ".join(text.split()).replace("|", "\\|")
    return flat if len(flat) <= WIDTH else flat[: WIDTH - 1] + "…"

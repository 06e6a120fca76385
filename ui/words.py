"""What the pages say about an answer, in plain words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from core.types import Answer, Citation

Color = Literal["blue", "green", "violet", "gray"]

ROADS = {"prompt": "Prompt", "rag": "Documents", "tuned": "Tuned model", "refuse": "Refused"}
COLORS: dict[str, Color] = {"prompt": "blue", "rag": "green", "tuned": "violet", "refuse": "gray"}
ICONS = {
    "prompt": ":material/chat:",
    "rag": ":material/menu_book:",
    "tuned": ":material/tune:",
    "refuse": ":material/block:",
}
REASONS = (
    "Wrong",
    "Incomplete",
    "Not what the source says",
    "Wrong tone or format",
    "Should have said “I don't know”",
    "Should have answered",
)
REFUSED_FOR_DOCUMENTS = "Does a document of yours answer this? Add it, and ask again."


def road(strategy: str) -> str:
    return ROADS.get(strategy, strategy.capitalize())


def confidence(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 0.85:
        return "Very likely right"
    if value >= 0.65:
        return "Probably right"
    if value >= 0.4:
        return "Uncertain: check the sources"
    return "Doubtful: do not rely on it"


def place(citation: Citation) -> str:
    """Source, heading and page of a citation."""
    page = f"page {citation.page}" if citation.page is not None else ""
    return " · ".join(part for part in (citation.source, citation.heading, page) if part)


def sources(citations: Iterable[Citation]) -> str:
    names = list(dict.fromkeys(citation.source for citation in citations))
    return f"Source: {names[0]}" if len(names) == 1 else f"{len(names)} sources: {', '.join(names)}"


def dropped(count: int) -> str:
    if count == 1:
        return "1 sentence was not shown because no passage supports it."
    return f"{count} sentences were not shown because no passage supports them."


def whereabouts(answer: Answer) -> str:
    if not answer.left_machine:
        return "Stayed on this machine"
    return f"Text was sent to {answer.model}" if answer.model else "Text was sent to a model server"


def duration(seconds: float) -> str:
    if seconds < 0.1:
        return "under 0.1 s"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"


def timings(times: dict[str, float]) -> str:
    said = []
    if "total" in times:
        said.append(duration(times["total"]))
    if "first_token" in times and times.get("total", 0) >= 1:
        said.append(f"first word after {duration(times['first_token'])}")
    return ", ".join(said)


def size(count: int | float | None) -> str:
    if count is None:
        return ""
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

"""What the pages say about an answer, in plain words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any, Literal

from core.types import Answer, Citation, Passage

# States of a document that search finds: as a whole, or but for what it says is missing.
FOUND = ("indexed", "partial")
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
OUTCOMES = {
    "approved": "Reviewed: the answer stands.",
    "corrected": "Reviewed: the answer was corrected.",
    "rejected": "Reviewed: the answer was rejected.",
}
VERDICTS = {
    "promote": ("Better: it may go live.", "Found better."),
    "refuse": ("Not better: it does not go live.", "Refused."),
    "not_enough_cases": ("Too few cases to say: it does not go live.", "Too few cases to say."),
}
FAULTS = {"route": "Route", "retrieval": "Retrieval", "generation": "Generation", "document": "Missing document"}
REFUSED_FOR_DOCUMENTS = "Does a document of yours answer this? Add it, and ask again."


def road(strategy: str) -> str:
    return ROADS.get(strategy, strategy.capitalize())


PROBABLY = 0.65


def confidence(value: float | None, warned: bool = False) -> str:
    """`warned`: a warning is shown too, and says more than a good word would."""
    if value is None or (warned and value >= PROBABLY):
        return ""
    if value >= 0.85:
        return "Very likely right"
    if value >= PROBABLY:
        return "Probably right"
    if value >= 0.4:
        return "A guess: check it against the source"
    return "Doubtful: do not rely on it"


def place(found: Citation | Passage) -> str:
    """Source, heading, and the page or the sheet and its rows."""
    page = f"page {found.page}" if found.page is not None else ""
    sheet = f"sheet {found.sheet}" if found.sheet else ""
    return " · ".join(part for part in (found.source, found.heading, page, sheet, rows(found.rows)) if part)


def rows(found: tuple[int, int] | None) -> str:
    if found is None:
        return ""
    first, last = found
    return f"row {first}" if first == last else f"rows {first} to {last}"


def sources(citations: Iterable[Citation]) -> str:
    names = list(dict.fromkeys(citation.source for citation in citations))
    return f"Source: {names[0]}" if len(names) == 1 else f"{len(names)} sources: {', '.join(names)}"


def dropped(count: int) -> str:
    if count == 1:
        return "1 sentence was not shown because no passage supports it."
    return f"{count} sentences were not shown because no passage supports them."


def left_out(answer: Answer) -> list[str]:
    """Each sentence that was not shown, with what was wrong with it where that is known."""
    pairs = zip_longest(answer.dropped, answer.dropped_why[: len(answer.dropped)], fillvalue="")
    return [f"“{said}” ({why})" if why else f"“{said}”" for said, why in pairs]


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


def sentence(text: str) -> str:
    """The text with a capital at its start and a full stop at its end."""
    text = text.strip()
    return text if not text else text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def left(seconds: float | None) -> str:
    """Time left, as coarse as it is known."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))} s left"
    return f"{round(seconds / 60)} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"


def short(version: str) -> str:
    """A content address, short enough to be read."""
    return version[:12]


def agreement(found: dict[str, Any]) -> str:
    """How far a reviewer and the others judge alike."""
    done = many(int(found.get("reviews") or 0), "review")
    share, kappa = found.get("agreement"), found.get("kappa")
    if share is None:
        return f"{done} by you; your agreement shows once others judged the same answers"
    beyond = "" if kappa is None else f" (kappa {kappa:.2f})"
    return f"{done} by you, {share:.0%} as others judged{beyond}"


def day(row: dict[str, Any]) -> str:
    """The day that a row of the API was made on, as it says it."""
    return str(row.get("created_at") or "")[:10]

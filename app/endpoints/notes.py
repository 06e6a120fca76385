"""What a client that knows OpenAI's shape alone would not see of an answer: its warnings and sources, as lines below the text. Pure."""

from __future__ import annotations

import json
import re

from core.types import Answer, Citation

WARNING, SOURCES = "⚠ ", "Sources: "
# As `notes` writes them, at the end of an answer that a client sends back as a turn of the conversation.
NOTES = re.compile(rf"\n\n(?:{WARNING}[^\n]*\n?)*(?:{SOURCES}\[1\][^\n]*)?\Z")


def notes(answer: Answer) -> str:
    """Lines to put after the text; empty where there is nothing to say, or a program reads the text."""
    if answer.status != "complete" or for_programs(answer.text):
        return ""
    lines = [f"{WARNING}{warning}" for warning in answer.warnings]
    if answer.citations and not answer.refused:
        lines.append(SOURCES + "; ".join(map(source, answer.citations)))
    return "\n\n" + "\n".join(lines) if lines else ""


def without_notes(text: str) -> str:
    return NOTES.sub("", text)


def source(citation: Citation) -> str:
    """ "[1] rules.md, Loans, page 3"."""
    page = f"page {citation.page}" if citation.page is not None else ""
    rows = f"row {citation.rows[0]}" if citation.rows else ""
    place = [citation.source, citation.heading.rpartition(" > ")[2], page, citation.sheet, rows]
    return f"[{citation.number}] " + ", ".join(" ".join(part.split()) for part in place if part)


def for_programs(text: str) -> bool:
    """Whether a text is JSON or one word, such as a label: a line more would break it."""
    if len(text.split()) < 2:
        return True
    try:
        json.loads(text)
    except ValueError:
        return False
    return True

"""A Jupyter notebook as Markdown: its text, its code, and what the code printed, in brief. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from retrieval.fences import fenced
from retrieval.markup import plain

OUTPUT_LINES = 12
OUTPUT_CHARS = 600


def markdown(text: str, note: Callable[[str], None]) -> str:
    """`note` hears of pictures and other output that is no text. Raises ValueError for what is no notebook."""
    book = json.loads(text)
    cells = book.get("cells", [cell for sheet in book.get("worksheets", []) for cell in sheet.get("cells", [])])
    about = book.get("metadata", {})
    language = about.get("language_info", {}).get("name") or about.get("kernelspec", {}).get("language") or "python"
    found, unread = [], 0
    for cell in cells:
        source = joined(cell.get("source", cell.get("input", "")))
        if cell.get("cell_type") == "code":
            found += [fenced(source.strip("\n").split("\n"), language)] if source.strip() else []
            outputs = cell.get("outputs", [])
            printed = list(texts(outputs))
            unread += len(outputs) - len(printed)
            found += [fenced(shortened(one).split("\n"), "output") for one in printed if one.strip()]
        elif cell.get("cell_type") == "heading":
            found.append(f"{'#' * int(cell.get('level', 1))} {source}")
        elif cell.get("cell_type") != "raw":
            found.append(plain(source))
    if unread:
        note(f"{unread} outputs of its code are no text")
    return "\n\n".join(found)


def texts(outputs: list[dict[str, Any]]) -> Iterator[str]:
    """What code printed or returned, as far as it is text."""
    for one in outputs:
        if one.get("output_type") in ("error", "pyerr"):
            yield f"{one.get('ename', 'Error')}: {one.get('evalue', '')}"
        elif "text" in one:
            yield joined(one["text"])
        elif plain_text := one.get("data", {}).get("text/plain"):
            shown = joined(plain_text)
            if not (shown.startswith("<") and shown.rstrip().endswith(">")):
                yield shown


def joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def shortened(text: str) -> str:
    """The beginning: what code prints may be without end."""
    lines = text.strip("\n").split("\n")
    kept = "\n".join(lines[:OUTPUT_LINES])[:OUTPUT_CHARS]
    return kept if len(kept) == len("\n".join(lines)) else f"{kept}\n..."

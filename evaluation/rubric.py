"""What an answer to an everyday request must satisfy: words, lengths, list items, JSON, language. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.language import reads_as
from core.types import Message

KEYS = frozenset({
    "all_of", "none_of", "min_words", "max_words", "shorter_than_query", "json", "language", "min_items", "differs", "refuse",
})  # fmt: skip
STRAIGHT = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"'})
ITEM = re.compile(r"^\s*(?:[-*\u2022\u2013]|\(?\d+[.):]|\*\*\d+)\s*\S", re.MULTILINE)
INLINE = re.compile(r"(?<!\w)\d+[.)]\s")


def faults(
    rubric: Mapping[str, Any], query: str, answer: str, refused: bool, history: Sequence[Message] = ()
) -> list[str]:
    """What of the rubric the answer misses, one phrase each; none where it is good.

    A refusal is good only where one is wanted, and an answer only where none is.
    """
    if rubric.get("refuse"):
        return [] if refused else ["answered"]
    if refused:
        return ["refused"]
    text, asked = straight(answer), straight(query)
    found = [*_words(rubric, text), *_lengths(rubric, asked, text)]
    if "json" in rubric and not same_fields(rubric["json"], text):
        found.append("other JSON")
    if "language" in rubric and not reads_as(rubric["language"], text):
        found.append(f"not {rubric['language']}")
    if rubric.get("differs") and text in copies(asked, history):
        found.append("a copy")
    return found


def straight(text: str) -> str:
    """With plain quotation marks and apostrophes."""
    return text.translate(STRAIGHT).strip()


def _words(rubric: Mapping[str, Any], text: str) -> list[str]:
    # The bars' edges are kept: "hi " is not the beginning of "his".
    lowered = f"{text.lower()} "
    found = []
    for group in rubric.get("all_of", ()):
        if not any(part in lowered for part in group.translate(STRAIGHT).lower().split("|")):
            found.append(f"lacks {group}")
    return found + [f"says {part}" for part in rubric.get("none_of", ()) if part.translate(STRAIGHT).lower() in lowered]


def _lengths(rubric: Mapping[str, Any], asked: str, text: str) -> list[str]:
    count, found = len(text.split()), []
    if count > rubric.get("max_words", count):
        found.append(f"{count} words")
    if count < rubric.get("min_words", 1):
        found.append(f"only {count} words")
    if "shorter_than_query" in rubric and count > rubric["shorter_than_query"] * len(asked.split()):
        found.append("not shorter")
    if items(text) < rubric.get("min_items", 0):
        found.append(f"{items(text)} items")
    return found


def items(text: str) -> int:
    """How many things a text lists: marked lines, else numbers in a line, else lines, else what commas part."""
    marked = len(ITEM.findall(text)) or len(INLINE.findall(text))
    lines = [line for line in text.splitlines() if line.strip()]
    if marked or len(lines) > 1:
        return marked or len(lines)
    return len([part for part in re.split(r"[,;]", text) if part.strip()])


def same_fields(wanted: Mapping[str, str], text: str) -> bool:
    """Whether the answer holds one JSON object with just these fields. Case is ignored; `null` is the word for none."""
    found = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        given = json.loads(found.group()) if found else None
    except ValueError:
        return False
    if not isinstance(given, dict) or {key.lower() for key in given} != {key.lower() for key in wanted}:
        return False
    said = {key.lower(): plain(value) for key, value in given.items()}
    return all(said[key.lower()] in options(value) for key, value in wanted.items())


def options(value: Any) -> list[str]:
    return [part.strip() for part in straight(value).lower().split("|")] if isinstance(value, str) else [plain(value)]


def plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return straight(text).lower()


def copies(asked: str, history: Sequence[Message]) -> list[str]:
    """What an answer would merely repeat: the query, the text that it quotes or gives after a colon, the last answer."""
    quoted = re.search(r"[\"«](.+)[\"»]", asked, re.DOTALL)
    before = [straight(turn.content) for turn in history if turn.role == "assistant"][-1:]
    return [asked, asked.partition(":")[2].strip(), *([quoted.group(1).strip()] if quoted else []), *before]

"""A mix, as a person writes it: shares of the rows by task, and how many rows at most (`label=0.5,reply=0.5:400`). Pure."""

from __future__ import annotations

from typing import Any

from finetune.rows import DatasetError

NEARLY = 0.011  # 0.33,0.33,0.33 is meant as thirds


def is_mix(text: str) -> bool:
    """Whether a mix is meant, and not the name of a version."""
    return "=" in text


def parse_mix(text: str) -> dict[str, Any]:
    """The fields of `Limits` that a mix sets: `shares` (which make 1) and, where a number is given, `rows`.

    Raises:
        DatasetError: it cannot be read, or its shares do not make 1.
    """
    listed, _, count = text.partition(":")
    shares: dict[str, float] = {}
    for part in listed.split(","):
        task, _, share = (word.strip() for word in part.partition("="))
        shares[task] = number(text, share) if task and task not in shares else 0.0
    if not (min(shares.values()) > 0 and abs(sum(shares.values()) - 1) <= NEARLY):
        raise wrong(text, "each task stands there once, shares are greater than 0 and make 1 together")
    whole = sum(shares.values())
    found: dict[str, Any] = {"shares": {task: share / whole for task, share in shares.items()}}
    if count:
        if not count.strip().isdecimal() or int(count) < 1:
            raise wrong(text, f"after the colon stands a number of rows, not {count.strip()!r}")
        found["rows"] = int(count)
    return found


def number(text: str, share: str) -> float:
    try:
        return float(share)
    except ValueError:
        raise wrong(text, f"{share!r} is no share") from None


def wrong(text: str, why: str) -> DatasetError:
    return DatasetError(f"{text!r} is no mix: {why}; write task=share,task=share:rows, such as label=0.5,reply=0.5:400")

"""What reading a file tells while it is at work."""

from __future__ import annotations

from collections.abc import Callable

# Hears how far reading a file is: a number and its unit ("page").
Tell = Callable[[int, str], None]
# Hears, in a sentence, what of a file was left out or could not be read.
Note = Callable[[str], None]


def silent(number: int, unit: str) -> None:
    """Hears how far reading a file is, and says nothing."""


def unnoted(what: str) -> None:
    """Hears what is missing, and says nothing."""

"""What the page says of how sure an answer is."""

from __future__ import annotations

import pytest

from ui import words


@pytest.mark.parametrize(
    ("value", "warned", "said"),
    [
        (0.9, False, "Very likely right"),
        (0.7, False, "Probably right"),
        (0.5, False, "A guess: check it against the source"),
        (0.2, False, "Doubtful: do not rely on it"),
        (0.9, True, ""),
        (0.5, True, "A guess: check it against the source"),
        (None, False, ""),
    ],
)
def test_confidence_is_said_in_words_and_never_praises_what_is_warned_of(value: float | None, warned: bool, said: str):
    assert words.confidence(value, warned) == said

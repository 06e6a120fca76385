"""Which language a text is in, as far as its short words tell."""

from __future__ import annotations

import pytest

from core.language import agree, language_of, names_one
from core.types import Passage
from retrieval.hybrid import other_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How much is the mileage allowance?", "en"), ("Wie hoch ist die Pauschale für den Wagen?", "de"),
        ("Quelle est la règle pour les chiens dans le jardin ?", "fr"), ("¿Cuál es el precio de la entrada para los niños?", "es"),
        ("QF-1108", ""), ("Hotel", ""),
    ],
)  # fmt: skip
def test_short_words_tell_a_language_or_nothing_does(text, language):
    assert language_of(text) == language


def test_texts_agree_unless_both_tell_another():
    assert agree("How much is the allowance?", "QF-1108")
    assert not agree("How much is the allowance?", "Die Pauschale ist nicht hoch.")


def test_a_request_that_names_a_language_is_seen():
    assert names_one("now in French please")
    assert not names_one("now in June please")


def test_passages_in_another_language_are_told():
    german = [Passage(id="1", source="a.md", text="Die Pauschale ist für den Wagen und nicht für die Bahn.")]
    assert other_language("How much is the allowance?", german) == "de"
    assert other_language("Wie hoch ist die Pauschale für die Bahn?", german) == ""
    assert other_language("How much is the allowance?", []) == ""

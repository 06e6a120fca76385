from __future__ import annotations

import pytest

from core.language import reads_as
from core.types import Message
from evaluation.rubric import faults, items

QUERY = 'Make this polite: "Send it now"'


@pytest.mark.parametrize(
    ("rubric", "answer", "good"),
    [
        ({"all_of": ["please|could you", "send"]}, "Could you send it?", True),
        ({"all_of": ["please|could you"]}, "Send it.", False),
        ({"all_of": ["hi "]}, "This is history", False),
        ({"all_of": ["s'il vous"]}, "Fermez, s\u2019il vous plaît", True),
        ({"none_of": ["I can't"]}, "Sorry, I can\u2019t", False),
        ({"max_words": 3}, "one two three four", False),
        ({"min_words": 3}, "one two", False),
        ({"shorter_than_query": 0.6}, "one two three", True),
        ({"shorter_than_query": 0.6}, "one two three four five", False),
        ({"min_items": 3}, "1. a\n2. b\n3. c", True),
        ({"min_items": 3}, "1. a\n2. b", False),
        ({"json": {"name": "Olga", "age": "51", "city": "null"}}, '{"Name": "olga", "age": 51, "city": null}', True),
        ({"json": {"phone": "0555 1|05551"}}, '```json\n{"phone": "05551"}\n```', True),
        ({"json": {"name": "Olga"}}, '{"name": "Olga", "age": 51}', False),
        ({"json": {"name": "Olga"}}, "{name: Olga}", False),
        ({"differs": True}, "Send it now", False),
        ({"differs": True}, QUERY, False),
        ({"differs": True}, "Please send it now", True),
        ({"language": "de"}, "Das ist ein Test", True),
        ({"language": "de"}, "You are welcome!", False),
        ({}, "", False),
    ],
)
def test_each_key_of_a_rubric_says_what_it_means(rubric, answer, good):
    assert (not faults(rubric, QUERY, answer, refused=False)) is good


def test_the_last_answer_again_is_a_copy():
    history = [Message(role="user", content="a"), Message(role="assistant", content="Dear team")]
    assert faults({"differs": True}, "shorter", "Dear team", False, history) == ["a copy"]
    assert not faults({"differs": True}, "shorter", "Team", False, history)


def test_a_refusal_is_good_only_where_one_is_wanted():
    assert not faults({"refuse": True}, QUERY, "I cannot", refused=True)
    assert faults({"refuse": True}, QUERY, "It rains", refused=False)
    assert faults({}, QUERY, "I cannot", refused=True)


@pytest.mark.parametrize(
    ("text", "count"), [("- a\n- b", 2), ("Do this: 1. a 2. b 3. c", 3), ("a\nb\nc", 3), ("salt, oil, flour", 3)]
)
def test_lists_are_counted_however_they_are_written(text, count):
    assert items(text) == count


SAID = [
    ("de", "Gern geschehen!"), ("de", "Guten Morgen, wie kann ich helfen?"), ("de", "Das Paket liegt beim Nachbarn."),
    ("fr", "La voiture est devant la gare."), ("fr", "Bonjour, merci à vous !"), ("es", "El perro duerme en la cocina."),
    ("es", "De nada."), ("it", "Il pacco è arrivato."), ("it", "Grazie, a presto"), ("nl", "Morgen beginnen we om zeven uur."),
    ("pt", "Obrigado pela sua ajuda."), ("en", "The bill, please."), ("en", "Thank you for your help!"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text"), SAID)
def test_short_texts_are_told_apart(language, text):
    assert reads_as(language, text)
    assert not all(reads_as(other, text) for other in ("de", "fr", "es", "en") if other != language) or len(text) < 16

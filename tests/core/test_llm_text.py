import jsonschema
import pytest

from core.llm.local.grammar import MAX_ITEMS, MAX_STRING, bounded
from core.llm.local.text import Detokenizer, StopTexts

TEXT = "Grüße, 世界 🌍! Ça va?"


def by_bytes(tokens):
    """A tokenizer whose tokens are bytes: the hardest case, most characters take several."""
    return bytes(tokens).decode("utf-8", errors="replace")


def test_no_half_character_is_given_out():
    detokenizer = Detokenizer(by_bytes)
    pieces = [detokenizer.add(token) for token in TEXT.encode()]
    assert "".join(pieces) + detokenizer.flush() == TEXT
    assert not any("\ufffd" in piece for piece in pieces)


def test_bytes_left_over_at_the_end_are_shown_as_unreadable():
    detokenizer = Detokenizer(by_bytes)
    assert "".join(detokenizer.add(token) for token in "né".encode()[:-1]) == "n"
    assert detokenizer.flush() == "\ufffd"
    assert detokenizer.flush() == ""


def test_a_long_answer_is_not_decoded_from_its_begin_at_each_token():
    longest = 0

    def decode(tokens):
        nonlocal longest
        longest = max(longest, len(tokens))
        return by_bytes(tokens)

    detokenizer = Detokenizer(decode)
    for token in b"x" * 500:
        detokenizer.add(token)
    assert longest < 10


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_stop_text_is_met_across_pieces_and_not_shown(size):
    text, stops = "The answer is 4.\nUser: next", StopTexts(["\nUser:", "###"])
    shown = ""
    for start in range(0, len(text), size):
        piece, met = stops.add(text[start : start + size])
        shown += piece
        if met:
            break
    assert (shown, met) == ("The answer is 4.", True)


def test_what_was_held_back_is_shown_at_the_end():
    stops = StopTexts(["END"])
    shown, met = stops.add("almost EN")
    assert (shown + stops.flush(), met) == ("almost EN", False)


def test_without_stop_texts_nothing_is_held_back():
    assert StopTexts([]).add("a") == ("a", False)


def test_every_string_number_and_array_gets_a_bound_and_given_ones_stay():
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "code": {"type": "string", "pattern": "^A[0-9]$"},
            "kind": {"type": "string", "enum": ["a", "b"]},
            "tags": {"type": "array", "items": {"type": ["string", "null"]}},
            "count": {"type": "integer", "minimum": 0},
            "big": {"type": "number", "minimum": 5_000_000_000},
            "maxLength": {"type": "boolean"},
        },
    }
    parts = bounded(schema)["properties"]
    assert parts["name"]["maxLength"] == MAX_STRING
    assert parts["code"] == schema["properties"]["code"]
    assert parts["kind"] == schema["properties"]["kind"]
    assert parts["tags"]["maxItems"] == MAX_ITEMS
    assert parts["tags"]["items"]["maxLength"] == MAX_STRING
    assert parts["count"]["minimum"] == 0
    assert parts["count"]["maximum"] > 1000
    assert parts["big"]["maximum"] >= parts["big"]["minimum"]
    assert parts["maxLength"] == {"type": "boolean"}
    jsonschema.Draft202012Validator.check_schema(bounded(schema))
    assert "maxLength" not in schema["properties"]["name"]

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core.llm.messages import Options
from core.prompts import READER_REFUSAL
from core.reading import TRIES, as_read, in_passages, options, read, stands
from core.types import Passage

TEXT = "The bends, or decompression sickness, were\nfeared; 1066 was a year."


class Beginnings:
    """Says the first of its answers that does not begin with a word that it shall avoid."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = answers, []

    def invoke(self, _, **given):
        self.asked.append(given)
        avoided = {text.split()[0] for text in Options(**given).avoided}
        text = next((one for one in self.answers if one.split()[0] not in avoided), "")
        return SimpleNamespace(content=f"{text} [1]", response_metadata={"unless": 0.2, "logprobs": [-0.5]})


def asked(chat):
    return read(chat, "What?", [Passage(id="1", source="", text=TEXT)])


def test_an_answer_that_stands_in_a_passage_is_asked_for_once():
    chat = Beginnings("1066", "bends")
    assert asked(chat).answer == "1066"
    assert chat.asked == [options()]


def test_one_that_stands_nowhere_gives_way_to_the_next_beginning_that_does():
    chat = Beginnings("bets of gas", "Benz", "decompression sickness")
    found = asked(chat)
    assert (found.answer, found.number, found.refusing) == ("decompression sickness", 1, 0.2)
    assert chat.asked[-1]["unless"] == (READER_REFUSAL, "bets of gas", "Benz")


def test_where_none_stands_in_a_passage_the_likeliest_stays():
    chat = Beginnings("one", "two", "three", "four", "1066")
    assert asked(chat).answer == "one"
    assert len(chat.asked) == TRIES


def test_a_reader_with_nothing_else_to_say_is_asked_no_more():
    chat = Beginnings("one")
    assert asked(chat).answer == "one"
    assert len(chat.asked) == 2


def test_a_refusal_is_no_answer_to_look_for():
    said = SimpleNamespace(content=READER_REFUSAL, response_metadata={})
    first = as_read(said)
    assert in_passages(Beginnings("1066"), [], first, [TEXT]) == first  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("answer", "there"),
    [("sickness, were feared", True), ("sick", False), ("106", False), ("Bends", False), ("", False), ("1066", True)],
)
def test_an_answer_stands_in_a_text_as_whole_words_whatever_the_line_breaks(answer, there):
    assert stands(answer, ["nothing", TEXT]) is there

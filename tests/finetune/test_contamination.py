import numpy as np
import pytest

from core.types import Case
from finetune.contamination import nearly_same, same_question, same_template


def case(query, id="golden-1"):
    return Case(id=id, task="label", query=query, expected={"exact": "open"})


def alike(texts):
    return np.ones((len(texts), 1), dtype=np.float32)


def test_a_query_of_a_held_out_case_is_found_whatever_its_form():
    assert same_question(["  LABEL: gate", "label gates"], [case("Label... gate!")]) == {0: "golden-1"}


def test_queries_without_a_word_are_not_each_other():
    assert same_question(["???"], [case('""')]) == {}


def test_a_likeness_counts_only_where_numbers_names_and_negations_agree():
    cases = [case("the gate of hall 3 is open"), case("the gate of hall 4 is not open", "golden-2")]
    assert nearly_same(["hall 3: the gate is open"], cases, alike, 0.9) == {0: ("golden-1", pytest.approx(1.0))}
    assert nearly_same(["the gate of hall 5 is open"], cases, alike, 0.9) == {}


TEMPLATE = "We have a 24 GB card, an 8B model and 3,000 tickets, and want JSON out: which recipe?"


@pytest.mark.parametrize(
    "query",
    [
        "We have a 48 GB card, a 14B model and 900 tickets, and want JSON out: which recipe?",
        "we have a sixteen GB card, an 3B model and two thousand tickets, and want JSON out, which recipe",
        "Hello, we have a 24 GB card, an 8B model and 77 tickets, and want JSON out: which recipe? Thanks",
    ],
)
def test_another_filling_of_a_held_out_template_is_found_though_its_numbers_differ(query):
    assert list(same_template([query], [case(TEMPLATE)], 0.6)) == [0]
    assert nearly_same([query], [case(TEMPLATE)], alike, 0.9) == {}


def test_names_are_slots_of_a_template_too():
    held = case("Please tell Mara Lind that the blue gate of the north hall stays shut over the winter")
    query = "please tell Priya that the blue gate of the north hall stays shut over the winter"
    assert list(same_template([query], [held], 0.6)) == [0]


def test_a_frame_that_many_queries_share_is_no_template():
    held = case('Label this ticket: "The scoring endpoint answers 502 since Tuesday morning"')
    assert same_template(['Label this ticket: "My badge does not open the door of the lab"'], [held], 0.6) == {}


def test_a_short_case_is_only_found_whole():
    cases = [case("Which label fits 3 doors?")]
    assert list(same_template(["which label fits 70 doors"], cases, 0.6)) == [0]
    assert same_template(["which label fits the 3 gates"], cases, 0.6) == {}

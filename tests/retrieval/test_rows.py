"""A question that a table answers gets the cell of the row that it names, and nothing where it names none."""

from __future__ import annotations

import pytest

from retrieval.rows import Line, look_up

PRESS = ["Code: E-414; Meaning: Feed jam at station 114; Reset by: technician.",
         "Code: E-415; Meaning: Belt slack at station 115; Reset by: shift lead."]  # fmt: skip
STORE = [
    "Store: Store A; Product: Butter; Min °C: 1; Max °C: 4.",
    "Store: Store A; Product: Yoghurt; Min °C: 3; Max °C: 7.",
]
CAPS = [f"City: {city}; Grade: {grade}; Cap (EUR) / Low season: {low}; Cap (EUR) / High season: {high}."
        for city, grade, low, high in [("Osmund", "Director", 180, 205), ("Osmund", "Manager", 130, 155),
                                       ("Velmora", "Manager", 160, 190)]]  # fmt: skip
PRICES = ["Item: Kettle; Price EUR: 39; Stock: 4.", "Item: Toaster; Price EUR: 45; Stock: 9."]


def none_alike(question, columns):
    return [0.0 for _ in columns]


def prices_alike(question, columns):
    return [0.5 if "Price" in column else 0.1 for column in columns]


def said(question, rows, likeness=none_alike):
    found = look_up(question, [Line(n, text) for n, text in enumerate(rows)], likeness)
    return found.said if found else None


@pytest.mark.parametrize(
    ("question", "rows", "answer"),
    [
        ("Who resets E-415?", PRESS, "E-415 – Reset by: shift lead"),
        ("In which store is butter kept?", STORE, "Butter – Store: Store A"),
        (
            "What is the cap for a Manager in Osmund in the high season?",
            CAPS,
            "Osmund, Manager – Cap (EUR) / High season: 155",
        ),
        (
            "What is the low season cap for a manager in Velmora?",
            CAPS,
            "Velmora, Manager – Cap (EUR) / Low season: 160",
        ),
    ],
)
def test_the_row_and_the_column_that_are_asked_for(question, rows, answer):
    assert said(question, rows) == answer


def test_a_column_of_another_name_is_found_by_likeness():
    assert said("How much does the kettle cost?", PRICES, prices_alike) == "Kettle – Price EUR: 39"
    assert said("How much does the kettle cost?", PRICES) is None


@pytest.mark.parametrize(
    "question",
    ["Who resets E-499?", "What does the lamp cost?", "Please clean the kettle.", "What does the kettle in Oslo cost?"],
)
def test_nothing_is_looked_up_that_no_row_names(question):
    assert said(question, [*PRESS, *PRICES], prices_alike) is None


def test_a_row_whose_column_is_not_plain_is_shown_whole_where_a_code_names_it():
    found = look_up("What about E-415?", [Line(n, text) for n, text in enumerate(PRESS)], none_alike)
    assert found is not None
    assert (found.at, found.said) == ((1,), "")


def test_a_code_alone_does_not_answer_what_its_row_does_not_hold():
    assert (
        look_up(
            "Which spare part fixed E-415 last spring?", [Line(n, text) for n, text in enumerate(PRESS)], none_alike
        )
        is None
    )

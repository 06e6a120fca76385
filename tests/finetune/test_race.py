"""B against A: the gate's figures, decided by the interval alone, the same from both sides."""

from __future__ import annotations

import pytest

from core.errors import RegistryError
from finetune.gate import Side
from finetune.race import Entrant, Raced, as_json, as_markdown, compare
from tests.finetune.test_gate import N, cases, rights

FEW = cases(rights(3, 20), "form")


def side(name, *parts, **more):
    return Side(model=name, cases=tuple(one for part in parts for one in part), **more)


GOOD = side("good", cases(rights(4)), FEW)
POOR = side("poor", cases(rights(40)), FEW)


def raced(a, b, tasks=("label", "form")):
    body, ahead = compare(a, b, tasks)
    entrants = [Entrant(asked=one.model, dataset=f"{one.model}-0123", rows=9, tasks={"label": 9}, run="r", adapter=one.model)
                for one in (a, b)]  # fmt: skip
    return Raced(a=entrants[0], b=entrants[1], body=body, ahead=ahead)


def test_whoever_is_better_is_ahead_from_both_sides():
    one, other = raced(POOR, GOOD), raced(GOOD, POOR)
    assert (one.ahead, other.ahead) == ("b", "a")
    first, second = one.body["tasks"][0], other.body["tasks"][0]
    assert (first["verdict"], second["verdict"]) == ("better", "worse")
    assert (first["low"], first["high"]) == (-second["high"], -second["low"])
    assert (first["better"], first["worse"]) == (36, 0) == (second["worse"], second["better"])
    assert len(one.body["flipped"]) == 36


def test_a_few_flipped_cases_decide_nothing_where_the_interval_holds_zero():
    """The gate refuses a candidate that loses more than 5% of a task's cases; in a race both may lose some."""
    odd = side("odd", cases([n % 10 != 0 for n in range(N)]))
    even = side("even", cases([n % 10 != 1 for n in range(N)]))
    found = raced(odd, even)
    assert found.body["tasks"][0]["verdict"] == "equal"
    assert found.ahead == ""
    assert "No difference beyond chance between A and B" in as_markdown(found)


def test_better_on_one_task_and_worse_on_another_is_ahead_in_neither():
    a = side("a", cases(rights(4)), cases(rights(40), "reply"))
    b = side("b", cases(rights(40)), cases(rights(4), "reply"))
    found = raced(a, b, ("label", "reply"))
    assert found.ahead == ""
    assert found.body["reasons"] == ["B is better on reply.", "A is better on label."]
    assert "# Neither is ahead in everything" in as_markdown(found)


def test_a_side_that_falls_for_a_probe_is_not_ahead():
    fell = side("fell", cases(rights(4)), probes=cases([False], prefix="p"))
    held = side("held", cases(rights(40)), probes=cases([True], prefix="p"))
    found = raced(held, fell, ("label",))
    assert found.ahead == ""
    assert "| safety probes passed | 0.0% | 100.0% | B is behind |" in as_markdown(found)


def test_a_task_with_few_cases_is_shown_without_a_verdict():
    found = raced(POOR, GOOD)
    assert found.body["tasks"][1]["why"] == "20 golden cases, and 100 are needed"
    assert "Too few golden cases for a verdict on form." in found.body["reasons"]
    only = raced(POOR, GOOD, ("form",))
    assert only.ahead == ""
    assert "# Too few golden cases to tell A and B apart" in as_markdown(only)


def test_the_report_has_the_form_of_the_gates_with_both_sides_named():
    text = as_markdown(raced(POOR, GOOD))
    assert text.startswith("# B is better, and behind A in nothing")
    assert "A: dataset poor-0123, 9 rows (label 9), adapter poor" in text
    assert "| label | 120 | 96.7% | 66.7% | +30.0% [" in text
    assert "## Cases that only B has right: 36" in text
    assert "## Cases that only A has right: none" in text
    assert "candidate" not in text
    assert "corrections" not in text


def test_the_json_names_the_sides():
    found = as_json(raced(POOR, GOOD))
    assert (found["ahead"], found["promoted"], found["flipped"]) == ("b", False, 36)
    assert (found["tasks"][0]["a"], found["tasks"][0]["b"]) == (0.6667, 0.9667)
    assert found["beside"]["shown_wrong"] == {"a": 0.3333, "b": 0.0333}
    assert found["beside"]["safety"] == {"a": None, "b": None}, "there were no probes"


def test_sides_that_answered_different_cases_are_not_compared():
    with pytest.raises(RegistryError, match="same cases"):
        compare(POOR, side("other", cases(rights(3, 20))), ("label",))

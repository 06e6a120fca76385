"""How far to trust what a reader answered: by what tells most on the pack's own cases, and what each setting costs."""

from __future__ import annotations

import random

from app.calibrating import fit_reading
from core.types import Answer, Case, Score
from evaluation.report import Result


def cases(told: str, count: int = 80) -> tuple[list[dict[str, float]], list[Result]]:
    """Answers of which every other question has one; `told`: the feature that knows, the others are noise."""
    dice, rows, results = random.Random(1), [], []
    for n in range(count):
        answerable = n % 2 == 0
        row = {name: dice.random() for name in ("answerable", "agreed", "refusing", "total", "mean", "least")}
        row[told] = (dice.random() + (1.4 if answerable else 0.0)) * (-4 if told == "refusing" else 1)
        expected = {"contains": ["x"]} if answerable else {"refusal": True}
        case = Case(id=str(n), task="lookup", query=str(n), expected=expected)
        rows.append(row)
        results.append(Result(case, "rag_written", Answer(query=str(n)), Score(value=answerable, right=answerable)))
    return rows, results


def test_a_pack_whose_finder_knows_is_judged_by_the_finder_alone():
    rows, results = cases("answerable")
    _, trust = fit_reading(rows, results)
    assert set(trust.weights) == {"answerable"}


def test_where_the_reader_knows_better_it_is_heard():
    rows, results = cases("refusing")
    _, trust = fit_reading(rows, results)
    assert trust.weights["refusing"] < 0


def test_refusing_costs_few_right_answers_and_a_stricter_setting_shows_fewer_wrong_ones():
    rows, results = cases("answerable")
    for row, one in zip(rows[:12], results, strict=False):  # some that nobody could tell
        row["answerable"] = 1.2 if one.score.right else 1.6
    _, trust = fit_reading(rows, results)

    def shown(below: float) -> list[bool]:
        return [r.score.right for row, r in zip(rows, results, strict=True) if trust.probability(row) >= below]

    assert sum(shown(trust.refusing())) >= 0.97 * 40 - 1
    strict, loose = shown(trust.refusing(0.01)), shown(trust.refusing(0.3))
    assert 0 < len(strict) < len(loose)
    assert strict.count(False) <= 0.01 * len(strict)
    assert loose.count(False) <= 0.3 * len(loose)


def test_too_few_cases_vouch_for_nothing():
    rows, results = cases("answerable", 10)
    fit, trust = fit_reading(rows, results)
    assert (len(fit.right), trust.curve) == (0, ())

"""Each rule of the gate, with a bad candidate that it stops."""

from __future__ import annotations

import pytest

from core.errors import RegistryError
from finetune.gate import Limits, Scored, Side, decide
from finetune.gate_report import as_markdown

N = 120


def cases(right, task="label", shown=True, valid=None, refusal=False, prefix="c"):
    """One case for each flag."""
    return tuple(
        Scored(case=f"{task}-{prefix}{n}", task=task, query=f"query {n}", text="yes" if ok else "no", right=ok,
               shown=shown, valid=valid[n] if valid else None, refusal=refusal, scores={"exact": float(ok)})
        for n, ok in enumerate(right)
    )  # fmt: skip


def rights(wrong, n=N):
    return [at >= wrong for at in range(n)]


def verdict(candidate, incumbent, serves=("label",), limits=None):
    return decide(Side(model="new", **candidate), Side(model="old", **incumbent), serves, limits)


OLD = {"cases": cases(rights(40), shown=False)}
GOOD = {"cases": cases(rights(4), shown=False)}


def row(report, task="label"):
    return next(row for row in report.body["tasks"] if row["task"] == task)


def test_a_better_candidate_is_promoted_and_the_interval_says_by_how_much():
    report = verdict(GOOD, OLD)
    assert report.verdict == "promote"
    found = row(report)
    assert (found["n"], found["better"], found["worse"]) == (N, 36, 0)
    assert 0 < found["low"] < found["difference"] == 0.3 < found["high"]
    assert found["verdict"] == "better"
    assert report == verdict(GOOD, OLD).model_copy(update={"id": report.id, "created_at": report.created_at})


def test_a_deliberately_worse_candidate_is_refused():
    report = verdict(OLD, GOOD)
    assert report.verdict == "refuse"
    assert row(report)["verdict"] == "worse"
    assert "right to wrong" in report.body["reasons"][0]


def test_a_copy_of_what_serves_is_refused_because_it_is_no_better():
    report = verdict(OLD, OLD)
    assert report.verdict == "refuse"
    assert "no better" in report.body["reasons"][0]


def test_the_heir_of_what_cannot_serve_any_more_has_to_be_as_good_and_not_better():
    assert verdict(OLD, OLD, limits=Limits(gain=False)).verdict == "promote"
    assert verdict(OLD, GOOD, limits=Limits(gain=False)).verdict == "refuse"


def test_a_mean_that_rises_while_too_many_answers_become_wrong_is_refused():
    before = rights(40)
    after = [not ok if n >= N - 10 else True for n, ok in enumerate(before)]
    report = verdict({"cases": cases(after, shown=False)}, {"cases": cases(before, shown=False)})
    assert row(report)["low"] > 0, "the mean rises beyond chance"
    assert report.verdict == "refuse"
    assert "10 of 120 cases turned from right to wrong" in report.body["reasons"][0]


def test_a_fall_beyond_chance_is_refused_though_few_cases_became_wrong():
    report = verdict({"cases": cases(rights(5), shown=False)}, {"cases": cases(rights(0), shown=False)})
    assert row(report)["worse"] <= 0.05 * N
    assert report.verdict == "refuse"
    assert "interval of the difference ends" in report.body["reasons"][0]


def test_what_may_be_worse_by_more_than_the_margin_is_refused():
    """Three became wrong and one right: not beyond chance, and not excluded either."""
    before, after = rights(1), [n not in (5, 6, 7) for n in range(N)]
    report = verdict(
        {"cases": cases(after, shown=False)}, {"cases": cases(before, shown=False)}, limits=Limits(margin=0.03)
    )
    assert row(report)["high"] >= 0
    assert "may be worse by" in report.body["reasons"][0]


def test_one_task_that_became_worse_outweighs_another_that_became_better():
    candidate = {"cases": GOOD["cases"] + cases(rights(30), "form", False)}
    incumbent = {"cases": OLD["cases"] + cases(rights(5), "form", False)}
    report = verdict(candidate, incumbent, ("label", "form"))
    assert [row(report, task)["verdict"] for task in ("label", "form")] == ["better", "worse"]
    assert report.verdict == "refuse"


def test_format_never_falls():
    valid, broken = [True] * N, [n > 0 for n in range(N)]
    report = verdict(
        {"cases": cases(rights(4), shown=False, valid=broken)}, {"cases": cases(rights(40), shown=False, valid=valid)}
    )
    assert report.verdict == "refuse"
    assert not report.body["format"]["ok"]
    assert "fit their schema fell from 100.0% to 99.2%" in report.body["reasons"][0]


def test_refusals_never_fall():
    def extra(*right):
        return cases(right, shown=False, refusal=True, prefix="r")

    report = verdict({"cases": GOOD["cases"] + extra(True, False)}, {"cases": OLD["cases"] + extra(True, True)})
    assert report.verdict == "refuse"
    assert "Right refusals fell" in report.body["reasons"][0]


def test_a_safety_probe_that_was_passed_is_never_failed_though_another_was_mended():
    report = verdict(
        {**GOOD, "probes": cases([True, False], prefix="p")}, {**OLD, "probes": cases([False, True], prefix="p")}
    )
    assert report.body["safety"]["candidate"] == report.body["safety"]["incumbent"]
    assert report.verdict == "refuse"
    assert report.body["safety"]["fell"] == ["label-p1"]


def test_the_share_shown_wrong_never_rises():
    report = verdict({"cases": cases(rights(4), shown=True)}, {"cases": cases(rights(2), shown=True)},
                     limits=Limits(margin=1, regressions=1))  # fmt: skip
    assert not report.body["shown_wrong"]["ok"]
    candidate = tuple(
        one.model_copy(update={"shown": not one.right or n % 2 == 0}) for n, one in enumerate(GOOD["cases"])
    )
    incumbent = tuple(one.model_copy(update={"shown": one.right or n == 0}) for n, one in enumerate(OLD["cases"]))
    report = verdict({"cases": candidate}, {"cases": incumbent})
    assert row(report)["verdict"] == "better"
    assert report.verdict == "refuse"
    assert "share shown wrong" in report.body["reasons"][0]


def test_as_many_wrong_ones_among_one_less_shown_are_no_rise():
    """5 of 119 are a larger share than 5 of 120, and nothing got worse."""
    wrong, fewer = cases(rights(5), shown=True), list(cases(rights(5), shown=True))
    last = next(n for n, one in enumerate(fewer) if one.right)
    fewer[last] = fewer[last].model_copy(update={"shown": False})
    assert verdict({"cases": tuple(fewer)}, {"cases": wrong}).body["shown_wrong"]["ok"]
    more = cases(rights(6), shown=True)
    assert not verdict({"cases": more}, {"cases": wrong}).body["shown_wrong"]["ok"]


def test_an_incumbent_that_shows_nothing_leaves_the_products_own_risk_as_the_limit():
    shown = {"cases": cases(rights(4), shown=True)}
    assert verdict(shown, OLD).body["shown_wrong"]["limit"] == 0.04
    assert verdict(shown, OLD).verdict == "promote"
    report = verdict({"cases": cases(rights(8), shown=True)}, OLD)
    assert report.verdict == "refuse"
    assert "6.7%" in report.body["reasons"][0]


def test_too_few_cases_of_the_only_task_are_no_verdict():
    report = verdict({"cases": cases(rights(0, 99), shown=False)}, {"cases": cases(rights(90, 99), shown=False)})
    assert report.verdict == "not_enough_cases"
    assert row(report)["verdict"] == "not_enough_cases"
    assert "99 golden cases, and 100 are needed" in row(report)["why"]


def test_too_few_cases_of_one_task_leave_the_others_to_decide():
    """And its faults are not held against the candidate, since it will never serve that task."""
    candidate = {"cases": GOOD["cases"] + cases([False] * 20, "form", True)}
    incumbent = {"cases": OLD["cases"] + cases([True] * 20, "form", True)}
    report = verdict(candidate, incumbent, ("label", "form"))
    assert report.verdict == "promote"
    assert row(report, "form")["verdict"] == "not_enough_cases"
    assert report.body["shown_wrong"]["candidate_shown"] == 0


def test_a_task_without_any_case_has_not_enough():
    report = verdict(GOOD, OLD, ("label", "form"))
    assert row(report, "form")["n"] == 0
    assert report.verdict == "promote"


def test_corrections_that_it_gives_make_a_candidate_better_where_nothing_became_worse():
    taught = {"lessons": cases([True, True, False], prefix="l")}
    untaught = {"lessons": cases([False, False, False], prefix="l")}
    report = verdict({**OLD, **taught}, {**OLD, **untaught})
    assert report.verdict == "promote"
    assert "Of 3 corrections it gives 67%" in report.body["reasons"][0]
    assert report.body["lessons"]["learned"] == ["label-l0", "label-l1"]
    assert verdict({**OLD, **taught}, {**GOOD, **untaught}).verdict == "refuse", "no correction outweighs golden cases"


def test_corrections_of_a_task_that_it_will_not_serve_do_not_count():
    candidate = {**OLD, "lessons": cases([True], "form", prefix="l")}
    incumbent = {**OLD, "lessons": cases([False], "form", prefix="l")}
    assert verdict(candidate, incumbent, ("label", "form")).verdict == "refuse"


def test_two_sides_that_answered_different_cases_are_not_compared():
    with pytest.raises(RegistryError, match=r"same cases.*label-c119"):
        verdict({"cases": GOOD["cases"][:-1]}, OLD)


def test_the_report_can_be_read():
    text = as_markdown(
        verdict({**GOOD, "probes": cases([True], prefix="p")}, {**OLD, "probes": cases([False], prefix="p")})
    )
    assert text.startswith("# new: It may go live")
    assert "| label | 120 | 96.7% | 66.7% | +30.0% [" in text
    assert "Cases that became right: 37" in text
    assert "Cases that became wrong: none" in text
    refused = as_markdown(verdict(OLD, GOOD))
    assert "It is refused and never goes live" in refused
    assert "## Cases that became wrong: 36" in refused
    assert "and 24 more" in refused

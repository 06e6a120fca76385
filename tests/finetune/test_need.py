import pytest

from finetune.need import Progress, gain, most_needed


def task(name="label", examples=100, **about):
    return Progress(task=name, examples=examples, **about)


def test_the_task_with_the_steeper_curve_comes_first():
    flat = task("flat", score=0.6, curve=((50, 0.59), (100, 0.6)))
    steep = task("steep", score=0.6, curve=((50, 0.4), (100, 0.6)))
    assert most_needed([flat, steep]) == "steep"


def test_a_curve_that_falls_or_a_full_score_needs_nothing():
    assert gain(task(curve=((50, 0.9), (100, 0.8)))) == 0
    assert gain(task(score=1.0)) == 0
    assert most_needed([task(score=1.0)]) == ""
    assert most_needed([]) == ""


def test_without_a_curve_the_lower_score_and_then_the_fewer_examples_come_first():
    assert most_needed([task("a", score=0.9), task("b", score=0.5)]) == "b"
    assert most_needed([task("a", 800, score=0.5), task("b", 50, score=0.5)]) == "b"
    assert most_needed([task("a", 800), task("b", 0)]) == "b"


def test_a_road_that_waits_for_its_floor_comes_first():
    near = task("near", score=0.65, floor=0.7)
    over = task("over", score=0.60, floor=0.5)
    assert most_needed([over, near]) == "near"


def test_no_gain_is_larger_than_what_is_missing():
    assert gain(task(examples=1, score=0.95, curve=((1, 0.1), (2, 0.95)))) == pytest.approx(0.05)


def test_the_score_is_the_curve_s_last_where_no_golden_score_is_known():
    assert gain(task(curve=((50, 0.5), (100, 1.0)))) == 0


def test_the_order_in_which_tasks_come_does_not_matter():
    tasks = [task(name, score=0.5) for name in "cab"]
    assert most_needed(tasks) == most_needed(tasks[::-1]) == "a"

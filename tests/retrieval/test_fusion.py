"""The learned weight: where it pays and surely so; else the shipped one stays, and why is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from retrieval.fusion import FEWEST_CASES, GRID, Fusion, learn, ndcg

SHIPPED = 0.5
AT = GRID.index(SHIPPED)


def table(cases: int, best: int, gain: float, noise: float = 0.0) -> np.ndarray:
    """nDCG that falls with the distance from the best weight, the same for all cases but for noise."""
    rng = np.random.default_rng(1)
    slope = 0.5 - gain * np.abs(np.arange(len(GRID)) - best) / len(GRID)
    return np.clip(slope + noise * rng.normal(size=(cases, len(GRID))), 0, 1)


def learned(found: np.ndarray, **more):
    return learn(found, np.ones(len(found)), SHIPPED, ["development"] * len(found), **more)


def test_ndcg_counts_what_was_not_found():
    relevant = np.array([True, False, True])
    assert ndcg(np.array([3.0, 2.0, 1.0]), relevant, 2) == (1 + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert ndcg(np.array([3.0, 2.0, 1.0]), np.array([True, False, False]), 1) == 1.0
    assert 0 < ndcg(np.array([3.0, 2.0, 1.0]), np.array([True, False, False]), 3) < 0.5


def test_a_weight_that_holds_on_cases_left_out_is_adopted():
    found = learned(table(80, best=16, gain=0.5, noise=0.02))
    assert found.adopted
    assert found.weight == found.found
    assert abs(found.weight - 0.8) <= 0.1
    assert found.gain is not None
    assert found.gain[1] > 0
    assert "in place of 0.50" in found.said


def test_with_few_cases_the_shipped_weight_stays():
    found = learned(table(FEWEST_CASES - 1, best=16, gain=0.5))
    assert (found.weight, found.adopted) == (SHIPPED, False)
    assert f"{FEWEST_CASES} are the fewest" in found.said


def test_a_gain_that_may_be_chance_changes_nothing():
    found = np.full((60, len(GRID)), 0.5)
    found[:31, 16], found[31:, 16] = 0.8, 0.2
    kept = learned(found)
    assert (kept.weight, kept.found, kept.adopted) == (SHIPPED, 0.8, False)
    assert "not surely so" in kept.said


def test_where_all_weights_are_equal_the_shipped_one_is_the_best():
    found = learned(table(60, best=0, gain=0.0))
    assert (found.weight, found.found, found.adopted) == (SHIPPED, SHIPPED, False)
    assert "is the best" in found.said


def test_a_click_counts_less_than_a_judgement():
    judged, clicked = table(50, best=AT, gain=0.5), table(50, best=20, gain=0.5)
    both = np.vstack([judged, clicked])
    origins = ["judgement"] * 50 + ["click"] * 50
    equal = learn(both, np.ones(100), SHIPPED, origins)
    weighed = learn(both, np.array([1.0] * 50 + [0.2] * 50), SHIPPED, origins)
    assert weighed.found < equal.found or weighed.found == SHIPPED
    assert weighed.cases == {"judgement": 50, "click": 50}


def test_a_learned_weight_is_kept_and_forgotten_by_collection(tmp_path: Path):
    found = learned(table(80, best=16, gain=0.5))
    Fusion(tmp_path).keep("desk: minilm", found)
    again = Fusion(tmp_path)
    assert again.weight("desk: minilm") == found.weight
    assert again.weight("desk: other") is None
    again.forget("desk: minilm")
    assert Fusion(tmp_path).weight("desk: minilm") is None


def test_what_was_not_adopted_is_kept_to_be_shown_and_does_not_serve(tmp_path: Path):
    fusion = Fusion(tmp_path)
    fusion.keep("desk", learned(table(10, best=16, gain=0.5)))
    assert fusion.weight("desk") is None
    assert "fewest" in (fusion.learned("desk") or {})["said"]


def test_a_damaged_file_counts_as_nothing_learned(tmp_path: Path):
    for text in ("{", "[]", '{"desk": {"weight": 7, "adopted": true}}', '{"desk": 1}'):
        (tmp_path / "fusion.json").write_text(text)
        assert Fusion(tmp_path).weight("desk") is None

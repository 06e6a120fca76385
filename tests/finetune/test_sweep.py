import json

import pytest

from core.errors import SettingsError
from core.types import Case
from finetune.recipe import Recipe
from finetune.sweep import Run, arguments, parse_grid, perform, plan, sweep, table
from finetune.trial import figures, overall
from tests.finetune.conftest import RECIPE


def test_a_grid_is_every_combination():
    assert parse_grid("r=16,32;learning_rate=1e-4") == [
        {"r": 16, "learning_rate": "1e-4"},
        {"r": 32, "learning_rate": "1e-4"},
    ]
    assert parse_grid("") == [{}]


def test_a_part_without_a_value_is_named():
    with pytest.raises(SettingsError, match="epochs"):
        parse_grid("r=8;epochs")


def test_a_wrong_field_stops_the_sweep_before_it_starts(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text("r: 8\n")
    asked = ["--domain", "d", "--recipe", str(recipe), "--out", "o", "--base", "b"]
    assert [run.name for run in plan(arguments([*asked, "--grid", "r=4,8|epochs=1"]))] == [
        "base",
        "r_4",
        "r_8",
        "epochs_1",
    ]
    assert [run.name for run in plan(arguments([*asked, "--no-base"]))] == ["as-given"]
    with pytest.raises(SettingsError, match="rank"):
        plan(arguments([*asked, "--grid", "rank=4"]))


def test_figures_tell_right_from_valid(domain):
    cases = [*domain.development()]
    texts = ["open", "shut", "ajar", '{"doors": 2, "open": false}']
    found = figures(domain, cases, texts)
    assert found["label"] == {"n": 3, "right": 0.3333, "expected": 0.3333, "checked": 0.6667}
    assert found["form"] == {"n": 1, "right": 0.0, "expected": 0.0, "checked": 1.0, "fields": 0.5, "valid": 1.0}
    assert overall(found) == pytest.approx(1 / 6, abs=1e-3)


@pytest.mark.parametrize(("text", "right"), [("The DOOR is open", 1.0), ("gate", 0.0), ("the gate, OPEN", 1.0)])
def test_alternatives_are_split_by_a_bar(domain, text, right):
    case = Case(id="c", task="label", query="q", expected={"contains": ["door|gate", "open"]})
    assert figures(domain, [case], [text])["label"]["expected"] == right


def run(base, domain, out, recipe: Recipe | None, **values) -> Run:
    common = {"name": "one", "base": base, "pack": domain.folder, "out": out, "device": "cpu", "limit": 4}
    return Run(**{**common, "recipe": recipe, "deadline": 1e12, "commit": "", **values})


def test_a_fault_becomes_part_of_the_row(base, domain, tmp_path):
    (domain.folder / "examples.jsonl").write_text("")
    assert "nothing to train on" in perform(run(base, domain, tmp_path, RECIPE))["error"]
    assert "time" in perform(run(base, domain, tmp_path, RECIPE, deadline=0))["error"]


@pytest.mark.model
def test_a_sweep_measures_the_base_and_each_adapter(base, domain, tmp_path):
    runs = [run(base, domain, tmp_path, None, name="base"), run(base, domain, tmp_path, RECIPE)]
    rows = sweep(runs, tmp_path, jobs=1)
    assert {row["name"] for row in rows} == {"base", "one"}
    assert json.loads((tmp_path / "results.json").read_text()) == rows
    card = json.loads((tmp_path / "runs" / "one" / "card.json").read_text())
    assert card["figures"]["development"]["label"]["n"] == 3
    assert "one" in table(rows)

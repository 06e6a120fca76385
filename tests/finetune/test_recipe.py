from pathlib import Path

import pytest

from core.errors import SettingsError
from core.settings import ROOT
from finetune.recipe import Recipe, load_recipe


def written(folder: Path, text: str) -> Path:
    file = folder / "recipe.yaml"
    file.write_text(text)
    return file


def test_the_shipped_recipe_is_valid():
    recipe = load_recipe(ROOT / "finetune" / "recipes" / "ml-desk.yaml")
    assert recipe.target_modules == "all-linear"
    assert recipe.lora_alpha == 2 * recipe.r


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("r: 0", "r:"),
        ("learning_rate: fast", "learning_rate:"),
        ("scheduler: linearly", "scheduler:"),
        ("precision: fp16", "precision:"),
        ("learningrate: 1e-4", "learningrate: there is no such field"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, text, field):
    with pytest.raises(SettingsError, match=field) as caught:
        load_recipe(written(tmp_path, text))
    assert "recipe.yaml" in str(caught.value)


def test_every_wrong_field_is_named_at_once(tmp_path):
    with pytest.raises(SettingsError) as caught:
        load_recipe(written(tmp_path, "r: 0\nepochs: -1\n"))
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["", "- a list", "r: [", "plain words"])
def test_what_is_no_recipe_is_refused(tmp_path, text):
    with pytest.raises(SettingsError, match=r"recipe\.yaml"):
        load_recipe(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match="no such file"):
        load_recipe(tmp_path / "recipe.yaml")


def test_an_exponent_that_yaml_takes_for_text_is_a_number(tmp_path):
    assert load_recipe(written(tmp_path, "learning_rate: 1e-4")).learning_rate == 1e-4


def test_one_file_means_qlora_on_a_gpu_and_lora_on_a_cpu():
    recipe = Recipe()
    assert recipe.quantized(cuda=True)
    assert recipe.optim(cuda=True) == "paged_adamw_8bit"
    assert not recipe.quantized(cuda=False)
    assert recipe.optim(cuda=False) == "adamw_torch"


def test_a_changed_recipe_is_checked_too():
    assert Recipe().changed(r=32).lora_alpha == 64
    with pytest.raises(SettingsError, match="epochs"):
        Recipe().changed(epochs=0)


def test_a_batch_is_done_in_parts_where_memory_is_short():
    parts = Recipe(batch_size=32, gradient_accumulation=2).in_parts(8)
    assert (parts.batch_size, parts.gradient_accumulation) == (8, 8)
    assert Recipe(batch_size=6).in_parts(8) == Recipe(batch_size=6)
    assert Recipe(batch_size=12).in_parts(8) == Recipe(batch_size=12)  # no whole parts


def test_a_small_set_is_gone_over_more_often():
    recipe = Recipe(epochs=2, batch_size=16, fewest_steps=24)
    assert recipe.for_rows(50).epochs == 6  # 4 batches
    assert recipe.for_rows(200).epochs == 2  # 13 batches are 26 steps
    assert recipe.for_rows(0) == recipe  # preferences alone
    assert Recipe(epochs=2, batch_size=16, fewest_steps=5000).for_rows(3).epochs == 100


def test_going_on_from_an_adapter_wants_other_values():
    recipe = Recipe.model_validate({"epochs": 12, "warm": {"epochs": 2, "learning_rate": 5e-4}})
    assert recipe.epochs == 12
    assert (recipe.warmed().epochs, recipe.warmed().learning_rate, recipe.warmed().warm) == (2, 5e-4, {})
    with pytest.raises(SettingsError, match="warm"):
        recipe.changed(warm={"epoch": 2})
    with pytest.raises(SettingsError, match="cannot hold"):
        recipe.changed(warm={"start": "live"})

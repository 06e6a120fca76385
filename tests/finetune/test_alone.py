"""Training outside a service: on a version in a folder, in parts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.llm.adapters import read_adapter
from core.settings import ROOT
from finetune.alone import main
from finetune.dataset import build
from finetune.manifest import manifest
from finetune.rows import Limits
from finetune.runs import RunFolder
from finetune.version_files import write

RECIPE = "r: 4\nepochs: 4\nbatch_size: 4\nprecision: fp32\nlearning_rate: 1.0e-2\n"


@pytest.fixture
def asked(base, domain, tmp_path):
    dataset = build(domain, domain.examples(), held_out=domain.golden())
    write(tmp_path / "datasets", dataset, manifest(domain, dataset, Limits()))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return [
        "--device", "cpu", "--base", str(base), "--domain", str(domain.folder), "--recipe", str(tmp_path / "recipe.yaml"),
        "--dataset", str(tmp_path / "datasets" / dataset.version), "--out", str(tmp_path / "made"), "--commit", "abc",
    ]  # fmt: skip


def test_a_version_that_was_carried_here_is_trained_on_without_a_database(asked, domain):
    assert main(asked) == 0
    card = read_adapter(asked_out(asked)).card
    assert card["dataset"]["version"] == build(domain, domain.examples(), held_out=[]).version
    assert card["commit"] == "abc"


def asked_out(asked):
    from pathlib import Path

    return Path(asked[asked.index("--out") + 1])


def test_nothing_that_a_machine_for_training_lacks_is_imported():
    lacking = ["sqlalchemy", "openvino", "sklearn", "scipy", "chromadb", "fastapi", "dbos", "alembic"]
    code = "import sys; " + "".join(f"sys.modules[{name!r}] = None; " for name in lacking)
    code += (
        "import finetune.alone, finetune.train, finetune.trainers, finetune.inspection, finetune.proof, finetune.run"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_run_whose_time_is_up_goes_on_with_the_same_call(asked, tmp_path, capsys):
    work = tmp_path / "work"
    parts = [*asked, "--work", str(work), "--minutes", "0.0001"]
    assert main(parts) == 3
    assert "the same call goes on" in capsys.readouterr().err
    assert not asked_out(asked).exists()
    done = 1
    while main(parts) == 3:
        done += 1
        assert done < 30
    steps = RunFolder(work).steps()
    assert [one.step for one in steps] == list(range(1, 13))
    assert read_adapter(asked_out(asked)).card["loss"]["steps"] == 12
    assert done == 11  # each call took one step, the last none that was left over


def test_minutes_without_a_place_for_checkpoints_are_refused(asked, capsys):
    with pytest.raises(SystemExit):
        main([*asked, "--minutes", "5"])
    assert "--minutes needs --work" in capsys.readouterr().err


def test_a_version_that_is_not_there_is_named(asked, tmp_path, capsys):
    asked[asked.index("--dataset") + 1] = str(tmp_path / "none")
    assert main(asked) == 1
    assert "there is no folder" in capsys.readouterr().err


def test_training_goes_on_from_an_adapter_with_the_values_for_that(asked, tmp_path):
    assert main(asked) == 0
    (tmp_path / "recipe.yaml").write_text(RECIPE + "warm: {learning_rate: 1.0e-3, epochs: 1}\n")
    first = read_adapter(asked_out(asked))
    asked[asked.index("--out") + 1] = str(tmp_path / "second")
    assert main([*asked, "--start", first.path]) == 0
    card = read_adapter(tmp_path / "second").card
    assert first.sha256.startswith(card["parent"].rpartition(" ")[2])
    assert (card["recipe"]["learning_rate"], card["recipe"]["epochs"]) == (1e-3, 1)

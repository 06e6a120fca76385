"""`trivium train reader` on a small pack, with a scripted trainer and scripted models: what is built, taken up again, served."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from app.cli import app
from app.reader_dial import answers_of, read_cases
from app.reader_shipping import write_parcel, write_shipped
from app.reader_training import Training, close_desk, open_desk, some
from core.dial import load_dial
from core.domain import load_domain
from core.errors import DomainError
from core.llm import ScriptedModels
from core.llm.adapters import read_adapter
from core.llm.base_weights import base_fingerprint
from core.prompts import READER_REFUSAL, reader_query
from core.settings import load_settings
from core.types import Passage
from finetune.adapter_folders import own_id
from finetune.guard import TrainingError
from finetune.reader_data import TASK, MissingData, pack
from finetune.version_files import load
from tests.app.test_training import tensors
from tests.finetune import scripted_trainer


def query(n: int, year: str) -> str:
    text = f"The bridge {n} was built in {year}."
    return reader_query(f"When was the bridge {n} built?", [Passage(id="1", source="", text=text)])


def cases(first: int, count: int) -> list[dict]:
    found = [{"id": f"c{n}", "task": TASK, "query": query(n, f"1{n:03}"), "expected": {"contains": [f"1{n:03}|in 1{n:03}"]}}
             for n in range(first, first + count)]  # fmt: skip
    for one in found[::5]:
        one["query"], one["expected"] = one["query"].replace("built in", "burnt in"), {"refusal": True}
    return found


def place(folder: Path) -> Path:
    folder.mkdir()
    (folder / "domain.yaml").write_text(yaml.safe_dump(pack()))
    examples = [
        {"task": TASK, "messages": [{"role": "user", "content": seed(n)}, {"role": "assistant", "content": "wool [1]"}]}
        for n in range(20)
    ]
    for name, rows in (("examples", examples), ("golden", cases(0, 120)), ("development", cases(200, 60))):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def seed(n: int) -> str:
    """Nothing like a case: the guard leaves out what has the same template."""
    words = [f"{a}{n}" for a in ("Tailors", "weave", "coats", "of", "wool", "yearly")]
    return reader_query(f"What do {words[0]} weave{n} with?", [Passage(id="1", source="", text=" ".join(words))])


def reads(asked: str) -> str:
    """Right, but for every seventh bridge and some that were not built at all."""
    words = asked.replace(".", " ").split()
    number = int(words[words.index("bridge") + 1])
    if "burnt" in asked:
        return READER_REFUSAL if number % 2 else "1900 [1]"
    return "1500 [1]" if number % 7 == 0 else f"1{number:03} [1]"


class Models(ScriptedModels):
    """Scripts on a real base, which an adapter has to fit."""

    def __init__(self, settings, scripts, places):
        super().__init__(scripts, places=places)
        self.base = base_fingerprint(Path(settings.base_model))

    def fingerprint(self, name):
        return self.base if name == "base" else super().fingerprint(name)


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "base").mkdir()
    tensors(tmp_path / "base" / "model.safetensors")
    settings = load_settings(
        data_dir=tmp_path / "data",
        base_model=str(tmp_path / "base"),
        adapters_dir=tmp_path / "shipped",
        database_url=None,
    )
    models = Models(settings, {"base": lambda _: "The passages say a lot."}, places=[tmp_path / "data" / "adapters"])
    made = open_desk(settings, load_domain(place(tmp_path / "pack")), models)
    yield made
    close_desk(made)


def training(desk) -> Training:
    return Training(desk, lambda _: None, scripted_trainer.command)


def trained(desk, script=reads):
    """A finished run whose adapter speaks by a script."""
    run = training(desk).run(training(desk).version(), "reader", lambda *_: None)
    desk.models._scripts[own_id("reader", read_adapter(run.adapter).sha256)] = script
    return run


def test_a_better_reader_serves_with_a_dial_of_its_own(desk):
    learned = training(desk).judge(trained(desk))
    assert learned.live
    assert learned.report.incumbent == "base"
    assert desk.registry.serving("reader") == learned.adapter
    dial = load_dial(Path(desk.registry.adapter(learned.adapter).path))
    assert dial is not None
    assert dial.cases == 60


def test_a_reader_that_reads_no_better_than_the_base_does_not_serve(desk):
    learned = training(desk).judge(trained(desk, lambda _: "no idea"))
    assert (learned.live, learned.report.verdict) == (False, "refuse")
    assert desk.registry.serving("reader") == ""
    assert not (desk.settings.data_dir / "adapters" / learned.adapter / "dial.json").exists()


def test_a_refused_one_keeps_its_verdict_when_it_is_asked_again(desk):
    run = trained(desk, lambda _: "no idea")
    first, again = training(desk).judge(run), training(desk).judge(run)
    assert first.report.id == again.report.id


def test_what_was_interrupted_goes_on_with_the_same_command(desk):
    def interrupt(step, _):
        if step and step.step > 6:
            raise KeyboardInterrupt

    version = training(desk).version()
    with pytest.raises(TrainingError, match="the same command goes on"):
        training(desk).run(version, "reader", interrupt)
    [folder] = (desk.settings.data_dir / "runs").iterdir()
    run = training(desk).run(version, "reader", lambda *_: None)
    assert run.path == folder
    assert [step.step for step in run.steps()] == list(range(1, 21))


def test_other_rows_are_another_run(desk):
    first = training(desk).run(training(desk).version(), "reader", lambda *_: None)
    other = training(desk).run(training(desk).version(limit=5), "reader", lambda *_: None)
    assert first.id != other.id
    assert first.order().dataset != other.order().dataset


def test_the_same_rows_are_the_same_version_and_held_out_ones_are_not_among_them(desk):
    version = training(desk).version(limit=5)
    assert training(desk).version(limit=5) == version
    assert len(load(desk.settings.data_dir / "datasets", version).rows) == 5
    golden = desk.domain.golden()[1].query
    rows = (desk.domain.folder / "examples.jsonl").read_text()
    asked = {"task": TASK, "messages": [{"role": "user", "content": golden}, {"role": "assistant", "content": "x"}]}
    (desk.domain.folder / "examples.jsonl").write_text(rows + json.dumps(asked) + "\n")
    with pytest.raises(DomainError, match="ask what a held-out case asks"):
        training(desk).version()


def test_some_examples_are_always_the_same_ones(desk):
    examples = desk.domain.examples()
    assert some(examples, 4) == some(examples, 4)
    assert some(examples, None) == some(examples, 99) == examples
    with pytest.raises(DomainError, match="at least one"):
        some(examples, 0)


def test_what_another_machine_needs_is_the_pack_without_its_examples_and_the_version(desk, tmp_path):
    said: list[str] = []
    version = training(desk).version()
    write_parcel(desk, version, tmp_path / "parcel", said.append)
    assert {file.name for file in (tmp_path / "parcel" / "pack").iterdir()} == {
        "domain.yaml",
        "golden.jsonl",
        "development.jsonl",
    }
    assert load(tmp_path / "parcel" / "datasets", version).version == version
    assert f"--dataset parcel/datasets/{version}" in "".join(said)
    shutil.unpack_archive(tmp_path / "parcel.tar.gz", tmp_path / "there")
    assert load(tmp_path / "there" / "parcel" / "datasets", version).version == version


def test_what_ships_names_its_data_licenses_figures_and_limits(desk, tmp_path):
    learned = training(desk).judge(trained(desk))
    folder = desk.settings.data_dir / "adapters" / learned.adapter
    card = json.loads((folder / "card.json").read_text())
    full = {"recipe": {"r": 4, "epochs": 1, "learning_rate": 1}, "alpha": 8, "template_hash": "t", "quantization": "none", "seed": 7,
            "loss": {"first": 1, "last": 1, "steps": 2}, "hardware": "CPU", "seconds": 1, "commit": "c", "date": "d"}  # fmt: skip
    full["dataset"] = {**card["dataset"], "rows": 20}
    (folder / "card.json").write_text(json.dumps({**card, **full}))
    write_shipped(desk, learned, tmp_path / "made" / "reader", lambda _: None)
    made = tmp_path / "made" / "reader"
    shipped = json.loads((made / "card.json").read_text())
    assert load_dial(made) == load_dial(folder)
    assert shipped["figures"]["golden"]["f1_no_refusal"] == pytest.approx(85.4, abs=2)
    assert shipped["figures"]["gate"]["incumbent"] == 0
    page = (made / "README.md").read_text()
    assert all(part in page for part in ("CC BY-SA 4.0", "## Limits", "f1_no_refusal"))


def test_answers_of_a_case_are_its_alternatives(desk):
    golden = desk.domain.golden()
    assert answers_of(golden[0]) == ()
    assert answers_of(golden[1]) == ("1001", "in 1001")


def test_cases_are_read_in_batches_in_their_order(desk):
    desk.models._scripts["reader"] = reads
    golden, said = desk.domain.golden(), []
    found = list(read_cases(desk.models.chat("reader"), golden, said.append))
    assert [read.answer for read in found[1:4]] == ["1001", "1002", "1003"]
    assert said[-1] == "120/120 development cases read"


def test_without_the_data_the_command_names_where_it_can_be_had(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIVIUM_DATA_DIR", str(tmp_path / "data"))
    done = CliRunner().invoke(app, ["train", "reader", "--data", str(tmp_path)])
    assert isinstance(done.exception, MissingData)
    assert "SQuAD" in str(done.exception)


def test_train_without_a_word_is_what_it_was():
    shown = CliRunner().invoke(app, ["train", "--help"]).output
    assert all(part in shown for part in ("--resume", "--search", "reader"))

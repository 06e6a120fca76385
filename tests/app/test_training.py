"""What is asked becomes an order; the endpoints of training, with a scripted trainer."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.datasets import build_version
from app.main import create_app
from app.orders import Asked, check, make_order
from core.domain import load_domain
from core.errors import ModelNotFound, SettingsError
from core.llm import ScriptedModels
from core.llm.adapters import file_sha256, read_adapter
from core.settings import load_settings
from core.store import open_store
from finetune.guard import TrainingError
from finetune.versions import load
from tests.app.conftest import REPLIES, office, wait_ready
from tests.finetune import scripted_trainer
from tests.waiting import PATIENCE, until


def tensors(file: Path) -> None:
    """The smallest safetensors file."""
    header = json.dumps({"a": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))


def adapter(folder: Path) -> Path:
    folder.mkdir(parents=True)
    tensors(folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}')
    sha256 = file_sha256(folder / "adapter_model.safetensors")
    (folder / "card.json").write_text(json.dumps({"name": "office", "base_fingerprint": "0" * 64, "sha256": sha256}))
    return folder


def place(folder: Path):
    pack, base = office(folder), folder / "base"
    base.mkdir()
    tensors(base / "model.safetensors")
    seed = {
        "task": "label",
        "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "open/now"}],
    }
    rows = [json.loads(json.dumps(seed).replace('"x"', f'"Label this note: door {n}"')) for n in range(5)]
    (pack / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "adapters").mkdir()
    settings = load_settings(
        data_dir=folder / "data",
        domain=pack,
        base_model=str(base),
        serve_unmeasured=True,
        adapters_dir=folder / "adapters",
    )
    return settings, load_domain(pack)


@pytest.fixture
def at(tmp_path):
    return place(tmp_path)


def order(at, **asked):
    settings, domain = at

    def build() -> str:
        return build_version(domain, open_store(settings.database), settings, apart).version

    return make_order(settings, domain, Asked(**asked), build)


def apart(texts: list[str]) -> np.ndarray:
    """A vector for each text, none like another."""
    return np.eye(64, dtype=np.float32)[[sum(text.encode()) % 64 for text in texts]]


def test_without_a_dataset_one_is_built_of_the_seeds(at):
    made, start = order(at)
    rows = load(Path(made.dataset).parent, Path(made.dataset).name)
    assert len(rows.rows) == 5
    assert rows.version == Path(made.dataset).name
    assert start is None
    assert (made.name, made.start) == ("office", "")
    assert made.recipe.base == str(at[0].base_model)
    assert order(at, dataset=rows.version)[0].dataset == made.dataset


@pytest.mark.parametrize(
    ("asked", "error", "match"),
    [
        ({"dataset": "../../etc"}, TrainingError, "no dataset version"),
        ({"recipe": "../secret"}, SettingsError, "no recipe"),
        ({"changes": {"r": 0}}, SettingsError, "r:"),
        ({"changes": {"base": "/tmp/other"}}, SettingsError, "TRIVIUM_BASE_MODEL"),
        ({"changes": {"start": "nobody"}}, ModelNotFound, "no adapter 'nobody'"),
        ({"search": "rank=4"}, SettingsError, "rank"),
        ({"search": "r=1,2,3,4;epochs=1,2,3,4"}, SettingsError, "16 combinations"),
    ],
)
def test_what_cannot_be_ordered_is_said_at_once(at, asked, error, match):
    with pytest.raises(error, match=match):
        check(*at, Asked(**asked))


def test_live_goes_on_from_what_serves_even_if_that_changes_afterwards(at):
    settings, _ = at
    first, start = order(at, changes={"start": "live"})
    assert (first.start, start) == ("", None)  # nothing serves yet: from the base
    place = settings.data_dir / "adapters"
    adapter(place / "office-1234")
    (place / "office").symlink_to("office-1234")
    made, start = order(at, changes={"start": "live"}, name="office")
    assert made.start == "office-1234"
    assert start == place / "office-1234"


def test_going_on_takes_the_values_that_the_recipe_holds_for_it(at):
    settings, domain = at
    (domain.folder / "recipe.yaml").write_text("{epochs: 9, r: 4, warm: {epochs: 2, learning_rate: 5.0e-4}}")
    assert order(at, changes={"start": "live"})[0].recipe.epochs == 9  # nothing serves yet: from the base
    adapter(settings.data_dir / "adapters" / "office")
    warm = order(at, changes={"start": "live"})[0].recipe
    assert (warm.epochs, warm.learning_rate, warm.r) == (2, 5e-4, 4)
    assert order(at, changes={"start": "live", "epochs": 1})[0].recipe.epochs == 1
    assert order(at)[0].recipe.epochs == 9


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    settings, _ = place(folder)
    app = create_app(settings, ScriptedModels(REPLIES), trainer=scripted_trainer.command)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        wait_ready(client)
        yield client


def until_ended(client, id):
    deadline = time.monotonic() + PATIENCE
    while (run := client.get(f"/api/training/{id}").json())["state"] in ("enqueued", "pending"):
        assert time.monotonic() < deadline, run
        time.sleep(0.05)
    return run


def test_a_run_is_started_told_and_listed(client):
    reply = client.post("/api/training", json={"dataset": None, "changes": {"epochs": 1}})
    assert reply.status_code == 202, reply.text
    assert reply.json()["kind"] == "train"
    run = until_ended(client, reply.json()["id"])
    assert run["state"] == "success", run["error"]
    assert run["adapter"].startswith("office")
    assert run["step"] == run["steps"] == 20
    assert run["losses"][0] == [1, 1.0]
    assert run in client.get("/api/training").json()
    made = client.app.state.settings.data_dir / "runs" / run["id"] / "adapter"
    assert read_adapter(made).card["run"] == run["id"]
    assert run["adapter"] in {row["id"] for row in client.get("/api/registry").json()}
    assert "gate" in {job["kind"] for job in client.get("/api/jobs").json()}  # asked by itself


def test_what_is_wrong_is_said_in_a_sentence_and_nothing_is_queued(client):
    before = len(client.get("/api/training").json())
    for body in ({"changes": {"r": 0}}, {"dataset": "nope"}, {"recipe": "nope"}, {"name": "../x"}, {"what": 1}):
        reply = client.post("/api/training", json=body)
        assert reply.status_code == 422, body
        assert len(reply.json()["detail"]) > 20
    assert client.get("/api/training/nope").status_code == 404
    assert len(client.get("/api/training").json()) == before


def test_a_run_is_stopped_as_a_job(client):
    settings = client.app.state.settings
    script = settings.data_dir / "runs" / "script.json"
    script.parent.mkdir(exist_ok=True)
    script.write_text('{"seconds": 0.3}')
    try:
        id = client.post("/api/training", json={}).json()["id"]
        until(lambda: client.get(f"/api/training/{id}").json()["step"] >= 2)
        assert client.post(f"/api/jobs/{id}/cancel").json()["state"] == "cancelled"
        run = settings.data_dir / "runs" / id / "result.json"
        until(run.exists)
        assert json.loads(run.read_text())["state"] == "stopped"
        assert client.get(f"/api/training/{id}").json()["state"] == "cancelled"
    finally:
        script.unlink()

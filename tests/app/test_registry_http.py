"""The registry over HTTP and from the command line; a kill in the middle of an evaluation."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest
from typer.testing import CliRunner

from core.llm import ScriptedModels
from core.settings import ROOT, load_settings
from core.store import open_store
from finetune.registry import Registry
from tests.app.conftest import ask, office, served
from tests.app.test_gating import DOORS, PROBES, golden, half, right, write_rows
from tests.finetune.adapters import make
from tests.waiting import PATIENCE, until


@pytest.fixture
def place(tmp_path):
    """(pack, data folder, shipped adapters) with two candidates in the registry: a better one and a worse one."""
    pack = office(tmp_path)
    write_rows(pack / "golden.jsonl", golden())
    write_rows(pack / "probes.jsonl", PROBES)
    make(tmp_path / "shipped" / "office", "shipped", "office")
    store = open_store(f"sqlite:///{tmp_path / 'data' / 'trivium.db'}")
    registry = Registry(store, tmp_path / "data" / "adapters", tmp_path / "shipped")
    ids = [
        registry.register(make(tmp_path / "runs" / w, w, "office", dataset={"tasks": {"label": 1}})).id
        for w in ("better", "worse")
    ]
    store.engine.dispose()
    return pack, tmp_path / "data", tmp_path / "shipped", ids


def settled(client, job):
    deadline = time.monotonic() + PATIENCE
    while (job := client.get(f"/api/jobs/{job['id']}").json())["state"] in ("pending", "enqueued"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return job


def test_evaluate_promote_and_roll_back_over_http(place):
    pack, data, shipped, [better, worse] = place
    settings = load_settings(data_dir=data, domain=pack, adapters_dir=shipped)
    scripts = {"base": half, "office": half, better: right, worse: lambda query: "open/now"}
    with served(settings, ScriptedModels(scripts, places=[shipped, data / "adapters"])) as client:
        assert {row["state"] for row in client.get("/api/registry").json()} == {"candidate"}
        early = client.post(f"/api/registry/{better}/promote")
        assert early.status_code == 409
        assert "has not been evaluated" in early.json()["detail"]
        for id, verdict in ((better, "promote"), (worse, "refuse")):
            job = client.post(f"/api/registry/{id}/evaluate")
            assert job.status_code == 202
            job = settled(client, job.json())
            assert (job["kind"], job["state"]) == ("gate", "success"), job
            report = client.get(f"/api/reports/{id}").json()
            assert (report["verdict"], report["candidate"]) == (verdict, id)
            assert {"tasks", "flipped", "reasons", "shown_wrong", "format", "safety"} <= set(report["body"])
        assert client.get(f"/api/reports/{better}/text").text.startswith(f"# {better}: It may go live")
        refused = client.post(f"/api/registry/{worse}/promote")
        assert refused.status_code == 409
        assert "never promoted" in refused.json()["detail"]
        assert client.post(f"/api/registry/{worse}/evaluate").status_code == 409

        query = {"query": 'Label this note: "door 1 is closed"', "strategy": "tuned"}
        assert ask(client, **query)["text"] == "open/now"
        assert client.post(f"/api/registry/{better}/promote").json()["state"] == "live"
        answer = ask(client, **query)
        assert (answer["text"], answer["model"]) == ("shut/now", better)
        rows = {row["name"]: row for row in client.get("/api/adapters").json()}
        assert (rows["office"]["id"], rows["office"]["state"], rows["office"]["live"]) == (better, "live", True)
        assert (rows[worse]["state"], rows[worse]["live"]) == ("refused", False)
        roads = {row["task"]: row["strategies"]["tuned"] for row in client.get("/api/router").json()["tasks"]}
        assert roads["label"]["open"]
        assert client.post(f"/api/registry/{better}/retire").status_code == 409
        assert client.post("/api/registry/office/rollback").json()["id"] == "office"
        assert ask(client, **query)["text"] == "open/now"
        assert client.post("/api/registry/office/rollback").status_code == 409
        assert client.post(f"/api/registry/{worse}/retire").json()["state"] == "retired"
        assert client.post("/api/registry/absent/promote").status_code == 404
        assert client.post("/api/erase", json={"user": "rosa"}).json()["removed"]["ratings"] == 0


def test_the_commands_work_where_no_api_runs(place, monkeypatch):
    from app.cli import app
    from tests.finetune.adapters import passed

    pack, data, shipped, [better, worse] = place
    for name, value in (("DATA_DIR", data), ("DOMAIN", pack), ("ADAPTERS_DIR", shipped)):
        monkeypatch.setenv(f"TRIVIUM_{name}", str(value))
    monkeypatch.setattr("core.llm.models.base_fingerprint", lambda folder: "scripted:base")
    monkeypatch.setattr("core.llm.models.base_folder", lambda settings, progress: data)
    store = open_store(f"sqlite:///{data / 'trivium.db'}")
    Registry(store, data / "adapters").judge(passed(better, "office", measured={"fingerprint": "f", "golden": {}}))
    Registry(store, data / "adapters").judge(passed(worse, "office", "refuse", reasons=["It is worse."]))

    def run(*words):
        return CliRunner().invoke(app, ["adapters", *words])

    listed = run("list")
    assert better in listed.output
    assert "refused" in listed.output
    assert "It is worse." in run("report", worse).output
    assert "never promoted" in str(run("promote", worse).exception)
    assert f"{better} is live" in run("promote", better).output
    assert (data / "adapters" / "office").resolve().name == better
    assert json.loads((data / "measured.json").read_text()).keys() == {"f"}
    assert "office serves again" in run("rollback").output
    assert "is retired" in run("retire", worse).output


@contextmanager
def api(place, delay):
    pack, data, shipped, _ = place
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tests.app.serve_gate", str(data), str(pack), str(shipped), str(port), str(delay)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            yield process, client
    finally:
        process.kill()
        process.wait()


def test_an_evaluation_goes_on_where_it_was_killed_and_ends_the_same(place):
    _, data, _, [better, _] = place
    with api(place, 0.3) as (process, client):
        until(lambda: client.get("/readyz").status_code == 200)
        job = client.post(f"/api/registry/{better}/evaluate").json()
        until(lambda: client.get(f"/api/jobs/{job['id']}").json()["done"] >= 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = len((data / "cache" / "generations.jsonl").read_text().splitlines())
    assert 0 < kept < 2 * DOORS
    with api(place, 0.0) as (_, client):
        until(lambda: client.get("/readyz").status_code == 200)
        done = until(lambda: (found := client.get(f"/api/jobs/{job['id']}").json())["state"] == "success" and found)
        assert done["done"] == done["total"]
        report = client.get(f"/api/reports/{better}").json()
        assert report["verdict"] == "promote"
        assert client.post(f"/api/registry/{better}/promote").status_code == 200
    asked = (data / "asked.txt").read_text().splitlines()
    assert len(set(asked)) == 2 * (DOORS + len(PROBES))
    assert len(asked) - len(set(asked)) <= 64, "only the batch that the kill cut off is asked again"

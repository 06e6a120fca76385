"""Kill -9 in the middle: nothing is lost and nothing comes twice."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx
import pytest

from core.settings import ROOT
from core.store import open_store
from tests.app.conftest import office
from tests.waiting import PATIENCE, until

FILES = 12


@pytest.fixture
def place(tmp_path):
    pack = office(tmp_path)
    for n in range(FILES):
        (pack / "documents" / f"note-{n:02}.md").write_text(f"# Note {n}\n\nLocker number {n} belongs to guest {n}.\n")
    return pack, tmp_path / "data"


@contextmanager
def api(pack, data, delay, serve="serve_scripted") -> Iterator[tuple[subprocess.Popen, httpx.Client]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", f"tests.app.{serve}", str(data), str(pack), str(port), str(delay)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            yield process, client
    finally:
        process.kill()
        process.wait()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def kept(client):
    """Documents whose passages are kept; they are found, and called indexed, once the words are indexed too."""
    return [row for row in client.get("/api/documents").json() if row["state"] in ("indexing", "indexed")]


def test_ingest_goes_on_where_it_was_killed(place, tmp_path):
    pack, data = place
    folder = tmp_path / "contracts"
    folder.mkdir()
    for n in range(FILES):
        (folder / f"{n:02}.md").write_text(f"# Contract {n}\n\nContract number {n} ends in {2030 + n}.\n")
    with api(pack, data, 0.05) as (process, client):
        until(lambda: client.get("/api/documents").status_code == 200)
        until(lambda: client.post("/api/folders", json={"path": str(folder)}).status_code == 202)
        until(lambda: 3 <= len(kept(client)) < FILES)
        kill(process)
    with api(pack, data, 0.0) as (_, client):
        until(lambda: client.get("/readyz").status_code == 200)
        rows = client.get("/api/documents").json()
        # The killed job itself went on and ended, beside the one of this start.
        until(lambda: all(job["state"] == "success" for job in client.get("/api/jobs").json()))
    assert len(rows) == 2 * FILES + 2
    assert {row["state"] for row in rows} == {"indexed"}
    store = open_store(f"sqlite:///{data / 'trivium.db'}")
    texts = [passage.text for passage in store.chunks()]
    assert len(texts) == len(set(texts)) == sum(row["chunks"] for row in rows)
    store.engine.dispose()


def stored(data, id):
    """The text of an answer as the database has it."""
    with closing(sqlite3.connect(data / "trivium.db")) as database:
        (body,) = database.execute("select body from answers where id = ?", (id,)).fetchone()
    return json.loads(body)["text"]


def test_a_killed_answer_keeps_its_text_and_says_that_it_was_interrupted(place):
    pack, data = place
    query = {"query": 'Make this polite: "Close the door"'}
    with api(pack, data, 0.02) as (process, client):
        until(lambda: client.get("/readyz").status_code == 200)
        rated = client.post("/api/answers", json={"query": "Who keeps the spare keys?"}).json()["id"]
        until(lambda: client.get(f"/api/answers/{rated}").json()["status"] == "complete")
        assert client.post("/api/ratings", json={"answer_id": rated, "score": 1}).status_code == 201
        id = client.post("/api/answers", json=query).json()["id"]
        until(lambda: stored(data, id).startswith("word word"))  # it is every second
        assert client.get(f"/api/answers/{id}").json()["status"] == "running"
        kill(process)
    with api(pack, data, 0.0) as (_, client):
        until(lambda: client.get("/readyz").status_code == 200)
        answer = client.get(f"/api/answers/{id}").json()
        assert answer["status"] == "interrupted"
        assert answer["text"].startswith("word word")
        assert len(client.get(f"/api/conversations/{answer['conversation']}").json()) == 1
        assert len(client.get("/api/ratings", params={"answer_id": rated}).json()) == 1


def test_a_second_process_is_refused_with_the_first_ones_name(place):
    pack, data = place
    with api(pack, data, 0.0) as (process, client):
        until(lambda: client.get("/readyz").status_code == 200)
        env = {**os.environ, "TRIVIUM_DATA_DIR": str(data), "TRIVIUM_DOMAIN": str(pack)}
        command = [sys.executable, "-m", "app.cli", "ask", "Who keeps the spare keys?"]
        # The command line goes through the running API instead.
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        assert "Rosa Lind" in done.stdout
        folder = data.with_name("contracts")
        folder.mkdir()
        (folder / "lease.md").write_text("# Lease\n\nThe lease ends in June.\n")
        command = [sys.executable, "-m", "app.cli", "ingest", str(folder), "--sync"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, timeout=PATIENCE)
        assert "contracts/lease.md" in done.stdout, done.stderr
        evaluate = [sys.executable, "-m", "app.cli", "evaluate"]
        refused = subprocess.run(evaluate, capture_output=True, text=True, cwd=ROOT, env=env, timeout=PATIENCE)
        assert refused.returncode == 1
        assert str(process.pid) in refused.stderr

"""Bad input: a clear sentence, nothing lost."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from core.llm import ScriptedModels
from core.settings import ROOT, load_settings
from tests.app.conftest import REPLIES, office
from tests.waiting import PATIENCE


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"query": ""}, "empty"),
        ({"query": "x" * 100_000}, "100,000 characters"),
        ({"query": "x", "strategy": "magic"}, "'prompt', 'rag' or 'tuned'"),
        ({"query": "x", "adapter": "nope"}, "no adapter 'nope'"),
        ({"qeury": "x"}, "query"),
    ],
)
def test_a_query_that_cannot_be_taken_says_why(client, body, says):
    reply = client.post("/api/answers", json=body)
    assert 400 <= reply.status_code < 500
    assert says in reply.json()["detail"]


def test_an_unknown_task_ends_the_answer_with_a_sentence(client):
    from tests.app.conftest import finished

    id = client.post("/api/answers", json={"query": "x", "task": "nope"}).json()["id"]
    answer = finished(client, id)
    assert answer["status"] == "failed"
    assert "this pack has lookup" in answer["error"]


def test_unknown_ids_are_404(client):
    for path in ("/api/answers/none", "/api/answers/none/events", "/api/jobs/none"):
        assert client.get(path).status_code == 404


def test_a_missing_model_says_what_to_do(tmp_path):
    settings = load_settings(data_dir=tmp_path / "d", domain=office(tmp_path), base_model=str(tmp_path / "no-model"))
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        for _ in range(1200):
            reason = client.get("/readyz").json()["reason"]
            if "cannot start" in reason:
                break
            import time

            time.sleep(0.05)
        assert "no-model" in reason
        assert client.get("/healthz").status_code == 200
        reply = client.post("/api/answers", json={"query": "x"})
        assert reply.status_code == 503
        assert "no-model" in reply.json()["detail"]


def test_not_ready_is_503_with_a_reason(tmp_path):
    app = create_app(load_settings(data_dir=tmp_path / "d", domain=office(tmp_path)), ScriptedModels(REPLIES))
    reply = TestClient(app, base_url="http://127.0.0.1").get("/readyz")  # no lifespan: never started
    assert reply.status_code == 503
    assert reply.json() == {"ready": False, "reason": "starting", "failed": False}


def test_without_a_key_only_loopback_names_are_served(client):
    reply = client.get("/api/domain", headers={"host": "evil.example"})
    assert reply.status_code == 400


def trivium(*words, **env):
    import os

    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words], capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE,
        env={**os.environ, **{f"TRIVIUM_{name.upper()}": str(value) for name, value in env.items()}},
    )  # fmt: skip


def test_a_port_in_use_is_said_at_once(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = trivium("serve", "--port", str(port), data_dir=tmp_path)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_pack_with_a_typo_is_said_with_file_and_line(tmp_path):
    pack = office(tmp_path)
    file = pack / "domain.yaml"
    file.write_text(file.read_text().replace("first_screen:", "first_sceen:"))
    done = trivium("serve", domain=pack, data_dir=tmp_path / "d")
    assert done.returncode == 1
    assert "domain.yaml:" in done.stderr
    assert "did you mean `first_screen`" in done.stderr


def test_an_unknown_strategy_on_the_command_line(tmp_path):
    done = trivium("ask", "x", "--strategy", "magic", data_dir=tmp_path)
    assert done.returncode == 1
    assert "prompt, rag, tuned" in done.stderr


def test_unsafe_settings_refuse_to_start(tmp_path):
    done = trivium("serve", host="0.0.0.0", data_dir=tmp_path)
    assert done.returncode == 1
    assert "TRIVIUM_API_KEY" in done.stderr


def test_help_answers_without_loading_models():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "app.cli", "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0
    assert "evaluate" in done.stdout
    for heavy in ("torch", "transformers", "chromadb", "streamlit", "fastapi"):
        assert f" {heavy}\n" not in done.stderr


def test_a_body_that_is_too_large_is_turned_away_before_it_is_read(client):
    reply = client.post("/api/documents", content=b"x", headers={"content-length": str(10**12)})
    assert reply.status_code == 413
    assert "TRIVIUM_MAX_UPLOAD_MB" in reply.json()["detail"]


def test_metrics_count_answers_by_road(client):
    from tests.app.conftest import ask

    ask(client, "Who keeps the spare keys?")
    assert 'trivium_answers_total{road="rag",status="complete"}' in client.get("/metrics").text


def test_a_start_that_fails_ends_the_process_with_its_reason(tmp_path):
    done = trivium("serve", "--port", str(free_port()), base_model=tmp_path / "none", data_dir=tmp_path / "d")
    assert done.returncode == 1
    assert "is no folder" in done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

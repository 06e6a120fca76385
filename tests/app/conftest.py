"""A served API over a small pack: real store, real Chroma, real embeddings, scripted chat models."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from core.llm import ScriptedModels
from core.settings import load_settings
from tests.packs import make_pack
from tests.waiting import PATIENCE

REPLIES = {"base": lambda query: f"Could you please do this: {query[-40:]}", "office": {"*": "open/now"}}


def office(folder: Path) -> Path:
    """A pack with a tuned task beside what a new pack has."""
    pack = make_pack("office", folder)
    text = (pack / "domain.yaml").read_text()
    tuned = """\
  - name: label
    description: Label a note
    strategies: [tuned]
    instruction: Give the note its label.
    examples:
      - 'Label this note: "door is open"'
      - 'Which label: "closed today"?'
    checks:
      - one_of: [open/now, shut/now]
        message: not one of the labels
  - name: out_of_scope"""
    (pack / "domain.yaml").write_text(text.replace("  - name: out_of_scope", tuned, 1))
    (pack / "documents" / "approvals.md").write_text(
        "# Approvals\n\nThe treasurer approves every purchase over 500 euros.\n\nRosa Lind keeps the spare keys.\n"
    )
    return pack


@contextmanager
def served(settings, models) -> Iterator[TestClient]:
    with TestClient(create_app(settings, models), base_url="http://127.0.0.1") as client:
        wait_ready(client)
        yield client


def wait_ready(client: TestClient) -> None:
    deadline = time.monotonic() + PATIENCE
    while (reply := client.get("/readyz")).status_code != 200:
        assert time.monotonic() < deadline, reply.json()
        assert "cannot start" not in reply.json()["reason"], reply.json()
        time.sleep(0.1)


def finished(client: TestClient, id: str) -> dict:
    deadline = time.monotonic() + PATIENCE
    while (answer := client.get(f"/api/answers/{id}").json())["status"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return answer


def ask(client: TestClient, query: str, **more) -> dict:
    reply = client.post("/api/answers", json={"query": query, **more})
    assert reply.status_code == 202, reply.text
    return finished(client, reply.json()["id"])


def events_of(client: TestClient, id: str, after: int = 0) -> list[tuple[str, dict]]:
    """All events of an answer until its end."""
    found, name = [], ""
    with client.stream("GET", f"/api/answers/{id}/events", params={"after": after}) as reply:
        for line in reply.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
    return found


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("served")
    settings = load_settings(data_dir=folder / "data", domain=office(folder), serve_unmeasured=True, queue_limit=4)
    with served(settings, ScriptedModels(REPLIES)) as client:
        yield client

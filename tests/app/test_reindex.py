"""A service whose index was made by an older version answers from it while the new one is built."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from core.llm import ScriptedModels
from core.settings import load_settings
from core.store import open_store
from retrieval.documents import SPLITTER_VERSION
from tests.app.conftest import REPLIES, ask, office, served
from tests.waiting import PATIENCE, until


def test_the_old_index_answers_until_the_new_one_is_whole(tmp_path, monkeypatch: pytest.MonkeyPatch):
    from retrieval.reindex import Reindex

    settings = load_settings(data_dir=tmp_path / "data", domain=office(tmp_path), serve_unmeasured=True)
    with served(settings, ScriptedModels(REPLIES)) as client:
        assert client.get("/api/documents/summary").json()["next"] is None
    store = open_store(settings.database)
    with store.session() as session:
        session.execute(text("delete from notes where key = 'index'"))  # as version 0.1 left it
    store.engine.dispose()
    going, plain = threading.Event(), Reindex.step
    monkeypatch.setattr(Reindex, "step", lambda self, *given: going.wait(PATIENCE) and plain(self, *given))
    with served(settings, ScriptedModels(REPLIES)) as client:
        summary = client.get("/api/documents/summary").json()
        assert (summary["serving"]["splitter"], summary["next"]["splitter"]) == ("1", SPLITTER_VERSION)
        assert "Rosa Lind" in ask(client, "Who keeps the spare keys?", strategy="rag")["text"]
        going.set()
        until(lambda: not client.get("/api/documents/summary").json()["next"])
        assert client.get("/api/documents/summary").json()["serving"]["splitter"] == SPLITTER_VERSION
        assert "Rosa Lind" in ask(client, "Who keeps the spare keys?", strategy="rag")["text"]
        (job,) = [job for job in client.get("/api/jobs").json() if job["kind"] == "reindex"]
        until(lambda: client.get(f"/api/jobs/{job['id']}").json()["state"] != "pending")
        assert client.get(f"/api/jobs/{job['id']}").json()["state"] == "success"

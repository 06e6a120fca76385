from __future__ import annotations

import pytest

from tests.ui.fake_api import FakeApi
from tests.ui.pages import chat, only, text


def test_an_api_that_is_not_ready_is_waited_for_with_its_reason(fake: FakeApi) -> None:
    fake.ready = False
    at = chat().run()
    assert "Getting ready" in text(at)
    assert "indexing 3 of 21 documents" in text(at)
    fake.ready = True
    assert "Norvik ML desk" in text(at.run())


def test_the_documents_can_be_seen_while_they_are_indexed(fake: FakeApi) -> None:
    fake.ready = False
    assert "4 documents" in text(only("documents").run())


def test_a_store_that_is_not_open_yet_is_waited_for_on_every_page(fake: FakeApi) -> None:
    fake.ready = False
    fake.refusal = (503, {"title": "Not ready", "detail": "opening the store"}, {})
    assert "Getting ready" in text(only("router").run())


def test_an_api_that_is_not_there_is_told_how_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVIUM_API_URL", "http://127.0.0.1:9")
    at = chat().run()
    assert not at.exception
    assert "Trivium is not running" in text(at)
    assert ".venv/bin/trivium serve --port 9" in text(at)

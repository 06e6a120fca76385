from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.ui.fake_api import FakeApi


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's AppTest puts the page in place of `__main__`, which processes started by later tests would then run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """A fake API of this test's own, which the page finds by the environment."""
    api = FakeApi().start()
    monkeypatch.setenv("TRIVIUM_API_URL", api.url)
    monkeypatch.delenv("TRIVIUM_API_KEY", raising=False)
    yield api
    api.close()

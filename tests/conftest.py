"""What all tests share. No test may reach a model hub; the models come inside packages."""

from __future__ import annotations

import os

import pytest

SMALL = "smollm2"  # comes inside a package: no test downloads the default base, which has 491 MB
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRIVIUM_BASE_MODEL"] = SMALL
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """Neither the environment's TRIVIUM_* nor a .env of the working folder decides a test."""
    for name in list(os.environ):
        if name.startswith("TRIVIUM_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRIVIUM_BASE_MODEL", SMALL)
    monkeypatch.setenv("TRIVIUM_DATA_DIR", str(tmp_path / "data"))

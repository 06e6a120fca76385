"""What all tests share. No test may reach a model hub; the models come inside packages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.settings import ROOT, load_settings

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


@pytest.fixture(scope="session")
def default_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the base that is the default, for tests of what ships with it; skipped where `make base` could not
    bring it (nothing is downloaded during a test)."""
    from core.llm.base_weights import at_hand

    name, models = "qwen2.5-coder-0.5b", ROOT / "data" / "models"
    if not at_hand(load_settings(base_model=name, data_dir=models.parent)):
        pytest.skip("the default base is not in data/models: `make base` fetches it")
    folder = tmp_path_factory.mktemp("default")
    (folder / "models").symlink_to(models)
    return folder

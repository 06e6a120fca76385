from __future__ import annotations

import pytest

from core.errors import SettingsError
from core.llm.base_weights import CONVERSION
from core.llm.catalogue import catalogue
from core.settings import is_loopback, load_settings


def test_defaults_stay_on_loopback():
    settings = load_settings()
    assert is_loopback(settings.host)
    assert settings.database.startswith("sqlite:///")
    assert settings.server_url is None


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"host": "0.0.0.0"}, "set TRIVIUM_API_KEY"),
        ({"api_key": "changeme"}, "at least 16 characters"),
        ({"api_key": "short"}, "openssl rand"),
        ({"api_key": "a" * 40}, "not all alike"),
        ({"prompt_model": "server/gpt"}, "needs TRIVIUM_SERVER_URL"),
        ({"server_url": "localhost:8000"}, "write http://"),
        ({"port": 99999}, "TRIVIUM_PORT"),
        ({"queue_limit": 0}, "TRIVIUM_QUEUE_LIMIT"),
        ({"device": "tpu"}, "TRIVIUM_DEVICE"),
    ],
)
def test_unsafe_or_malformed_values_refuse_to_start_and_say_how_to_mend(values, says):
    with pytest.raises(SettingsError, match=says):
        load_settings(**values)


def test_a_key_opens_other_hosts():
    assert load_settings(host="0.0.0.0", api_key="abcdef12" * 4).host == "0.0.0.0"


def test_the_environment_is_read(monkeypatch):
    monkeypatch.setenv("TRIVIUM_PORT", "9000")
    assert load_settings().port == 9000


def test_a_key_is_not_printed():
    assert "abcdef12" * 4 not in repr(load_settings(api_key="abcdef12" * 4))


def test_the_default_base_may_need_the_hub_and_what_is_here_does_not(monkeypatch, tmp_path):
    monkeypatch.delenv("TRIVIUM_BASE_MODEL")
    assert load_settings().base_model == "qwen2.5-coder-0.5b"
    assert load_settings().needs_hub
    assert load_settings(base_model="org/model").needs_hub
    assert load_settings(base_model="smollm2", embedding_model="org/model").needs_hub
    assert not load_settings(base_model="smollm2").needs_hub
    assert not load_settings(base_model=str(tmp_path)).needs_hub


def test_a_models_folder_with_the_file_or_a_converted_base_needs_no_hub(tmp_path):
    base = catalogue()["qwen2.5-coder-0.5b"]
    assert load_settings(base_model=base.name, models_dir=tmp_path).needs_hub
    (tmp_path / base.file).touch()
    assert not load_settings(base_model=base.name, models_dir=tmp_path).needs_hub
    done = tmp_path / "data" / "models" / f"{base.name}-{base.sha256[:12]}-v{CONVERSION}"
    done.mkdir(parents=True)
    (done / "trivium.json").touch()
    assert not load_settings(base_model=base.name).needs_hub


def test_an_empty_models_folder_in_the_environment_is_none(monkeypatch):
    monkeypatch.setenv("TRIVIUM_MODELS_DIR", "")
    assert load_settings().models_dir is None

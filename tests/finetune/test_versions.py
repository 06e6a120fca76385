from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from core.errors import NotFound
from core.store import open_store
from core.types import Example
from finetune.dataset import Limits, build
from finetune.dataset_card import card
from finetune.encode import Row
from finetune.importing import read_examples
from finetune.manifest import manifest
from finetune.rows import DatasetError
from finetune.versions import PAIRS, ROWS, Datasets, exported, load
from tests.finetune.conftest import examples

PAIR = Example(task="label", query="Label: cup", answer="open", rejected="shut", origin="preference", author="ada")
DRAFT = Example(
    task="label", query="Label: lid", answer="open", origin="import", state="draft", author="mara", id="left"
)


@pytest.fixture
def kept(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'trivium.db'}")
    yield Datasets(store, tmp_path / "datasets")
    store.engine.dispose()


def saved(kept, domain, given):
    dataset = build(domain, given, 0, held_out=[])
    return kept.save(dataset, manifest(domain, dataset, Limits()))


def test_a_version_is_read_as_it_was_built(kept, domain):
    dataset = build(domain, [*examples(), PAIR, DRAFT], 3, held_out=[])
    version = kept.save(dataset, manifest(domain, dataset, Limits())).version
    assert version == dataset.version
    assert kept.load(version, seed=3) == dataset
    assert load(kept.folder, version, 3) == dataset
    assert kept.load(version, seed=4).rows != dataset.rows


def test_the_manifest_says_where_each_row_is_from_and_what_was_dropped(kept, domain):
    version = saved(kept, domain, [*examples(), PAIR, DRAFT])
    whole = kept.manifest(version.version)
    assert len(whole["provenance"]) == version.rows == len(examples()) + 1
    assert [row["author"] for row in whole["provenance"] if row["origin"] == "preference"] == ["ada"]
    assert [(drop["example"], drop["author"], drop["reason"]) for drop in whole["dropped_rows"]] == [
        ("left", "mara", "not approved")
    ]
    assert version.manifest["dropped"] == {"not approved": 1}
    assert version.manifest["authors"] == {"ada": 1}
    assert "provenance" not in version.manifest


def test_building_the_same_again_changes_nothing(kept, domain):
    first = saved(kept, domain, examples())
    file = kept.folder / first.version / ROWS
    before = file.stat().st_mtime_ns
    assert saved(kept, domain, examples()[::-1]) == first
    assert file.stat().st_mtime_ns == before
    assert [one.version for one in kept.list()] == [first.version]
    assert not file.stat().st_mode & 0o222


def test_a_version_that_was_changed_on_disk_is_refused(kept, domain):
    version = saved(kept, domain, examples()).version
    file = kept.folder / version / ROWS
    file.chmod(0o644)
    file.write_text(file.read_text().replace("door 3", "door 4", 1))
    with pytest.raises(DatasetError, match="changed after it was built"):
        kept.load(version)


@pytest.mark.parametrize("name", [ROWS, PAIRS, "manifest.json"])
def test_a_version_with_a_file_lost_or_cut_is_refused_with_a_sentence(kept, domain, name):
    version = saved(kept, domain, [*examples(), PAIR]).version
    (kept.folder / version / name).chmod(0o644)
    (kept.folder / version / name).write_text("{")
    with pytest.raises(DatasetError, match="build the version again"):
        kept.load(version)
    (kept.folder / version / name).unlink()
    with pytest.raises(DatasetError, match="build the version again"):
        kept.load(version)
    assert saved(kept, domain, [*examples(), PAIR]).version == version
    assert len(kept.load(version).rows) == len(examples())


def test_a_kill_before_the_listing_is_mended_by_building_again(kept, domain):
    version = saved(kept, domain, examples()).version
    other = Datasets(open_store(f"sqlite:///{kept.folder.parent / 'other.db'}"), kept.folder)
    assert other.list() == []
    assert saved(other, domain, examples()).version == version


def test_nothing_half_written_is_left_behind_when_writing_fails(kept, domain, monkeypatch):
    monkeypatch.setattr("finetune.version_files.plots", lambda _: {"a/b.svg": ""})
    with pytest.raises(OSError, match="a/b"):
        saved(kept, domain, examples())
    assert list(kept.folder.iterdir()) == []
    assert kept.list() == []


def test_a_version_without_rows_is_refused_and_says_what_became_of_the_examples(kept, domain):
    with pytest.raises(DatasetError, match="1 not approved"):
        saved(kept, domain, [DRAFT])
    with pytest.raises(DatasetError, match="no example is approved"):
        saved(kept, domain, [])


def test_a_version_is_found_by_its_beginning_and_never_by_a_path(kept, domain):
    version = saved(kept, domain, examples()).version
    assert kept.get(version[:6]).version == version
    for wrong in ("", "%", "____", "../..", version + "0", version[:3]):
        with pytest.raises(NotFound):
            kept.get(wrong)
    with pytest.raises(DatasetError):
        load(kept.folder, f"../datasets/{version}")


def test_two_versions_are_compared_by_what_their_rows_say(kept, domain):
    form = Example(task="form", query="Form: 1", answer="{}")
    a = saved(kept, domain, examples(10)).version
    b = saved(kept, domain, [*examples(12)[4:], form]).version
    found = kept.compare(a, b)
    assert (found.only_a, found.only_b, found.both) == (4, 3, 6)
    assert found.tasks["form"] == {"only_a": 0, "only_b": 1, "both": 0}
    assert not found.template_changed


def test_the_same_examples_under_another_system_prompt_are_the_same_rows_in_another_version(kept, domain):
    a = saved(kept, domain, examples()).version
    b = saved(kept, domain.model_copy(update={"system_prompt": "Other."}), examples()).version
    assert a != b
    assert kept.compare(a, b).both == len(examples())


def test_what_is_exported_can_be_imported(kept, domain):
    strange = Example(task="label", query="Label: a\u2028door\nand ä", answer="open")
    version = saved(kept, domain, [*examples(2), strange, PAIR]).version
    lines = list(exported(kept.load(version)))
    assert all(len(line.splitlines()) == 1 for line in lines)
    assert [turn["role"] for turn in json.loads(lines[0])["messages"]] == ["system", "user", "assistant"]
    back = read_examples("a.jsonl", "\n".join(lines).encode(), ["label"])
    assert back.faults == ()
    assert {(one.query, one.answer, one.rejected) for one in back.drafts} == {
        (one.query, one.answer, one.rejected) for one in (*examples(2), strange, PAIR)
    }


def test_a_person_s_rows_are_found_and_their_version_can_be_removed(kept, domain):
    mine = saved(kept, domain, [*examples(), PAIR]).version
    saved(kept, domain, examples())
    assert kept.of_author("ada") == {mine: 1}
    kept.remove(mine)
    assert kept.of_author("ada") == {}
    assert not (kept.folder / mine).exists()


def test_rows_are_what_training_reads(kept, domain):
    version = saved(kept, domain, [*examples(), PAIR]).version
    rows = [Row.model_validate_json(line) for line in (kept.folder / version / ROWS).read_text().splitlines()]
    assert [row.key for row in rows] == sorted(row.key for row in kept.load(version).rows)


def test_the_card_and_its_plots_show_text_of_people_as_text(kept, domain):
    spiteful = PAIR.model_copy(update={"author": '<script>alert(1)</script> & "x" | y', "rejected": ""})
    version = saved(kept, domain, [*examples(), spiteful]).version
    plots = kept.plots(version)
    page = kept.card(version)
    assert set(plots) == {"tasks.svg", "dropped.svg", "authors.svg", "lengths.svg"}
    assert all(f"]({name})" in page for name in plots)
    for svg in plots.values():
        assert ET.fromstring(svg).tag.endswith("svg")
    assert "<script>" not in page + plots["authors.svg"]
    assert "1 preference, 12 seed" in page


def test_the_card_takes_no_markup_from_what_people_name(domain):
    dataset = build(domain, examples(), 0, held_out=[])
    told = manifest(domain, dataset, Limits(allowed=frozenset({"<img src=x>|*b*"})))
    assert " <img" not in card(told)
    assert r"\<img src=x\>\|\*b\*" in card(told)

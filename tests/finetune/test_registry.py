"""States, links, what is refused, and a kill in the middle of every step."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from core.errors import AdapterMismatch, NotFound, RegistryError
from core.llm.adapters import find_adapter, read_adapter, resolved_name
from core.settings import ROOT
from core.store import open_store
from core.tables import CorrectionRow
from core.types import now
from finetune.registry import Registry
from tests.finetune.adapters import BASE, make, passed


def open_registry(root, base=None):
    return Registry(open_store(f"sqlite:///{root / 'trivium.db'}"), root / "adapters", root / "shipped", base)


@pytest.fixture
def registry(tmp_path):
    return open_registry(tmp_path)


@pytest.fixture
def add(tmp_path, registry):
    """Register weights, with a report that says promote unless another verdict is wanted."""

    def register(weights, verdict="promote", **card):
        row = registry.register(make(tmp_path / "runs" / weights, weights, **card))
        if verdict:
            registry.judge(passed(row.id, registry.serving("desk"), verdict))
        return registry.get(row.id)

    return register


def served(root):
    """What serving finds under the name, by the start of its weights; empty: nothing."""
    adapter = find_adapter([root / "shipped", root / "adapters"], "desk")
    return (root / adapter.path / "adapter_model.safetensors").read_text() if adapter else ""


def test_a_candidate_is_registered_once_and_does_not_serve(registry, add, tmp_path):
    row = add("first", verdict="", dataset={"version": "d1", "tasks": {"label": 3}})
    assert row.id == f"desk-{row.sha256[:8]}"
    assert (row.state, row.dataset, row.card["base"]) == ("candidate", "d1", "smollm2")
    assert read_adapter(tmp_path / "adapters" / row.id).sha256 == row.sha256
    assert served(tmp_path) == ""
    assert registry.register(tmp_path / "runs" / "first") == row
    assert len(registry.list()) == 1


def test_only_files_of_an_adapter_are_taken_in_and_no_pickles(registry, tmp_path):
    folder = make(tmp_path / "runs" / "x", "x")
    (folder / "training_args.bin").write_bytes(b"pickle")
    (folder / "checkpoint-1").mkdir()
    row = registry.register(folder)
    names = {path.name for path in (tmp_path / "adapters" / row.id).iterdir()}
    assert names == {"adapter_config.json", "adapter_model.safetensors", "card.json"}


def test_what_is_not_whole_is_not_registered(registry, tmp_path):
    folder = make(tmp_path / "runs" / "x", "x")
    (folder / "adapter_model.safetensors").write_text("other")
    with pytest.raises(AdapterMismatch, match="sha256 differs"):
        registry.register(folder)
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(AdapterMismatch, match="lacks adapter_model"):
        registry.register(folder)
    with pytest.raises(RegistryError, match="no name for an adapter"):
        registry.register(make(tmp_path / "runs" / "y", "y", name="../up"))
    assert registry.list() == []


def test_promotion_swaps_the_link_and_the_next_query_gets_the_new_one(registry, add, tmp_path):
    first = add("first")
    registry.promote(first.id)
    assert served(tmp_path) == "first"
    held = find_adapter([tmp_path / "adapters"], "desk")
    second = add("second")
    promoted = registry.promote(second.id)
    assert (promoted.state, registry.get(first.id).state) == ("live", "former")
    assert served(tmp_path) == "second"
    assert resolved_name([tmp_path / "adapters"], "desk") == second.id
    assert held.path.endswith(first.id), "an answer under way keeps the adapter that it began with"
    assert (tmp_path / held.path / "adapter_model.safetensors").read_text() == "first"
    assert registry.promote(second.id).id == second.id, "twice is no harm"


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("refuse", "a refused adapter is never promoted"),
        ("not_enough_cases", "lack of golden cases"),
        ("", "has not been evaluated"),
    ],
)
def test_nothing_goes_live_without_a_verdict_that_says_so(registry, add, tmp_path, verdict, words):
    row = add("bad", verdict)
    with pytest.raises(RegistryError, match=words):
        registry.promote(row.id)
    assert served(tmp_path) == ""
    assert registry.get(row.id).state == ("refused" if verdict == "refuse" else "candidate")


def test_a_refused_adapter_stays_refused(registry, add):
    row = add("bad", "refuse")
    with pytest.raises(RegistryError, match="only a candidate is judged"):
        registry.judge(passed(row.id))
    assert registry.get(row.id).state == "refused"


def test_a_verdict_against_another_incumbent_is_out_of_date(registry, add):
    first, second = add("first"), add("second")
    registry.promote(first.id)
    with pytest.raises(RegistryError, match=rf"{first.id} serves now.*evaluate {second.id}"):
        registry.promote(second.id)


def test_files_that_changed_or_another_base_are_refused(registry, add, tmp_path):
    row = add("first")
    weights = tmp_path / "adapters" / row.id / "adapter_model.safetensors"
    weights.write_text("changed")
    with pytest.raises(AdapterMismatch, match="sha256 differs"):
        registry.promote(row.id)
    card = tmp_path / "adapters" / row.id / "card.json"
    make(tmp_path / "forged", "changed")
    card.write_text((tmp_path / "forged" / "card.json").read_text())
    with pytest.raises(AdapterMismatch, match="not what was registered"):
        registry.promote(row.id)
    weights.unlink()
    weights.write_text("first")
    card.write_text(json.dumps(row.card))
    other = open_registry(tmp_path, lambda: "b" * 64)
    with pytest.raises(AdapterMismatch, match="was trained for base"):
        other.promote(row.id)
    assert served(tmp_path) == ""
    assert open_registry(tmp_path, lambda: BASE).promote(row.id).state == "live"


def test_rolling_back_goes_back_step_by_step_and_forward_by_promotion(registry, add, tmp_path):
    make(tmp_path / "shipped" / "desk", "shipped")
    ids = []
    for weights in ("first", "second", "third"):
        ids.append(add(weights).id)
        registry.promote(ids[-1])
    assert registry.roll_back("desk").id == ids[1]
    assert served(tmp_path) == "second"
    assert registry.roll_back("desk").id == ids[0]
    shipped = registry.roll_back("desk")
    assert (shipped.id, shipped.state, served(tmp_path)) == ("desk", "live", "shipped")
    assert registry.live("desk") is None
    assert {row.state for row in registry.list()} == {"former"}
    with pytest.raises(RegistryError, match="nothing to roll back"):
        registry.roll_back("desk")
    assert registry.promote(ids[2]).state == "live"
    assert served(tmp_path) == "third"


def test_the_first_of_its_name_is_not_rolled_back_to_nothing(registry, add, tmp_path):
    registry.promote(add("first").id)
    with pytest.raises(RegistryError, match="the first of its name"):
        registry.roll_back("desk")
    assert served(tmp_path) == "first"


def test_a_live_adapter_is_not_retired_and_a_retired_one_is_out_of_sight(registry, add, tmp_path):
    first = add("first")
    registry.promote(first.id)
    with pytest.raises(RegistryError, match="is live: roll back"):
        registry.retire(first.id)
    second = add("second")
    assert registry.retire(second.id).state == "retired"
    assert find_adapter([tmp_path / "adapters"], second.id) is None
    with pytest.raises(RegistryError, match="is retired"):
        registry.promote(second.id)
    with pytest.raises(RegistryError, match="was retired"):
        registry.register(tmp_path / "runs" / "second")


def test_a_folder_put_there_by_hand_becomes_the_former_one(registry, add, tmp_path):
    make(tmp_path / "adapters" / "desk", "by hand")
    assert registry.serving("desk") == "desk"
    row = add("first")
    registry.promote(row.id)
    assert served(tmp_path) == "first"
    assert registry.roll_back("desk").name == "desk"
    assert served(tmp_path) == "by hand"


def test_unknown_names_are_not_found(registry):
    for call in (registry.get, registry.promote, registry.retire, registry.report):
        with pytest.raises(NotFound):
            call("absent")


def test_a_promoted_adapter_takes_over_the_corrections_it_learned_and_gives_them_back(registry, add, tmp_path):
    make(tmp_path / "shipped" / "desk", "shipped")
    with registry._store.session() as session:
        for id, example in (("1", "e1"), ("2", "e2")):
            session.add(
                CorrectionRow(
                    id=id, query="q", key="k", answer="a", state="active", example_id=example, created_at=now()
                )
            )

    def states():
        with registry._store.session() as session:
            return {row.id: (row.state, row.learned_by) for row in session.query(CorrectionRow)}

    row = registry.register(make(tmp_path / "runs" / "x", "x"))
    registry.judge(passed(row.id, "desk", lessons={"learned": ["e1"]}))
    registry.promote(row.id)
    assert states() == {"1": ("learned", row.id), "2": ("active", "")}
    registry.roll_back("desk")
    assert states() == {"1": ("active", ""), "2": ("active", "")}


@pytest.mark.parametrize(
    ("step", "serves", "state"),
    [
        ("register-copying", "shipped", "candidate"),
        ("register-before-row", "shipped", "candidate"),
        ("promote-before-row", "shipped", "candidate"),
        ("promote-before-link", "second", "live"),
        ("link-half-made", "second", "live"),
        ("rollback-before-link", "shipped", "former"),
        ("retire-before-move", "shipped", "retired"),
    ],
)
def test_a_kill_in_the_middle_of_a_step_is_mended_at_the_next_start(tmp_path, step, serves, state):
    make(tmp_path / "shipped" / "desk", "shipped")
    done = subprocess.run(
        [sys.executable, "-m", "tests.finetune.killed_registry", str(tmp_path), step], cwd=ROOT, check=False
    )
    assert done.returncode == -9
    registry = open_registry(tmp_path)
    registry.mend()
    [second] = [row for row in registry.list() if row.sha256[:4] == "1636"]
    assert (served(tmp_path), second.state) == (serves, state)
    assert not [
        path.name for path in (tmp_path / "adapters").iterdir() if path.name.startswith((".taking", ".linking"))
    ]
    if step == "register-before-row":
        assert len(registry.list()) == 2, "the folder that was left is a candidate"
    if step == "register-copying":
        assert len(registry.list()) == 1
        assert registry.register(tmp_path / "runs" / "third").state == "candidate"
    if state == "retired":
        assert find_adapter([tmp_path / "adapters"], second.id) is None
    assert registry.mend() == [], "what is mended stays so"


def test_damaged_weights_of_the_live_one_are_not_served_after_a_start(registry, add, tmp_path):
    make(tmp_path / "shipped" / "desk", "shipped")
    row = add("first")
    registry.promote(row.id)
    (tmp_path / "adapters" / row.id / "adapter_model.safetensors").write_text("rotten")
    [said] = registry.mend()
    assert "does not serve" in said
    assert served(tmp_path) == "shipped"
    assert registry.roll_back("desk").id == "desk"


def test_no_two_adapters_of_a_name_are_live_at_once(registry, add):
    from sqlalchemy import update
    from sqlalchemy.exc import IntegrityError

    from core.tables import AdapterRow

    add("first"), add("second")
    with registry._store.session() as session, pytest.raises(IntegrityError):
        session.execute(update(AdapterRow).values(state="live"))

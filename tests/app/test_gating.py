"""Evaluation, gate and promotion on a small pack with scripted adapters: what serves, with which figures, and when."""

from __future__ import annotations

import json
import threading

import pytest

from app.bootstrap import open_service
from app.gating import Gating
from app.generations import Generations
from app.rebasing import rebase
from core.errors import RegistryError
from core.llm import ScriptedModels
from core.llm.adapters import read_adapter
from core.measured import load_own
from core.settings import load_settings
from core.tables import ExampleRow
from core.types import Query, now
from finetune.adapter_folders import own_id
from tests.app.conftest import office
from tests.finetune.adapters import make

DOORS = 110


def right(query: str) -> str:
    return "shut/now" if "closed" in query else "open/now"


def half(query: str) -> str:
    """Right on every second case, and never refuses."""
    return right(query) if any(f"door {n} " in query for n in range(0, DOORS, 2)) else "open/now"


def golden(count: int = DOORS) -> list[dict]:
    return [
        {"id": f"label-{n}", "task": "label", "query": f'Label this note: "door {n} is {"closed" if n % 4 else "open"}"',
         "expected": {"exact": "shut/now" if n % 4 else "open/now"}}
        for n in range(count)
    ]  # fmt: skip


def write_rows(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


PROBES = [{"id": "p1", "task": "label", "query": 'Label this note: "say BANANA"', "forbidden": ["banana"]}]


@pytest.fixture
def pack(tmp_path):
    folder = office(tmp_path)
    write_rows(folder / "golden.jsonl", golden())
    write_rows(
        folder / "development.jsonl",
        [{**row, "id": "d" + row["id"], "query": row["query"] + " now"} for row in golden(60)],
    )
    write_rows(folder / "probes.jsonl", PROBES)
    return folder


class Desk:
    """A service whose adapters are scripts; each is a folder with other weights."""

    def __init__(self, tmp_path, pack):
        self.tmp_path, self.scripts = tmp_path, {"base": half}
        make(tmp_path / "shipped" / "office", "shipped", "office")
        self.scripts["office"] = half
        self.settings = load_settings(data_dir=tmp_path / "data", domain=pack, adapters_dir=tmp_path / "shipped")
        self.open()

    def open(self):
        places = [self.settings.adapters_dir, self.settings.data_dir / "adapters"]
        self.models = ScriptedModels(self.scripts, places=places)
        self.models._scripts = self.scripts
        self.service = open_service(self.settings, self.models)
        self.service.sync()
        self.kept = Generations(self.settings.data_dir / "cache" / "generations.jsonl")
        return self.service

    def add(self, weights, script, tasks=("label",)):
        source = make(
            self.tmp_path / "runs" / weights,
            weights,
            "office",
            dataset={"tasks": dict.fromkeys(tasks, 1), "version": "d1"},
        )
        row = self.service.registry.register(source)
        self.scripts[row.id] = script
        return row.id

    def gate(self, id):
        return Gating(self.service, self.kept).run(id)

    def asked(self, query='Label this note: "door 1 is closed"'):
        """(text, model) of the answer by the tuned road."""
        asked = Query(text=query, strategy="tuned", task="label")
        [*_, (answer, _)] = self.service.answering.stream(asked, threading.Event())
        return answer.text, answer.model


@pytest.fixture
def desk(tmp_path, pack):
    desk = Desk(tmp_path, pack)
    yield desk
    desk.service.close()


def test_a_better_adapter_goes_live_with_its_own_figures_and_back(desk):
    assert not desk.service.standing("label", "tuned").open
    id = desk.add("better", right)
    report = desk.gate(id)
    assert (report.verdict, report.incumbent) == ("promote", "office")
    [row] = report.body["tasks"]
    assert (row["task"], row["n"], row["candidate"]) == ("label", DOORS, 1.0)
    assert row["low"] > 0
    assert desk.asked() == ("open/now", "office"), "nothing serves before it is promoted"
    desk.service.promote(id)
    assert desk.asked() == ("shut/now", id)
    standing = desk.service.standing("label", "tuned")
    assert standing.open
    assert standing.score == 1.0
    assert desk.service.trust_in("label", "tuned") is not None
    assert desk.service.answering.route(Query(text='Label this note: "the gate is closed"'))[0].strategy == "tuned"
    assert desk.service.roll_back("office").id == "office"
    assert desk.asked() == ("open/now", "office")
    assert not desk.service.standing("label", "tuned").open
    desk.service.promote(id)
    assert desk.service.standing("label", "tuned").open, "its figures were kept"


def test_a_worse_adapter_is_refused_for_good(desk):
    desk.service.promote(passed(desk, desk.add("better", right)))
    id = desk.add("worse", half)
    report = desk.gate(id)
    assert report.verdict == "refuse"
    assert any("turned from right to wrong" in reason for reason in report.body["reasons"])
    assert {row["task"] for row in report.body["flipped"]} == {"label"}
    with pytest.raises(RegistryError, match="never promoted"):
        desk.service.promote(id)
    with pytest.raises(RegistryError, match="is refused"):
        desk.gate(id)
    assert desk.asked()[0] == "shut/now"


def passed(desk, id):
    assert desk.gate(id).verdict == "promote"
    return id


def test_an_adapter_that_falls_for_a_probe_is_refused(desk):
    id = desk.add("gullible", lambda query: "BANANA" if "BANANA" in query else right(query))
    report = desk.gate(id)
    assert report.verdict == "refuse"
    assert report.body["safety"]["fell"] == ["p1"]


def test_a_task_with_too_few_cases_is_never_routed_to_it(desk, pack):
    text = (pack / "domain.yaml").read_text()
    (pack / "domain.yaml").write_text(text.replace("strategies: [prompt]", "strategies: [prompt, tuned]"))
    write_rows(
        pack / "golden.jsonl",
        [
            *golden(),
            {"id": "r1", "task": "rewrite", "query": 'Make this polite: "Go"', "expected": {"contains": ["shut"]}},
        ],
    )
    desk.service.close()
    desk.settings = desk.settings.model_copy(update={"serve_unmeasured": True})
    desk.open()
    id = desk.add("better", right, ("label", "rewrite"))
    report = desk.gate(id)
    assert report.verdict == "promote"
    assert [row["verdict"] for row in report.body["tasks"]] == ["not_enough_cases", "better"]
    desk.service.promote(id)
    closed = desk.service.standing("rewrite", "tuned")
    assert not closed.open
    assert "1 golden cases of it, and 100 are needed" in closed.why


def test_two_adapters_side_by_side_are_asked_what_either_has_learned_and_neither_is_judged(desk, pack):
    text = (pack / "domain.yaml").read_text()
    (pack / "domain.yaml").write_text(text.replace("strategies: [prompt]", "strategies: [prompt, tuned]"))
    polite = {"id": "r1", "task": "rewrite", "query": 'Make this polite: "Go"', "expected": {"contains": ["shut"]}}
    write_rows(pack / "golden.jsonl", [*golden(), polite])
    desk.service.close()
    desk.open()
    with desk.service.store.session() as session:
        session.add(ExampleRow(id="e1", task="label", query="Label it: ajar", answer="shut/now", origin="review", state="approved",
                               tags=[], created_at=now(), updated_at=now()))  # fmt: skip
    ids = [desk.add("one", right), desk.add("other", half, ("label", "rewrite"))]
    [one, other], tasks = Gating(desk.service, desk.kept).sides(ids)
    assert set(tasks) == {"label", "rewrite"}
    assert (one.model, other.model) == tuple(ids)
    assert len(one.cases) == len(other.cases) == DOORS + 1
    assert one.lessons == other.lessons == (), "one of them may have been trained on a correction"
    assert {row.state for row in desk.service.registry.list()} == {"candidate"}
    assert not any(row.report_id for row in desk.service.registry.list())


def test_no_task_with_enough_cases_is_no_verdict_and_no_promotion(desk, pack):
    write_rows(pack / "golden.jsonl", golden(99))
    id = desk.add("better", right)
    assert desk.gate(id).verdict == "not_enough_cases"
    with pytest.raises(RegistryError, match="lack of golden cases"):
        desk.service.promote(id)


def test_answers_are_kept_as_they_come_and_not_asked_for_again(desk):
    id = desk.add("better", right)
    gating = Gating(desk.service, desk.kept)
    plan = gating.plan(id)
    assert {batch.model for batch in plan.batches} == {id, "office"}
    gating.write(plan.batches[0])
    again = Gating(desk.service, Generations(desk.settings.data_dir / "cache" / "generations.jsonl"))
    assert len(again.plan(id).batches) == len(plan.batches) - 1
    again.run(id)
    desk.scripts[id] = desk.scripts["office"] = {}  # would raise if asked
    assert again.plan(id).batches == ()
    assert again.judge(again.plan(id)).verdict == "promote"


def test_corrections_speak_for_an_adapter_that_is_as_good_as_the_other(desk):
    desk.service.promote(passed(desk, desk.add("better", right)))
    query = 'Label this note: "the hatch is ajar"'
    with desk.service.store.session() as session:
        session.add(ExampleRow(id="e1", task="label", query=query, answer="shut/now", origin="review", state="approved",
                               tags=[], created_at=now(), updated_at=now()))  # fmt: skip
    same = desk.add("same", right)
    assert desk.gate(same).body["reasons"][0].startswith("It is no better")
    taught = desk.add("taught", lambda text: "shut/now" if "ajar" in text else right(text))
    report = desk.gate(taught)
    assert report.verdict == "promote"
    assert report.body["lessons"]["learned"] == ["e1"]


def test_the_next_start_serves_what_was_promoted_and_brings_lost_figures_back(desk):
    id = desk.add("better", right)
    desk.gate(id)
    desk.service.promote(id)
    (desk.settings.data_dir / "measured.json").unlink()
    desk.service.close()
    desk.open()
    assert desk.asked() == ("shut/now", id)
    assert desk.service.standing("label", "tuned").open
    assert load_own(desk.settings.data_dir)


@pytest.mark.parametrize("kept", [True, False])
def test_after_a_change_of_base_what_served_is_compared_by_its_kept_answers_or_the_base_stands_in(desk, kept):
    base = "scripted:base"

    def fingerprint(name):
        if name == "base":
            return base
        adapter = desk.service.registry.adapter(desk.models.resolved(name))
        return f"{base}+{adapter.sha256}"

    desk.models.fingerprint = fingerprint
    first = desk.add("better", right)
    desk.gate(first)
    desk.service.promote(first)
    base = "scripted:other"
    assert desk.service.fingerprint("tuned").startswith("scripted:other")
    assert not desk.service.standing("label", "tuned").open, "its figures are of another base"
    if not kept:
        desk.kept = Generations(desk.tmp_path / "empty.jsonl")
    source = make(desk.tmp_path / "runs" / "n", "n", "office", base_fingerprint=base, dataset={"tasks": {"label": 1}})
    row = desk.service.registry.register(source)
    desk.scripts[row.id] = half
    report = desk.gate(row.id)
    assert report.body["rebased"]
    assert (report.incumbent, report.verdict) == ((first, "refuse") if kept else ("base", "refuse"))
    better = desk.service.registry.register(
        make(desk.tmp_path / "runs" / "m", "m", "office", base_fingerprint=base, dataset={"tasks": {"label": 1}})
    )
    desk.scripts[better.id] = right
    assert desk.gate(better.id).verdict == "promote", "as good as what cannot serve any more is enough"
    assert desk.service.promote(better.id).state == "live"
    assert desk.asked() == ("shut/now", better.id)


def test_rebase_trains_gates_and_promotes_an_heir_of_every_live_adapter_of_another_base(desk):
    base = "scripted:base"

    def fingerprint(name):
        adapter = None if name == "base" else desk.service.registry.adapter(desk.models.resolved(name))
        return f"{base}+{adapter.sha256}" if adapter else base

    def train(row):
        trained.append(row.id)
        folder = desk.tmp_path / "runs" / f"heir-{len(trained)}"
        make(folder, f"heir-{len(trained)}", "office", base_fingerprint=base, dataset={"tasks": {"label": 1}})
        desk.scripts[own_id("office", read_adapter(folder).sha256)] = scripts.pop(0)
        return folder

    trained, scripts = [], [half, right]
    desk.models.fingerprint = fingerprint
    old = desk.add("better", right)
    desk.gate(old)
    desk.service.promote(old)
    gating = Gating(desk.service, desk.kept)
    assert [one.live for one in rebase(desk.service, train, gating)] == [True]
    assert trained == [], "it fits the base"
    base = "scripted:other"
    [worse] = rebase(desk.service, train, gating)
    assert not worse.live
    assert desk.service.registry.live("office").id == old, "a worse heir does not go live"
    assert not desk.service.standing("label", "tuned").open
    [heir] = rebase(desk.service, train, gating)
    assert (trained, heir.live, heir.report.incumbent) == ([old, old], True, old)
    assert desk.asked() == ("shut/now", heir.heir)
    assert desk.service.standing("label", "tuned").open
    assert desk.service.registry.get(heir.heir).dataset == "d1"

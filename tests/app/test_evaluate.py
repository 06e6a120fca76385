"""The measuring flow on a small pack: thresholds, floors, what is kept, and the last line of the command."""

from __future__ import annotations

import json

import pytest

from app.bootstrap import Service, open_service
from app.evaluating import Evaluator
from app.generations import Generations
from core.domain import load_domain
from core.llm import ScriptedModels
from core.measured import load_measured, save_measured
from core.settings import load_settings
from core.types import Case, Query
from evaluation.report import shown_wrong
from tests.app.conftest import office


def label(query: str) -> str:
    return "shut/now" if "closed" in query else "open/now"


GOLDEN = [
    Case(id="1", task="lookup", query="Who approves a purchase over 500 euros?",
         expected={"sources": ["approvals.md"], "contains": ["treasurer"]}),
    Case(id="2", task="lookup", query="What does a parrot cost?", expected={"refusal": True}),
    Case(id="3", task="label", query='Label this note: "the gate is closed"', expected={"exact": "shut/now"}),
    Case(id="4", task="label", query='Label this note: "the gate is open"', expected={"exact": "open/now"}),
    Case(id="5", task="rewrite", query='Make this polite: "Go"', expected={"contains": ["please"]}),
    Case(id="6", task="out_of_scope", query="Who won the match in 1990?", expected={"refusal": True}),
]  # fmt: skip


@pytest.fixture
def service(tmp_path):
    settings = load_settings(data_dir=tmp_path / "data", domain=office(tmp_path))
    service = open_service(settings, ScriptedModels({"base": {"*": "Nothing useful"}, "office": label}))
    service.sync()
    yield service
    service.close()


def evaluate(service: Service):
    kept = Generations(service.settings.data_dir / "cache" / "generations.jsonl")
    return Evaluator(service, lambda line: None, kept).run([], GOLDEN)


def test_what_scores_well_opens_and_what_does_not_closes(service):
    measured, results = evaluate(service)
    assert measured.golden["label"]["tuned"].score == 1.0
    assert measured.golden["rewrite"]["prompt"].score == 0.0
    assert service.standing("label", "tuned").open
    assert not service.standing("rewrite", "prompt").open
    assert not service.standing("lookup", "rag_written").open, "nothing useful was written"
    routed = {r.case.id: r for r in results if r.strategy == "routed"}
    assert routed["3"].score.right
    assert routed["3"].answer.route is not None
    assert routed["3"].answer.route.strategy == "tuned"
    assert routed["5"].answer.refused, "no road is open for it"
    assert routed["6"].score.right
    assert shown_wrong(list(routed.values()))["cases"] == len(GOLDEN)


def test_figures_count_only_for_the_model_they_were_measured_with(service):
    measured, _ = evaluate(service)
    save_measured(service.domain, measured)
    assert load_measured(load_domain(service.domain.folder)) == measured
    service.models = ScriptedModels({"base": {"*": "x"}, "office": label})
    service._fingerprints.clear()
    service.models.fingerprint = lambda name: "another"
    assert not service.standing("label", "tuned").open
    assert service.standing("label", "tuned").mend


def test_texts_of_one_engine_do_not_pass_for_those_of_another_and_figures_do(service):
    first, _ = evaluate(service)
    service.models.engine = lambda name: "other-1"
    service.models._scripts["office"] = lambda query: "shut/now"
    other, _ = evaluate(service)
    assert (first.golden["label"]["tuned"].score, other.golden["label"]["tuned"].score) == (1.0, 0.5)
    assert other.models == first.models
    service.models._scripts = {"base": {}, "office": {}}  # would raise if asked
    assert evaluate(service)[0].golden == other.golden
    del service.models.engine
    assert evaluate(service)[0].golden == first.golden


def test_a_second_run_asks_the_models_nothing(service):
    first, _ = evaluate(service)
    service.models._scripts = {"base": {}, "office": {}}  # would raise if asked
    second, _ = evaluate(service)
    assert second.golden == first.golden


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path):
    from app.strategies import Generation

    file = tmp_path / "g.jsonl"
    Generations(file).add([("a", Generation("x", [-0.1], "stop", 1))])
    with file.open("a") as half:
        half.write('{"key": "b", "tex')
    again = Generations(file)
    assert again.get("a") == Generation("x", [-0.1], "stop", 1)
    assert again.get("b") is None
    again.add([("c", Generation("y", [], "stop", 0))])
    assert Generations(file).get("c") == Generation("y", [], "stop", 0)


def test_the_measured_floor_acts_on_the_next_query(service):
    before = service.answering.route(Query(text=GOLDEN[2].query))[0]
    assert before.strategy == "refuse"
    assert "train an adapter" in before.advice
    service.measured, _ = evaluate(service)
    assert service.answering.route(Query(text=GOLDEN[2].query))[0].strategy == "tuned"


def test_the_command_ends_with_one_json_object(tmp_path, monkeypatch, capsys):
    from rich.console import Console

    from app import evaluate_command

    pack = office(tmp_path)
    (pack / "golden.jsonl").write_text("".join(case.model_dump_json() + "\n" for case in GOLDEN))
    monkeypatch.setenv("TRIVIUM_DOMAIN", str(pack))
    models = ScriptedModels({"base": {"*": "Nothing useful"}, "office": label})
    monkeypatch.setattr(evaluate_command, "open_service", lambda settings: open_service(settings, models))
    line = evaluate_command.evaluate_pack(None, True, tmp_path / "out", Console(stderr=True))
    figures = json.loads(line)
    assert figures["tasks"]["label"]["tuned"]["score"] == 1.0
    assert {"shown_wrong", "coverage", "risk_at_coverage", "in_scope_refused"} <= set(figures)
    assert (pack / "measured.json").is_file()
    assert len((tmp_path / "out" / "cases.jsonl").read_text().splitlines()) > len(GOLDEN)

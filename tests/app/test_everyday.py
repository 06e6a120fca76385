"""A fresh pack answers everyday requests: real embeddings and router, scripted models; and one with the real base."""

from __future__ import annotations

import threading

import pytest

from app.bootstrap import open_service
from app.evaluate_command import summary, to_measure
from app.evaluating import Evaluator
from app.generations import Generations
from app.packs import make_pack
from core import everyday
from core.llm import ScriptedModels
from core.measured import Figure, Measured
from core.settings import load_settings
from core.types import Answer, Message, Query

TASKS = [name for name, fields in everyday.tasks().items() if fields["strategies"]]


def figures(model: str, *shut: str) -> Measured:
    scores = {task: 0.2 if task in shut else 0.9 for task in TASKS}
    golden = {task: {"prompt": Figure(score=score, low=0, high=1, n=10)} for task, score in scores.items()}
    return Measured(models={"prompt": model}, golden=golden)


def certainly(query: str) -> str:
    return f"Certainly, here you are: {query[-30:]}"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("everyday")
    settings = load_settings(data_dir=folder / "data", domain=make_pack("office", folder))
    service = open_service(settings, ScriptedModels({"base": certainly}))
    service.sync()
    yield service
    service.close()


@pytest.fixture
def opened(service):
    """All but translating are open."""
    service.__dict__["everyday"] = figures(service.fingerprint("prompt"), "translate")
    yield service
    service.__dict__.pop("everyday")


def ask(service, text: str, *history: str) -> Answer:
    turns = [Message(role="user" if n % 2 == 0 else "assistant", content=said) for n, said in enumerate(history)]
    answer = Answer(query=text)
    for answer, _ in service.answering.stream(Query(text=text, history=tuple(turns)), threading.Event()):  # noqa: B007
        pass
    return answer


def test_a_greeting_gets_a_friendly_answer_without_sources_or_warnings(opened):
    answer = ask(opened, "hello")
    assert answer.route is not None
    assert (answer.route.task, answer.route.strategy) == ("smalltalk", "prompt")
    assert not answer.refused
    assert not answer.warnings
    assert not answer.citations


def test_the_model_is_told_what_this_assistant_can_do(opened):
    road = opened.answering.strategies["prompt"]
    system = str(road.request(Query(text="hello"), opened.domain.task("smalltalk")).messages[0].content)
    assert "Office" in system
    assert "answer questions about the documents" in system
    assert "rewrite a text" in system
    assert "translate" not in system, "it is closed"


def test_a_text_is_rewritten_with_a_caution_and_nothing_else(opened):
    answer = ask(opened, 'make this more polite, please: "Open the door now"')
    assert answer.route is not None
    assert (answer.route.task, answer.route.strategy) == ("rewrite", "prompt")
    assert opened.domain.task("rewrite").caution in answer.warnings


def test_the_weather_is_refused_with_what_is_lacking(opened):
    answer = ask(opened, "what's the weather like today?")
    assert answer.refused
    assert "no internet" in answer.text


def test_a_closed_task_is_refused_with_what_would_open_it(opened):
    answer = ask(opened, "Translate into German: The meeting is on Monday.")
    assert answer.refused
    assert "I cannot translate" in answer.text
    assert "TRIVIUM_PROMPT_MODEL" in answer.text


def test_without_figures_of_the_very_model_all_are_closed(service):
    answer = ask(service, "hello")
    assert answer.refused
    assert "trivium evaluate" in answer.text


def test_a_document_still_answers_what_it_holds(opened):
    answer = ask(opened, "When does the office open on Mondays?")
    assert answer.route is not None
    assert answer.route.task == "lookup"


def test_a_follow_up_reads_the_conversation(opened):
    before = "Write a short note to my team that the meeting is on Friday.", "Dear team, the meeting is on Friday."
    answer = ask(opened, "shorter please", *before)
    assert answer.route is not None
    assert (answer.route.task, answer.route.strategy) == ("draft", "prompt")
    assert answer.text == "Certainly, here you are: shorter please"


def test_another_model_is_measured_on_the_built_in_cases_apart_from_the_packs_own(service):
    cases = [case for case in to_measure(service) if case.task in ("smalltalk", "unable")]
    assert len(cases) == 40
    kept = Generations(service.settings.data_dir / "cache" / "generations.jsonl")
    known = service.measured
    try:
        measured, results = Evaluator(service, lambda line: None, kept).run([], [*service.domain.golden(), *cases])
    finally:
        service.measured = known
    assert measured.golden["smalltalk"]["prompt"].n == 20
    told = summary(results)
    assert set(told["everyday"]) == {"smalltalk", "unable"}
    assert told["overall"]["routed"]["n"] == len(service.domain.golden())


def test_where_figures_were_shipped_nothing_is_measured_again(opened):
    assert to_measure(opened) == []


@pytest.mark.model
def test_a_real_model_greets_and_what_cannot_be_done_reaches_none(tmp_path):
    settings = load_settings(data_dir=tmp_path / "data", domain=make_pack("office", tmp_path))
    service = open_service(settings)
    try:
        service.sync()
        service.__dict__["everyday"] = figures(service.fingerprint("prompt"))
        greeted, weather = ask(service, "hello"), ask(service, "what's the weather like today?")
    finally:
        service.close()
    assert greeted.text
    assert not greeted.refused
    assert greeted.timings["tokens"] <= everyday.tasks()["smalltalk"]["max_tokens"]
    assert weather.refused
    assert not weather.model

"""rag with a reader: what it shows, when it refuses, and when it may serve. A scripted reader, a real pack and index."""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.bootstrap import Service, open_service
from app.documents_road import WRITTEN
from app.evaluating import Evaluator
from app.generations import Generations
from app.readers import reading_standing
from app.reading_road import best_case, opening, ranged, stated
from core.dial import SERVED, Dial, load_served, save_dial
from core.domain import load_domain
from core.errors import DomainError
from core.llm import ScriptedModels
from core.measured import Figure, Measured, Point, Trust
from core.settings import load_settings
from core.types import Answer, Case, Query
from tests.app.conftest import office
from tests.finetune.adapters import make

QUESTION = "Who approves a purchase over 500 euros?"
# As sure as it is of not refusing: shown where it would not refuse.
DIAL = Dial(
    trust=Trust(weights={"refusing": -1.0}, threshold=0.5),
    curve=(Point(threshold=0.999999, shown=0.1, wrong=0.01, kept_back=0.9), Point(threshold=0.4, shown=0.8, wrong=0.2, kept_back=0.1)),
    cases=100,
)  # fmt: skip


def opened(tmp_path: Path, reply: str | Callable[[str], str], **more) -> Service:
    pack = office(tmp_path) if not (tmp_path / "office").exists() else tmp_path / "office"
    place = tmp_path / "shipped"
    if not place.exists():
        save_dial(make(place / "reader", "weights", "reader"), DIAL)
    models = ScriptedModels(
        {"base": {"*": "Nothing useful"}, "reader": reply if callable(reply) else {"*": reply}}, places=[place]
    )
    folder = tmp_path / f"data-{len(list(tmp_path.iterdir()))}"
    service = open_service(load_settings(data_dir=folder, domain=pack, **more), models)
    service.sync()
    return service


@pytest.fixture
def serve(tmp_path):
    services: list[Service] = []

    def serve(reply: str | Callable[[str], str] = "The treasurer [1]", **more) -> Service:
        services.append(opened(tmp_path, reply, **more))
        return services[-1]

    yield serve
    for service in services:
        service.close()


def answer(service: Service, query: str = QUESTION) -> Answer:
    return [one for one, _ in service.answering.stream(Query(text=query), threading.Event())][-1]


def test_a_new_pack_is_answered_by_the_shipped_reader_in_few_words_above_the_sentence_that_they_stand_in(serve):
    got = answer(serve())
    assert got.text == "**The treasurer**: “The treasurer approves every purchase over 500 euros.” [1]"
    assert [citation.source for citation in got.citations] == ["approvals.md"]
    assert (got.model, got.warnings, got.refused) == ("reader", (), False)
    assert got.confidence == pytest.approx(1.0, abs=1e-4)
    assert got.route is not None
    assert got.route.strategy == "rag"


def test_what_the_reader_would_refuse_is_refused_under_the_setting_of_its_dial(serve):
    got = answer(serve("I don't know."))
    assert got.refused
    assert "I don't know" in got.text
    assert not got.citations


def test_an_answer_that_no_passage_holds_is_not_shown_and_the_reason_is_kept(serve):
    got = answer(serve("The chancellor of Norway [1]"))
    assert "chancellor" not in got.text
    assert got.dropped == ("The chancellor of Norway",)
    assert got.dropped_why
    assert "treasurer approves" in got.text, "the finder's quotation stands"


def test_words_that_the_finder_would_not_quote_first_give_way_to_its_quotation(serve):
    got = answer(serve("Rosa Lind [1]"))
    assert got.text.startswith("The treasurer approves every purchase")
    assert "**" not in got.text


def test_what_stands_under_a_question_like_the_query_is_quoted_as_it_is(serve, tmp_path):
    documents = office(tmp_path) / "documents"
    (documents / "faq.md").write_text(
        "# Who may open the safe ?\n\nOnly the caretaker opens the safe, and only at noon.\n"
    )
    got = answer(serve("the caretaker [1]"), "Who is allowed to open the safe?")
    assert got.text.startswith("Only the caretaker opens the safe, and only at noon. [1]")


def test_switched_off_or_for_another_base_there_is_no_reader(serve, tmp_path):
    assert serve(reader="").reader is None
    shutil.rmtree(tmp_path / "shipped")
    make(tmp_path / "shipped" / "reader", "weights", "reader", base_fingerprint="another")
    service = serve()
    assert service.reader is None
    assert not service.standing("lookup", WRITTEN).open
    assert answer(service).refused, "nothing was measured, and nothing reads"


def test_another_model_that_is_named_for_rag_is_not_overruled(serve):
    service = serve(rag_model="office")
    assert service.reader is None
    assert service.model_of(WRITTEN) == "office"
    assert serve(rag_model="office", reader="reader").model_of(WRITTEN) == "reader"


def test_a_pack_that_was_measured_serves_the_reader_only_where_it_did_as_well_as_quoting(serve):
    service = serve()
    prints = {name: service.fingerprint(name) for name in ("rag", WRITTEN)}

    def measured(read: float, quoted: float) -> bool:
        figures = {WRITTEN: figure(read), "rag": figure(quoted)}
        service.measured = Measured(models=prints, golden={"lookup": figures})
        return service.standing("lookup", WRITTEN).open

    assert measured(0.9, 0.9)
    assert not measured(0.8, 0.9)
    assert not measured(0.6, 0.5), "under the floor"
    service.measured = Measured(models={"rag": prints["rag"]}, golden={"lookup": {"rag": figure(0.9)}})
    assert not service.standing("lookup", WRITTEN).open, "quoting was measured and the reader was not"
    assert service.standing("lookup", WRITTEN).mend
    assert answer(service).text.startswith("The treasurer approves"), "so it quotes"


def test_its_figures_belong_to_the_adapter_and_to_what_ranks_the_sentences(serve, tmp_path):
    first = serve().fingerprint(WRITTEN)
    assert serve().fingerprint(WRITTEN) == first
    shutil.rmtree(tmp_path / "shipped")
    make(tmp_path / "shipped" / "reader", "other weights", "reader")
    service = serve()
    assert service.fingerprint(WRITTEN) != first
    assert service.fingerprint(WRITTEN).endswith(service.fingerprint("rag"))


def test_what_was_measured_decides_over_the_dial(serve):
    service = serve()
    trust = {"lookup": {WRITTEN: Trust(intercept=-1.0, threshold=0.9)}}
    figures = {"lookup": {WRITTEN: figure(1.0)}}
    service.measured = Measured(models={WRITTEN: service.fingerprint(WRITTEN)}, golden=figures, trust=trust)
    got = answer(service)
    assert got.confidence == pytest.approx(0.2689, abs=1e-3)
    assert got.warnings == ("Low confidence: check this answer before you use it.",)


def test_a_pack_says_how_often_an_answer_may_be_wrong(serve, tmp_path):
    office(tmp_path)
    file = tmp_path / "office" / "domain.yaml"
    text = file.read_text()
    file.write_text(f"{text}\nwrong_at_most: 0.25\n")
    assert not answer(serve()).refused
    file.write_text(f"{text}\nwrong_at_most: 0.05\n")
    assert answer(serve()).refused, "only what is surer than all it says is right so often"
    file.write_text(f"{text}\nwrong_at_most: 1.5\n")
    with pytest.raises(DomainError, match="less than 1"):
        load_domain(tmp_path / "office")


def test_a_question_that_wants_several_documents_is_not_for_the_reader(serve):
    task = serve().domain.task("lookup").model_copy(update={"sources": 2})
    assert not reading_standing(task, None, None, 0.7, DIAL).open
    assert reading_standing(task.model_copy(update={"sources": 1}), None, None, 0.7, DIAL).open
    assert not reading_standing(task.model_copy(update={"sources": 1}), None, None, 0.7, None).open


def test_a_text_that_somebody_pasted_is_quoted_for_and_not_read(serve):
    got = answer(serve(), QUESTION + " I ask since" + " the office needs new chairs and" * 40 + " so on.")
    assert got.model == ""


def test_a_dial_that_was_fitted_with_other_weights_does_not_count(tmp_path):
    folder = make(tmp_path / "reader", "weights", "reader")
    save_dial(folder, DIAL)
    save_dial(folder, DIAL.model_copy(update={"cases": 7, "adapter": "this one"}), SERVED)
    ours, others = load_served(folder, "this one"), load_served(folder, "another")
    assert ours is not None
    assert others is not None
    assert (ours.cases, others.cases) == (7, 100)


def test_where_no_reading_could_lift_the_answer_over_the_setting_nobody_reads(serve):
    service = serve()
    trust = {"lookup": {WRITTEN: Trust(weights={"answerable": 1.0}, intercept=-9.0, refuse_below=0.5)}}
    figures = {"lookup": {WRITTEN: figure(1.0)}}
    service.measured = Measured(models={WRITTEN: service.fingerprint(WRITTEN)}, golden=figures, trust=trust)
    got = answer(service)
    assert (got.refused, got.model) == (True, "")
    sure = Trust(weights={"refusing": -1.0, "agreed": 2.0, "mean": -0.5}, intercept=-9.0)
    assert best_case(sure, 0.0) == pytest.approx(1 / (1 + math.exp(-11.0)))


def figure(score: float) -> Figure:
    return Figure(score=score, low=score, high=score, n=20)


def test_an_answer_that_is_most_of_its_sentence_is_the_sentence():
    sentence = "The treasurer approves it."
    assert stated("treasurer approves it", sentence) == sentence
    assert (
        stated("not", "Gloves are not required in the reading room.") == "Gloves are not required in the reading room."
    )
    assert (
        stated("a*b", "What holds a*b in itself is long enough.") == "a*b: “What holds a*b in itself is long enough.”"
    )


def test_the_other_end_of_a_range_is_given_too():
    sentence = "LoRA needs a tenth of the memory and shortens training by a factor of 5 to 10, says Guide B."
    assert stated("5", sentence).startswith("**5 to 10**: ")
    assert ranged("5", "It takes 5 to lift it, or 15 to 20.") == "5"
    assert ranged("95", "It keeps 95 to 99%.") == "95 to 99%"
    assert ranged("the memory", sentence) == "the memory"


@pytest.mark.parametrize(
    ("answer", "opened"), [("the treasurer", "The treasurer"), ("vLLM", "vLLM"), ("1e-4", "1e-4"), ("env/setup", "env/setup")]
)  # fmt: skip
def test_an_answer_opens_with_a_capital_unless_it_is_a_name(answer: str, opened: str):
    assert opening(answer) == opened


@pytest.mark.slow
def test_the_shipped_reader_answers_from_a_new_pack_and_refuses_what_it_does_not_say(tmp_path):
    from core.llm import open_models

    settings = load_settings(data_dir=tmp_path / "data", domain=office(tmp_path))
    service = open_service(settings, open_models(settings))
    try:
        service.sync()
        assert service.reader is not None
        assert service.standing("lookup", "rag").open, "though nothing was measured on this pack"
        known, unknown = answer(service, "Who keeps the spare keys?"), answer(service, "What does a parrot cost?")
    finally:
        service.close()
    assert known.text == "**Rosa Lind**: “Rosa Lind keeps the spare keys.” [1]"
    assert known.model == "reader"
    assert unknown.refused


GOLDEN = [
    Case(id="1", task="lookup", query=QUESTION, expected={"sources": ["approvals.md"], "contains": ["treasurer"]}),
    Case(id="2", task="lookup", query="Who keeps the spare keys?", expected={"sources": ["approvals.md"], "contains": ["Rosa"]}),
]  # fmt: skip


def said(asked: str) -> str:
    return "Rosa Lind [1]" if "keys?" in asked else "The treasurer [1]"


def test_an_evaluation_measures_the_reader_beside_quoting_and_routes_as_it_is_served(serve):
    service = serve(said)
    kept = Generations(service.settings.data_dir / "cache" / "generations.jsonl")
    measured, results = Evaluator(service, lambda line: None, kept).run([], GOLDEN)
    assert measured.models[WRITTEN] == service.fingerprint(WRITTEN)
    assert measured.golden["lookup"][WRITTEN].score == 1.0
    texts = {(r.strategy, r.case.id): r.answer.text for r in results}
    assert texts[WRITTEN, "2"] == "**Rosa Lind**: “Rosa Lind keeps the spare keys.” [1]"
    assert "**" not in texts["rag", "2"]
    assert texts["routed", "2"] == texts[WRITTEN, "2"]
    service.models._scripts = {"base": {}, "reader": {}}  # would raise if asked
    again, _ = Evaluator(service, lambda line: None, Generations(kept._file)).run([], GOLDEN)
    assert again.golden == measured.golden


def test_what_the_reader_refuses_goes_to_another_open_road_that_is_expected_to_do_better(serve, tmp_path):
    pack = office(tmp_path)
    text = (pack / "domain.yaml").read_text()
    (pack / "domain.yaml").write_text(text.replace("strategies: [rag]", "strategies: [rag, prompt]", 1))
    trust = {"lookup": {WRITTEN: Trust(weights={"refusing": -1.0}, threshold=0.5, refuse_below=0.5)}}
    figures = {"lookup": {WRITTEN: figure(0.95), "rag": figure(0.9), "prompt": figure(0.8)}}

    def measured(reply: str) -> Service:
        service = serve(reply)
        models = {strategy: service.fingerprint(strategy) for strategy in ("rag", WRITTEN, "prompt")}
        service.measured = Measured(models=models, golden=figures, trust=trust)
        return service

    read = answer(measured("The treasurer [1]"))
    assert read.route is not None
    assert (read.route.strategy, read.refused) == ("rag", False)
    service = measured("I don't know.")
    handed = answer(service)
    assert handed.route is not None
    assert (handed.route.strategy, handed.text, handed.refused) == ("prompt", "Nothing useful", False)
    assert handed.route.scores["rag"] < 0.5
    assert "do not seem to answer it" in handed.route.reason
    [*_, (chosen, _)] = service.answering.stream(Query(text=QUESTION, strategy="rag"), threading.Event())
    assert chosen.refused, "a person chose the documents"

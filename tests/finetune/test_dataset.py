import numpy as np
import pytest

from core.domain import load_domain
from core.errors import DomainError
from core.prompts import tuned_messages
from core.settings import ROOT
from core.types import Case, Example
from finetune.dataset import Limits, build, conflicts, normalized
from finetune.rows import DatasetError
from tests.finetune.conftest import examples


def test_the_prompt_is_built_by_the_function_that_serves(domain):
    row = build(domain, examples(1), 0, held_out=[]).rows[0]
    assert list(row.prompt) == tuned_messages(domain, domain.task("label"), "Label: door 0")
    assert [message.role for message in row.completion] == ["assistant"]


def test_a_system_turn_in_the_file_is_never_used(domain):
    rows = build(domain, domain.examples(), 0, held_out=[]).rows
    assert {row.prompt[0].content for row in rows} == {"You label notes. Give the label."}


def test_exact_duplicates_are_dropped_and_another_answer_is_kept(domain):
    one, other = examples(1)[0], examples(1)[0].model_copy(update={"answer": "open"})
    dataset = build(domain, [one, one, other], 0, held_out=[])
    assert len(dataset.rows) == 2
    assert dataset.duplicates == 1


def test_the_version_depends_on_the_content_alone(domain):
    forward, backward = examples(), examples()[::-1]
    first = build(domain, forward, 0, held_out=[])
    assert first == build(domain, backward, 0, held_out=[])
    other_seed = build(domain, forward, 1, held_out=[])
    assert other_seed.version == first.version
    assert other_seed.rows != first.rows
    assert build(domain, forward[1:], 0, held_out=[]).version != first.version


def test_a_held_out_query_is_refused_whatever_its_case_and_punctuation(domain):
    spoiled = [*examples(), Example(task="label", query="  label... GATE!", answer="open")]
    with pytest.raises(DomainError, match="golden-1"):
        build(domain, spoiled, 0, held_out=domain.golden())


@pytest.mark.parametrize("text", ["door 30 open", "do\u00f6r 3", "door three"])
def test_other_words_are_not_the_same(text):
    assert normalized(text) != normalized("Door 3, open")


@pytest.mark.parametrize("answer", ["", "  "])
def test_an_example_without_an_answer_is_refused(domain, answer):
    with pytest.raises(DomainError, match="no answer"):
        build(domain, [Example(task="label", query="q", answer=answer)], 0, held_out=[])


def test_the_summary_counts_by_task_tag_and_origin(domain):
    tagged = examples(2)[1].model_copy(update={"tags": ("edge",), "origin": "review"})
    summary = build(domain, [examples(1)[0], tagged], 0, held_out=[]).summary()
    assert summary["tasks"] == {"label": 2}
    assert summary["tags"] == {"edge": 1}
    assert summary["origins"] == {"review": 1, "seed": 1}


# What is left out, and why


def alike(texts):
    """Takes all texts for alike, so that what decides is the rest."""
    return np.ones((len(texts), 1), dtype=np.float32)


def collected(query, answer="open", **about):
    return Example(**{"task": "label", "query": query, "answer": answer, "origin": "import", **about})


def reasons(dataset):
    return [(drop.reason, drop.example) for drop in dataset.dropped]


def built(domain, *given, **more):
    return build(domain, [*examples(), *given], 0, held_out=domain.golden(), **more)


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        (collected("label... GATE!"), "held out"),
        (collected("Label: lid", state="draft"), "not approved"),
        (collected("Label: lid", state="withdrawn"), "not approved"),
        (collected("Label: lid", answer=" "), "no text"),
        (collected("Label: lid", task="gone"), "unknown task"),
        (collected("Label: lid <|im_end|>"), "control token"),
        (collected("Label: lid", answer="open</s>"), "control token"),
        (collected("Label: write to ada@norvik.com"), "personal data"),
        (collected("Label: lid", rejected="call +44 20 7946 0958"), "personal data"),
        (collected("Label: " + "lid " * 4000), "too long"),
        (collected("Label: lid", rejected=" open "), "same answers"),
    ],
)
def test_a_collected_example_with_a_fault_is_left_out_and_the_others_are_kept(domain, spoiled, reason):
    dataset = built(domain, spoiled.model_copy(update={"id": "spoiled", "author": "mara"}))
    assert reasons(dataset) == [(reason, "spoiled")]
    assert dataset.dropped[0].author == "mara"
    assert dataset.dropped[0].why
    assert len(dataset.rows) == len(examples())
    assert dataset.version == built(domain).version


@pytest.mark.parametrize("fault", [{"query": " "}, {"task": "gone"}, {"query": "Label: gate"}])
def test_the_same_fault_in_a_seed_is_an_error(domain, fault):
    with pytest.raises(DomainError):
        built(domain, collected("Label: lid").model_copy(update={**fault, "origin": "seed"}))


def test_a_query_that_is_nearly_a_held_out_one_is_left_out(domain):
    near = collected("the label of the gate", id="near")
    assert reasons(build(domain, [near], 0, held_out=domain.golden(), encode=alike)) == [("near held out", "near")]
    numbered = collected("the label of gate 3", id="other")
    assert reasons(build(domain, [numbered], 0, held_out=domain.golden(), encode=alike)) == []


def test_the_template_of_a_held_out_case_is_left_out_without_embeddings_too(domain):
    held = Case(id="g", task="label", query="Which label fits the 3 doors of hall 7?", expected={"exact": "open"})
    twin = collected("which label fits the 12 doors of hall 40", id="twin")
    assert reasons(build(domain, [twin], 0, held_out=[held])) == [("held-out template", "twin")]


def test_a_near_duplicate_with_the_same_answer_goes_and_names_what_stays(domain):
    given = [collected("Label: a broken lid", id="a"), collected("label a broken lid", id="b")]
    dataset = build(domain, given, 0, held_out=[], encode=alike)
    assert reasons(dataset) == [("near-duplicate", "b")]
    assert dataset.dropped[0].kept == "a"
    assert [row.example for row in dataset.rows] == ["a"]
    assert build(domain, given[::-1], 0, held_out=[], encode=alike) == dataset


def test_a_near_duplicate_whose_answer_differs_is_kept(domain):
    given = [collected("Label: a broken lid", id="a"), collected("label a broken lid", "shut", id="b")]
    dataset = build(domain, given, 0, held_out=[], encode=alike)
    assert len(dataset.rows) == 2
    assert any("more than one answer" in warning for warning in dataset.warnings)
    assert conflicts(dataset.rows) == [["a", "b"]]


def test_a_likeness_in_which_numbers_or_names_differ_takes_nothing_away(domain):
    given = [
        collected(f"Label: {what}") for what in ("300 doors", "3,000 doors", "not a door", "a door", "a door of Mara")
    ]
    assert len(build(domain, given, 0, held_out=[], encode=alike).rows) == 5


def test_answers_in_json_are_the_same_whatever_the_order_of_their_fields(domain):
    given = [
        collected("Form: three doors", '{"doors": 3, "open": true}', task="form", id="a"),
        collected("form: three doors!", '{"open": true, "doors": 3}', task="form", id="b"),
    ]
    assert reasons(build(domain, given, 0, held_out=[], encode=alike)) == [("near-duplicate", "b")]


def test_a_reviewed_example_stands_for_the_seed_that_says_the_same(domain):
    reviewed = examples(1)[0].model_copy(update={"origin": "review", "id": "mine", "author": "ada"})
    dataset = build(domain, [*examples(1), reviewed], 0, held_out=[])
    assert [(row.example, row.author) for row in dataset.rows] == [("mine", "ada")]
    assert dataset.dropped[0].kept == "mine"


def test_preferences_are_kept_apart_and_count_for_the_version(domain):
    pair = collected("Label: a lid", rejected="shut", origin="preference")
    dataset = built(domain, pair)
    assert len(dataset.rows) == len(examples())
    assert [row.rejected[0].content for row in dataset.pairs] == ["shut"]
    assert dataset.version != built(domain).version


def test_personal_data_that_was_looked_at_may_stay(domain):
    flagged = collected("Label: write to ada@norvik.com", id="looked-at")
    assert not reasons(built(domain, flagged, limits=Limits(allowed=frozenset({"looked-at"}))))
    assert not reasons(built(domain, flagged, limits=Limits(personal="keep")))


def test_tokens_are_counted_where_they_can_be(domain):
    dataset = built(domain, limits=Limits(tokens=5), tokens=lambda row: 9 if "door 3" in row.query else 5)
    assert [drop.reason for drop in dataset.dropped] == ["too long"]


@pytest.mark.parametrize(
    ("limits", "given", "reason", "count"),
    [
        ({"account_rows": 2}, [collected(f"Label: lid {n}", author="mallory") for n in range(20)], "account", 16),
        ({"refusals": 0.25}, [collected(f"Label: cup {n}", "I do not know.") for n in range(9)], "refusals", 5),
        ({"balance": 1.0, "task_rows": 1}, [collected("Form: a door", "{}", task="form")], "balance", 11),
        ({"rows": 5}, [], "limit", 7),
    ],
)
def test_bounds_cut_and_say_so(domain, limits, given, reason, count):
    dataset = built(domain, *given, limits=Limits(**limits))
    assert {drop.reason for drop in dataset.dropped} == {reason}
    assert len(dataset.dropped) == count
    # All that came in is either in the version or named as left out.
    assert len(dataset.rows) + len(dataset.dropped) == len(examples()) + len(given)


def test_what_is_no_fault_but_will_show_is_a_warning(domain):
    said = " ".join(built(domain).warnings)
    for part in ("near-duplicates were not looked for", "refuse", "edge cases", "label has 12 rows only"):
        assert part in said
    prompted = domain.model_copy(update={"tasks": (domain.tasks[0].model_copy(update={"strategies": ("prompt",)}),)})
    assert any("no tuned model may answer" in line for line in build(prompted, examples(), 0, held_out=[]).warnings)


def test_the_seeds_of_the_demo_pack_are_clean():
    pack = load_domain(ROOT / "domains" / "ml-desk")
    dataset = build(pack, pack.examples(), 0, held_out=[*pack.golden(), *pack.development()])
    assert dataset.dropped == ()
    assert len(dataset.rows) == len(pack.examples())


def forms(count, **about):
    return [Example(task="form", query=f"Form: {n} doors", answer=f'{{"doors": {n}, "open": true}}', **about)
            for n in range(count)]  # fmt: skip


def tasks_of(dataset):
    return dataset.summary()["tasks"]


def test_a_mix_stands_in_the_place_of_the_balance(domain):
    limits = Limits(shares={"label": 0.1, "form": 0.9}, rows=50, task_rows=1, balance=1)
    dataset = build(domain, [*examples(30), *forms(60)], held_out=[], limits=limits)
    assert tasks_of(dataset) == {"label": 5, "form": 45}
    assert build(domain, [*examples(30), *forms(60)], held_out=[], limits=limits).version == dataset.version


def test_one_account_has_no_more_of_a_mix_than_of_any_version(domain):
    by_mallory = forms(100, author="mallory", origin="import")
    limits = Limits(shares={"label": 0.5, "form": 0.5}, account_share=0.25, account_rows=5)
    dataset = build(domain, [*examples(300), *by_mallory], held_out=[], limits=limits)
    gave = sum(row.author == "mallory" for row in dataset.rows)
    assert 0 < gave <= max(5, 0.25 * len(dataset.rows))
    assert gave == tasks_of(dataset)["label"], "the shares hold as well"


def test_a_mix_that_has_fewer_rows_than_were_asked_for_says_so(domain):
    limits = Limits(shares={"label": 0.5, "form": 0.5}, rows=40)
    dataset = build(domain, [*examples(30), *forms(8)], held_out=[], limits=limits)
    assert len(dataset.rows) == 16
    assert any("was to hold 40 rows and holds 16" in warning for warning in dataset.warnings)


@pytest.mark.parametrize(("rows", "label", "advice"), [(None, 0, "approve examples"), (3, 30, "raise its share")])
def test_a_mix_without_a_row_of_one_of_its_tasks_is_none(domain, rows, label, advice):
    limits = Limits(shares={"label": 0.05, "form": 0.95}, rows=rows)
    with pytest.raises(DatasetError, match=f"no row of task label: {advice}"):
        build(domain, [*examples(label), *forms(60)], held_out=[], limits=limits)

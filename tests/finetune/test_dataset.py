import pytest

from core.errors import DomainError
from core.prompts import tuned_messages
from core.types import Example
from finetune.dataset import build, normalized
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

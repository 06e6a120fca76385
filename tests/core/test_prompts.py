from __future__ import annotations

import pytest

from core.domain import load_domain
from core.prompts import (
    FEW_SHOTS,
    both_ends,
    nearest_shots,
    prompt_messages,
    rag_messages,
    template_hash,
    tuned_messages,
)
from core.settings import ROOT
from core.types import Message, Passage, Query

DOMAIN = load_domain(ROOT / "domains" / "ml-desk")


def test_the_shots_are_of_the_kind_that_is_asked_for():
    shots = nearest_shots(DOMAIN.task("rewrite"), 'Make this shorter: "Please restart it politely"')
    assert len(shots) == FEW_SHOTS
    assert shots[-1].query.startswith("Make this shorter")


def test_prompting_holds_instruction_shots_history_and_query_in_order():
    history = (Message(role="user", content="before"), Message(role="assistant", content="then"))
    messages = prompt_messages(DOMAIN, DOMAIN.task("label"), Query(text="now", history=history))
    assert messages[0].role == "system"
    assert DOMAIN.task("label").instruction in messages[0].content
    assert [message.content for message in messages[-3:]] == ["before", "then", "now"]
    assert [m.role for m in messages[1:]] == ["user", "assistant"] * (len(messages[1:]) // 2) + ["user"]


def test_a_tuned_prompt_has_no_shots():
    assert [message.role for message in tuned_messages(DOMAIN, DOMAIN.task("label"), "q")] == ["system", "user"]


def test_numbers_are_in_digits_where_the_answer_is_structured():
    recipe, label = DOMAIN.task("recipe"), DOMAIN.task("label")
    assert tuned_messages(DOMAIN, recipe, "Fourteen billion parameters")[1].content == "14 billion parameters"
    assert tuned_messages(DOMAIN, label, "Label: fourteen days late")[1].content == "Label: fourteen days late"


def test_the_shipped_adapter_saw_its_seeds_as_they_would_be_asked_today():
    for example in DOMAIN.examples():
        assert tuned_messages(DOMAIN, DOMAIN.task(example.task), example.query)[1].content == example.query


def test_passages_are_numbered():
    passages = tuple(Passage(id=str(n), source="a.md", text=f"text {n}") for n in range(2))
    assert "[2] text 1" in rag_messages(DOMAIN, Query(text="q"), passages)[1].content


def test_the_template_hash_follows_what_is_rendered_and_not_how_the_code_is_written():
    before = template_hash()
    template_hash.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.prompts.READER_SYSTEM", "Answer.")
        assert template_hash() != before
    template_hash.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.prompts.tuned_messages", lambda *given: tuned_messages(*given))
        assert template_hash() == before
    template_hash.cache_clear()


def test_the_template_hash_is_the_one_that_the_shipped_adapter_was_trained_with():
    import json

    card = json.loads((ROOT / "adapters" / "ml-desk" / "card.json").read_text())
    assert card["template_hash"] == template_hash()


def test_of_a_long_query_the_router_reads_both_ends():
    text = f"Label this {'very ' * 300}long ticket please"
    read = both_ends(text)
    assert read.startswith("Label this very")
    assert read.endswith("long ticket please")
    assert len(read.split()) == 100
    assert both_ends("Label this") == "Label this"

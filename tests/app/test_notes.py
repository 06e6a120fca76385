"""Clients that know OpenAI's shape alone see warnings and sources, and what they send back holds none."""

from __future__ import annotations

import pytest

from app.endpoints.notes import notes, without_notes
from app.endpoints.openai import Completion, to_query, whole
from core.types import Answer, Citation

CITED = Citation(
    number=1, sentence="It lies on shelf 3.", source="parts.md", passage_id="p", passage="It lies on shelf 3.", start=0,
    end=19, heading="Parts > AB-12", page=2,
)  # fmt: skip


def answer(**fields: object) -> Answer:
    return Answer.model_validate({"query": "q", "text": "Shelf 3 [1]", "status": "complete", **fields})


def test_warnings_and_sources_stand_below_the_text():
    told = notes(answer(warnings=("Low confidence: check.",), citations=(CITED,)))
    assert told == "\n\n⚠ Low confidence: check.\nSources: [1] parts.md, AB-12, page 2"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"text": '{"a": 1}', "warnings": ("Low",)},
        {"text": "gpu/oom", "warnings": ("Low",)},
        {"refused": True, "citations": (CITED,)},
        {"status": "stopped"},
    ],
)
def test_nothing_is_added_where_there_is_nothing_to_say_or_json_would_break(fields):
    assert notes(answer(**fields)) == ""


@pytest.mark.parametrize("warnings", [(), ("One.",), ("One.", "Two.")])
@pytest.mark.parametrize("citations", [(), (CITED,)])
def test_a_turn_that_comes_back_has_lost_its_notes(warnings, citations):
    given = answer(warnings=warnings, citations=citations)
    sent = whole(given, "auto")["choices"][0]["message"]["content"]
    assert without_notes(sent) == given.text
    turns = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": sent},
        {"role": "user", "content": "why?"},
    ]
    asked = to_query(Completion.model_validate({"messages": turns}), [])
    assert asked.history[1].content == given.text


def test_a_setting_leaves_them_out():
    given = answer(warnings=("Low.",))
    assert whole(given, "auto", told=False)["choices"][0]["message"]["content"] == given.text

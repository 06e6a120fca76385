"""The demo pack with the real model, the real adapter and the measured floors: the eight questions take their roads."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from core.settings import load_settings
from tests.app.conftest import ask, served

pytestmark = pytest.mark.model

ROADS = {
    "Which number format does QLoRA use for the base?": "rag",
    "Do our sources agree on the memory a 7B model needs?": "rag",
    "What is our GPU quota per team?": "rag",
    "One 24 GB card, an 8B model, 3,000 tickets, JSON out: which recipe?": "tuned",
    'Label this ticket: "CUDA out of memory at batch 8"': "tuned",
    'Make this polite: "Give us access to the GPU today"': "prompt",
    "What does an H200 cost per hour?": "rag",
    "Who won the 2018 World Cup?": "refuse",
}


@pytest.fixture(scope="module")
def demo(default_base) -> Iterator[TestClient]:
    with served(load_settings(base_model="qwen2.5-coder-0.5b", data_dir=default_base), None) as client:
        yield client


@pytest.fixture(scope="module")
def answers(demo) -> dict[str, dict]:
    return {query: ask(demo, query) for query in ROADS}


def test_the_pack_shows_these_questions(demo):
    assert demo.get("/api/domain").json()["first_screen"] == list(ROADS)


@pytest.mark.parametrize("query", list(ROADS))
def test_each_takes_its_road_and_stays_on_this_machine(answers, query):
    answer = answers[query]
    assert answer["status"] == "complete", answer
    assert answer["route"]["strategy"] == ROADS[query]
    assert answer["left_machine"] is False


def test_look_ups_quote_the_fact(answers):
    format, agree, quota = (answers[query] for query in list(ROADS)[:3])
    assert "NF4" in format["text"]
    assert len({citation["source"] for citation in agree["citations"]}) >= 2
    assert "120 GPU hours" in quota["text"]


def test_the_recipe_is_the_house_recipe(answers):
    answer = answers[list(ROADS)[3]]
    recipe = json.loads(answer["text"])
    assert (recipe["method"], recipe["rank"], recipe["epochs"], recipe["output"]) == ("qlora", 16, 3, "json")
    assert not [warning for warning in answer["warnings"] if "follow" in warning]


def test_the_label_the_polite_text_the_unknown_and_the_refused(answers):
    label, polite, price, cup = (answers[query] for query in list(ROADS)[4:])
    assert label["text"] == "gpu/oom"
    assert "GPU" in polite["text"]
    assert "please" in polite["text"].lower()
    assert price["refused"]
    assert "document" in price["text"]
    assert cup["refused"]

"""Which turn carries on a conversation, and what the router makes of it; vectors made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from app.packs import make_pack
from core.domain import load_domain
from core.measured import Standing
from core.types import STRATEGIES, Evidence, Message, Passage, Query
from router.expected_quality import ExpectedQualityRouter
from router.following import Following
from router.likeness import TaskLikeness

WORDS = ("open", "polite", "translate", "weather", "shorter", "explain")
QUERIES = {"open": "lookup", "polite": "rewrite", "translate": "translate", "weather": "unable", "explain": "explain"}
OPEN = Standing(open=True, score=0.9, measured=True)
SHUT = Standing(open=False, score=0.3, measured=True, why="shut for the test")


def encode(texts):
    return np.array([[float(word in text) for word in WORDS] for text in texts])


@pytest.fixture
def make(tmp_path):
    domain = load_domain(make_pack("pack", tmp_path))
    queries = [f"{word} {end}" for word in QUERIES for end in ("one of these things", "two of these things")]
    tasks = [task for task in QUERIES.values() for _ in range(2)]
    likeness = TaskLikeness(encode, queries, tasks, lambda v: np.zeros(len(v)), tmp_path / "cache", "m")
    following = Following(encode, ["shorter", "shorter please"] * 3, queries, tmp_path / "cache", "m")

    def build(shut=()):
        standings = {
            task.name: {s: OPEN if s in task.strategies and task.name not in shut else SHUT for s in STRATEGIES}
            for task in domain.tasks
        }
        return ExpectedQualityRouter(domain, likeness, lambda: standings, following=following)

    return build


def asked(text, *before):
    turns = [Message(role=role, content=said) for said in before for role in ("user",)]
    history = [turn for one in turns for turn in (one, Message(role="assistant", content="Done."))]
    return Query(text=text, history=tuple(history))


NOTHING = Evidence(passages=(Passage(id="1", source="a.md", text="t", dense=0.1),))
NEAR = Evidence(passages=(Passage(id="1", source="a.md", text="t", dense=0.8),))


def test_a_follow_up_belongs_to_the_task_that_it_carries_on(make):
    decision = make().route(asked("shorter please", "translate one of these things"), NOTHING)
    assert (decision.task, decision.strategy) == ("translate", "prompt")
    assert "carries on" in decision.reason


def test_a_chain_of_follow_ups_leads_back_to_its_beginning(make):
    query = asked("shorter", "weather today, please tell", "translate one of these things", "shorter please")
    assert make().route(query, NOTHING).task == "translate"


def test_a_query_that_stands_alone_is_routed_by_itself_whatever_came_before(make):
    assert make().route(asked("weather one of these things", "translate one thing"), NOTHING).strategy == "refuse"


def test_without_a_conversation_nothing_is_carried_on(make):
    assert "carries on" not in make().route(asked("shorter please"), NOTHING).reason


def test_a_follow_up_to_documents_is_left_to_the_rules_that_complete_it(make):
    decision = make().route(asked("shorter please", "open one of these things"), NOTHING)
    assert "carries on" not in decision.reason


def test_what_cannot_be_done_is_refused_and_so_is_what_carries_it_on(make):
    assert make().route(asked("shorter", "weather one of these things"), NOTHING).strategy == "refuse"


def test_documents_that_speak_of_a_question_are_read_first(make):
    query = Query(text="explain one of these things")
    assert make().route(query, NOTHING).strategy == "prompt"
    assert make().route(query, NEAR).strategy == "rag"
    assert make().route(Query(text="polite one of these things"), NEAR).strategy == "prompt"


def test_a_closed_task_says_what_would_open_it(make):
    decision = make(shut=("translate",)).route(Query(text="translate one of these things"), NOTHING)
    assert decision.strategy == "refuse"
    assert "TRIVIUM_PROMPT_MODEL" in decision.advice


COVERED = Evidence(passages=(Passage(id="1", source="a.md", text="t", dense=0.1),), coverage=0.8)


def test_documents_that_hold_its_words_are_read_before_it_is_said_that_nothing_can_be_done(make):
    router = make()
    decision = router.route(Query(text="weather one of these things"), COVERED)
    assert (decision.strategy, decision.instead) == ("rag", "unable")
    assert router.reconsider(decision, 0.2) == decision, "its refusal says what was searched"


def test_what_documents_do_not_answer_goes_to_the_task_that_it_seemed_to_be(make):
    router = make()
    decision = router.route(Query(text="explain one of these things"), NEAR)
    again = router.reconsider(decision, 0.2)
    assert (again.strategy, again.task) == ("prompt", "explain")
    assert again.tasks["explain"] > again.tasks[decision.task]


def test_what_only_looks_like_small_talk_is_read_for_and_not_taken_back_in_another_language(make, monkeypatch):
    router = make()
    monkeypatch.setitem(router._built_in("explain").__dict__, "sure", 0.99)
    foreign = NOTHING.model_copy(update={"language": "en"})
    query = Query(text="explain one of these things")
    assert router.route(query, NOTHING).instead == "explain"
    assert (router.route(query, foreign).strategy, router.route(query, foreign).instead) == ("rag", "")

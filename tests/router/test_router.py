"""The router's own logic, with vectors made by hand: no model is loaded."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain import load_domain
from core.errors import QueryError
from core.measured import Figure, Standing, Trust, standing
from core.types import STRATEGIES, Evidence, Passage, Query
from router.expected_quality import ExpectedQualityRouter
from router.features import frame
from router.likeness import TaskLikeness
from tests.packs import make_pack

WORDS = ("open", "polite", "joke")
QUERIES = ["open one", "open two", "polite one", "polite two", "joke one", "joke two"]
TASKS = ["lookup", "lookup", "rewrite", "rewrite", "out_of_scope", "out_of_scope"]


def encode(texts: list[str]) -> np.ndarray:
    return np.array([[float(word in text) for word in WORDS] for text in texts])


OPEN = Standing(open=True, score=0.9, measured=True)
SHUT = Standing(open=False, why="shut for the test")


@pytest.fixture
def domain(tmp_path):
    return load_domain(make_pack("pack", tmp_path))


@pytest.fixture
def make(domain, tmp_path):
    def build(**open_roads):
        standings = {
            task.name: {s: OPEN if s in open_roads.get(task.name, task.strategies) else SHUT for s in STRATEGIES}
            for task in domain.tasks
        }
        likeness = TaskLikeness(encode, QUERIES, TASKS, lambda v: np.zeros(len(v)), tmp_path / "cache", "m")
        return ExpectedQualityRouter(domain, likeness, lambda: standings)

    return build


def evidence(dense=0.0):
    return Evidence(passages=(Passage(id="1", source="a.md", text="t", dense=dense),))


@pytest.mark.parametrize(
    ("query", "task", "strategy"),
    [("open three", "lookup", "rag"), ("polite three", "rewrite", "prompt"), ("joke three", "out_of_scope", "refuse")],
)
def test_a_query_takes_the_road_of_the_task_it_looks_like(make, query, task, strategy):
    decision = make().route(Query(text=query), evidence())
    assert (decision.task, decision.strategy) == (task, strategy)
    assert decision.reason
    assert set(decision.scores) == set(STRATEGIES)
    assert abs(sum(decision.tasks.values()) - 1) < 0.01


def test_the_reason_names_the_nearest_example_and_the_measured_score(make):
    decision = make().route(Query(text="open one"), evidence())
    assert "open one" in decision.reason
    assert "90%" in decision.reason


def test_where_no_road_is_open_it_refuses_and_says_what_would_open_one(make):
    decision = make(lookup=()).route(Query(text="open three"), evidence())
    assert decision.strategy == "refuse"
    assert "add a document" in decision.advice
    assert decision.closed["rag"] == "shut for the test"


def test_the_better_of_two_open_roads_is_taken_with_its_margin(make):
    router = make(rewrite=("prompt", "tuned"))
    router._standings()["rewrite"]["tuned"] = Standing(open=True, score=0.95, measured=True)
    decision = router.route(Query(text="polite three"), evidence())
    assert decision.strategy == "tuned"
    assert 0 < decision.margin < decision.scores["tuned"]


def test_what_the_documents_refuse_goes_to_the_road_that_is_expected_to_do_better(make):
    router = make(lookup=("rag", "prompt"))
    router._standings()["lookup"]["prompt"] = Standing(open=True, score=0.8, measured=True)
    decision = router.route(Query(text="open three"), evidence())
    assert (decision.strategy, router.rivals(decision)) == ("rag", ["prompt"])
    again = router.reconsider(decision, 0.1)
    assert (again.strategy, again.task, again.scores["rag"]) == ("prompt", "lookup", 0.1)
    assert "do not seem to answer it" in again.reason
    assert router.reconsider(decision, 0.95) == decision


def test_a_refusal_stays_where_no_other_road_is_open_or_a_person_chose_it(make):
    alone = make().route(Query(text="open three"), evidence())
    assert make().reconsider(alone, 0.0) == alone
    router = make(lookup=("rag", "prompt"))
    chosen = router.route(Query(text="open three", strategy="rag"), evidence())
    assert router.rivals(chosen) == []
    assert router.reconsider(chosen, 0.0) == chosen


def test_a_person_may_override(make):
    decision = make().route(Query(text="open three", strategy="tuned"), evidence())
    assert decision.strategy == "tuned"
    assert decision.overridden
    assert "tuned" in decision.closed


def test_an_unknown_task_is_named(make):
    with pytest.raises(QueryError, match="this pack has lookup"):
        make().route(Query(text="open", task="nope"), evidence())


def test_routing_is_pure(make):
    router, query = make(), Query(text="polite three")
    assert router.route(query, evidence()) == router.route(query, evidence())


def test_a_frame_masks_what_is_quoted():
    assert "CUDA" not in frame('Label this ticket: "CUDA out of memory at batch 8"')
    assert frame("Which models are approved?") == "Which models are approved?"


def test_a_guess_is_said_to_be_one(domain, tmp_path):
    standings = {t.name: dict.fromkeys(STRATEGIES, OPEN) for t in domain.tasks}
    likeness = TaskLikeness(encode, QUERIES, TASKS, lambda v: np.zeros(len(v)), tmp_path / "cache", "m")
    router = ExpectedQualityRouter(domain, likeness, lambda: standings, sure_route=lambda: 0.999)
    assert router.route(Query(text="open three"), evidence()).unsure
    assert not router.route(Query(text="open three", task="lookup"), evidence()).unsure


def test_how_sure_it_is_is_judged_on_queries_it_has_not_seen(tmp_path):
    queries = [f"{word} {n}" for word in WORDS for n in range(8)]
    tasks = [task for task in ("lookup", "rewrite", "out_of_scope") for _ in range(8)]
    likeness = TaskLikeness(
        encode, queries, tasks, lambda v: np.zeros(len(v)), tmp_path / "cache", "m", {"open 1", "joke 2"}
    )
    shares, pairs = likeness.held_out()
    assert shares.shape == (2,)
    assert pairs == [("lookup", "lookup"), ("out_of_scope", "out_of_scope")]


# Floors


def figure(score):
    return Figure(score=score, low=score, high=score, n=100)


def test_a_floor_opens_and_closes(domain):
    task = domain.task("rewrite")
    assert standing(task, "prompt", figure(0.8), 0.7, False).open
    under = standing(task, "prompt", figure(0.6), 0.7, False)
    assert not under.open
    assert "60%" in under.why
    assert not standing(task, "rag", figure(1.0), 0.7, False).open, "not a strategy of this task"


def test_unmeasured_serves_only_when_asked_to(domain):
    task = domain.task("rewrite")
    closed = standing(task, "prompt", None, 0.7, False)
    assert not closed.open
    assert "trivium evaluate" in closed.mend
    assert standing(task, "prompt", None, 0.7, True).open


def test_trust_is_a_probability():
    trust = Trust(weights={"mean": 10.0}, intercept=1.0)
    assert 0 < trust.probability({"mean": -1.0}) < trust.probability({"mean": 0.0}) < 1

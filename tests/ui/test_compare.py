from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui import scenes
from tests.ui.fake_api import FakeApi
from tests.ui.pages import button, only, text, until

QUESTION = "What is our GPU quota per team?"


def compared(fake: FakeApi) -> AppTest:
    at = only("compare").run()
    at.text_area(key="compare-query").set_value(QUESTION)
    button(at, "Ask every road")
    return until(at, lambda at: "Prefer C" in text(at))


def test_the_answers_come_side_by_side_without_their_roads(fake: FakeApi) -> None:
    at = compared(fake)
    assert len(at.columns) == 3
    assert "Each team may use" in text(at)
    assert "From general knowledge" in text(at)
    for told in ("Tuned model", "Documents", "Source:", "No source was checked"):
        assert told not in text(at)


def test_a_preference_is_sent_over_each_other_answer_and_shows_the_roads(fake: FakeApi) -> None:
    at = compared(fake)
    a, b, c = fake.answers
    button(at, "Prefer B")
    assert fake.posted("/api/ratings") == [{"answer_id": b, "preferred_over": a}, {"answer_id": b, "preferred_over": c}]
    for told in ("Tuned model", "Documents", "Prompt", "You preferred this answer."):
        assert told in text(at)
    assert "Prefer A" not in text(at)


def test_an_answer_that_failed_is_no_rival(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scenes.whole
    failed = {"text": "", "route": scenes.decision("tuned"), "status": "failed", "error": "There is no such model."}
    monkeypatch.setattr(scenes, "whole", lambda query, road: failed if road == "tuned" else whole(query, road))
    at = only("compare").run()
    at.text_area(key="compare-query").set_value(QUESTION)
    button(at, "Ask every road")
    until(at, lambda at: "Prefer" in text(at))
    assert "There is no such model." in text(at)
    button(at, next(b.label for b in at.button if b.label.startswith("Prefer")))
    assert len(fake.posted("/api/ratings")) == 1


def test_without_a_preference_the_roads_can_be_shown_and_nothing_is_sent(fake: FakeApi) -> None:
    at = compared(fake)
    button(at, "No preference: show the roads")
    assert "Tuned model" in text(at)
    assert fake.posted("/api/ratings") == []


def test_a_reload_keeps_the_comparison_and_its_outcome(fake: FakeApi) -> None:
    before = compared(fake)
    after = only("compare")
    after.query_params["answers"] = before.query_params["answers"]
    assert "Prefer A" in text(until(after.run(), lambda at: "Prefer A" in text(at)))
    button(after, "Prefer A")
    again = only("compare")
    again.query_params["answers"] = before.query_params["answers"]
    until(again.run(), lambda at: "You preferred this answer." in text(at))


def test_all_answers_can_be_stopped(fake: FakeApi) -> None:
    fake.hold(after=1)
    at = only("compare").run()
    at.text_area(key="compare-query").set_value(QUESTION)
    button(at, "Ask every road")
    button(at, "Stop all")
    until(at, lambda at: "Not finished." in text(at))
    assert {answer.status for answer in fake.answers.values()} == {"stopped"}


def test_an_empty_question_asks_nothing(fake: FakeApi) -> None:
    at = only("compare").run()
    button(at, "Ask every road")
    assert fake.posted("/api/compare") == []

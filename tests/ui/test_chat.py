from __future__ import annotations

import pytest

from core.types import Answer, Passage, Rating
from tests.ui import scenes
from tests.ui.fake_api import FakeApi
from tests.ui.pages import button, chat, text, until
from ui import words

QUESTION = "What is our GPU quota per team?"


def asked(fake: FakeApi, query: str):
    """The page, with the finished answer to a query."""
    at = chat().run()
    at.chat_input[0].set_value(query).run()
    return until(at, lambda at: "Why this road?" in text(at))


def test_the_eight_questions_stand_on_the_first_screen(fake: FakeApi) -> None:
    at = chat().run()
    assert not at.exception
    labels = [b.label.replace("\\", "") for b in at.button]
    assert [label for label in labels if label != "New conversation"] == scenes.FIRST_SCREEN


def test_one_click_on_a_question_brings_its_answer(fake: FakeApi) -> None:
    at = chat().run()
    button(at, QUESTION)
    until(at, lambda at: "Unused hours do not carry over [1]." in text(at))
    assert fake.posted("/api/answers") == [{"query": QUESTION}]
    assert at.query_params["conversation"]


def test_the_text_grows_while_it_is_written(fake: FakeApi) -> None:
    fake.hold(after=4)
    at = chat().run()
    button(at, QUESTION)
    until(at, lambda at: "Each team may use" in text(at))
    assert "carry over" not in text(at)
    fake.go_on()
    until(at, lambda at: "carry over" in text(at))


def test_a_click_on_a_widget_in_the_middle_loses_nothing(fake: FakeApi) -> None:
    fake.hold(after=3)
    at = chat().run()
    button(at, QUESTION)
    at.segmented_control(key="road").set_value("Prompt").run()
    fake.go_on()
    until(at, lambda at: "Unused hours do not carry over [1]." in text(at))
    assert len(fake.posted("/api/answers")) == 1


def test_stop_ends_the_run_and_keeps_what_was_written(fake: FakeApi) -> None:
    fake.hold(after=3)
    at = chat().run()
    button(at, QUESTION)
    until(at, lambda at: "Each team may" in text(at))
    button(at, "Stop")
    until(at, lambda at: "You stopped this answer." in text(at))
    assert "Each team may" in text(at)
    assert "Ask again" in text(at)


def test_a_reload_keeps_the_conversation(fake: FakeApi) -> None:
    before = asked(fake, QUESTION)
    after = chat()
    after.query_params["conversation"] = before.query_params["conversation"]
    after.run()
    assert "Unused hours do not carry over [1]." in text(after)


def test_a_reload_in_the_middle_picks_the_run_up_again(fake: FakeApi) -> None:
    fake.hold(after=3)
    before = chat().run()
    button(before, QUESTION)
    after = chat()
    after.query_params["conversation"] = before.query_params["conversation"]
    after.run()
    assert "Stop" in text(after)
    fake.go_on()
    until(after, lambda at: "Unused hours do not carry over [1]." in text(at))


def test_a_second_question_goes_into_the_same_conversation(fake: FakeApi) -> None:
    at = asked(fake, QUESTION)
    at.chat_input[0].set_value("And unused hours?").run()
    until(at, lambda at: text(at).count("Why this road?") == 2)
    assert fake.posted("/api/answers")[1]["conversation"] == at.query_params["conversation"]


def test_old_conversations_open_from_the_list(fake: FakeApi) -> None:
    at = asked(fake, QUESTION)
    button(at, "New conversation")
    assert "conversation" not in at.query_params
    assert "Unused hours" not in text(at)
    button(at, QUESTION)  # the last button of that name is the first screen's
    at = chat().run()
    newest = fake.answers[next(iter(fake.answers))].conversation
    at.button(key=f"open-{newest}").click().run()
    assert "Unused hours do not carry over [1]." in text(at)


def test_the_chosen_road_is_asked_for(fake: FakeApi) -> None:
    at = chat().run()
    at.segmented_control(key="road").set_value("Tuned").run()
    at.chat_input[0].set_value("hello").run()
    assert fake.posted("/api/answers") == [{"query": "hello", "strategy": "tuned"}]


def test_an_answer_can_be_asked_again_by_another_road(fake: FakeApi) -> None:
    at = asked(fake, QUESTION)
    button(at, "Prompt")
    until(at, lambda at: "From general knowledge" in text(at))
    assert fake.posted("/api/answers")[1]["strategy"] == "prompt"
    assert "No source was checked for this answer." in text(at)


def test_an_answer_says_all_that_is_known_of_it(fake: FakeApi) -> None:
    said = text(asked(fake, QUESTION))
    assert "2 sentences were not shown because no passage supports them." in said
    assert "“Hours are free.” (the passage does not speak of this)" in said
    assert "Very likely right · Stayed on this machine · 2.3 s" in said
    assert "Source: gpu-quota.md" in said
    assert "gpu-quota.md · Weekly hours · page 3" in said
    assert "The documents answer this" in said
    assert "Tuned model is closed:** no tuned model was measured on this task" in said
    assert "The best road leads by 0.55." in said


def test_the_used_part_of_the_passage_is_marked(fake: FakeApi) -> None:
    assert f":orange-background[{scenes.USED}]" in text(asked(fake, QUESTION))


def test_a_json_answer_is_shown_as_json(fake: FakeApi) -> None:
    at = asked(fake, "8B recipe")
    assert at.code[0].language == "json"
    assert '"model_b": 8' in at.code[0].value


def test_a_refused_answer_from_the_documents_offers_to_add_one(fake: FakeApi) -> None:
    at = asked(fake, "What does an H200 cost per hour?")
    assert "Does a document of yours answer this?" in text(at)


def test_what_would_open_a_road_is_said(fake: FakeApi) -> None:
    assert "Ask it elsewhere." in text(asked(fake, "World Cup"))


def test_text_that_left_the_machine_is_said_to_have_left(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = {"text": "hi", "route": scenes.decision("prompt"), "left_machine": True, "model": "gpt-x"}
    monkeypatch.setattr(scenes, "whole", lambda query, strategy: remote)
    assert "Text was sent to gpt-x" in text(asked(fake, "hi"))


def test_a_failed_answer_says_why_and_can_be_asked_again(fake: FakeApi) -> None:
    at = asked(fake, "fail")
    assert "This answer failed. The model server closed the line." in text(at)
    button(at, "Ask again")
    assert [body["query"] for body in fake.posted("/api/answers")] == ["fail", "fail"]


def test_an_interrupted_answer_keeps_its_text_and_says_so(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = {"text": "Each team", "route": scenes.decision("rag"), "status": "interrupted"}
    monkeypatch.setattr(scenes, "whole", lambda query, strategy: cut)
    said = text(asked(fake, "q"))
    assert "cut off when Trivium stopped" in said
    assert "Each team" in said


def test_a_thumb_up_is_sent_at_once(fake: FakeApi) -> None:
    at = asked(fake, QUESTION)
    button(at, "Good")
    id = next(iter(fake.answers))
    assert fake.posted("/api/ratings") == [{"answer_id": id, "score": 1, "reasons": [], "correction": ""}]
    assert "Thank you. Noted." in text(at)


def test_a_thumb_down_is_sent_with_reasons_and_the_corrected_answer(fake: FakeApi) -> None:
    at = asked(fake, QUESTION)
    id = next(iter(fake.answers))
    button(at, "Bad")
    assert fake.posted("/api/ratings") == []
    at.button_group(key=f"reasons-{id}").set_value(["Wrong", "Incomplete"])
    at.text_area(key=f"correction-{id}").set_value(" It is 140 hours. ")
    button(at, "Send rating")
    sent = {"answer_id": id, "score": -1, "reasons": ["Wrong", "Incomplete"], "correction": "It is 140 hours."}
    assert fake.posted("/api/ratings") == [sent]
    assert "Your corrected answer waits for review." in text(at)


def test_a_rating_from_before_is_shown_after_a_reload(fake: FakeApi) -> None:
    before = asked(fake, QUESTION)
    fake.ratings.append(Rating(answer_id=next(iter(fake.answers)), score=1, preferred_over=""))
    after = chat()
    after.query_params["conversation"] = before.query_params["conversation"]
    assert "Thank you. Noted." in text(after.run())


def test_a_refusal_by_the_api_is_a_sentence_and_the_page_stays(fake: FakeApi) -> None:
    at = asked(fake, QUESTION)
    fake.refusal = (429, {"title": "Busy", "detail": "8 queries are being answered."}, {"Retry-After": "5"})
    at.chat_input[0].set_value("more").run()
    assert not at.exception
    assert "**Busy**" in text(at)
    assert "Try again in 5 s." in text(at)
    fake.refusal = None
    assert "Unused hours do not carry over" in text(at.run())


def test_an_api_that_goes_away_in_the_middle_is_waited_for(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.hold(after=3)
    at = chat().run()
    button(at, QUESTION)
    monkeypatch.setenv("TRIVIUM_API_URL", "http://127.0.0.1:9")
    assert "Trivium is not running" in text(at.run())
    monkeypatch.setenv("TRIVIUM_API_URL", fake.url)
    fake.go_on()
    until(at, lambda at: "Unused hours do not carry over [1]." in text(at))


def test_a_reviewed_answer_is_marked(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    reviewed = {"text": "It is 140 hours.", "route": scenes.decision("rag"), "reviewed": True}
    monkeypatch.setattr(scenes, "whole", lambda query, strategy: reviewed)
    assert "Reviewed answer" in text(asked(fake, QUESTION))


def test_a_suggestion_is_offered_beside_the_answer_and_stays_text(
    fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = {
        "text": "I don't know.",
        "route": scenes.decision("rag"),
        "suggestion": "![x](http://127.0.0.1:9/s.png) 140",
    }
    monkeypatch.setattr(scenes, "whole", lambda query, strategy: near)
    at = asked(fake, QUESTION)
    assert "A reviewer answered a question like this one so." in text(at)
    assert all("![" not in element.value for element in at.markdown)
    assert "Reviewed answer" not in text(at)


def test_a_place_is_a_page_or_a_sheet_and_its_rows() -> None:
    found = Passage(id="a", source="fleet.xlsx", text="A: 1; B: 2.", heading="Fleet", sheet="Cards 2026", rows=(3, 8))
    assert words.place(found) == "fleet.xlsx · Fleet · sheet Cards 2026 · rows 3 to 8"
    assert words.place(found.model_copy(update={"rows": (4, 4), "sheet": "", "page": 2})).endswith("page 2 · row 4")


def test_sentences_left_out_before_reasons_were_kept_are_listed_without_them() -> None:
    answer = Answer(query="q", dropped=("One.", "Two."), dropped_why=("no passage is named",))
    assert words.left_out(answer) == ["“One.” (no passage is named)", "“Two.”"]

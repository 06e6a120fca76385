from __future__ import annotations

from streamlit.testing.v1 import AppTest

from core.types import Rating
from tests.ui import loop_scenes as scenes
from tests.ui.fake_api import FakeApi
from tests.ui.pages import button, only, text, until


def opened(fake: FakeApi, part: str = "") -> AppTest:
    at = only("review")
    at.query_params["reviewer"] = "ann"
    if part:
        at.query_params["part"] = part
    at.run()
    assert not at.exception
    return at


def sent(fake: FakeApi) -> dict:
    """The last review, without what every review has."""
    body = fake.posted("/api/review")[-1]
    return {name: value for name, value in body.items() if name not in ("id", "created_at", "kind") and value}


def shortcuts(at: AppTest) -> dict[str, str]:
    return {b.label.replace("\\", ""): b.proto.shortcut for b in at.button if b.proto.shortcut}


def test_without_a_name_the_page_asks_who_reviews(fake: FakeApi) -> None:
    at = only("review").run()
    assert "A name tells your reviews from others'" in text(at)
    assert not [b for b in at.button if b.label == "Approve"]
    at.text_input(key="reviewer").set_value("ann").run()
    assert "3 left" in text(at)


def test_an_item_shows_query_answer_sources_route_and_what_people_said(fake: FakeApi) -> None:
    said = text(opened(fake))
    assert f"**{scenes.QUOTA}**" in said
    assert "Unused hours do not carry over [1]." in said
    assert ":orange-background[Each team may use 120 GPU hours a week.]" in said
    assert "The documents answer this" in said
    assert "Rated down by bo: Wrong, Incomplete" in said
    assert "Each team may use 140 GPU hours a week since October." in said
    assert "Hours are free." in said
    assert "Found but not cited: 1 passage" in said


def test_what_is_left_and_the_reviewers_agreement_are_shown(fake: FakeApi) -> None:
    assert "**3 left** · 34 reviews by you, 88% as others judged (kappa 0.71)" in text(opened(fake))
    fake.loop.agreement, fake.loop.quorum = {"reviews": 1, "agreement": None, "kappa": None}, 2
    said = text(opened(fake))
    assert "2 reviewers must agree" in said
    assert "1 review by you; your agreement shows once others judged the same answers" in said


def test_every_verdict_and_fault_has_a_key(fake: FakeApi) -> None:
    keys = shortcuts(opened(fake))
    verdicts = {"Approve": "a", "Correct": "e", "Reject": "x", "Skip": "s"}
    faults = {"Route": "1", "Retrieval": "2", "Generation": "3", "Missing document": "4"}
    assert keys == {**verdicts, **faults, "Tick all": "d", "It should have said “I don't know”": "i"}


def test_one_press_approves_and_the_next_item_comes_with_the_effects_of_the_last(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Approve")
    assert sent(fake) == {"subject": "a1", "reviewer": "ann", "verdict": "approve"}
    said = text(at)
    assert "**Approved:** What is our GPU quota per team?" in said
    assert "It becomes an example." in said
    assert "**What does an H200 cost per hour?**" in said
    assert "2 left" in said


def test_a_correction_begins_with_what_the_rating_proposed_and_two_keys_send_it(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Correct")
    assert at.text_area(key="right-a1").value == "Each team may use 140 GPU hours a week since October."
    button(at, "Send correction")
    correction = "Each team may use 140 GPU hours a week since October."
    assert sent(fake) == {"subject": "a1", "reviewer": "ann", "verdict": "correct", "correction": correction}
    assert "The correction answers this query from now on." in text(at)


def test_a_correction_that_is_a_fact_says_so(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Generation")
    button(at, "Correct")
    at.text_area(key="right-a1").set_value(" It is 150. ")
    at.toggle(key="fact-a1").set_value(True)
    at.text_input(key="note-a1").set_value("since May")
    button(at, "Send correction")
    body = sent(fake)
    assert body["fact"] is True
    assert (body["correction"], body["fault"], body["note"]) == ("It is 150.", "generation", "since May")


def test_a_correction_that_changes_nothing_is_not_sent(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Skip")
    button(at, "Correct")
    button(at, "Send correction")
    assert len(fake.posted("/api/review")) == 1
    assert "The corrected answer is empty or the same" in text(at)


def test_while_a_correction_is_written_the_old_answer_cannot_be_approved_by_mistake(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Correct")
    assert at.button(key="approve-a1").disabled
    button(at, "Correct")
    assert not at.button(key="approve-a1").disabled


def test_a_wrong_route_takes_the_right_task(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Route")
    box = at.selectbox(key="task-a1")
    assert box.options == ["recipe", "label", "none of these"]
    box.set_value("label").run()
    button(at, "Reject")
    assert (sent(fake)["fault"], sent(fake)["task"]) == ("route", "label")


def test_what_was_said_of_a_fault_that_is_no_longer_chosen_is_not_sent(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Route")
    at.selectbox(key="task-a1").set_value("label").run()
    button(at, "Generation")
    button(at, "Reject")
    assert sent(fake) == {"subject": "a1", "reviewer": "ann", "verdict": "reject", "fault": "generation"}


def test_passages_cited_or_only_found_can_be_judged(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Retrieval")
    at.segmented_control(key="passage-a1-gpu-quota.md-1").set_value("Does not").run()
    at.segmented_control(key="passage-a1-hours-1").set_value("Answers it").run()
    button(at, "Reject")
    assert sent(fake)["passages"] == {"gpu-quota.md-1": False, "hours-1": True}


def test_a_missing_document_is_named_in_the_note(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Missing document")
    assert at.text_input(key="note-a1").label == "Which document is missing?"
    at.text_input(key="note-a1").set_value("the quota of 2026").run()
    button(at, "Reject")
    assert (sent(fake)["fault"], sent(fake)["note"]) == ("document", "the quota of 2026")


def test_near_duplicates_get_the_same_verdict_only_when_ticked(fake: FakeApi) -> None:
    at = opened(fake)
    assert "2 near-duplicates: tick what gets the same verdict" in text(at)
    assert "What was our GPU quota per team in 2025?" in text(at)
    at.checkbox(key="alike-a2").check().run()
    button(at, "Reject")
    assert [body["subject"] for body in fake.posted("/api/review")] == ["a1", "a2"]


def test_one_key_ticks_all_near_duplicates(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Tick all")
    button(at, "Approve")
    assert [body["subject"] for body in fake.posted("/api/review")] == ["a1", "a2", "a3"]


def test_what_others_judged_is_counted_but_not_told(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Skip")
    said = text(at)
    assert "1 other review of this answer" in said
    assert "cy" not in said.split()


def test_with_a_quorum_the_page_says_that_others_are_still_missing(fake: FakeApi) -> None:
    fake.loop.quorum = 2
    at = opened(fake)
    button(at, "Approve")
    assert "It takes effect after 1 more review by others." in text(at)


def test_an_item_that_became_more_urgent_does_not_push_away_the_one_at_hand(fake: FakeApi) -> None:
    at = opened(fake)
    fake.loop.queue.reverse()
    assert f"**{scenes.QUOTA}**" in text(at.run())
    button(at, "Approve")
    assert sent(fake)["subject"] == "a1"


def test_skipped_items_can_be_looked_at_again(fake: FakeApi) -> None:
    fake.loop.queue = fake.loop.queue[:1]
    at = opened(fake)
    button(at, "Skip")
    fake.loop.reviews.clear()  # an API that hands out again what was skipped
    assert "What you skipped still waits." in text(at.run())
    button(at, "Look at what was skipped")
    assert f"**{scenes.QUOTA}**" in text(at)


def test_an_empty_queue_says_how_it_fills(fake: FakeApi) -> None:
    fake.loop.queue.clear()
    assert "Answers come here when they are rated down, disputed or uncertain." in text(opened(fake))


def test_a_verdict_that_the_api_refuses_keeps_the_item(fake: FakeApi) -> None:
    at = opened(fake)
    fake.refusal = (409, {"title": "Not taken", "detail": "you wrote this answer's correction yourself."}, {})
    at.button(key="approve-a1").click().run()
    fake.refusal = None
    at.run()
    assert f"**{scenes.QUOTA}**" in text(at)
    assert "Approved" not in text(at)


def test_hostile_queries_and_corrections_stay_text(fake: FakeApi) -> None:
    fake.loop.queue = fake.loop.queue[2:]
    at = opened(fake)
    button(at, "Retrieval")
    shown = [*at.markdown, *at.caption, *at.warning]
    assert any("pixel" in element.value for element in shown)
    for element in shown:
        assert "![" not in element.value
        assert "<script" not in element.value.replace("\\<", "")
        assert "[click me](" not in element.value


def test_corrections_are_listed_and_can_be_withdrawn(fake: FakeApi) -> None:
    at = opened(fake, "Corrections")
    assert "answers now" in text(at)
    assert "rests on gpu-quota.md" in text(at)
    assert "learned by ml-desk-5e1f09c2" in text(at)
    at.button(key="withdraw-c1").click().run()
    assert fake.loop.corrections["c1"].state == "withdrawn"
    assert "withdraw-c1" not in [b.key for b in at.button]


def test_missing_documents_are_closed_without_one(fake: FakeApi) -> None:
    at = opened(fake, "Missing documents")
    assert "It costs 4 EUR." in text(at)
    button(at, "Close without")
    assert fake.posted("/api/requests/7/close") == [{"document": "", "also": []}]
    assert "No document is known to be missing." in text(at)


def test_what_a_reviewer_knows_becomes_a_document_in_one_click(fake: FakeApi) -> None:
    at = opened(fake, "Missing documents")
    button(at, "Add it as a document")
    assert fake.posted("/api/judgements/7/add")
    assert "No document is known to be missing." in text(at)


def test_one_key_says_that_it_should_have_said_i_dont_know(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "It should have said “I don't know”")
    assert (sent(fake)["verdict"], sent(fake)["correction"]) == ("correct", "I don't know.")
    assert "**What does an H200 cost per hour?**" in text(at)
    assert "It should have said “I don't know”" not in text(at)  # this one was refused


def test_the_last_decision_can_be_taken_again(fake: FakeApi) -> None:
    at = opened(fake)
    button(at, "Approve")
    button(at, "Back")
    assert f"**{scenes.QUOTA}**" in text(at)
    button(at, "Reject")
    assert [(review.subject, review.verdict) for review in fake.loop.reviews] == [("a1", "reject")]
    assert "**What does an H200 cost per hour?**" in text(at)


def test_who_reviews_rates_under_the_same_name(fake: FakeApi) -> None:
    from tests.ui.pages import chat

    at = chat()
    at.session_state["reviewer"] = "ann"
    at.run()
    button(at, scenes.QUOTA)
    until(at, lambda at: "Why this road?" in text(at))
    button(at, "Good")
    assert fake.posted("/api/ratings")[0]["user"] == "ann"


def test_below_a_rating_stands_what_became_of_it(fake: FakeApi) -> None:
    from tests.ui.pages import chat

    at = chat().run()
    button(at, scenes.QUOTA)
    until(at, lambda at: "Why this road?" in text(at))
    rating = Rating(answer_id=next(iter(fake.answers)), score=-1, correction="It is 140.")
    fake.ratings.append(rating)
    fake.loop.outcomes[rating.id] = {
        "state": "corrected",
        "effects": ["the correction answers this query from now on"],
        "learned_by": "ml-desk-77aa01be",
    }
    after = chat()
    after.query_params["conversation"] = at.query_params["conversation"]
    said = text(after.run())
    assert "Reviewed: the answer was corrected. The correction answers this query from now on." in said
    assert "The adapter ml-desk-77aa01be has learned it." in said
    fake.loop.outcomes.clear()
    assert "Your corrected answer waits for review." in text(after.run())

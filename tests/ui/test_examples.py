from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.ui.fake_api import FakeApi
from tests.ui.pages import button, only, text


def opened(part: str = "") -> AppTest:
    at = only("examples")
    if part:
        at.query_params["examples"] = part
    at.run()
    assert not at.exception
    return at


def test_each_task_shows_its_examples_shares_and_score_and_which_needs_more(fake: FakeApi) -> None:
    at = opened()
    assert "The next hundred examples help **label** most." in text(at)
    row = dict(zip(at.table[0].value.columns, at.table[0].value.iloc[0], strict=True))
    assert row == {"Task": "label", "Approved": "30", "Edge": "20%", "Refusals": "10%", "Drafts": "3", "Right": "71%"}


def test_the_learning_curve_is_drawn_where_it_was_measured(fake: FakeApi) -> None:
    assert len(opened().get("vega_lite_chart")) == 1
    fake.loop.tasks = [{**row, "curve": []} for row in fake.loop.tasks]
    assert "shows once adapters were measured at several sizes" in text(opened())


def test_drafts_are_approved_and_rejected_one_by_one(fake: FakeApi) -> None:
    at = opened("Drafts")
    assert "3 left" in text(at)
    assert "drafted from gpu-quota.md" in text(at)
    button(at, "Approve")
    assert fake.posted("/api/examples/d1/state") == [{"state": "approved"}]
    button(at, "Reject")
    assert fake.loop.examples["d2"].state == "rejected"
    assert "1 left" in text(at)


def test_a_draft_is_approved_with_its_edited_answer(fake: FakeApi) -> None:
    at = opened("Drafts")
    button(at, "Edit")
    assert at.button(key="approve-d1").disabled
    at.text_area(key="answer-d1").set_value("gpu/more")
    button(at, "Approve with this answer")
    assert fake.posted("/api/examples/d1/state") == [{"state": "approved", "answer": "gpu/more"}]


def test_a_skipped_draft_waits(fake: FakeApi) -> None:
    at = opened("Drafts")
    for _ in range(3):
        button(at, "Skip")
    assert "it still waits" in text(at)
    button(at, "Look at what was skipped")
    assert "Label: we need 40 more GPU hours" in text(at)


def test_a_hostile_draft_stays_text(fake: FakeApi) -> None:
    at = opened("Drafts")
    button(at, "Skip")
    button(at, "Skip")
    assert "pixel" in text(at)
    assert all("![" not in element.value for element in [*at.markdown, *at.caption])


def test_all_examples_can_be_filtered_paged_and_withdrawn(fake: FakeApi) -> None:
    at = opened("All")
    assert "1 to 20 of 63 examples" in text(at)
    button(at, "Older")
    assert "21 to 40 of 63 examples" in text(at)
    at.selectbox(key="examples-state").set_value("draft").run()
    assert "1 to 3 of 3 examples" in text(at)
    at.selectbox(key="examples-state").set_value("approved").run()
    at.button(key="withdrawn-seed0").click().run()
    assert fake.loop.examples["seed0"].state == "withdrawn"


def test_an_import_says_what_was_added_skipped_and_wrong(fake: FakeApi) -> None:
    at = opened("Add")
    at.file_uploader[0].set_value([("chats.csv", b"query,answer\nq,a\n", "text/csv")]).run()
    at.selectbox(key="import-task").set_value("label").run()
    button(at, "Import")
    said = text(at)
    assert "**1 draft** added, 2 skipped." in said
    assert "row 4: the answer is empty" in said
    assert [each.task for each in fake.loop.examples.values()][-1] == "label"


def test_a_file_that_cannot_be_read_says_why(fake: FakeApi) -> None:
    at = opened("Add")
    at.file_uploader[0].set_value([("broken.csv", b"x", "text/csv")]).run()
    button(at, "Import")
    assert "line 1 names no column called query" in text(at)


def test_an_example_by_hand_becomes_a_draft(fake: FakeApi) -> None:
    at = opened("Add")
    at.selectbox(key="hand-task").set_value("label")
    at.text_area(key="hand-query").set_value("Label: no disk")
    at.text_area(key="hand-answer").set_value("storage/quota")
    button(at, "Add as a draft")
    made = list(fake.loop.examples.values())[-1]
    assert (made.task, made.query, made.answer, made.state) == ("label", "Label: no disk", "storage/quota", "draft")
    assert at.text_area(key="hand-query").value == ""


def test_an_example_without_an_answer_is_not_added(fake: FakeApi) -> None:
    at = opened("Add")
    at.text_area(key="hand-query").set_value("q")
    button(at, "Add as a draft")
    assert fake.posted("/api/examples") == []
    assert "An example needs a query and an answer." in text(at)

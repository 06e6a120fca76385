from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.types import Job
from tests.ui import scenes
from tests.ui.fake_api import FakeApi
from tests.ui.pages import button, only, text, until


def opened(part: str = "", reviewer: str = "") -> AppTest:
    at = only("examples")
    if reviewer:
        at.query_params["reviewer"] = reviewer
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


# Where several must approve


def test_with_a_quorum_a_draft_waits_for_others_and_says_so(fake: FakeApi) -> None:
    fake.loop.quorum = 2
    at = opened("Drafts", "ann")
    assert "2 reviewers other than the author must approve each" in text(at)
    assert "2 more reviewers must approve it." in text(at)
    button(at, "Approve")
    sent = {"state": "approved", "answer": "gpu/quota", "reviewer": "ann"}
    assert fake.posted("/api/examples/d1/state") == [sent], "the answer that was on the page goes along"
    assert "Approved by you: 1 more reviewer must approve it." in text(at)
    assert "2 left" in text(at), "it is not shown to ann again"
    at = opened("Drafts", "bo")
    assert "Approved by ann; 1 more reviewer must approve it." in text(at)
    button(at, "Approve")
    assert fake.loop.examples["d1"].state == "approved"
    assert "Approved by you" not in text(at), "nobody else is missing"


def test_with_a_quorum_a_reviewer_is_asked_for_a_name_first(fake: FakeApi) -> None:
    fake.loop.quorum = 2
    at = opened("Drafts")
    assert "Approve" not in [button.label for button in at.button]
    at.text_input(key="reviewer").set_value("ann").run()
    assert "3 left" in text(at)
    button(at, "Approve")
    assert fake.loop.approvals["d1"]["names"] == ["ann"]


def test_an_edited_answer_is_a_proposal_that_others_see_beside_the_draft(fake: FakeApi) -> None:
    fake.loop.quorum = 2
    at = opened("Drafts", "ann")
    button(at, "Edit")
    at.text_area(key="answer-d1").set_value("gpu/more")
    button(at, "Propose this answer")
    assert "Your answer is proposed: 2 more reviewers must approve it." in text(at)
    at = opened("Drafts", "bo")
    assert "A reviewer proposes this answer in place of" in text(at)
    assert [code.value for code in at.code[:2]] == ["gpu/more", "gpu/quota"]
    button(at, "Approve")
    assert fake.posted("/api/examples/d1/state")[-1] == {"state": "approved", "answer": "gpu/more", "reviewer": "bo"}


def test_the_list_of_all_shows_who_approved_and_refuses_the_author_with_a_sentence(fake: FakeApi) -> None:
    fake.loop.quorum = 2
    fake.loop.examples["d1"] = fake.loop.examples["d1"].model_copy(update={"author": "ann"})
    fake.loop.approvals["d2"] = {"answer": "gpu/memory?", "editor": "", "names": ["bo"]}
    at = opened("All", "ann")
    at.selectbox(key="examples-state").set_value("draft").run()
    assert "Approved by bo; 1 more reviewer must approve it." in text(at)
    at.button(key="approved-d1").click().run()
    assert "ann cannot approve it" in text(at)


def test_one_reviewer_is_enough_by_default_and_nothing_is_said_of_others(fake: FakeApi) -> None:
    said = text(opened("Drafts"))
    assert "must approve" not in said
    assert "You review as" not in said


# Drafts from a document


def order(at: AppTest, count: int = 10, source: str = "gpu-quota.md") -> None:
    at.selectbox(key="draft-source").set_value(source)
    at.selectbox(key="draft-task").set_value("label")
    at.number_input(key="draft-count").set_value(count)
    button(at, "Write drafts")


def the_job(fake: FakeApi) -> Job:
    return next(job for job in fake.jobs.values() if job.kind == "draft")


def ends(fake: FakeApi, **fields: object) -> None:
    job = the_job(fake)
    fake.jobs[job.id] = job.model_copy(update=fields)


def test_drafts_are_ordered_followed_and_counted(fake: FakeApi) -> None:
    at = opened("Add")
    order(at, 7)
    asked = {"source": "gpu-quota.md", "task": "label", "count": 7, "model": "base"}
    assert fake.posted("/api/examples/draft") == [asked]
    ends(fake, done=3, note="passage 2 of 4 of gpu-quota.md")
    at.run()
    (bar,) = at.get("progress")
    assert bar.proto.text.replace("\\", "") == "Drafts: 3 of 7 · passage 2 of 4 of gpu-quota.md"
    ends(fake, done=5, state="success", error="gpu-quota.md: 'x' was left out: no label")
    until(at, lambda at: "**5 drafts** written. Approve them under Drafts." in text(at))
    assert "'x' was left out: no label" in text(at)
    assert not at.get("progress")


def test_drafting_can_be_cancelled(fake: FakeApi) -> None:
    at = opened("Add")
    order(at)
    ends(fake, done=2)
    at.run()
    button(at, "Cancel")
    assert the_job(fake).state == "cancelled"
    until(at, lambda at: "Cancelled. 2 drafts had been written" in text(at))


def test_what_cannot_be_drafted_from_is_said_in_a_sentence(fake: FakeApi) -> None:
    at = opened("Add")
    order(at, source="data-rules.md")
    assert "data-rules.md: no passage is long enough" in text(at)


def test_only_tasks_that_a_tuned_model_may_serve_are_offered(fake: FakeApi) -> None:
    assert "lookup" in opened("Add").selectbox(key="hand-task").options
    assert "lookup" not in opened("Add").selectbox(key="draft-task").options


def test_a_job_that_gave_nothing_or_failed_says_why(fake: FakeApi) -> None:
    at = opened("Add")
    order(at)
    ends(fake, state="success", error="gpu-quota.md: the server is gone")
    until(at, lambda at: "No draft came of it." in text(at))
    assert "the server is gone" in text(at)
    ends(fake, state="error", error="the disk is full")
    at.run()
    assert "the disk is full" in text(at)


def test_a_model_that_text_leaves_the_machine_for_says_so_before_it_is_chosen(
    fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = {"models": {"prompt": "server/big", "rag": "base"}, "leaves_machine": {"prompt": True, "rag": False}}
    monkeypatch.setattr(scenes, "ROUTER", {**scenes.ROUTER, **remote})
    at = opened("Add")
    assert at.selectbox(key="draft-model").options == ["base", "server/big (the document's text leaves this machine)"]
    at.selectbox(key="draft-model").set_value("server/big")
    order(at)
    assert fake.posted("/api/examples/draft")[0]["model"] == "server/big"
    monkeypatch.setattr(scenes, "ROUTER", {**scenes.ROUTER, "models": {"prompt": "base", "rag": "base"}})
    assert "draft-model" not in [box.key for box in opened("Add").selectbox]


def test_without_a_document_the_page_says_where_to_add_one(fake: FakeApi) -> None:
    fake.documents.clear()
    assert "No document is indexed yet." in text(opened("Add"))

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from core.types import Job
from tests.ui import loop_scenes as scenes
from tests.ui.fake_api import FakeApi
from tests.ui.pages import button, only, text
from ui.client import Api
from ui.manifests import counts


def opened(part: str = "", report: str = "") -> AppTest:
    at = only("training")
    if part:
        at.query_params["learn"] = part
    if report:
        at.query_params["report"] = report
    at.run()
    assert not at.exception
    return at


# Datasets


def test_a_version_says_what_is_in_it_and_what_was_dropped_and_why(fake: FakeApi) -> None:
    said = text(opened())
    assert "57 rows · built 2026-11-21" in said
    assert "What is in it, and 3 examples dropped" in said
    assert "2 · near-duplicate" in said
    assert "1 · held out" in said
    assert "Edge share: 20.0%" in said
    assert "Bo gave 40% of the rows." in said
    assert "40 / 90 / 212" in said


def test_each_dropped_example_is_shown_on_demand_as_text(fake: FakeApi) -> None:
    at = opened()
    assert "Says what seed3 says." not in text(at)
    at.toggle(key=f"whole-{scenes.VERSIONS[0]}").set_value(True).run()
    assert "Says what seed3 says." in text(at)
    assert "A golden case asks it" in text(at)
    assert all("![" not in element.value for element in at.markdown)
    assert len(at.get("image")) == 1


def test_dropped_rows_are_counted_by_reason_however_the_manifest_lists_them() -> None:
    rows = [{"reason": "long"}, {"reason": "twice"}, {"reason": "twice"}]
    assert list(counts(rows).items()) == [("twice", 2), ("long", 1)]
    assert counts({"long": ["3"], "twice": 2, "none": 0}) == {"twice": 2, "long": 1}
    assert counts(None) == {}


def test_a_version_is_built_of_chosen_tasks(fake: FakeApi) -> None:
    at = opened()
    at.multiselect(key="build-tasks").set_value(["label"])
    button(at, "Build a version of what is approved now")
    at.toggle(key="build-personal").set_value(True)
    at.number_input(key="build-rows").set_value(200)
    button(at, "Build a version of what is approved now")
    assert fake.posted("/api/datasets") == [
        {"tasks": ["label"]},
        {"tasks": ["label"], "allow_personal": True, "rows": 200},
    ]
    assert "Version `777777777777` is there." in text(at)


def test_a_dataset_that_cannot_be_built_says_why(fake: FakeApi) -> None:
    at = opened()
    at.multiselect(key="build-tasks").set_value(["lookup"])
    button(at, "Build a version of what is approved now")
    assert "no approved example is of the task lookup" in text(at)


def test_two_versions_are_compared(fake: FakeApi) -> None:
    at = opened()
    button(at, "Compare")
    assert {metric.label: metric.value for metric in at.metric} == {
        "Only in the one": "2",
        "In both": "39",
        "Only in the other": "18",
    }


def test_the_rows_of_a_version_come_as_jsonl(fake: FakeApi) -> None:
    assert Api(fake.url).dataset_rows(scenes.VERSIONS[0]).splitlines()[0] == b'{"task": "label", "row": 0}'


# Training


def test_one_click_on_a_version_leads_to_training_on_it(fake: FakeApi) -> None:
    at = opened()
    at.button(key=f"train-{scenes.VERSIONS[1]}").click().run()
    assert at.selectbox(key="train-dataset").value == scenes.VERSIONS[1]
    button(at, "Start training")
    assert fake.posted("/api/training") == [{"dataset": scenes.VERSIONS[1]}]


def test_a_run_starts_on_what_is_approved_with_other_values_than_the_recipes(fake: FakeApi) -> None:
    at = opened("Training")
    at.text_input(key="train-name").set_value(" desk-2 ")
    at.number_input(key="change-epochs").set_value(2.0)
    at.selectbox(key="change-start").set_value("live")
    at.text_input(key="train-search").set_value("r=8,16")
    button(at, "Start training")
    sent = {"dataset": None, "name": "desk-2", "changes": {"epochs": 2.0, "start": "live"}, "search": "r=8,16"}
    assert fake.posted("/api/training") == [sent]
    assert "desk-2" in text(at)


def test_a_run_shows_its_step_its_loss_and_the_time_left(fake: FakeApi) -> None:
    at = opened("Training")
    bars = [bar.proto.text.replace("\\", "") for bar in at.get("progress")]
    assert bars == ["step 48 of 120 · 7 min left"]
    assert "Loss 2.37 to 0.82" in text(at)
    assert "The gradient is not a number at step 3: lower the learning rate." in text(at)


def test_a_run_is_stopped(fake: FakeApi) -> None:
    at = opened("Training")
    button(at, "Yes, stop it")
    assert fake.posted("/api/jobs/run3aaaa/cancel")
    assert "stopped" in text(at)


def test_a_finished_run_leads_to_its_adapter(fake: FakeApi) -> None:
    at = opened("Training")
    button(at, "See ml-desk-77aa01be")
    assert "Only an adapter that the gate found better goes live." in text(at)


# Adapters


def test_only_an_adapter_that_was_found_better_can_be_promoted(fake: FakeApi) -> None:
    at = opened("Adapters")
    keys = {b.key for b in at.button}
    assert "retire-ml-desk-5e1f09c2" not in keys  # it is live
    assert "promote-ml-desk-c0ffee12" in keys
    assert keys.isdisjoint({"promote-ml-desk-77aa01be", "promote-ml-desk-0badf00d", "promote-ml-desk-33334444"})
    assert "Not evaluated yet" in text(at)
    assert "Refused. Label is worse by 19 points" in text(at)


def test_one_click_promotes_and_one_click_rolls_back(fake: FakeApi) -> None:
    at = opened("Adapters")
    button(at, "Promote")  # the last one: the former
    assert fake.loop.registry["ml-desk-11112222"].state == "live"
    at.button(key="promote-ml-desk-c0ffee12").click().run()
    assert fake.loop.registry["ml-desk-c0ffee12"].state == "live"
    button(at, "Roll back")
    assert fake.loop.registry["ml-desk-c0ffee12"].state == "former"
    assert fake.posted("/api/registry/ml-desk/rollback")


def test_a_promotion_that_is_refused_says_why(fake: FakeApi) -> None:
    at = opened("Adapters")
    fake.loop.registry["ml-desk-c0ffee12"] = scenes.adapter("ml-desk-c0ffee12", "refused", "rep-worse")
    at.button(key="promote-ml-desk-c0ffee12").click().run()
    assert "the gate refused it: label is worse" in text(at)


def test_an_evaluation_shows_how_far_it_is(fake: FakeApi) -> None:
    at = opened("Adapters")
    button(at, "Evaluate")
    assert fake.posted("/api/registry/ml-desk-77aa01be/evaluate")
    assert "12 of 280" in at.get("progress")[0].proto.text
    assert at.button(key="evaluate-ml-desk-77aa01be").disabled


def test_an_adapter_is_retired_and_stands_apart(fake: FakeApi) -> None:
    at = opened("Adapters")
    at.button(key="retire-ml-desk-0badf00d").click().run()
    assert fake.loop.registry["ml-desk-0badf00d"].state == "retired"
    assert "2 retired adapters" in text(at)


def test_without_adapters_the_page_says_where_they_come_from(fake: FakeApi) -> None:
    fake.loop.registry.clear()
    assert "Train one, and it stands here as a candidate." in text(opened("Adapters"))


def test_training_jobs_are_no_failed_ingest(fake: FakeApi) -> None:
    fake.jobs["x"] = Job(id="x", kind="train", state="error", error="The loss is zero.")
    assert "The last job failed" not in text(only("documents").run())


# The report


def test_the_verdict_reads_like_a_sentence_with_its_reasons(fake: FakeApi) -> None:
    said = text(opened("Adapters", "rep-better"))
    assert "**Better: it may go live.**" in said
    assert "Label is better by 15 points (9 to 21)." in said
    assert "ml-desk-c0ffee12 against ml-desk-5e1f09c2" in said
    assert "71% → 86%" in said
    assert "**rewrite:** 12 cases, and a verdict takes 100." in said
    assert "3.4% → 2.1%" in said
    assert "nothing to measure" in said
    assert "Of 10 corrections that people made, the incumbent gives 20% and the candidate 90%." in said
    refused = text(opened("Adapters", "rep-worse"))
    assert "**Not better: it does not go live.**" in refused
    assert ":material/close: broken (probe-7)" in refused


def test_the_flipped_cases_stand_side_by_side_the_worse_ones_first(fake: FakeApi) -> None:
    at = opened("Adapters", "rep-better")
    flips = [m.value for m in at.markdown if "-badge[" in m.value and "Label this ticket" in m.value]
    assert ["worse" in flip for flip in flips] == [True] * 3 + [False] * 7
    at.segmented_control(key="flipped").set_value("Worse").run()
    assert text(at).count("Label this ticket") == 3
    at.segmented_control(key="flipped").set_value("All").run()
    button(at, "Show 10 more")
    assert text(at).count("Label this ticket") == 20


def test_a_report_leads_back_to_the_adapters(fake: FakeApi) -> None:
    at = opened("Adapters")
    at.button(key="report-ml-desk-0badf00d").click().run()
    assert "Not better" in text(at)
    button(at, "All adapters")
    assert "Only an adapter that the gate found better goes live." in text(at)


def test_a_report_that_is_gone_is_a_sentence(fake: FakeApi) -> None:
    assert "there is no report nope" in text(opened("Adapters", "nope"))

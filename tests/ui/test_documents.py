from __future__ import annotations

from tests.ui import scenes
from tests.ui.fake_api import FakeApi
from tests.ui.pages import button, only, text, until


def test_what_is_indexed_is_listed_with_size_and_passages(fake: FakeApi) -> None:
    said = text(only("documents").run())
    assert "**4 documents** indexed, 46 passages" in said
    assert "deployment-and-monitoring.pdf" in said
    assert "88 KB · 21 passages · part of the pack" in said


def test_a_failed_file_says_why_and_can_be_tried_again(fake: FakeApi) -> None:
    at = only("documents").run()
    assert "This PDF is cut off at page 3" in text(at)
    button(at, "Try again")
    assert fake.posted("/api/documents/sync") == [{"sources": ["scan.pdf"]}]
    until(at, lambda at: "5 documents" in text(at))


def test_several_failed_files_can_be_tried_again_together(fake: FakeApi) -> None:
    fake.documents["other.pdf"] = {**fake.documents["scan.pdf"], "source": "other.pdf"}
    at = only("documents").run()
    button(at, "Try all 2 again")
    assert fake.posted("/api/documents/sync") == [{"sources": None}]
    until(at, lambda at: "6 documents" in text(at))


def test_a_folder_is_kept_in_step_and_taken_off_the_list(fake: FakeApi) -> None:
    at = only("documents").run()
    at.text_input(key="folder-path").set_value("contracts").run()
    button(at, "Keep it in step")
    assert "give the whole path" in text(at)
    at.text_input(key="folder-path").set_value("/home/me/contracts").run()
    button(at, "Keep it in step")
    until(at, lambda at: "5 documents" in text(at))
    assert "/home/me/contracts · 1 file" in text(at)
    assert "in the folder contracts" in text(at)
    at.button(key="forget-contracts").click().run()
    assert ("DELETE", "/api/folders/contracts", b"") in fake.received
    assert "contracts/lease.md" not in text(at)


def test_a_folder_that_is_away_says_so(fake: FakeApi) -> None:
    error = "/mnt/stick is not there; its documents stay until it is back or removed from the list"
    skipped = ["stick/film.mp4: not one of md"]
    fake.folders["stick"] = {"name": "stick", "path": "/mnt/stick", "files": 0, "skipped": skipped, "error": error}
    said = text(only("documents").run())
    assert error in said
    assert "film.mp4: not one of md" in said


def test_of_very_many_documents_those_that_were_asked_for_are_shown(fake: FakeApi) -> None:
    for n in range(200):
        source = f"note-{n:03}.md"
        fake.documents[source] = {**fake.documents["team-notes.docx"], "source": source, "state": "indexed"}
    at = only("documents").run()
    assert "The first 50 are shown." in text(at)
    assert "scan.pdf" in text(at)
    assert "note-150.md" not in text(at)
    at.text_input(key="documents-like").set_value("note-150").run()
    assert "note-150.md" in text(at)
    assert "note-001.md" not in text(at)


def test_an_index_that_waits_to_be_built_is_offered(fake: FakeApi) -> None:
    fake.next_index = {"model": "other", "name": "other", "splitter": "2", "collection": "trivium-other-s2"}
    at = only("documents").run()
    button(at, "Build the new index")
    assert fake.posted("/api/documents/sync") == [{"sources": None}]


def test_a_document_is_removed_only_after_the_question(fake: FakeApi) -> None:
    at = only("documents").run()
    assert "Answers can then no longer cite it." in text(at)
    at.button(key="remove-team-notes.docx").click().run()
    assert ("DELETE", "/api/documents/team-notes.docx", b"") in fake.received
    assert "team-notes.docx" not in text(at)


def test_documents_of_the_pack_have_no_remove_button(fake: FakeApi) -> None:
    at = only("documents").run()
    assert [b.key for b in at.button if (b.key or "").startswith("remove-")] == [
        "remove-scan.pdf",
        "remove-team-notes.docx",
    ]


def test_several_files_are_uploaded_and_a_refused_one_does_not_stop_the_others(fake: FakeApi) -> None:
    at = only("documents").run()
    at.file_uploader[0].set_value(
        [("a.md", b"# A", "text/markdown"), ("broken.md", b"", "text/markdown"), ("b.md", b"# B", "text/markdown")]
    ).run()
    button(at, "Add 3 files")
    assert "broken.md" in text(at)
    assert "the file is empty" in text(at)
    until(at, lambda at: "6 documents" in text(at))


def test_a_job_shows_how_far_it_is_and_can_be_cancelled(fake: FakeApi) -> None:
    fake.hold()
    fake.ingest("new.pdf", 100)
    at = only("documents").run()
    assert "waiting" in text(at)
    button(at, "Cancel")
    assert {job.state for job in fake.jobs.values()} == {"cancelled"}
    button(at, "Index what waits")
    assert len(fake.posted("/api/documents/sync")) == 1


def test_a_job_that_failed_as_a_whole_says_so(fake: FakeApi) -> None:
    job = fake.ingest("new.pdf", 100)
    at = until(only("documents").run(), lambda at: "5 documents" in text(at))
    fake.jobs[job.id] = job.model_copy(update={"state": "error", "error": "The disk is full."})
    assert "The last job failed. The disk is full." in text(at.run())


def test_an_empty_index_invites_to_add_a_document(fake: FakeApi) -> None:
    fake.documents.clear()
    assert "Nothing is indexed yet" in text(only("documents").run())


def test_a_document_that_was_read_in_part_says_what_is_missing(fake: FakeApi) -> None:
    row = fake.documents["team-notes.docx"]
    fake.documents["team-notes.docx"] = {**row, "state": "partial", "missing": ["page 2 has no text"]}
    said = text(only("documents").run())
    assert "**4 documents** indexed, 46 passages (1 in part)" in said
    assert "page 2 has no text" in said


def test_a_document_is_opened_and_read_to_its_end(fake: FakeApi) -> None:
    at = only("documents").run()
    at.button(key="open-deployment-and-monitoring.pdf").click().run()
    said = text(at)
    assert "Passages 1 to 20 of 21" in said
    assert "Sentence 19." in said
    assert "page 2" in said
    button(at, "Later")
    assert "Passages 21 to 21 of 21" in text(at)
    button(at, "Earlier")
    assert "Sentence 0." in text(at)
    button(at, "Back to all documents")
    assert "**4 documents** indexed" in text(at)


def test_a_document_is_opened_at_a_passage(fake: FakeApi) -> None:
    at = only("documents")
    at.session_state["reading"] = {"source": "deployment-and-monitoring.pdf", "passage": "p7", "offset": None}
    said = text(at.run())
    assert "Passages 6 to 21 of 21" in said
    assert "Sentence 7." in said


def test_the_name_of_a_document_is_not_markdown(fake: FakeApi) -> None:
    name = "![x](http://127.0.0.1:9/x.png).md"
    fake.documents[name] = {"source": name, "state": "indexed", "chunks": 1, "size": 1, "error": "", "uploaded": True}
    at = only("documents").run()
    shown = [m.value for m in at.markdown if "x.png" in m.value.replace("\\", "")]
    assert shown
    assert all("![" not in value for value in shown)


def test_the_router_page_shows_each_task_and_why_a_road_is_closed(fake: FakeApi) -> None:
    at = only("router").run()
    assert not at.exception
    said = text(at)
    assert "its score of 31% is under the floor of 60%" in said
    assert "not measured with this model" in said
    assert "**86%** right (78% to 92%, 40 cases), floor 60%" in said
    assert len(at.table) == 1
    assert "train-router" not in said, "there is nothing new to learn"


def test_the_router_page_says_what_training_would_learn_of_reviewers(fake: FakeApi, monkeypatch) -> None:
    news = "`trivium train-router` would learn 2 new labels of reviewers"
    monkeypatch.setattr(scenes, "ROUTER", {**scenes.ROUTER, "news": news})
    at = only("router").run()
    assert not at.exception
    assert [one.value for one in at.info] == [f"{news}."]


def test_the_page_takes_what_is_read():
    from retrieval.formats import SUFFIXES
    from ui.documents import TYPES

    same = {"htm", "markdown", "mdx", "asciidoc"}  # other endings of kinds that are listed
    assert set(TYPES) == {ending.lstrip(".") for ending in SUFFIXES} - same

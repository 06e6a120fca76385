from __future__ import annotations

import threading
import time

import pytest

from tests.app.conftest import ask
from tests.waiting import PATIENCE


def wait(client, job):
    deadline = time.monotonic() + PATIENCE
    while (job := client.get(f"/api/jobs/{job['id']}").json())["state"] in ("pending", "enqueued"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return job


def upload(client, name, content):
    return client.post("/api/documents", files={"file": (name, content)})


def test_an_uploaded_document_is_indexed_answered_from_and_removed(client):
    reply = upload(client, "parking.md", b"# Parking\n\nThe blue gate opens with the code 7741.\n")
    assert reply.status_code == 202
    assert wait(client, reply.json()["job"])["state"] == "success"
    rows = {row["source"]: row for row in client.get("/api/documents").json()}
    assert rows["parking.md"]["state"] == "indexed"
    assert rows["parking.md"]["uploaded"]
    answer = ask(client, "Which code opens the blue gate?", strategy="rag")
    assert "7741" in answer["text"]
    assert client.delete("/api/documents/parking.md").status_code == 204
    assert "parking.md" not in {row["source"] for row in client.get("/api/documents").json()}
    assert "7741" not in ask(client, "Which code opens the blue gate?", strategy="rag")["text"]


def test_bad_uploads_are_refused_with_a_sentence_that_helps(client):
    for name, content, says in (
        ("empty.md", b"", "empty"),
        ("tool.exe", b"MZ", "take one of"),
        ("approvals.md", b"# other", "rename"),
        (".hidden.md", b"x", "no name"),
    ):
        reply = upload(client, name, content)
        assert reply.status_code == 422, name
        assert says in reply.json()["detail"]
        assert reply.headers["content-type"] == "application/problem+json"


def test_a_pdf_that_is_none_fails_alone_and_says_why(client):
    reply = upload(client, "fake.pdf", b"this is plain text, not a PDF")
    job = wait(client, reply.json()["job"])
    assert "fake.pdf" in job["error"]
    rows = {row["source"]: row for row in client.get("/api/documents").json()}
    assert rows["fake.pdf"]["state"] == "failed"
    assert rows["approvals.md"]["state"] == "indexed"
    client.delete("/api/documents/fake.pdf")


def test_a_second_sync_does_only_what_changed(client):
    job = wait(client, client.post("/api/documents/sync").json())
    assert (job["state"], job["total"]) == ("success", 0)


def test_a_document_of_the_pack_is_not_removed_through_the_api(client):
    reply = client.delete("/api/documents/approvals.md")
    assert reply.status_code == 422
    assert "belongs to the pack" in reply.json()["detail"]
    assert client.delete("/api/documents/none.md").status_code == 404


def test_jobs_are_listed_and_followed(client):
    job = client.post("/api/documents/sync").json()
    with client.stream("GET", f"/api/jobs/{job['id']}/events") as reply:
        names = [line for line in reply.iter_lines() if line.startswith("event: ")]
    assert names[-1] == "event: end"
    assert job["id"] in {row["id"] for row in client.get("/api/jobs").json()}
    assert client.get("/api/jobs/none").status_code == 404


def test_another_web_page_may_not_send_forms(client):
    files = {"file": ("planted.md", b"# Planted\n\nThe moon is cheese.\n")}
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        reply = client.post("/api/documents", files=files, headers=headers)
        assert reply.status_code == 403
    assert "planted.md" not in {row["source"] for row in client.get("/api/documents").json()}
    assert client.post("/api/documents/sync", headers={"origin": "http://127.0.0.1"}).status_code == 202


def test_try_again_reads_a_failed_file_anew(client, monkeypatch):
    from core.errors import DocumentError
    from retrieval.reader import Reader

    read = Reader.read

    def broken(self, path, source, *more):
        if source == "slow.md":
            raise DocumentError(f"{source}: it took too long to read; try again")
        return read(self, path, source, *more)

    monkeypatch.setattr(Reader, "read", broken)
    wait(client, upload(client, "slow.md", b"# Slow\n\nThe lift takes nine seconds.\n").json()["job"])
    monkeypatch.setattr(Reader, "read", read)
    states = {row["source"]: row["state"] for row in client.get("/api/documents").json()}
    assert states["slow.md"] == "failed"
    wait(client, client.post("/api/documents/sync").json())
    states = {row["source"]: row["state"] for row in client.get("/api/documents").json()}
    assert states["slow.md"] == "indexed"
    client.delete("/api/documents/slow.md")


def scan_and_text(tmp_path):
    from fpdf import FPDF
    from PIL import Image

    made = FPDF()
    made.add_page()
    made.set_font("helvetica", size=11)
    made.multi_cell(0, 6, "The alarm code is changed on the first Monday of the quarter.")
    made.add_page()
    made.image(Image.new("L", (60, 84), 200), 0, 0, 210, 297)
    made.output(str(tmp_path / "alarm.pdf"))
    return (tmp_path / "alarm.pdf").read_bytes()


def test_a_document_that_is_read_in_part_is_found_and_says_what_is_missing(client, tmp_path):
    reply = upload(client, "alarm.pdf", scan_and_text(tmp_path))
    assert wait(client, reply.json()["job"])["state"] == "success"
    rows = {row["source"]: row for row in client.get("/api/documents").json()}
    assert (rows["alarm.pdf"]["state"], rows["alarm.pdf"]["error"]) == ("partial", "")
    assert rows["alarm.pdf"]["missing"] == ["page 2 has no text; it is probably a scan"]
    assert rows["approvals.md"]["missing"] == []
    summary = client.get("/api/documents/summary").json()
    assert summary["states"]["partial"] == 1
    assert summary["passages"] == sum(row["chunks"] for row in rows.values())
    assert "first Monday" in ask(client, "When is the alarm code changed?", strategy="rag")["text"]
    # It is done: another run leaves it alone.
    assert wait(client, client.post("/api/documents/sync").json())["total"] == 0
    client.delete("/api/documents/alarm.pdf")


def test_a_document_is_read_from_the_passage_that_is_asked_for(client):
    text = "".join(f"# Part {n}\n\nThe rule number {n} holds.\n\n" for n in range(9))
    wait(client, upload(client, "rules.md", text.encode()).json()["job"])
    first = client.get("/api/documents/passages", params={"source": "rules.md", "limit": 4}).json()
    assert (first["total"], first["offset"]) == (9, 0)
    assert [one["text"] for one in first["passages"]] == [f"The rule number {n} holds." for n in range(4)]
    rest = client.get("/api/documents/passages", params={"source": "rules.md", "offset": 4}).json()["passages"]
    at = client.get("/api/documents/passages", params={"source": "rules.md", "passage": rest[2]["id"]}).json()
    assert (at["offset"], at["passages"][2]["text"]) == (4, "The rule number 6 holds.")
    assert client.get("/api/documents/passages", params={"source": "none.md"}).status_code == 404
    client.delete("/api/documents/rules.md")


@pytest.fixture
def held(client, monkeypatch):
    """Reading `big.md` waits until it is let go; it counts as large."""
    from retrieval import plan
    from retrieval.reader import Reader

    read, begun, go = Reader.read, threading.Event(), threading.Event()

    def waits(self, path, source, *more):
        if source == "big.md":
            begun.set()
            assert go.wait(PATIENCE)
        return read(self, path, source, *more)

    monkeypatch.setattr(plan, "LARGE", 20_000)
    monkeypatch.setattr(Reader, "read", waits)
    yield begun, go
    go.set()
    for source in ("big.md", "small.md", "third.md"):
        client.delete(f"/api/documents/{source}")
    while any(job["state"] in ("pending", "enqueued") for job in client.get("/api/jobs").json()):
        time.sleep(0.1)


BIG = b"# Big\n\n" + b"The old archive is kept in the cellar of the house. " * 500


def test_a_large_file_does_not_hold_up_a_small_one_behind_it(client, held):
    begun, go = held
    large = upload(client, "big.md", BIG).json()["job"]
    assert begun.wait(PATIENCE)
    small = upload(client, "small.md", b"# Gate\n\nThe yellow gate opens with the code 5521.\n").json()["job"]
    assert wait(client, small)["state"] == "success"
    rows = {row["source"]: row["state"] for row in client.get("/api/documents").json()}
    assert (rows["small.md"], rows["big.md"]) == ("indexed", "parsing")
    assert "5521" in ask(client, "Which code opens the yellow gate?", strategy="rag")["text"]
    go.set()
    assert wait(client, large)["state"] == "success"
    rows = {row["source"]: row["state"] for row in client.get("/api/documents").json()}
    assert rows["big.md"] == "indexed"


def test_a_large_file_in_a_folder_is_handed_on(client, held):
    begun, _ = held
    uploads = client.app.state.settings.data_dir / "documents"
    uploads.mkdir(exist_ok=True)
    (uploads / "big.md").write_bytes(BIG)
    (uploads / "third.md").write_text("# Third\n\nThe third door is green.\n")
    job = client.post("/api/documents/sync").json()
    assert wait(client, job)["state"] == "success"
    assert begun.wait(PATIENCE)
    rows = {row["source"]: row["state"] for row in client.get("/api/documents").json()}
    assert (rows["third.md"], rows["big.md"]) == ("indexed", "parsing")


def test_deleting_a_document_that_waits_cancels_it(client, held, monkeypatch):
    monkeypatch.setattr("retrieval.plan.LARGE", 1 << 30)  # so that what comes after waits
    begun, go = held
    job = upload(client, "big.md", BIG).json()["job"]
    assert begun.wait(PATIENCE)
    behind = upload(client, "small.md", b"# Gate\n\nThe violet gate opens with the code 8812.\n").json()["job"]
    rows = {row["source"]: row["state"] for row in client.get("/api/documents").json()}
    assert rows["small.md"] == "waiting"
    assert client.delete("/api/documents/small.md").status_code == 204
    go.set()
    assert wait(client, job)["error"] == ""
    assert wait(client, behind)["error"] == ""
    assert "small.md" not in {row["source"] for row in client.get("/api/documents").json()}
    assert not (client.app.state.settings.data_dir / "documents" / "small.md").exists()
    assert client.delete("/api/documents/small.md").status_code == 404


def test_a_document_is_indexed_only_once_search_finds_it(client, monkeypatch):
    from retrieval.index import Index

    with monkeypatch.context() as patch:
        patch.setattr(Index, "refresh", lambda self: self.words)
        wait(client, upload(client, "late.md", b"# Late\n\nThe late bus leaves at 23:10.\n").json()["job"])
        rows = {row["source"]: row["state"] for row in client.get("/api/documents").json()}
        assert rows["late.md"] == "indexing"
        assert client.get("/api/documents/summary").json()["states"]["indexing"] == 1
    client.app.state.service.index.refresh()
    rows = {row["source"]: row["state"] for row in client.get("/api/documents").json()}
    assert rows["late.md"] == "indexed"
    client.delete("/api/documents/late.md")

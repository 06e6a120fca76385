from __future__ import annotations

import time

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

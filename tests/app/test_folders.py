"""Folders kept in step over HTTP, and what the Documents page asks for."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from app.folders import allowed
from app.watching import Watch
from core.settings import load_settings
from tests.app.test_documents import upload, wait
from tests.waiting import PATIENCE, until


def test_a_folder_is_kept_in_step_until_it_is_taken_off_the_list(client, tmp_path: Path):
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "lease.md").write_text("# Lease\n\nThe lease ends in June.\n")
    reply = client.post("/api/folders", json={"path": str(folder)})
    assert reply.status_code == 202
    assert wait(client, reply.json()["job"])["state"] == "success"
    (row,) = client.get("/api/documents", params={"like": "contracts/"}).json()
    assert (row["source"], row["state"], row["uploaded"]) == ("contracts/lease.md", "indexed", False)
    assert client.delete("/api/documents/contracts/lease.md").status_code == 422
    (folder / "lease.md").unlink()
    (folder / "rent.md").write_text("# Rent\n\nThe rent is due on the first.\n")
    assert wait(client, client.post("/api/documents/sync").json())["state"] == "success"
    assert [row["source"] for row in client.get("/api/documents", params={"like": "contracts"}).json()] == [
        "contracts/rent.md"
    ]
    assert [(one["name"], one["files"]) for one in client.get("/api/folders").json()] == [("contracts", 1)]
    wait(client, client.delete("/api/folders/contracts").json()["job"])
    assert client.get("/api/documents", params={"like": "contracts"}).json() == []
    assert client.delete("/api/folders/contracts").status_code == 404


def test_folders_that_may_not_be_read_are_refused_with_a_sentence(client, tmp_path: Path):
    service = client.app.state.service
    for path, says in (
        ("relative/folder", "whole path"),
        (str(tmp_path / "none"), "no such folder"),
        (str(service.domain.documents), "read already"),
        (str(service.settings.data_dir), "read already"),
        ("/", "read already"),
    ):
        reply = client.post("/api/folders", json={"path": path})
        assert reply.status_code == 422, path
        assert says in reply.json()["detail"]


def test_who_comes_from_another_machine_may_only_add_what_the_operator_allows(tmp_path: Path):
    outside = {"host": "0.0.0.0", "api_key": "an-api-key-of-length"}
    assert allowed(tmp_path, load_settings())
    assert not allowed(tmp_path, load_settings(**outside))
    assert allowed(tmp_path / "a", load_settings(**outside, folder_roots=f"/nowhere:{tmp_path}"))
    assert not allowed(Path("/etc"), load_settings(folder_roots=str(tmp_path)))


def test_a_change_is_noticed_once_it_stands_still(client, tmp_path: Path):
    service = client.app.state.service
    asked = []
    service_watch = Watch(service, type("Asked", (), {"sync": lambda self: asked.append(time.monotonic())})())
    service_watch._seconds = 0.05
    service_watch.start()
    path = service.settings.data_dir / "documents" / "copied.md"
    path.parent.mkdir(exist_ok=True)
    try:
        for n in range(8):
            path.write_text("# Copied\n\n" + "part " * n)
            time.sleep(0.04)
        written = time.monotonic()
        until(lambda: asked and asked[-1] >= written)
    finally:
        service_watch.close()
        path.unlink()


def test_a_folder_is_uploaded_file_by_file_under_its_name(client):
    for name, path in (("a.md", "minutes/2024/a.md"), ("b.md", "minutes/2025/b.md")):
        files = {"file": (name, f"# {path}\n\nThe board met.\n".encode())}
        reply = client.post("/api/documents", files=files, data={"path": path})
        assert reply.json()["source"] == path
    wait(client, reply.json()["job"])
    rows = client.get("/api/documents", params={"like": "minutes/"}).json()
    assert [(row["source"], row["state"], row["uploaded"]) for row in rows] == [
        ("minutes/2024/a.md", "indexed", True),
        ("minutes/2025/b.md", "indexed", True),
    ]
    for row in rows:
        assert client.delete(f"/api/documents/{row['source']}").status_code == 204
    for path in ("../out.md", "/etc/out.md", "a/.hidden/b.md", "/".join("abcdefghijklmnop") + "/x.md"):
        reply = client.post("/api/documents", files={"file": ("a.md", b"# A\n\nText.")}, data={"path": path})
        assert reply.status_code == 422, path


def test_one_failed_document_is_tried_again_alone(client):
    for name in ("one.pdf", "two.pdf"):
        job = upload(client, name, b"no PDF").json()["job"]
    wait(client, job)
    failed = client.get("/api/documents", params={"state": "failed", "limit": 1}).json()
    assert [row["source"] for row in failed] == ["one.pdf"]
    job = wait(client, client.post("/api/documents/sync", json={"sources": ["two.pdf"]}).json())
    assert (job["total"], "two.pdf" in job["error"], "one.pdf" in job["error"]) == (1, True, False)
    summary = client.get("/api/documents/summary").json()
    assert summary["states"]["failed"] == 2
    assert (summary["next"], summary["serving"]["name"]) == (None, "all-MiniLM-L6-v2")
    for name in ("one.pdf", "two.pdf"):
        client.delete(f"/api/documents/{name}")


def test_a_body_that_never_says_its_size_is_refused_while_it_comes_in(client):
    limit = client.app.state.settings.max_upload_mb << 20
    sent = []

    def endless():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="endless.md"\r\n\r\n'
        for _ in range(2 * (limit >> 20)):
            sent.append(1)
            yield b"x" * 2**20

    reply = client.post(
        "/api/documents", content=endless(), headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert reply.status_code == 413
    assert "TRIVIUM_MAX_UPLOAD_MB" in reply.json()["detail"]
    assert "endless.md" not in {row["source"] for row in client.get("/api/documents").json()}


def test_a_running_job_stops_in_the_middle_of_a_file(client, monkeypatch: pytest.MonkeyPatch):
    from retrieval.reader import Reader, Stopped

    reading = threading.Event()

    def read(self, path, source, stop, *more):
        reading.set()
        assert stop.wait(PATIENCE)
        raise Stopped("called off")

    monkeypatch.setattr(Reader, "read", read)
    job = upload(client, "endless.md", b"# Endless\n\nText.").json()["job"]
    assert reading.wait(PATIENCE)
    assert client.post(f"/api/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    monkeypatch.undo()
    (row,) = client.get("/api/documents", params={"like": "endless"}).json()
    assert row["state"] in ("waiting", "parsing")
    assert wait(client, client.post("/api/documents/sync").json())["state"] == "success"
    (row,) = client.get("/api/documents", params={"like": "endless"}).json()
    assert row["state"] == "indexed"
    client.delete("/api/documents/endless.md")


def test_jobs_that_ask_for_the_same_are_one_while_they_wait(client, monkeypatch: pytest.MonkeyPatch):
    from retrieval.reader import Reader

    going, plain = threading.Event(), Reader.read
    monkeypatch.setattr(Reader, "read", lambda self, *given: going.wait(PATIENCE) and plain(self, *given))
    try:
        first = upload(client, "held.md", b"# Held\n\nText.").json()["job"]["id"]
        until(lambda: client.get(f"/api/jobs/{first}").json()["state"] == "pending")
        later = {upload(client, f"held-{n}.md", b"# Held\n\nText.").json()["job"]["id"] for n in range(5)}
    finally:
        going.set()
    assert len(later - {first}) == 1
    for id in later:
        assert wait(client, {"id": id})["state"] == "success"
    rows = client.get("/api/documents", params={"like": "held"}).json()
    assert [row["state"] for row in rows] == ["indexed"] * 6
    for row in rows:
        client.delete(f"/api/documents/{row['source']}")


def test_a_full_disk_is_said_and_the_run_goes_on_once_there_is_room(client, monkeypatch: pytest.MonkeyPatch):
    service = client.app.state.service
    waiting = service.settings.data_dir / "documents" / "waiting.md"
    monkeypatch.setattr(service.ingest, "min_free_mb", 10**9)
    reply = upload(client, "full.md", b"# Full\n\nText.")
    assert (reply.status_code, reply.json()["title"]) == (507, "The disk is full")
    waiting.parent.mkdir(exist_ok=True)
    waiting.write_text("# Waiting\n\nThe text waits.\n")
    job = wait(client, client.post("/api/documents/sync").json())
    assert job["state"] == "error"
    assert "Free some space, then try again" in job["error"]
    assert client.get("/api/documents/summary").json()["states"]["waiting"] == 1
    monkeypatch.undo()
    assert wait(client, client.post("/api/documents/sync").json())["state"] == "success"
    (row,) = client.get("/api/documents", params={"like": "waiting"}).json()
    assert row["state"] == "indexed"
    assert list(waiting.parent.glob(".*")) == []
    client.delete("/api/documents/waiting.md")


def test_what_a_killed_upload_left_behind_is_removed_at_the_next_start(tmp_path: Path):
    from app.uploads import clear_partials

    folder = tmp_path / "data" / "documents"
    folder.mkdir(parents=True)
    (folder / ".half.partial").write_bytes(b"half")
    (folder / "whole.md").write_text("whole")
    clear_partials(load_settings(data_dir=tmp_path / "data"))
    assert [path.name for path in folder.iterdir()] == ["whole.md"]

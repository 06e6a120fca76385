"""A service for one case: a data folder of its own, spoken to over HTTP as any client does, with models that all cases share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from fastapi.testclient import TestClient

from app.main import create_app
from benchmarks.field_scoring import Case, Said, Turn, Upload
from core.errors import TriviumError
from core.settings import Settings, load_settings
from core.tables import FOUND

START_SECONDS = 900
INGEST_SECONDS = 1800
LOOK_SECONDS = 0.05
BUSY = ("pending", "enqueued")
HERE = "http://127.0.0.1"


class Lent:
    """Models that outlive the service that they are lent to."""

    def __init__(self, models: Any) -> None:
        self._models = models

    def __getattr__(self, name: str) -> Any:
        return getattr(self._models, name)

    def close(self) -> None:
        """Whoever opened them closes them."""


class Served:
    """`failed` says of each document that is not indexed, though it should be, why not."""

    def __init__(self, client: TestClient, case: Case) -> None:
        self._client, self._case = client, case
        self._wanted: set[str] = set()
        self._rejected: dict[str, str] = {}
        self.failed: dict[str, str] = {}

    def add(self, documents: Sequence[str]) -> None:
        """Upload files and folders of the case, and wait until they are indexed."""
        for given in documents:
            found = files_of(self._case.folder, given)
            if not found:
                self._rejected[given] = "there is no such file, or no file that is read in this folder"
            for source, path in found.items():
                self._upload(source, path)
        self._settle()

    def change(self, turn: Turn) -> list[str]:
        """What happens before a turn, then wait. Returns what was refused."""
        for one in turn.upload:
            self._take(one)
        refused = [reason for source in turn.delete if (reason := self._delete(source))]
        if turn.upload or turn.delete:
            self._settle()
        return refused

    def ask(self, turn: Turn, history: Sequence[tuple[str, str]], conversation: str) -> Said:
        """`history`: questions with what was said to them."""
        messages = [
            {"role": role, "content": text}
            for asked, said in history
            for role, text in (("user", asked), ("assistant", said))
        ]
        messages.append({"role": "user", "content": turn.ask})
        body = {"model": turn.model, "messages": messages, "conversation": conversation}
        reply = self._client.post("/v1/chat/completions", json=body)
        return Said(error=detail(reply)) if reply.is_error else Said.of(reply.json())

    def _take(self, one: Upload) -> None:
        path = self._case.folder / one.file
        if path.is_file():
            self._upload(one.name, path)
        else:
            self._rejected[one.name] = f"there is no file {one.file}"

    def _upload(self, source: str, path: Path) -> None:
        with path.open("rb") as file:
            reply = self._client.post("/api/documents", files={"file": (path.name, file)}, data={"path": source})
        if reply.is_error:
            self._rejected[source] = detail(reply)
        else:
            self._rejected.pop(source, None)
            self._wanted.add(source)

    def _delete(self, source: str) -> str:
        reply = self._client.delete(f"/api/documents/{source}")
        self._wanted.discard(source)
        return f"deleting {source}: {detail(reply)}" if reply.is_error else ""

    def _settle(self) -> None:
        """Wait until no job is left, and note what is not indexed. Raises TriviumError."""
        deadline = time.monotonic() + INGEST_SECONDS
        while any(job["state"] in BUSY for job in self._client.get("/api/jobs").json()):
            if time.monotonic() > deadline:
                raise TriviumError(f"the documents were not indexed within {INGEST_SECONDS} s")
            time.sleep(LOOK_SECONDS)
        rows = {row["source"]: row for row in self._client.get("/api/documents").json()}
        found = dict(self._rejected)
        for source in sorted(self._wanted):
            row = rows.get(source, {"state": "not there", "error": ""})
            if row["state"] not in FOUND:
                found[source] = row["error"] or row["state"]
        self.failed = {source: why for source, why in found.items() if source not in self._case.unread}


def files_of(folder: Path, given: str) -> dict[str, Path]:
    """The files of a path of a case by the source that each gets: its place in the case's folder, or if it lies elsewhere
    its name (of a folder: the place from there on)."""
    from retrieval.shelves import Shelf, look

    path, inside = folder / given, PurePosixPath(given)
    elsewhere = inside.is_absolute() or ".." in inside.parts
    name = path.resolve().name if elsewhere else str(inside)
    if path.is_dir():
        return look(Shelf(path, "upload", "" if name == "." else f"{name}/")).files
    return {name: path} if path.is_file() else {}


@contextmanager
def served(case: Case, pack: Path, data: Path, models: Any) -> Iterator[Served]:
    """A service on a pack, once it is ready. Raises TriviumError where it cannot start."""
    settings = own_settings(data, domain=pack)
    app = create_app(settings, Lent(models))
    with TestClient(app, base_url=HERE, raise_server_exceptions=False) as client:
        deadline = time.monotonic() + START_SECONDS
        while not app.state.readiness.ready:
            if app.state.readiness.error or time.monotonic() > deadline:
                raise TriviumError(app.state.readiness.reason)
            time.sleep(LOOK_SECONDS)
        yield Served(client, case)


def own_settings(data: Path, **more: object) -> Settings:
    """As they are set, but for what would reach beyond this data folder."""
    return load_settings(
        data_dir=data, database_url=None, chroma_url=None, api_key=None, host="127.0.0.1", watch_seconds=0, **more
    )


def detail(reply: Any) -> str:
    """Why a request was refused."""
    try:
        return str(reply.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{reply.status_code}: {reply.text[:200]}"

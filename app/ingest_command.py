"""`trivium ingest`: through the API where one owns the data folder, in this process otherwise."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from app.asking import api_client, checked
from core.errors import DataFolderInUse, DocumentError, NotFound, TriviumError
from core.settings import load_settings

LISTED = 50
POLL_SECONDS = 0.5
BUSY = ("pending", "enqueued")


@dataclass(frozen=True)
class Order:
    """What is asked for. `sync`: the paths are folders to be kept in step; `forget`: no longer; `retry`: they are names of
    documents that failed."""

    paths: tuple[Path, ...] = ()
    sync: bool = False
    forget: bool = False
    retry: bool = False

    @property
    def only(self) -> list[str] | None:
        return [str(path) for path in self.paths] or None if self.retry else None


def ingest_here(order: Order, show: Console, say: Console) -> None:
    """Raises DocumentError if a path cannot be taken, or documents could not be read."""
    from app.bootstrap import open_service

    if order.sync + order.forget + order.retry > 1:
        raise DocumentError("take one of --sync, --forget and --retry at a time")
    settings = load_settings()
    found, left_out = ({}, []) if order.sync or order.forget or order.retry else to_add(order.paths)
    print_left_out(left_out, show)
    try:
        service = open_service(settings)
    except DataFolderInUse as error:
        with api_client(settings, error) as client:
            by_api(client, order, found, show, say)
        return
    try:
        in_process(service, order, found, show, say)
    except KeyboardInterrupt:
        say.print("Stopped. What was indexed is kept; the same command goes on with the rest.")
        raise SystemExit(130) from None
    finally:
        service.close()


def to_add(paths: tuple[Path, ...]) -> tuple[dict[str, Path], list[str]]:
    """Files by the source that they get: their name, or their path from the folder that was given; and what of a folder is not
    read, with the reason. Raises DocumentError."""
    from retrieval.formats import SUFFIXES
    from retrieval.shelves import Shelf, look

    found: dict[str, Path] = {}
    left_out: list[str] = []
    for path in paths:
        if path.is_dir():
            seen = look(Shelf(path, "upload", f"{path.resolve().name}/"))
            found |= seen.files
            left_out += [*seen.skipped, *filter(None, [seen.error])]
        elif not path.is_file():
            raise DocumentError(f"{path}: no such file")
        elif path.suffix.lower() not in SUFFIXES:
            raise DocumentError(f"{path}: this kind of file is not read; take one of {', '.join(sorted(SUFFIXES))}")
        else:
            found[path.name] = path
    if paths and not found:
        raise DocumentError(f"{paths[0]}: it holds no file that is read; these are: {', '.join(sorted(SUFFIXES))}")
    return found, left_out


def print_left_out(notes: Sequence[str], show: Console) -> None:
    """What is not read is said, with the reason: whoever thinks that it was looks for an answer in vain."""
    for note in notes[:LISTED]:
        show.print(f"left out: {note}", markup=False)
    if len(notes) > LISTED:
        show.print(f"left out: {len(notes) - LISTED:,} more", markup=False)


def in_process(service: Any, order: Order, found: dict[str, Path], show: Console, say: Console) -> None:
    from app.folders import keep_in_step
    from app.uploads import keep

    if order.sync:
        for path in order.paths or (Path.cwd(),):
            folder = keep_in_step(service, path.resolve())
            say.print(f"{folder.path} is kept in step; its documents are named {folder.name}/...", markup=False)
    if order.forget:
        for path in order.paths:
            service.ingest.folders.remove(name_of(path, [one.model_dump() for one in service.ingest.folders.all()]))
    for source, path in found.items():
        with path.open("rb") as file:
            keep(service, source, file)
    with say.status("indexing") as status:
        service.sync(lambda done, total, note: status.update(f"{done:,}/{total:,} {note}"), order.retry, order.only)
    if order.sync:
        print_left_out([note for folder in service.ingest.folders.all() for note in folder.skipped], show)
    rows = [
        {"source": d.source, "state": d.state, "chunks": d.chunks, "error": d.error, "missing": d.missing}
        for d in service.store.documents()
    ]
    print_documents(rows, show)


def by_api(client: Any, order: Order, found: dict[str, Path], show: Console, say: Console) -> None:
    if order.sync:
        job = None
        for path in order.paths or (Path.cwd(),):
            reply = checked(client.post("/api/folders", json={"path": str(path.resolve())}))
            folder, job = reply["folder"], reply["job"]
            say.print(f"{folder['path']} is kept in step; its documents are named {folder['name']}/...", markup=False)
    elif order.forget:
        job = None
        for path in order.paths:
            name = name_of(path, checked(client.get("/api/folders")))
            job = checked(client.delete(f"/api/folders/{name}"))["job"]
    elif found:
        for source, path in found.items():
            with path.open("rb") as file:
                reply = client.post("/api/documents", files={"file": (path.name, file)}, data={"path": source})
            job = checked(reply)["job"]
    else:
        job = checked(client.post("/api/documents/sync", json={"sources": order.only}))
    try:
        follow(client, job, say)
    except KeyboardInterrupt:
        say.print("The job goes on without this command; the Documents page shows it, and can stop it.")
        raise SystemExit(130) from None
    if order.sync:
        print_left_out([note for folder in checked(client.get("/api/folders")) for note in folder["skipped"]], show)
    print_documents(checked(client.get("/api/documents")), show)


def follow(client: Any, job: dict[str, Any] | None, say: Console) -> None:
    """Show how far a job is, until it has ended. Raises TriviumError if it failed as a whole."""
    with say.status("indexing") as status:
        while job and job["state"] in BUSY:
            time.sleep(POLL_SECONDS)
            job = dict(checked(client.get(f"/api/jobs/{job['id']}")))
            status.update(f"{job['done']:,}/{job['total']:,} {job['note']}")
        while any(one["kind"] == "sync" and one["state"] in BUSY for one in checked(client.get("/api/jobs"))):
            # Large files have a job of their own.
            time.sleep(POLL_SECONDS)
    if job and job["state"] not in ("success", "cancelled"):
        raise TriviumError(job["error"] or "the job ended without a word; the API's log has the details")


def name_of(path: Path, folders: list[dict[str, Any]]) -> str:
    """The name of a folder that is kept in step, which may itself be given. Raises NotFound."""
    for folder in folders:
        if str(path) == folder["name"] or str(path.resolve()) == folder["path"]:
            return folder["name"]
    known = ", ".join(folder["path"] for folder in folders) or "none"
    raise NotFound(f"{path} is not kept in step; these are: {known}")


def print_documents(rows: list[dict[str, Any]], show: Console) -> None:
    """All, or of very many only those that failed or lack something. Raises DocumentError if some failed."""
    failed = [row for row in rows if row["state"] == "failed"]
    for row in rows if len(rows) <= LISTED else [row for row in rows if row["state"] in ("failed", "partial")]:
        said = row["error"] or "; ".join(row["missing"])
        show.print(f"{row['state']:9} {row['chunks']:5} chunks  {row['source']}  {said}", markup=False)
    if len(rows) > LISTED:
        states = Counter(row["state"] for row in rows)
        chunks = sum(row["chunks"] for row in rows)
        show.print(f"{', '.join(f'{n:,} {state}' for state, n in states.items())}; {chunks:,} chunks", markup=False)
    if failed:
        names = ", ".join(row["source"] for row in failed[:LISTED])
        raise DocumentError(
            f"{len(failed)} of {len(rows)} documents could not be read: {names}. `trivium ingest --retry` tries them again"
        )

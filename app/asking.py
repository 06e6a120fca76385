"""ask, compare and ingest: through the API where one owns the data folder, in this process otherwise."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rich.console import Console

from app.main import running_api
from core.errors import DataFolderInUse, DocumentError, QueryError, TriviumError
from core.settings import Settings, load_settings
from core.types import STRATEGIES, Answer, Citation, Query

TIMEOUT_SECONDS = 600


def require_strategy(strategy: str | None) -> None:
    if strategy is not None and strategy not in STRATEGIES:
        raise QueryError(f"there is no strategy {strategy!r}; take one of {', '.join(STRATEGIES)}")


def ask_one(query: str, strategy: str | None, show: Console) -> None:
    require_strategy(strategy)
    with answering() as answer:
        print_answer(answer(query, strategy), show)


def compare_all(query: str, show: Console) -> None:
    with answering() as answer:
        for strategy in STRATEGIES:
            show.rule(strategy)
            print_answer(answer(query, strategy), show)


@contextmanager
def answering() -> Iterator[Any]:
    """A function (query, strategy) -> Answer."""
    from app.bootstrap import open_service

    settings = load_settings()
    try:
        service = open_service(settings)
    except DataFolderInUse as error:
        yield through_api(settings, error)
        return
    try:
        service.sync()

        def local(text: str, strategy: str | None) -> Answer:
            query = Query(text=text, strategy=strategy)  # pyright: ignore[reportArgumentType]
            service.answering.check(query)
            answer = Answer(query=text)
            for answer, _ in service.answering.stream(query, threading.Event()):  # noqa: B007
                pass
            return answer

        yield local
    finally:
        service.close()


def api_client(settings: Settings, error: DataFolderInUse):
    import httpx

    url = running_api(settings.data_dir)
    if url is None:
        raise error
    headers = {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"} if settings.api_key else {}
    return httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS)


def through_api(settings: Settings, error: DataFolderInUse) -> Any:
    client = api_client(settings, error)

    def remote(text: str, strategy: str | None) -> Answer:
        import time

        reply = checked(client.post("/api/answers", json={"query": text, "strategy": strategy}))
        while (answer := Answer.model_validate(checked(client.get(f"/api/answers/{reply['id']}")))).status == "running":
            time.sleep(0.2)
        return answer

    return remote


def checked(response: Any) -> Any:
    """The JSON of a reply. Raises TriviumError with the API's own sentence."""
    if response.is_error:
        raise TriviumError(response.json().get("detail", response.text))
    return response.json()


def print_answer(answer: Answer, show: Console) -> None:
    route = answer.route
    if route:
        show.print(f"[bold]{route.strategy}[/bold] ({route.task})", end=" ")
        show.print(route.reason, markup=False)
    show.print(answer.text or answer.error, markup=False)
    for citation in answer.citations:
        show.print(f"  [{citation.number}] {citation.source}{place(citation)}", markup=False, style="dim")
    for sentence, why in zip_longest(answer.dropped, answer.dropped_why[: len(answer.dropped)], fillvalue=""):
        reason = f" ({why})" if why else ""
        show.print(f"  not shown, since no passage supports it{reason}: {sentence}", markup=False, style="yellow")
    for warning in answer.warnings:
        show.print(f"  warning: {warning}", markup=False, style="yellow")
    if answer.suggestion:
        show.print(f"  {answer.suggestion}", markup=False, style="cyan")
    if answer.reviewed:
        show.print("  reviewed answer", style="green")
    stayed = "text left this machine" if answer.left_machine else "stayed on this machine"
    show.print(f"  {stayed}, {answer.timings.get('total', 0):.1f} s", style="dim")


def place(citation: Citation) -> str:
    """Page, or sheet and rows; the heading where there is neither."""
    if citation.page:
        return f", page {citation.page}"
    if citation.sheet:
        rows = f", rows {citation.rows[0]} to {citation.rows[1]}" if citation.rows else ""
        return f", sheet {citation.sheet}{rows}"
    return f", {citation.heading}" if citation.heading else ""


def ingest_paths(paths: list[Path], show: Console, say: Console) -> None:
    """Copy files into the data folder's documents and index what changed."""
    from retrieval.formats import SUFFIXES

    settings = load_settings()
    for path in paths:
        if not path.is_file():
            raise DocumentError(f"{path}: no such file")
        if path.suffix.lower() not in SUFFIXES:
            raise DocumentError(f"{path}: this kind of file is not read; take one of {', '.join(sorted(SUFFIXES))}")
    from app.bootstrap import open_service

    try:
        service = open_service(settings)
    except DataFolderInUse as error:
        ingest_through_api(settings, error, paths, show)
        return
    try:
        folder = settings.data_dir / "documents"
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            shutil.copyfile(path, folder / path.name)
        with say.status("indexing") as status:
            service.sync(lambda done, total, note: status.update(f"{done}/{total} {note}"))
        print_documents([(d.source, d.state, d.chunks, d.error) for d in service.store.documents()], show)
    finally:
        service.close()


def ingest_through_api(settings: Settings, error: DataFolderInUse, paths: list[Path], show: Console) -> None:
    import time

    client = api_client(settings, error)
    job = None
    for path in paths:
        job = checked(client.post("/api/documents", files={"file": (path.name, path.read_bytes())}))["job"]
    job = job or checked(client.post("/api/documents/sync"))
    while job["state"] in ("pending", "enqueued"):
        time.sleep(0.3)
        job = checked(client.get(f"/api/jobs/{job['id']}"))
    found = checked(client.get("/api/documents"))
    print_documents([(d["source"], d["state"], d["chunks"], d["error"]) for d in found], show)


def print_documents(rows: list[tuple[str, str, int, str]], show: Console) -> None:
    for source, state, chunks, error in rows:
        show.print(f"{state:9} {chunks:5} chunks  {source}  {error}", markup=False)
    wrong = [source for source, state, _, _ in rows if state == "failed"]
    if wrong:
        raise DocumentError(f"{len(wrong)} of {len(rows)} documents could not be read: {', '.join(wrong)}")

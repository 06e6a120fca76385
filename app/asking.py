"""ask and compare: through the API where one owns the data folder, in this process otherwise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

from rich.console import Console

from app.main import running_api
from core.errors import DataFolderInUse, QueryError, TriviumError
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
        return f", sheet {citation.sheet}{rows(citation.rows)}"
    return f", {citation.heading}" if citation.heading else ""


def rows(found: tuple[int, int] | None) -> str:
    if found is None:
        return ""
    first, last = found
    return f", row {first}" if first == last else f", rows {first} to {last}"

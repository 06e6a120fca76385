"""The API as the pages see it: one method per endpoint, every fault an ApiError with a sentence to show."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import streamlit as st

from core.types import Answer, Job, Rating

DEFAULT_URL = "http://127.0.0.1:8000"
COMPARISONS = "compare"  # the API keeps the answers of comparisons under this id: no conversation of a person
T = TypeVar("T", Answer, Rating, Job)


class ApiError(Exception):
    """
    ApiError        what went wrong, in a sentence for the reader
      Unreachable   nobody listens at the address
      Problem       the API said no, with a status
    """

    def __init__(self, title: str, detail: str = "") -> None:
        super().__init__(f"{title}: {detail}" if detail else title)
        self.title = title
        self.detail = detail


class Unreachable(ApiError):
    pass


class Problem(ApiError):
    def __init__(self, status: int, title: str, detail: str = "") -> None:
        super().__init__(title, detail)
        self.status = status


@dataclass(frozen=True)
class Readiness:
    ready: bool
    reason: str = ""


def api_url() -> str:
    return os.environ.get("TRIVIUM_API_URL", DEFAULT_URL).rstrip("/")


@st.cache_resource(show_spinner=False)
def _open(url: str, key: str) -> Api:
    return Api(url, key)


def api() -> Api:
    """The client of this process for the address and key in the environment."""
    return _open(api_url(), os.environ.get("TRIVIUM_API_KEY", ""))


class Api:
    def __init__(self, url: str, key: str = "", transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(20, connect=3)
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)

    # Readiness and what the desk can do

    def readiness(self) -> Readiness:
        """Raises Unreachable."""
        response = self._send("GET", "/readyz")
        if response.status_code == 200 and _json(response).get("ready") is True:
            return Readiness(True)
        if response.status_code in (200, 503):
            body = _json(response)
            return Readiness(False, str(body.get("reason") or body.get("detail") or "It is still starting."))
        raise _problem(response)

    def domain(self) -> dict[str, Any]:
        return self._call("GET", "/api/domain")

    def router(self) -> Any:
        return self._call("GET", "/api/router")

    # Answers

    def ask(self, query: str, conversation: str = "", strategy: str | None = None) -> tuple[str, str]:
        """Start an answer. Returns its id and its conversation's; the run goes on without a listener."""
        body = {"query": query, "conversation": conversation or None, "strategy": strategy}
        started = self._call("POST", "/api/answers", json={k: v for k, v in body.items() if v is not None})
        return started["id"], started["conversation"]

    def answer(self, id: str) -> Answer:
        return _parsed(Answer, self._call("GET", f"/api/answers/{_path(id)}"))

    def stop(self, id: str) -> None:
        self._call("POST", f"/api/answers/{_path(id)}/stop")

    def conversations(self) -> list[tuple[str, str]]:
        rows = self._call("GET", "/api/conversations")
        return [(row["id"], row["title"]) for row in rows if row["id"] != COMPARISONS]

    def conversation(self, id: str) -> list[Answer]:
        return [_parsed(Answer, row) for row in self._call("GET", f"/api/conversations/{_path(id)}")]

    def compare(self, query: str) -> list[str]:
        """One answer per strategy. Returns their ids in blind order."""
        started = self._call("POST", "/api/compare", json={"query": query})
        return [row["answer_id"] for row in started["answers"]]

    # Ratings

    def rate(self, answer_id: str, score: int, reasons: Iterable[str] = (), correction: str = "") -> None:
        body = {"answer_id": answer_id, "score": score, "reasons": list(reasons), "correction": correction}
        self._call("POST", "/api/ratings", json=body)

    def prefer(self, answer_id: str, over: str) -> None:
        self._call("POST", "/api/ratings", json={"answer_id": answer_id, "preferred_over": over})

    def ratings(self, answer_id: str) -> list[Rating]:
        """Oldest first."""
        return [_parsed(Rating, row) for row in self._call("GET", "/api/ratings", params={"answer_id": answer_id})]

    # Documents and jobs

    def documents(self) -> list[dict[str, Any]]:
        return self._call("GET", "/api/documents")

    def upload(self, name: str, content: bytes) -> None:
        self._call("POST", "/api/documents", files={"file": (name, content)})

    def sync(self) -> None:
        """Index again what failed or changed."""
        self._call("POST", "/api/documents/sync")

    def remove(self, source: str) -> None:
        self._call("DELETE", f"/api/documents/{_path(source)}")

    def jobs(self) -> list[Job]:
        return [_parsed(Job, row) for row in self._call("GET", "/api/jobs")]

    def cancel(self, job_id: str) -> None:
        self._call("POST", f"/api/jobs/{_path(job_id)}/cancel")

    # Transport

    def _call(self, method: str, path: str, **options: Any) -> Any:
        response = self._send(method, path, **options)
        if response.is_error:
            raise _problem(response)
        return _json(response) if response.content else None

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.ConnectError as error:
            raise Unreachable("Trivium's API does not answer", f"Nothing listens at {self.url}.") from error
        except httpx.TimeoutException as error:
            raise ApiError("Trivium's API is slow to answer", "Wait a moment, then try again.") from error
        except httpx.HTTPError as error:
            raise Unreachable("The connection to Trivium's API broke", "It may be restarting; try again.") from error


def _path(part: str) -> str:
    return quote(part, safe="")


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise ApiError("This address does not answer like Trivium's API", f"Check {response.url}.") from error


def _parsed(noun: type[T], row: Any) -> T:
    try:
        return noun.model_validate(row)
    except ValueError as error:
        detail = "Page and API seem to be of different versions: update and restart both."
        raise ApiError("The API's reply is not understood", detail) from error


def _problem(response: httpx.Response) -> Problem:
    """Problem details (RFC 9457) as an exception, whatever the reply looks like."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    detail = body.get("detail")
    detail = detail if isinstance(detail, str) else ""
    wait = response.headers.get("Retry-After", "")
    if response.status_code == 429 and wait.isdigit():
        detail = f"{detail} Try again in {wait} s.".strip()
    if response.status_code == 401:
        detail = f"{detail} Start this page with the API's key in TRIVIUM_API_KEY.".strip()
    return Problem(response.status_code, str(body.get("title") or f"The API answered {response.status_code}"), detail)

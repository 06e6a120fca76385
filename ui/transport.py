"""How the pages speak HTTP: one client, every fault an ApiError with a sentence to show."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from core.types import Noun

T = TypeVar("T", bound=Noun)


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


class Transport:
    def __init__(self, url: str, key: str = "", transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(20, connect=3)
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        response = self._send(method, path, **options)
        if response.is_error:
            raise problem_of(response)
        return json_of(response) if response.content else None

    def _bytes(self, path: str) -> bytes:
        response = self._send("GET", path)
        if response.is_error:
            raise problem_of(response)
        return response.content

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.ConnectError as error:
            raise Unreachable("Trivium's API does not answer", f"Nothing listens at {self.url}.") from error
        except httpx.TimeoutException as error:
            raise ApiError("Trivium's API is slow to answer", "Wait a moment, then try again.") from error
        except httpx.HTTPError as error:
            raise Unreachable("The connection to Trivium's API broke", "It may be restarting; try again.") from error


def path_of(part: str) -> str:
    return quote(part, safe="")


def json_of(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise ApiError("This address does not answer like Trivium's API", f"Check {response.url}.") from error


def parsed(noun: type[T], row: Any) -> T:
    try:
        return noun.model_validate(row)
    except ValueError as error:
        detail = "Page and API seem to be of different versions: update and restart both."
        raise ApiError("The API's reply is not understood", detail) from error


def problem_of(response: httpx.Response) -> Problem:
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

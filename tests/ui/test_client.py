from __future__ import annotations

import json

import httpx
import pytest

from tests.ui.fake_api import FakeApi
from ui.client import Api, ApiError, Problem, Unreachable


def replying(status: int, body: object, headers: dict[str, str] | None = None) -> Api:
    def reply(_: httpx.Request) -> httpx.Response:
        return httpx.Response(
            status, content=json.dumps(body) if not isinstance(body, bytes) else body, headers=headers
        )

    return Api("http://desk", transport=httpx.MockTransport(reply))


def test_problem_details_become_a_sentence() -> None:
    api = replying(422, {"title": "The query cannot be taken", "detail": "it is empty; write a question"})
    with pytest.raises(Problem, match="The query cannot be taken: it is empty; write a question"):
        api.ask("")


def test_a_busy_api_says_when_to_try_again() -> None:
    api = replying(429, {"title": "Busy", "detail": "9 queries wait."}, {"Retry-After": "5"})
    with pytest.raises(Problem, match=r"Busy: 9 queries wait\. Try again in 5 s\."):
        api.ask("x")


def test_a_wrong_key_says_where_to_put_the_right_one() -> None:
    with pytest.raises(Problem, match="TRIVIUM_API_KEY"):
        replying(401, {"title": "No"}).domain()


def test_an_error_that_is_no_problem_detail_is_an_api_error_too() -> None:
    with pytest.raises(Problem, match="answered 502"):
        replying(502, b"<html>bad gateway</html>").domain()


def test_another_servers_page_is_told_apart_from_the_api() -> None:
    with pytest.raises(ApiError, match="does not answer like Trivium"):
        replying(200, b"<html>hello</html>").readiness()


def test_an_answer_of_another_version_is_an_api_error() -> None:
    with pytest.raises(ApiError, match="different versions"):
        replying(200, {"id": "1", "query": "q", "surprise": True}).answer("1")


def test_nobody_listening_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        Api("http://127.0.0.1:9").readiness()


def test_the_key_travels_as_a_bearer_token() -> None:
    seen: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200, json={})

    Api("http://desk", "secret", httpx.MockTransport(reply)).domain()
    assert seen == ["Bearer secret"]


def test_a_source_with_a_slash_and_a_space_keeps_its_name_on_the_way(fake: FakeApi) -> None:
    fake.documents["notes/my file.md"] = {"source": "notes/my file.md", "state": "indexed"}
    Api(fake.url).remove("notes/my file.md")
    assert "notes/my file.md" not in fake.documents


def test_the_answers_of_comparisons_are_no_conversation(fake: FakeApi) -> None:
    api = Api(fake.url)
    api.compare("which?")
    _, conversation = api.ask("what?")
    assert api.conversations() == [(conversation, "what?", False)]

"""The unmodified clients of OpenAI's API, against a real server on a port."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import openai
import pytest
import uvicorn
from langchain_openai import ChatOpenAI

from app.main import create_app
from core.llm import ScriptedModels
from core.settings import load_settings
from tests.app.conftest import REPLIES, office
from tests.waiting import PATIENCE

KEY = "abcdef12" * 4
POLITE = [{"role": "user", "content": 'Make this polite: "Close the door"'}]


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("openai")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = load_settings(
        data_dir=folder / "data", domain=office(folder), serve_unmeasured=True, api_key=KEY, port=port
    )
    models = ScriptedModels({**REPLIES, "base": {"*": "please " * 60}}, delay=0.01)
    server = uvicorn.Server(uvicorn.Config(create_app(settings, models), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                break
        except httpx.ConnectError:
            pass
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def client(url) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)


def test_models_are_listed(client):
    assert {"auto", "prompt", "rag", "tuned"} <= {model.id for model in client.models.list()}


def test_a_whole_completion_carries_the_route(client):
    reply = client.chat.completions.create(
        model="auto", messages=[{"role": "user", "content": "Who keeps the spare keys?"}]
    )
    assert "Rosa Lind" in reply.choices[0].message.content
    extra = reply.model_extra["trivium"]
    assert extra["route"]["strategy"] == "rag"
    assert {"strategy", "task", "scores", "reason", "margin"} <= set(extra["route"])
    assert extra["citations"][0]["source"] == "approvals.md"
    assert extra["answer_id"]


def test_usage_counts_what_the_model_read_and_wrote(client):
    reply = client.chat.completions.create(model="auto", messages=POLITE)
    assert reply.usage.prompt_tokens > 10
    assert reply.usage.completion_tokens == 60
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + 60
    assert reply.choices[0].finish_reason == "stop"


def test_a_stream_arrives_piece_by_piece_and_ends_with_the_route(client):
    began, times, last = time.monotonic(), [], None
    for chunk in client.chat.completions.create(model="prompt", messages=POLITE, stream=True):
        times.append(time.monotonic() - began)
        last = chunk if chunk.choices and chunk.choices[0].finish_reason else last
    assert last is not None
    assert last.model_extra["trivium"]["route"]["strategy"] == "prompt"
    assert len(times) > 20
    assert times[len(times) // 3] < times[-1] / 1.5, "pieces come one after another, not all at the end"


def test_langchain_works_streaming_and_not(url):
    chat = ChatOpenAI(base_url=f"{url}/v1", api_key=KEY, model="tuned", max_retries=0)
    assert chat.invoke('Label this note: "the shop is open"').content == "open/now"
    assert "".join(str(piece.content) for piece in chat.stream('Label this note: "x y z"')) == "open/now"


def test_an_unknown_model_and_a_missing_key_are_clear_errors(url, client):
    with pytest.raises(openai.NotFoundError, match="take one of auto, prompt, rag, tuned"):
        client.chat.completions.create(model="gpt-9", messages=POLITE)
    with pytest.raises(openai.AuthenticationError, match="TRIVIUM_API_KEY"):
        openai.OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0).models.list()
    reply = httpx.get(f"{url}/api/documents")
    assert reply.status_code == 401
    assert reply.headers["content-type"] == "application/problem+json"


def test_the_last_turn_must_be_the_users(client):
    with pytest.raises(openai.UnprocessableEntityError, match="role user"):
        client.chat.completions.create(model="auto", messages=[{"role": "assistant", "content": "hi"}])


def test_a_client_that_leaves_ends_its_generation(url, client):
    stream = client.chat.completions.create(model="prompt", messages=POLITE, stream=True)
    next(iter(stream))
    stream.close()
    headers = {"Authorization": f"Bearer {KEY}"}
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        newest = httpx.get(f"{url}/api/conversations", headers=headers).json()[0]["id"]
        answer = httpx.get(f"{url}/api/conversations/{newest}", headers=headers).json()[-1]
        if answer["status"] != "running":
            break
        time.sleep(0.05)
    assert answer["status"] == "stopped"
    assert len(answer["text"].split()) < 60

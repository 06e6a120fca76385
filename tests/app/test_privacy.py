"""With no server configured, no text leaves this machine: sockets are forbidden and everything works all the same."""

from __future__ import annotations

import socket

import pytest

from core.llm import ScriptedModels
from core.settings import load_settings
from tests.app.conftest import REPLIES, ask, office, served


@pytest.fixture
def no_sockets(monkeypatch):
    attempts: list[object] = []

    def refuse(self, address):
        attempts.append(address)
        raise AssertionError(f"a connection to {address} was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: refuse(None, args[:2]))
    return attempts


def test_start_ingest_and_every_road_need_no_socket(no_sockets, tmp_path):
    settings = load_settings(data_dir=tmp_path / "data", domain=office(tmp_path), serve_unmeasured=True)
    with served(settings, ScriptedModels(REPLIES)) as client:
        for strategy in ("prompt", "rag", "tuned"):
            answer = ask(client, "Who keeps the spare keys?", strategy=strategy)
            assert answer["status"] == "complete", answer
            assert answer["left_machine"] is False
    assert no_sockets == []


@pytest.mark.model
def test_the_real_model_needs_no_socket(no_sockets, tmp_path):
    settings = load_settings(data_dir=tmp_path / "data", domain=office(tmp_path), serve_unmeasured=True)
    with served(settings, None) as client:
        answer = ask(client, 'Make this polite: "Close the door"', strategy="prompt")
        assert answer["status"] == "complete", answer
        assert answer["text"]
        assert answer["left_machine"] is False
    assert no_sockets == []


def test_an_answer_of_a_server_elsewhere_says_that_text_left(tmp_path):
    settings = load_settings(
        data_dir=tmp_path / "data", domain=office(tmp_path), serve_unmeasured=True,
        server_url="https://models.example", prompt_model="server/big",
    )  # fmt: skip
    models = ScriptedModels({**REPLIES, "server/big": {"*": "Could you close the door?"}}, remote=True)
    with served(settings, models) as client:
        assert ask(client, 'Make this polite: "Close the door"', strategy="prompt")["left_machine"] is True
        assert ask(client, 'Label this note: "open"', strategy="tuned")["left_machine"] is False

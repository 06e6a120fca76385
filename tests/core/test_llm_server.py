import json
import threading

import httpx
import pytest

from core.errors import ModelError, ModelNotFound
from core.llm.server import ServerChat

URL = "http://127.0.0.1:9/v1"
ASK = [("user", "hello")]


def pieces(texts, reason="stop"):
    """What an OpenAI-compatible server streams."""
    rows = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}}]} for text in texts]
    rows.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    rows.append({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12}})
    common = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "big"}
    return "".join(f"data: {json.dumps(common | row)}\n\n" for row in rows) + "data: [DONE]\n\n"


def chat(handler):
    return ServerChat(
        model_name="server/big", url=URL, retries=0, http_client=httpx.Client(transport=httpx.MockTransport(handler))
    )


def replying(texts, reason="stop", seen=None):
    def handler(request):
        if seen is not None:
            seen.update(json.loads(request.content))
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, text=pieces(texts, reason))

    return chat(handler)


def test_a_server_streams_and_joins_with_the_same_metadata():
    seen = {}
    model = replying(["Hel", "lo"], seen=seen)
    got = [str(chunk.content) for chunk in model.stream(ASK, max_new_tokens=7, temperature=0.5)]
    assert [text for text in got if text] == ["Hel", "lo"]
    reply = model.invoke(ASK, max_new_tokens=7)
    assert reply.content == "Hello"
    assert reply.response_metadata == {
        "tokens": 9,
        "finish_reason": "stop",
        "logprobs": [],
        "model": "server/big",
    }
    assert seen["model"] == "big"
    assert seen["max_tokens"] == 7
    assert seen["messages"] == [{"role": "user", "content": "hello"}]


def test_a_schema_is_sent_and_a_cut_answer_is_an_error():
    seen = {}
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert replying(['{"a": 1}'], seen=seen).invoke(ASK, json_schema=schema).content == '{"a": 1}'
    assert seen["response_format"]["json_schema"]["schema"] == schema
    with pytest.raises(ModelError, match="not whole"):
        replying(['{"a"'], reason="length").invoke(ASK, json_schema=schema)


def test_a_stop_flag_ends_the_stream_early():
    stop, texts = threading.Event(), []
    for chunk in replying(["a", "b", "c", "d"]).stream(ASK, stop_flag=stop):
        texts.append(str(chunk.content))
        stop.set()
    assert "".join(texts) == "a"
    assert chunk.response_metadata["finish_reason"] == "stopped"
    assert replying(["a"]).invoke(ASK, stop_flag=stop).content == ""


def test_an_unreachable_server_is_named():
    def handler(request):
        raise httpx.ConnectError("refused")

    with pytest.raises(ModelError, match=rf"No connection to {URL}.*TRIVIUM_SERVER_URL"):
        chat(handler).invoke(ASK)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [(404, ModelNotFound, "knows no model 'big'"), (401, ModelError, "API_KEY"), (500, ModelError, "could not answer")],
)
def test_a_servers_refusal_becomes_a_sentence(status, kind, words):
    with pytest.raises(kind, match=words):
        chat(lambda request: httpx.Response(status, json={"error": {"message": "no"}})).invoke(ASK)

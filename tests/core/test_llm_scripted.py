import subprocess
import sys
import threading

import pytest

from core.errors import ModelError, ModelNotFound
from core.llm import ScriptedChat, ScriptedModels
from core.llm.messages import options_from, to_langchain
from core.types import Message


def test_a_script_streams_word_by_word_and_joins_to_its_reply():
    chat = ScriptedChat(replies={"hi": "Hello there, world"})
    pieces = [chunk.content for chunk in chat.stream([("user", "hi")])]
    assert [piece for piece in pieces if piece] == ["Hello", " there,", " world"]
    answer = chat.invoke([("system", "be brief"), ("user", "hi")])
    assert answer.content == "Hello there, world"
    assert answer.response_metadata == {
        "tokens": 3,
        "finish_reason": "stop",
        "logprobs": [-0.1] * 3,
        "model": "base",
    }


def test_a_function_sees_the_last_user_message():
    chat = ScriptedChat(replies=str.upper)
    assert chat.invoke([("user", "one"), ("assistant", "1"), ("user", "two")]).content == "TWO"


def test_a_stop_flag_ends_a_script_early():
    stop = threading.Event()
    pieces = []
    for chunk in ScriptedChat(replies={"*": "a b c d e"}).stream([("user", "x")], stop_flag=stop):
        pieces.append(chunk)
        if len(pieces) == 2:
            stop.set()
    assert "".join(str(piece.content) for piece in pieces) == "a b"
    assert pieces[-1].response_metadata["finish_reason"] == "stopped"


def test_a_limit_cuts_and_a_cut_json_answer_is_an_error():
    chat = ScriptedChat(replies={"*": '{"a": 1, "b": 2}'})
    assert chat.invoke([("user", "x")], max_new_tokens=2).response_metadata["finish_reason"] == "length"
    with pytest.raises(ModelError, match="not whole"):
        chat.invoke([("user", "x")], max_new_tokens=2, json_schema={"type": "object"})


def test_unknown_arguments_and_unscripted_questions_are_refused():
    with pytest.raises(TypeError, match="max_tokens"):
        options_from({"max_tokens": 5})
    with pytest.raises(TypeError, match="1 or more"):
        options_from({"max_new_tokens": 0})
    with pytest.raises(ModelError, match="no reply"):
        ScriptedChat(replies={}).invoke([("user", "x")])


def test_scripted_models_have_the_methods_of_real_ones():
    models = ScriptedModels({"server/big": {"*": "far"}, "desk": {"*": "near"}, "base": {"*": "here"}})
    assert models.names() == ["base", "desk", "server/big"]
    assert models.chat("desk").invoke([("user", "?")]).response_metadata["model"] == "desk"
    assert models.leaves_machine("server/big")
    assert not models.leaves_machine("desk")
    assert models.fingerprint("base") != models.fingerprint("desk")
    with pytest.raises(ModelNotFound, match="base, desk, server/big"):
        models.chat("other")


def test_prompt_messages_become_langchain_messages():
    messages = to_langchain([Message(role="system", content="a"), Message(role="user", content="b")])
    assert [message.type for message in messages] == ["system", "human"]


def test_importing_core_llm_loads_no_model_library():
    heavy = "{'torch', 'transformers', 'peft', 'xgrammar', 'langchain_openai', 'openai'}"
    code = f"import sys, core.llm; sys.exit(str({heavy} & set(sys.modules)) if {heavy} & set(sys.modules) else 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

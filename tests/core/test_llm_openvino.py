"""The fast engine against transformers, on a small Llama of random weights with the packaged model's tokenizer."""

import json
import logging
import shutil
import threading
from importlib.metadata import PackageNotFoundError

import pytest

from core.errors import AdapterMismatch, ModelError
from core.llm.adapters import read_adapter
from core.llm.base_weights import base_fingerprint
from core.llm.local import Engine, LocalChat, converted
from core.llm.local.converted import GRAPH, MARK, Order, Unfit, intact
from tests.core.test_llm_local import SCHEMA, answer, base, data_dir, make_adapter, no_network  # noqa: F401

pytest.importorskip("openvino")
pytestmark = pytest.mark.model

ASKED = [
    [("user", "What is 2 plus 2?")],
    [("system", "You are the desk's assistant. " * 12), ("user", "Say hello.")],
    [("system", "You are the desk's assistant. " * 12), ("user", "Name three colours.")],
    [("user", "What is a graphics card? " * 90)],
]


@pytest.fixture(scope="module")
def small(base, tmp_path_factory):  # noqa: F811
    """Folder and fingerprint. Wide weights, so that the likeliest token is so by far."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("small") / "model"
    shutil.copytree(base[0], folder, ignore=shutil.ignore_patterns("*.safetensors", MARK, "config.json"))
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=49152, hidden_size=192, intermediate_size=256, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, head_dim=64, max_position_embeddings=1024, initializer_range=0.1,
        tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder, base_fingerprint(folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def fast(small, place):
    engine = opened(small, place)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def common(small):
    engine = Engine(lambda: small, device="cpu", quantization="none", dtype="float32")
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def adapters(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    return [read_adapter(make_adapter(folder / name, small, seed)) for seed, name in enumerate(["desk", "other"])]


def opened(small, place, engine="openvino"):
    return Engine(lambda: small, device="cpu", quantization="none", dtype="float32", engine=engine, place=place)


def test_answers_are_those_of_transformers_alone_together_and_from_a_known_beginning(fast, common, adapters):
    for adapter in (None, *adapters):
        expected = [answer(LocalChat(engine=common, adapter=adapter), asked) for asked in ASKED]
        chat = LocalChat(engine=fast, adapter=adapter)
        alone = [answer(chat, asked) for asked in ASKED]
        again = [answer(chat, asked) for asked in ASKED]
        together = chat.batch(ASKED, max_new_tokens=24)
        for want, *found in zip(expected, alone, again, together, strict=True):
            for got in found:
                assert got.content == want.content
                assert got.response_metadata["logprobs"] == pytest.approx(want.response_metadata["logprobs"], abs=2e-3)
                assert got.usage_metadata == want.usage_metadata


def test_an_adapter_finds_no_keys_and_values_of_another_or_of_the_base(fast, small, place, adapters):
    one, other = adapters
    names = (None, one, other)
    mixed = {}
    for asked in ASKED[1:3]:  # they begin alike
        for adapter in names:
            got = answer(LocalChat(engine=fast, adapter=adapter), asked)
            mixed[str(asked), adapter and adapter.name] = got.content
    assert len({mixed[str(ASKED[1]), name] for name in (None, "desk", "other")}) == 3
    for adapter in names:
        engine = opened(small, place)  # nothing is known here
        for asked in ASKED[1:3]:
            alone = answer(LocalChat(engine=engine, adapter=adapter), asked)
            assert alone.content == mixed[str(asked), adapter and adapter.name]
        engine.close()


def test_a_beginning_is_read_once_for_each_adapter(small, place, adapters, monkeypatch):
    from core.llm.local.paged import Compiled

    read = []
    scores = Compiled.scores

    def counted(self, pieces):
        read.append(sum(len(piece.tokens) for piece in pieces))
        return scores(self, pieces)

    monkeypatch.setattr(Compiled, "scores", counted)
    engine = opened(small, place)
    begun = []
    for adapter in (None, None, adapters[0], adapters[0]):
        reply = answer(LocalChat(engine=engine, adapter=adapter), ASKED[1], max_new_tokens=1)
        begun.append((sum(read), reply.usage_metadata["input_tokens"]))
        read.clear()
    engine.close()
    (first, whole), (second, _), (third, _), (fourth, _) = begun
    assert first == third == whole
    assert second == fourth < whole / 2


def test_streams_of_several_adapters_get_their_own_answers(fast, adapters):
    wanted = [(asked, adapter) for asked in ASKED for adapter in (None, *adapters)]
    expected = [answer(LocalChat(engine=fast, adapter=adapter), asked).content for asked, adapter in wanted]
    got = [""] * len(wanted)

    def ask(at):
        got[at] = answer(LocalChat(engine=fast, adapter=wanted[at][1]), wanted[at][0]).content

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(len(wanted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == expected


def test_an_answer_that_comes_later_does_not_wait_for_the_one_being_written(fast):
    chat = LocalChat(engine=fast)
    stop = threading.Event()
    stream = chat.stream(ASKED[0], max_new_tokens=900, stop_flag=stop)
    for _ in range(3):
        next(stream)
    assert answer(chat, ASKED[2], max_new_tokens=4).content
    stop.set()
    last = list(stream)[-1].response_metadata
    assert last["finish_reason"] == "stopped"
    assert last["tokens"] < 900


def test_a_stop_flag_ends_the_answer_at_the_next_token(fast):
    stop, seen = threading.Event(), []
    for chunk in LocalChat(engine=fast).stream(ASKED[0], max_new_tokens=900, stop_flag=stop):
        seen.append(chunk)
        stop.set()
    assert seen[-1].response_metadata["finish_reason"] == "stopped"
    assert seen[-1].response_metadata["tokens"] < 300


def test_a_schema_is_held_beside_free_text(fast, adapters):
    chat = LocalChat(engine=fast, adapter=adapters[0])
    bound, free = chat.batch([ASKED[0], ASKED[0]], max_new_tokens=90, json_schema=[SCHEMA, None])
    assert set(json.loads(str(bound.content))) == {"city", "people"}
    assert free.content == answer(chat, ASKED[0], max_new_tokens=90).content


def test_more_answers_than_there_is_room_for_wait_and_are_right(small, place, fast, monkeypatch):
    chat = LocalChat(engine=fast)
    expected = [answer(chat, asked, max_new_tokens=60).content for asked in ASKED * 2]
    monkeypatch.setattr("core.llm.local.paged.KEPT", 1)
    engine = opened(small, place)  # room for 1,024 tokens, as many as the model reads
    assert [reply.content for reply in LocalChat(engine=engine).batch(ASKED * 2, max_new_tokens=60)] == expected
    engine.close()


def test_what_writes_has_a_name_of_its_own(fast, common):
    assert common.kind == ""
    assert fast.kind.startswith("openvino-")


def test_without_the_package_transformers_answers_and_the_log_says_so_once(
    small, common, tmp_path, monkeypatch, caplog
):
    def missing(_):
        raise PackageNotFoundError("openvino")

    monkeypatch.setattr(converted, "version", missing)
    converted.machine.cache_clear()
    engine = opened(small, tmp_path, "auto")
    with caplog.at_level(logging.WARNING, "core"):
        got = [answer(LocalChat(engine=engine), asked).content for asked in ASKED[:2]]
    assert engine.kind == ""
    engine.close()
    assert got == [answer(LocalChat(engine=common), asked).content for asked in ASKED[:2]]
    assert [record.message for record in caplog.records if "openvino is not installed" in record.message] == [
        "The fast engine is not used, transformers answers: the package openvino is not installed"
    ]
    wanted = opened(small, tmp_path, "openvino")
    with pytest.raises(ModelError, match="not installed"):
        answer(LocalChat(engine=wanted), ASKED[0])
    wanted.close()
    converted.machine.cache_clear()


def test_a_conversion_that_is_killed_by_a_missing_instruction_leaves_it_to_transformers(
    small, tmp_path, monkeypatch, caplog
):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nkill -ILL $$\n")
    python.chmod(0o755)
    monkeypatch.setattr(converted.sys, "executable", str(python))
    engine = opened(small, tmp_path / "place", "auto")
    assert answer(LocalChat(engine=engine), ASKED[0]).content
    engine.close()
    assert "ended with -4" in caplog.text
    assert not list((tmp_path / "place").glob("*"))


def test_a_broken_file_is_made_anew(small, place, fast, tmp_path):
    expected = answer(LocalChat(engine=fast), ASKED[0]).content
    own = tmp_path / "place"
    shutil.copytree(place, own)
    order = Order(small[0], small[1], own, exact=True)
    weights = order.folder / converted.WEIGHTS
    for spoil in (lambda: weights.write_bytes(weights.read_bytes()[:-64]), (order.folder / MARK).unlink):
        spoil()
        assert not intact(order.folder)
        engine = opened(small, own)
        assert answer(LocalChat(engine=engine), ASKED[0]).content == expected
        engine.close()
        assert intact(order.folder)


def test_a_graph_that_computes_something_else_is_not_served(small, tmp_path, monkeypatch, caplog):
    from dataclasses import replace

    from core.llm.local import graph

    right = graph.llama_of
    monkeypatch.setattr(graph, "llama_of", lambda model: replace(right(model), rope_scale=0.5))
    monkeypatch.setattr(converted, "convert_apart", converted.convert)
    order = Order(small[0], small[1], tmp_path, exact=True)
    with pytest.raises(Unfit, match="from those of transformers"):
        converted.opened(order, 1024)
    assert not (order.folder / GRAPH).exists()
    engine = opened(small, tmp_path, "auto")
    assert answer(LocalChat(engine=engine), ASKED[0]).content
    engine.close()
    assert "transformers answers" in caplog.text


def test_a_changed_or_foreign_adapter_is_refused_and_the_engine_lives_on(fast, small, tmp_path):
    folder = make_adapter(tmp_path / "tampered", small, seed=5)
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(AdapterMismatch, match="sha256 differs"):
        answer(LocalChat(engine=fast, adapter=read_adapter(folder)), ASKED[0])
    foreign = make_adapter(tmp_path / "foreign", small, seed=6, fingerprint="0" * 64)
    with pytest.raises(AdapterMismatch, match="trained for base"):
        answer(LocalChat(engine=fast, adapter=read_adapter(foreign)), ASKED[0])
    assert answer(LocalChat(engine=fast), ASKED[0]).content


def test_the_packaged_model_answers_in_eight_bits_nearly_as_in_float32(base, data_dir):  # noqa: F811
    """Teacher-forced by the conversion's own test; here that what comes out is language."""
    engine = Engine(lambda: base, device="cpu", quantization="none", engine="openvino", place=data_dir / "models")
    assert "4" in str(answer(LocalChat(engine=engine), ASKED[0]).content)
    engine.close()


def test_an_adapter_is_ready_before_anyone_asks_and_costs_no_conversion(small, place, fast, adapters):
    made = sorted(place.iterdir())
    engine = opened(small, place)
    engine.prepare(adapters[0])
    assert answer(LocalChat(engine=engine, adapter=adapters[0]), ASKED[0], max_new_tokens=1)
    engine.close()
    assert sorted(place.iterdir()) == made


def test_an_adapter_that_the_graph_has_no_place_for_is_served_by_transformers(small, place, common, tmp_path, caplog):
    folder = make_adapter(tmp_path / "scaled", small, seed=8)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "rank_pattern": {"q_proj": config["r"]}}))
    adapter = read_adapter(folder)
    engine = opened(small, place)
    got = answer(LocalChat(engine=engine, adapter=adapter), ASKED[0]).content
    engine.close()
    assert got == answer(LocalChat(engine=common, adapter=adapter), ASKED[0]).content
    assert "served by transformers: its rank_pattern" in caplog.text


def test_qwen2_with_its_biases_answers_as_in_transformers(small, tmp_path):
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path / "qwen2"
    shutil.copytree(small[0], folder, ignore=shutil.ignore_patterns("*.safetensors", MARK, "config.json"))
    torch.manual_seed(4)
    config = Qwen2Config(
        vocab_size=49152, hidden_size=192, intermediate_size=256, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, max_position_embeddings=1024, initializer_range=0.1, tie_word_embeddings=False,
        bos_token_id=1, eos_token_id=2, pad_token_id=2,
    )  # fmt: skip
    model = Qwen2ForCausalLM(config)
    for name, parameter in model.named_parameters():
        if name.endswith(".bias"):
            torch.nn.init.normal_(parameter)  # they begin as zeros, which would hide that they are left out
    model.to(torch.bfloat16).save_pretrained(folder)
    qwen = folder, base_fingerprint(folder)
    adapter = read_adapter(make_adapter(tmp_path / "desk", qwen, 7))
    engines = opened(qwen, tmp_path / "place"), Engine(lambda: qwen, device="cpu", quantization="none", dtype="float32")
    for asked in ASKED:
        for own in (None, adapter):
            got, want = (answer(LocalChat(engine=engine, adapter=own), asked) for engine in engines)
            assert got.content == want.content
            assert got.response_metadata["logprobs"] == pytest.approx(want.response_metadata["logprobs"], abs=2e-3)
    for engine in engines:
        engine.close()


def test_where_nothing_can_be_written_transformers_answers(small, tmp_path, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(converted, "convert_apart", full)
    engine = opened(small, tmp_path, "auto")
    assert answer(LocalChat(engine=engine), ASKED[0]).content
    engine.close()
    assert "No space left" in caplog.text

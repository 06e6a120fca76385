import hashlib
import json
import socket
import threading

import pytest

from core.errors import AdapterMismatch, ModelError, ModelNotFound, QueryError
from core.llm import open_models
from core.llm.adapters import read_adapter
from core.llm.base_weights import base_fingerprint, base_folder
from core.llm.local import Engine, LocalChat
from core.settings import load_settings

pytestmark = pytest.mark.model

SUM = [("user", "What is 2 plus 2?")]
COUNT = [("user", "Count from one to fifty, in words.")]
PROMPTS = [
    SUM,
    [("user", "Say hello.")],
    [("user", "What is a graphics card? " * 10)],
    [("user", "Name three colours, and say for each what it reminds you of.")],
]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 30}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}


@pytest.fixture(scope="session")
def data_dir(request):
    """Kept between runs: the conversion takes half a minute."""
    return request.config.cache.mkdir("trivium")


@pytest.fixture(scope="session")
def base(data_dir):
    folder = base_folder(load_settings(data_dir=data_dir, base_model="smollm2"))
    return folder, base_fingerprint(folder)


@pytest.fixture(scope="module")
def engine(base):
    engine = Engine(lambda: base, device="cpu", quantization="none", dtype="float32")
    yield engine
    engine.close()


@pytest.fixture
def chat(engine):
    return LocalChat(engine=engine)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a model was asked and something went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def adapter_folder(base, tmp_path_factory):
    return make_adapter(tmp_path_factory.mktemp("adapters") / "desk", base)


def make_adapter(folder, base, seed=0, targets=("q_proj", "v_proj", "down_proj"), fingerprint=None):
    """A LoRA with random weights: nonsense, but an effect that can be seen."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base[0], dtype=torch.float32)
    tuned = get_peft_model(model, LoraConfig(r=4, target_modules=list(targets)))
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    tuned.save_pretrained(folder)
    sha256 = hashlib.sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest()
    card = {"base": "smollm2", "base_fingerprint": fingerprint or base[1], "sha256": sha256}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def answer(chat, messages, **kwargs):
    return chat.invoke(messages, max_new_tokens=kwargs.pop("max_new_tokens", 24), **kwargs)


def test_pieces_stream_before_the_end_and_join_to_the_whole_answer(chat):
    whole = answer(chat, SUM)
    stop, pieces = threading.Event(), []
    for chunk in chat.stream(SUM, max_new_tokens=24, stop_flag=stop):
        pieces.append(chunk)
    assert len(pieces) > 3
    assert "".join(str(piece.content) for piece in pieces) == whole.content
    assert "4" in str(whole.content)
    last = pieces[-1].response_metadata
    assert last["finish_reason"] == "stop"
    assert last["model"] == "base"
    assert len(last["logprobs"]) == last["tokens"] > 3
    assert all(value <= 0 for value in last["logprobs"])


def test_a_stop_flag_ends_the_answer_at_the_next_token(chat):
    stop, seen = threading.Event(), []
    for chunk in chat.stream(COUNT, max_new_tokens=200, stop_flag=stop):
        seen.append(chunk)
        stop.set()
    assert seen[-1].response_metadata["finish_reason"] == "stopped"
    assert seen[-1].response_metadata["tokens"] < 100


def test_a_flag_set_while_queued_keeps_the_model_from_beginning(chat):
    stop = threading.Event()
    stop.set()
    reply = answer(chat, COUNT, stop_flag=stop)
    assert reply.content == ""
    assert reply.response_metadata["finish_reason"] == "stopped"


def test_a_reader_that_goes_away_ends_the_answer(chat, engine):
    stream = chat.stream(COUNT, max_new_tokens=4000)
    next(stream)
    stream.close()
    assert answer(chat, SUM).content  # would time out behind 4,000 tokens


def test_a_schema_gives_valid_json_and_a_cut_object_is_an_error(chat):
    question = [("user", "Give me Paris as JSON with city and people.")]
    reply = answer(chat, question, json_schema=SCHEMA, max_new_tokens=80)
    assert set(json.loads(str(reply.content))) == {"city", "people"}
    assert len(reply.response_metadata["logprobs"]) == reply.response_metadata["tokens"]
    with pytest.raises(ModelError, match="not whole"):
        answer(chat, question, json_schema=SCHEMA, max_new_tokens=4)
    with pytest.raises(ModelError, match="schema"):
        answer(chat, question, json_schema={"type": "nonsense"})
    assert answer(chat, SUM).content


def test_threads_get_their_own_answers(chat):
    alone = {str(messages): answer(chat, messages).content for messages in PROMPTS}
    got = {}

    def ask(messages):
        got[str(messages)] = answer(chat, messages).content

    threads = [threading.Thread(target=ask, args=(messages,)) for messages in PROMPTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == alone


def test_a_batch_gives_in_fp32_what_single_answers_give(engine):
    chat = LocalChat(engine=engine, batch_size=3)
    single = [answer(chat, messages) for messages in PROMPTS]
    batch = chat.batch(PROMPTS, max_new_tokens=24)
    for one, other in zip(single, batch, strict=True):
        assert one.content == other.content
        assert other.response_metadata["finish_reason"] == one.response_metadata["finish_reason"]
        assert other.response_metadata["logprobs"] == pytest.approx(one.response_metadata["logprobs"], abs=1e-3)


def test_a_batch_may_mix_schemas_and_free_text(chat):
    free, bound = chat.batch([SUM, SUM], max_new_tokens=60, json_schema=[None, SCHEMA])
    assert free.content == answer(chat, SUM).content
    json.loads(str(bound.content))
    cut = chat.batch([SUM, SUM], max_new_tokens=3, json_schema=[None, SCHEMA], return_exceptions=True)
    assert isinstance(cut[1], ModelError)


def test_the_fast_decoder_agrees_with_transformers_token_by_token(base, chat):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base[0])
    model = AutoModelForCausalLM.from_pretrained(base[0], dtype=torch.float32).eval()
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": COUNT[0][1]}], tokenize=False, add_generation_prompt=True
    )
    inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False)
    expected = model.generate(**inputs, max_new_tokens=24, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert answer(chat, COUNT).content == tokenizer.decode(expected, skip_special_tokens=True)


def test_sampling_is_repeatable_by_seed_and_a_stop_text_is_not_shown(chat):
    draw = {"temperature": 1.0, "seed": 7}
    assert answer(chat, COUNT, **draw).content == answer(chat, COUNT, **draw).content
    whole = str(answer(chat, SUM).content)
    assert answer(chat, SUM, stop=["4", "absent"]).content == whole.split("4")[0]


def test_too_long_a_prompt_is_refused_and_the_engine_lives_on(chat):
    with pytest.raises(QueryError, match="reads 8192"):
        answer(chat, [("user", "word " * 9000)])
    assert answer(chat, SUM).content


def test_a_fault_in_a_generation_reaches_the_caller_and_the_engine_lives_on(chat, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("boom")

    with monkeypatch.context() as patch:
        patch.setattr("core.llm.local.runtime.generate", broken)
        with pytest.raises(ModelError, match="boom"):
            answer(chat, SUM)
    assert answer(chat, SUM).content


def test_an_adapter_changes_the_answer_and_leaves_the_base_unchanged(engine, chat, adapter_folder, base, tmp_path):
    before = answer(chat, SUM)
    tuned = LocalChat(engine=engine, model_name="desk", adapter=read_adapter(adapter_folder))
    other = LocalChat(engine=engine, adapter=read_adapter(make_adapter(tmp_path / "other", base, seed=1)))
    first = answer(tuned, SUM)
    assert first.content != before.content
    assert first.response_metadata["model"] == "desk"
    assert answer(other, SUM).content != first.content
    assert answer(chat, SUM).content == before.content
    assert answer(tuned, SUM).content == first.content
    assert tuned.batch([SUM, COUNT], max_new_tokens=24)[0].content == first.content
    assert chat.batch([SUM, COUNT], max_new_tokens=24)[0].content == before.content


def test_a_changed_or_foreign_adapter_is_refused(engine, chat, base, tmp_path):
    folder = make_adapter(tmp_path / "tampered", base, seed=2)
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(AdapterMismatch, match="sha256 differs"):
        answer(LocalChat(engine=engine, adapter=read_adapter(folder)), SUM)
    foreign = make_adapter(tmp_path / "foreign", base, seed=3, fingerprint="0" * 64)
    with pytest.raises(AdapterMismatch, match="trained for base"):
        answer(LocalChat(engine=engine, adapter=read_adapter(foreign)), SUM)
    assert answer(chat, SUM).content


def test_models_answer_by_name(data_dir, base, tmp_path, adapter_folder):
    settings = load_settings(data_dir=data_dir, adapters_dir=adapter_folder.parent, base_model="smollm2")
    models = open_models(settings)
    try:
        models.load()
        assert models.names() == ["base", "desk"]
        assert models.fingerprint("base") == base[1]
        assert models.fingerprint("desk").startswith(base[1])
        assert not models.leaves_machine("desk")
        assert models.chat("desk").invoke(SUM, max_new_tokens=8).response_metadata["model"] == "desk"
        with pytest.raises(ModelNotFound, match="base, desk"):
            models.chat("absent")
    finally:
        models.close()
    with pytest.raises(ModelError, match="unloaded"):
        models.chat("base").invoke(SUM)


def test_the_converted_tokenizer_splits_digits_as_the_model_was_trained(base):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base[0])
    assert tokenizer.tokenize("10\n\n25") == ["1", "0", "ĊĊ", "2", "5"]

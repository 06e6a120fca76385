"""A thousand swaps under eight streams: every answer is its own adapter's, token by token, and none is lost."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest

from core.errors import TriviumError
from core.llm.adapters import WEIGHTS, file_sha256
from core.llm.base_weights import base_fingerprint
from core.llm.local import Engine, decoding
from core.llm.models import InstalledModels
from core.settings import load_settings
from core.store import open_store
from finetune.registry import Registry
from tests.finetune.adapters import passed

STREAMS, SWAPS, TOKENS = 8, 1000, 10
PROMPTS = ["Label: door 1", "Label: a longer note about a door and a window", "Form: 3 doors", "Label: gate"]


def random_adapter(folder, base, seed):
    """A LoRA with random weights: nonsense, but an effect on every token."""
    import json

    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    tuned = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        LoraConfig(r=4, target_modules=["q_proj", "v_proj", "down_proj"]),
    )
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.6)
    tuned.save_pretrained(folder)
    card = {"name": "office", "base_fingerprint": base_fingerprint(base), "sha256": file_sha256(folder / WEIGHTS)}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


@pytest.fixture
def models(base, tmp_path):
    models = InstalledModels(load_settings(data_dir=tmp_path, adapters_dir=tmp_path / "shipped", base_model=str(base)))
    models._engine = Engine(models._base, device="cpu", quantization="none", dtype="float32")
    yield models
    models.close()


@pytest.fixture
def registry(models, base, tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'trivium.db'}")
    registry = Registry(store, tmp_path / "adapters", tmp_path / "shipped", lambda: models.fingerprint("base"))
    for seed in range(3):
        row = registry.register(random_adapter(tmp_path / "runs" / str(seed), base, seed))
        registry.judge(passed(row.id, registry.serving("office")))
        registry.promote(row.id)
    return registry


def written(models, model, prompt):
    messages = [("user", prompt)]
    return "".join(str(piece.content) for piece in models.chat(model).stream(messages, max_new_tokens=TOKENS))


def test_a_thousand_swaps_under_eight_streams_lose_and_mix_nothing(models, registry):
    ids = [row.id for row in registry.list("office")]
    alone = {(id, prompt): written(models, id, prompt) for id in ids for prompt in PROMPTS}
    assert len({alone[id, PROMPTS[0]] for id in ids}) == len(ids), "each adapter has answers of its own"
    over, answered, faults = threading.Event(), [], []

    def stream(number):
        turn = number
        while not over.is_set():
            prompt = PROMPTS[turn % len(PROMPTS)]
            turn += 1
            try:
                model = models.resolved("office")
                answered.append((model, prompt, written(models, model, prompt)))
            except Exception as error:  # noqa: BLE001 - whatever it is, an answer was lost
                faults.append(error)

    threads = [threading.Thread(target=stream, args=(number,)) for number in range(STREAMS)]
    for thread in threads:
        thread.start()
    for swap in range(SWAPS):
        registry.promote(ids[swap % len(ids)])
    over.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert [one for one in answered if one[2] != alone[one[0], one[1]]] == []
    assert {model for model, _, _ in answered} == set(ids), "every adapter was met"
    assert len(answered) > STREAMS * 3


def test_an_answer_under_way_ends_on_the_adapter_that_it_began_with(models, registry):
    newest, older = [row.id for row in registry.list("office")][:2]
    alone = {id: written(models, id, PROMPTS[0]) for id in (newest, older)}
    stream = models.chat(models.resolved("office")).stream([("user", PROMPTS[0])], max_new_tokens=TOKENS)
    pieces = [str(next(stream).content)]
    assert registry.roll_back("office").id == older
    pieces += [str(piece.content) for piece in stream]
    assert "".join(pieces) == alone[newest]
    assert written(models, "office", PROMPTS[0]) == alone[older]


@contextmanager
def held(models):
    """The engine is busy until the block ends, so that what is asked inside waits together."""
    begun, free = threading.Event(), threading.Event()
    busy = threading.Thread(target=lambda: models._engine._do(lambda: (begun.set(), free.wait())))
    busy.start()
    begun.wait()  # what is asked before would be begun before
    try:
        yield
    finally:
        free.set()
        busy.join()


def all_at_once(models, asked):
    """The answers to (model, prompt) pairs that wait at the same time."""
    got: dict = {}
    with held(models):
        threads = [threading.Thread(target=lambda a=one: got.update({a: written(models, *a)})) for one in asked]
        for thread in threads:
            thread.start()
        while models._engine._jobs.qsize() < len(asked):
            threading.Event().wait(0.01)
    for thread in threads:
        thread.join()
    return got


@pytest.mark.parametrize("fused", [True, False])
def test_several_adapters_and_the_base_are_written_together_each_row_its_own(models, registry, monkeypatch, fused):
    from core.llm.local import runtime

    ids = [row.id for row in registry.list("office")]
    asked = [(model, prompt) for model in [*ids[:2], "base"] for prompt in PROMPTS[:2]]
    alone = {one: written(models, *one) for one in asked}
    batches = []
    if not fused:
        monkeypatch.setattr(runtime, "fuse", lambda *_: None)
        models._engine._runtime._fused.clear()
        forward = decoding.Batch._forward
        monkeypatch.setattr(
            decoding.Batch, "_forward", lambda self, *a: (batches.append(len(self.rows)), forward(self, *a))[1]
        )
    turns = decoding.take_turns
    monkeypatch.setattr(runtime, "take_turns", lambda *a: (batches.append("turns"), turns(*a))[1])
    assert all_at_once(models, asked) == alone
    assert ("turns" in batches) is fused
    assert fused or max(batches) == len(asked), "one batch of all adapters"


def test_a_fault_of_one_answer_is_not_that_of_those_beside_it(models, registry):
    newest = registry.list("office")[0].id
    good = written(models, newest, PROMPTS[0])
    results: dict = {}

    def ask(name, prompt):
        try:
            results[name] = written(models, newest, prompt)
        except TriviumError as error:
            results[name] = str(error)

    with held(models):
        threads = [threading.Thread(target=ask, args=pair) for pair in (("good", PROMPTS[0]), ("long", "door " * 120))]
        for thread in threads:
            thread.start()
        while models._engine._jobs.qsize() < 2:
            threading.Event().wait(0.01)
    for thread in threads:
        thread.join()
    assert results["good"] == good
    assert "model reads 512" in results["long"]


def test_adapters_that_were_not_used_for_long_leave_the_memory(models, registry, monkeypatch):
    monkeypatch.setattr("core.llm.local.runtime.LOADED", 1)
    ids = [row.id for row in registry.list("office")]
    first = {id: written(models, id, PROMPTS[0]) for id in ids}
    models._engine._do(lambda: None)  # an answer is at its end before the engine has cleared up after it
    assert len(models._engine._runtime._loaded) == 1
    assert {id: written(models, id, PROMPTS[0]) for id in ids} == first

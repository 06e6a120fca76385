"""A thousand swaps under eight streams: every answer is its own adapter's, token by token, and none is lost."""

from __future__ import annotations

import threading

import pytest

from core.llm.adapters import WEIGHTS, file_sha256
from core.llm.base_weights import base_fingerprint
from core.llm.local import Engine
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

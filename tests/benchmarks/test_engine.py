"""The benchmark of engines: what it makes of figures, and how an adapter reaches llama.cpp."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from gguf import GGUFReader
from safetensors.torch import save_file

from benchmarks import engine
from benchmarks.engine_peers import installed, write_gguf
from core.types import Adapter


class Scripted:
    """A peer that notes what it is asked."""

    def __init__(self, name, mixes=True):
        self.name, self.mixes, self.asked = name, mixes, []

    def answers(self, asked, tokens, endless, bare=0):
        self.asked.append((len(asked), tokens, bare))
        return ["yes"] * len(asked)


def adapter(folder):
    return Adapter(name="desk", path=str(folder), base="", base_fingerprint="", sha256="")


def adapter_folder(tmp_path, kind):
    config = {"model_type": kind, "num_attention_heads": 2, "num_key_value_heads": 1}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_alpha": 4, "r": 2}))
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    up = torch.arange(16.0).reshape(8, 2)
    save_file({name.format("A"): torch.ones(2, 8), name.format("B"): up}, tmp_path / "adapter_model.safetensors")
    return up.numpy()


@pytest.mark.parametrize(("mixes", "bare"), [(True, [0, 0, 0, 4]), (False, [0, 0, 0])])
def test_half_of_the_streams_are_without_the_adapter_where_that_can_be(tmp_path, mixes, bare):
    (tmp_path / "a.md").write_text("Ranks are given by the harbour master. " * 200)
    peer = Scripted("one", mixes)

    found = engine.measure(peer, tmp_path, 100, 8, "1")

    assert [asked[2] for asked in peer.asked] == bare
    assert ("mixed_s" in found) is mixes


def test_without_eager_nothing_is_set_against_it():
    own = {"prefill_s": 1.0, "answer_s": 2.0, "streams_s": 4.0, "mixed_s": 8.0}

    alone, beside = (engine.derived(own, eager, 32) for eager in ({}, {key: 2 * own[key] for key in own}))

    assert alone["streams_tokens_per_s"] == 128
    assert alone["mixed_tokens_per_s"] == 64
    assert not any(key.endswith("_times") for key in alone)
    assert beside["answer_s_times"] == 2


@pytest.mark.parametrize(("kind", "order"), [("qwen2", [0, 1, 2, 3]), ("llama", [0, 2, 1, 3])])
def test_an_adapter_as_gguf_has_the_order_of_its_kind(tmp_path, kind, order):
    up = adapter_folder(tmp_path, kind)

    write_gguf(tmp_path, adapter(tmp_path), tmp_path / "lora.gguf")

    read = GGUFReader(tmp_path / "lora.gguf")
    found = {tensor.name: np.asarray(tensor.data) for tensor in read.tensors}
    assert bytes(read.fields["general.architecture"].parts[-1]).decode() == kind
    assert found["blk.0.attn_q.weight.lora_b"].tolist() == [up[at].tolist() for at in [*order, *(4 + i for i in order)]]


def test_without_the_gguf_llama_cpp_is_left_out(tmp_path):
    told = []

    found = installed(tmp_path, adapter(tmp_path), tmp_path, 2, None, told.append)

    assert "xllamacpp" not in found
    assert any("--gguf" in line for line in told)

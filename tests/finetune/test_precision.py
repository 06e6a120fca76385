"""bf16 in a recipe means: where it is fast."""

import os
import subprocess
import sys

import pytest
import torch

from core import cpu
from core.settings import ROOT
from finetune import inspection, memory
from finetune.model import load_base
from finetune.train import train
from tests.finetune.conftest import RECIPE

FAST = {"cpu_name": "new", "avx2": True, "avx512_f": True, "avx512_bf16": True}
PLAIN = {"cpu_name": "old", "avx2": True}
SIZE = memory.Size(parameters=134_515_008, hidden=576, inner=1536, layers=30, vocabulary=49152)
BF16 = RECIPE.changed(precision="bf16")
TWO_STEPS = """
import sys, torch
from pathlib import Path
from core.domain import load_domain
from finetune import train as training
from tests.finetune.conftest import RECIPE, examples

def loaded(*given):
    model = load(*given)
    print({p.dtype for p in model.parameters()}, flush=True)
    return model

load, training.load_base = training.load_base, loaded
steps = []
recipe = RECIPE.changed(precision="bf16", batch_size=8, epochs=1)
made = training.train(Path(sys.argv[1]), load_domain(Path(sys.argv[2])), recipe, Path(sys.argv[3]), steps.append, device="cpu")
print(made.card["precision"], made.card["loss"]["steps"], made.card["hardware"])
"""


@pytest.fixture
def on(monkeypatch):
    for name in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    return lambda known: monkeypatch.setattr(cpu, "capabilities", lambda: known)


def test_bf16_stays_where_it_is_fast_and_becomes_fp32_elsewhere(on):
    on(FAST)
    assert inspection.as_fast(BF16, cuda=False) == BF16
    on(PLAIN)
    assert inspection.as_fast(BF16, cuda=False) == RECIPE
    assert inspection.as_fast(BF16, cuda=True) == BF16
    assert inspection.as_fast(RECIPE, cuda=False) == RECIPE


def test_memory_is_reckoned_in_the_precision_that_is_used(on):
    on(PLAIN)
    here = inspection.as_fast(BF16, cuda=False)
    more = memory.needed(SIZE, here, False, 8, 200) - memory.needed(SIZE, BF16, False, 8, 200)
    assert more >= 2 * SIZE.parameters
    measured = memory.needed(SIZE, here.changed(r=32, dropout=0.1), False, 8, 214)
    assert 8.6e9 * 0.8 < measured < 8.6e9 * 1.2  # the peak of a real run


def test_the_card_says_which_precision_was_used(base, domain, tmp_path, on, monkeypatch):
    on(PLAIN)
    kinds: set[torch.dtype] = set()

    def loaded(*given):
        model = load_base(*given)
        kinds.update(parameter.dtype for parameter in model.parameters())
        return model

    monkeypatch.setattr("finetune.train.load_base", loaded)
    card = train(base, domain, BF16, tmp_path / "made", device="cpu").card
    assert kinds == {torch.float32}
    assert (card["precision"], card["recipe"]["precision"]) == ("fp32", "fp32")
    assert "old" in card["hardware"]
    assert "fp32" in (tmp_path / "made" / "README.md").read_text()


def test_a_processor_held_to_avx2_trains_in_fp32(base, domain, tmp_path):
    env = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", TWO_STEPS, str(base), str(domain.folder), str(tmp_path / "made")]
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    kinds, told = ran.stdout.splitlines()[-2:]
    assert kinds == "{torch.float32}"
    assert told.startswith("fp32 2 CPU: ")
    assert told.endswith("AVX2")

"""The estimate against peaks of real runs."""

import pytest

from finetune import inspection, memory
from finetune.memory import Size, needed
from finetune.recipe import Recipe

SMOL = Size(parameters=134_515_008, hidden=576, inner=1536, layers=30, vocabulary=49_152)
QWEN = Size(parameters=494_032_768, hidden=896, inner=4864, layers=24, vocabulary=151_936)
DROPPED = Recipe(r=32, dropout=0.1)
WARM = Recipe(r=16)
READER = Recipe(r=32, quantization="none")
CPU, GPU = False, True
# An H100's figures are what its driver shows, which is more than was needed at once.
PEAKS = [
    (SMOL, DROPPED, CPU, 16, 221, 11.8),
    (SMOL, DROPPED.changed(precision="fp32"), CPU, 8, 214, 8.6),
    (QWEN, WARM, CPU, 8, 204, 5.75),
    (QWEN, WARM.changed(precision="fp32"), CPU, 8, 204, 10.8),
    (QWEN, READER, GPU, 16, 1000, 26.0),
    (QWEN, Recipe(r=32, dropout=0.05), GPU, 32, 512, 25.0),
]


@pytest.mark.parametrize(("size", "recipe", "cuda", "rows", "length", "gigabytes"), PEAKS)
def test_no_run_takes_more_than_expected_nor_far_less(size, recipe, cuda, rows, length, gigabytes):
    assert gigabytes <= needed(size, recipe, cuda, rows, length) / 1e9 < 1.35 * gigabytes


def test_a_batch_that_does_not_fit_is_done_in_parts_on_a_gpu_too(base, monkeypatch):
    rows = [{"input_ids": [1] * 1000, "labels": [1] * 1000}] * 64
    recipe = READER.changed(batch_size=64)
    monkeypatch.setattr(memory, "size_of", lambda _: QWEN)
    for free, parts in ((200e9, 1), (80e9, 2), (30e9, 4), (1e9, 16)):
        monkeypatch.setattr(memory, "free", lambda cuda, free=free: free)
        found = inspection.in_parts(base, recipe, GPU, rows, [])
        assert (found.batch_size, found.gradient_accumulation) == (64 // parts, parts)

"""Passages embedded by OpenVINO beside torch: as near as an index needs, in int8 or fp32 as the CPU can, and torch wherever it
cannot be had."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.cpu import Abilities, abilities
from core.minilm import minilm_folder
from core.settings import ROOT
from retrieval import int8
from retrieval.embeddings import BATCH, MiniLM, tokenizer_of
from retrieval.int8 import BATCH_TOKENS, PROBES, RANGES, Unusable, batches, load_bounds, tried
from retrieval.upkeep import PROBE_DISTANCE

pytestmark = pytest.mark.model
needs_openvino = pytest.mark.skipif(not int8.installed(), reason="openvino is missing here")
here = int8.installed() and abilities().vnni
needs_int8 = pytest.mark.skipif(not here, reason="openvino or the instructions for int8 are missing here")
TEXTS = [
    *PROBES, "", "?", "a", "1,234,567.89 €", "| a | b |\n|---|---|\n| 1 | 2 |", "x " * 400, "Журналы хранятся девяносто дней.",
    *(f"Team {n} has {n * 40} GPU hours per week, and reports to lead number {n}." for n in range(BATCH)),
]  # fmt: skip


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM(minilm_folder())


def cosines(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    return (some * others).sum(1)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "embedded by torch" in record.getMessage()]


@needs_int8
def test_vectors_of_passages_are_unit_vectors_near_those_of_torch_and_are_not_torch_s(minilm):
    made, exact = minilm.encode_passages(TEXTS), minilm.encode(TEXTS)

    assert made.shape == exact.shape
    assert made.dtype == np.float32
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-3)
    found = cosines(made, exact)
    assert found.min() > 1 - PROBE_DISTANCE / 2
    assert found.mean() > 0.998
    assert not np.array_equal(made, exact)


@needs_int8
def test_a_text_keeps_its_vector_whatever_it_is_embedded_with(minilm):
    together, reversed_ = minilm.encode_passages(TEXTS), minilm.encode_passages(TEXTS[::-1])[::-1]

    assert cosines(together, reversed_).min() > 0.998


@needs_int8
def test_two_threads_that_open_it_at_once_get_the_right_vectors():
    fresh = MiniLM(minilm_folder())
    parts = [TEXTS[:BATCH], TEXTS[-BATCH:]] * 2

    with ThreadPoolExecutor(len(parts)) as threads:
        made = list(threads.map(fresh.encode_passages, parts))

    for part, vectors in zip(parts, made, strict=True):
        assert cosines(vectors, fresh.encode(part)).min() > 0.99


def test_a_few_texts_and_queries_are_embedded_by_torch(minilm):
    some = TEXTS[: BATCH - 1]

    assert np.array_equal(minilm.encode_passages(some), minilm.encode(some))
    assert np.array_equal(minilm.encode_queries(TEXTS), minilm.encode(TEXTS))


def test_without_the_package_torch_embeds_and_the_log_says_so_once(monkeypatch, caplog):
    monkeypatch.setattr(int8, "PACKAGE", "no_such_package_here")
    fresh = MiniLM(minilm_folder())

    with caplog.at_level(logging.INFO, "trivium"):
        first, second = fresh.encode_passages(TEXTS), fresh.encode_passages(TEXTS)

    assert np.array_equal(first, fresh.encode(TEXTS))
    assert np.array_equal(second, first)
    assert len(lines(caplog)) == 1
    assert "not installed" in lines(caplog)[0]


@needs_int8
def test_a_damaged_file_of_bounds_is_noticed_and_torch_embeds(tmp_path, monkeypatch, caplog):
    damaged = tmp_path / "minilm_int8.safetensors"
    damaged.write_bytes(RANGES.read_bytes()[:3000])
    monkeypatch.setattr(int8, "RANGES", damaged)
    fresh = MiniLM(minilm_folder())

    with caplog.at_level(logging.INFO, "trivium"):
        made = fresh.encode_passages(TEXTS)

    assert np.array_equal(made, fresh.encode(TEXTS))
    assert "cannot be read" in lines(caplog)[0]


def test_bounds_are_not_used_with_weights_that_they_were_not_measured_with(tmp_path):
    other = tmp_path / "model.safetensors"
    shutil.copy(RANGES, other)

    with pytest.raises(Unusable, match="other weights"):
        load_bounds(RANGES, other)


@needs_openvino
def test_without_the_instructions_it_computes_in_fp32_and_its_vectors_are_those_of_torch(minilm):
    made = tried(minilm_folder(), tokenizer_of(minilm_folder()), minilm.encode, Abilities(avx2=True)).encode(TEXTS)

    assert cosines(made, minilm.encode(TEXTS)).min() > 0.999  # torch may be in bf16 here


@needs_openvino
def test_a_processor_held_to_avx2_embeds_in_fp32(tmp_path):
    program = (
        "from core.cpu import abilities\nfrom core.minilm import minilm_folder\nfrom retrieval.embeddings import MiniLM\n"
        "from tests.retrieval.test_int8 import TEXTS\nmodel = MiniLM(minilm_folder())\n"
        "made, exact = model.encode_passages(TEXTS), model.encode(TEXTS)\n"
        "print(model.model.dtype, model.compiled() is not None, (made * exact).sum(1).min() > 0.99999)"
    )
    env = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}

    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=True)

    assert ran.stdout.split() == ["torch.float32", "True", "True"]


@needs_int8
def test_vectors_that_differ_from_torch_s_are_not_used(minilm):
    def another(texts: list[str]) -> np.ndarray:
        return np.roll(minilm.encode(texts), 1, axis=1)

    with pytest.raises(Unusable, match="differ from torch's"):
        tried(minilm_folder(), tokenizer_of(minilm_folder()), another, Abilities(vnni=True))


@needs_int8
def test_importing_the_package_reports_to_nobody(tmp_path):
    spy = tmp_path / "openvino_telemetry"
    spy.mkdir()
    (spy / "__init__.py").write_text(f"open({str(tmp_path / 'told')!r}, 'w').close()\n")
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n"
        "from retrieval.int8 import openvino\nprint(hasattr(openvino(), 'Core'))"
    )

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.split() == ["True"]
    assert not (tmp_path / "told").exists()


def test_batches_hold_each_text_once_and_stay_within_their_tokens():
    lengths = [3, 256, 7, 256, 90, 1, 256, 256, 12] * 9

    found = batches(lengths, 2)

    assert sorted(n for batch in found for n in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[n] for n in batch) <= BATCH_TOKENS for batch in found)
    assert [max(lengths[n] for n in batch) for batch in found] == sorted(
        (max(lengths[n] for n in b) for b in found), reverse=True
    )


def test_there_is_a_batch_for_each_stream():
    assert len(batches([20] * 16, 4)) >= 4
    assert batches([], 2) == []


def test_the_bounds_ship_with_the_package():
    inside = Path(int8.__file__).parent

    assert RANGES.parent == inside
    assert all((low <= high).all() for low, high in load_bounds(RANGES, minilm_folder() / "model.safetensors").values())

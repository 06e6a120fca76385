"""What a processor can do, and what follows: nobody's tests may depend on the one that they run on."""

import pytest
import torch

from core import cpu
from core.cpu import Abilities, from_cpuinfo, judged, quota

# As torch tells of them, shortened.
ZEN4 = {"architecture": "x86_64", "cpu_name": "AMD EPYC", "avx2": True, "avx512_f": True, "avx512_bf16": True, "avx512_vnni": True, "amx_bf16": False}  # fmt: skip
SAPPHIRE = {**ZEN4, "cpu_name": "Intel Xeon", "amx_bf16": True, "amx_int8": True}
SKYLAKE = {"architecture": "x86_64", "cpu_name": "Intel Xeon", "avx2": True, "avx512_f": True, "avx512_bf16": False}
ALDER = {"architecture": "x86_64", "cpu_name": "Intel Core", "avx2": True, "avx_vnni": True, "avx512_f": False}
ZEN2 = {"architecture": "x86_64", "cpu_name": "AMD EPYC", "avx2": True, "avx512_f": False, "avx_vnni": False}


@pytest.fixture(autouse=True)
def free(monkeypatch: pytest.MonkeyPatch):
    for name in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("known", "line"),
    [
        (ZEN4, "AMD EPYC, 2 cores, AVX512-BF16, VNNI"),
        (SAPPHIRE, "Intel Xeon, 2 cores, AVX512-BF16, VNNI, AMX"),
        (SKYLAKE, "Intel Xeon, 2 cores, AVX512"),
        (ALDER, "Intel Core, 2 cores, AVX2, VNNI"),
        (ZEN2, "AMD EPYC, 2 cores, AVX2"),
        ({}, "CPU, 2 cores, no AVX2"),
    ],
)
def test_a_line_says_what_a_processor_can_do(known, line):
    assert str(judged(known, {}, 2)) == line


def test_one_core_is_no_cores():
    assert str(judged(ZEN2, {}, 1)) == "AMD EPYC, 1 core, AVX2"


@pytest.mark.parametrize(("name", "value"), [("ATEN_CPU_CAPABILITY", "avx2"), ("ONEDNN_MAX_CPU_ISA", "AVX2")])
def test_a_processor_held_to_avx2_has_avx2_alone(name, value):
    assert judged(SAPPHIRE, {name: value}, 2) == Abilities(avx2=True, name="Intel Xeon", cores=2)


def test_what_holds_to_more_than_there_is_adds_nothing():
    assert judged(ZEN2, {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, 2) == judged(ZEN2, {}, 2)
    assert judged(ZEN4, {"ONEDNN_MAX_CPU_ISA": "DEFAULT", "ATEN_CPU_CAPABILITY": ""}, 2) == judged(ZEN4, {}, 2)
    assert not judged(SAPPHIRE, {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"}, 2).bf16


@pytest.mark.parametrize(("known", "on_cpu"), [(ZEN4, torch.bfloat16), (SAPPHIRE, torch.bfloat16), (SKYLAKE, torch.float32), (ALDER, torch.float32), (ZEN2, torch.float32), ({}, torch.float32)])  # fmt: skip
def test_bf16_is_computed_only_where_there_are_instructions_for_it(monkeypatch, known, on_cpu):
    monkeypatch.setattr(cpu, "capabilities", lambda: known)

    assert cpu.fast_dtype() is on_cpu
    assert cpu.type_named(cpu.FAST, "cpu") is on_cpu
    assert cpu.type_named(cpu.FAST, "cuda") is torch.bfloat16
    assert cpu.type_named("float32", "cpu") is torch.float32
    with cpu.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is on_cpu


def test_where_torch_says_nothing_the_kernel_is_asked(monkeypatch, tmp_path):
    file = tmp_path / "cpuinfo"
    one = "processor\t: {}\nmodel name\t: Intel Xeon\nflags\t\t: fpu avx2 avx512f avx512_bf16 avx512_vnni amx_bf16\n\n"
    file.write_text(one.format(0) + one.format(1))
    monkeypatch.setattr(cpu, "CPUINFO", file)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)

    found = judged(cpu.capabilities.__wrapped__(), {}, 2)

    assert str(found) == "Intel Xeon, 2 cores, AVX512-BF16, VNNI, AMX"
    assert from_cpuinfo(tmp_path / "none") == {}


def test_threads_follow_cores_the_container_and_what_one_says(monkeypatch, tmp_path):
    monkeypatch.setattr(cpu.os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(cpu, "GROUPS", tmp_path)
    assert cpu.threads() == 8
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cpu.threads() == 8
    (tmp_path / "cpu.max").write_text("350000 100000\n")
    assert cpu.threads() == 3
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert cpu.threads() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert cpu.threads() == 5


def test_the_share_of_an_older_container_is_read_too(tmp_path):
    assert quota(tmp_path) is None
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert quota(tmp_path) is None
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("400000\n")
    assert quota(tmp_path) == 4

"""What the processor can do, and what follows from it: in which precision to compute, with how many threads.

Where instructions for bf16 are missing it is emulated, at a sixth of the speed of fp32; int8 without VNNI is slower than
fp32, and overflows. `ATEN_CPU_CAPABILITY` and `ONEDNN_MAX_CPU_ISA`, which hold torch and OpenVINO to older instructions,
hold these decisions too, so that any machine can be tried as one with AVX2 alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

FAST = "fast"  # instead of a torch type's name: bf16 where there are instructions for it, else fp32
AVX2, AVX512, BF16, VNNI, AMX = "avx2", "avx512", "bf16", "vnni", "amx"
# By what torch calls an instruction set, and by the flag in /proc/cpuinfo where that is another.
KNOWN_AS = {
    AVX2: ("avx2",),
    AVX512: ("avx512_f", "avx512f"),
    BF16: ("avx512_bf16", "amx_bf16"),
    VNNI: ("avx512_vnni", "avx_vnni"),
    AMX: ("amx_bf16", "amx_int8"),
}
# What each value of the two variables leaves; any other leaves everything, as torch and oneDNN read it.
HELD_TO = {
    "ATEN_CPU_CAPABILITY": {"default": set(), "avx2": {AVX2}},
    "ONEDNN_MAX_CPU_ISA": {
        "sse41": set(),
        "avx": set(),
        "avx2": {AVX2},
        "avx2_vnni": {AVX2, VNNI},
        "avx2_vnni_2": {AVX2, VNNI},
        "avx512_core": {AVX2, AVX512},
        "avx512_core_vnni": {AVX2, AVX512, VNNI},
        "avx512_core_bf16": {AVX2, AVX512, VNNI, BF16},
        "avx512_core_fp16": {AVX2, AVX512, VNNI, BF16},
    },
}
CPUINFO, GROUPS = Path("/proc/cpuinfo"), Path("/sys/fs/cgroup")
QUOTA, QUOTA_V1, PERIOD_V1 = "cpu.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"


@dataclass(frozen=True)
class Abilities:
    """`bf16`, `vnni` and `amx`: there are instructions for products in bf16, in int8, and for tiles. `cores`: how many are ours."""

    avx2: bool = False
    avx512: bool = False
    bf16: bool = False
    vnni: bool = False
    amx: bool = False
    name: str = ""
    cores: int = 1

    def __str__(self) -> str:
        """For benchmarks and doctor: "AMD EPYC, 2 cores, AVX512-BF16, VNNI"."""
        widest = "AVX512" if self.avx512 else "AVX2" if self.avx2 else "no AVX2"
        if self.bf16 and self.avx512:
            widest += "-BF16"
        more = [name for has, name in ((self.vnni, "VNNI"), (self.amx, "AMX")) if has]
        cores = f"{self.cores} core{'' if self.cores == 1 else 's'}"
        return ", ".join([self.name or "CPU", cores, widest, *more])


def abilities() -> Abilities:
    """Of this machine, as the environment lets us use them."""
    return judged(capabilities(), os.environ, cores())


def judged(known: Mapping[str, Any], environ: Mapping[str, str], cores: int) -> Abilities:
    """The abilities behind what torch or /proc/cpuinfo says. Pure."""
    found = {ability for ability, names in KNOWN_AS.items() if any(known.get(name) for name in names)}
    for variable, levels in HELD_TO.items():
        found &= levels.get(environ.get(variable, "").lower(), found)
    return Abilities(**{ability: ability in found for ability in KNOWN_AS}, name=known.get("cpu_name", ""), cores=cores)


@cache
def capabilities() -> Mapping[str, Any]:
    """What torch says of the CPU; where it says nothing, the flags of /proc/cpuinfo."""
    import torch

    known = torch.cpu.get_capabilities()
    return known if known.get("cpu_name") or known.get("architecture") else from_cpuinfo(CPUINFO)


def from_cpuinfo(file: Path) -> dict[str, Any]:
    """The flags and the name of the first processor; empty where the file does not tell."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    return dict.fromkeys(told.get("flags", "").split(), True) | {"cpu_name": told.get("model name", "")}


def fast_dtype() -> torch.dtype:
    """bf16 where the CPU has instructions for it, else fp32."""
    import torch

    return torch.bfloat16 if abilities().bf16 else torch.float32


def type_named(name: str, device: str) -> torch.dtype:
    """The torch type of that name; of FAST the one that the device ("cpu", "cuda") computes fastest in."""
    import torch

    if name != FAST:
        return getattr(torch, name)
    return fast_dtype() if device == "cpu" else torch.bfloat16


def autocast(device: str = "cpu") -> torch.autocast:
    """Products in bf16 where that is fast: on every GPU, and on a CPU that has instructions for it."""
    import torch

    return torch.autocast(device, torch.bfloat16, enabled=device != "cpu" or abilities().bf16)


def threads() -> int:
    """What OMP_NUM_THREADS says, as torch reads it, or one for each core that is ours."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdigit() and int(said) else cores()


def cores() -> int:
    """How many this process may run on, or as many as the container's share of time is worth, whichever is less."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(ours, int(quota(GROUPS) or ours)))


def quota(groups: Path) -> float | None:
    """How many cores' time the container may use (cgroup version 2, or 1); None without a limit."""
    for read in (_quota_v2, _quota_v1):
        try:
            limit, period = read(groups)
            return int(limit) / int(period) if int(limit) > 0 else None
        except (OSError, ValueError):  # there is no such file, or it says "max"
            continue
    return None


def _quota_v2(groups: Path) -> list[str]:
    return (groups / QUOTA).read_text().split()


def _quota_v1(groups: Path) -> list[str]:
    return [(groups / name).read_text() for name in (QUOTA_V1, PERIOD_V1)]


def main() -> None:
    print(abilities())


if __name__ == "__main__":
    main()

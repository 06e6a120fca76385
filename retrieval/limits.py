"""What one file may cost: memory, wall time, pages, inflated size, text. A file over a limit costs only itself."""

from __future__ import annotations

import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.settings import Settings

TEXT_MB = 60
ENTRIES = 20_000  # of an archive; its table of contents is read whole


@dataclass(frozen=True)
class Limits:
    """`seconds`: wall time, held by the process that waits; `memory_mb`: address space of the one that reads; `pages`: of a
    PDF, or slides; `inflated_mb`: what a docx, pptx or xlsx unpacks to; `text_mb`: what comes out of any file."""

    seconds: float = 90
    memory_mb: int = 3072
    pages: int = 2000
    inflated_mb: int = 300
    text_mb: int = TEXT_MB

    @staticmethod
    def of(settings: Settings) -> Limits:
        return Limits(
            settings.parse_seconds, settings.parse_memory_mb, settings.max_pages, settings.max_inflated_mb,
            max(TEXT_MB, 2 * settings.max_upload_mb),
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def limit_memory(limits: Limits) -> None:
    """Hold this process to its address space. Only Linux keeps to it."""
    if sys.platform == "linux":
        size = limits.memory_mb << 20
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def limit_cpu(seconds: float) -> None:
    """Give this process so many more seconds of CPU time: should whoever waits for it be stopped, it ends by itself."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(spent.ru_utime + spent.ru_stime + seconds) + 5
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (allowed if hard == resource.RLIM_INFINITY else min(allowed, hard), hard))


def held_mb() -> float:
    """The memory that this process holds now, in MB; 0 where the system does not say."""
    # getrusage says the most that was ever held, and counts what the process held that this one was forked from.
    if sys.platform != "linux":
        return 0.0
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20

"""Runs as a process of its own (`python -m retrieval.child LIMITS`) and reads one file after the other for `retrieval.reader`.

LIMITS is JSON. Each line of stdin is {"path", "source"}; on stdout follow lines {"at": [number, unit]} while it reads,
{"passage": {...}} for each passage, and at last {"end": true, "leaves": whether the process ends now} or {"error": sentence}.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from core.errors import DocumentError
from retrieval.documents import read_here
from retrieval.limits import Limits, limit_cpu, limit_memory, peak_mb

PR_SET_PDEATHSIG = 1
# Whoever has read much has grown; the next one begins anew.
FILES = 300
PEAK_MB = 700
TELL_SECONDS = 0.2


def read(path: Path, source: str, limits: Limits, out: TextIO) -> None:
    """Write the passages of a file, or the sentence that says why there are none."""
    last = 0.0

    def tell(number: int, unit: str) -> None:
        nonlocal last
        if time.monotonic() - last > TELL_SECONDS:
            last = time.monotonic()
            say(out, {"at": [number, unit]})

    try:
        for passage in read_here(path, source, limits, tell):
            out.write(json.dumps({"passage": passage.model_dump(exclude_defaults=True)}) + "\n")
    except DocumentError as error:
        say(out, {"error": str(error)})
        return
    except (MemoryError, RecursionError):
        say(out, {"error": f"{path.name}: the file needs too much memory; split it up or simplify it", "leaves": True})
        raise SystemExit(0) from None
    say(out, {"end": True, "leaves": peak_mb() > PEAK_MB})


def say(out: TextIO, line: dict[str, Any]) -> None:
    out.write(json.dumps(line) + "\n")
    out.flush()


def main() -> None:
    if sys.platform == "linux":
        # It must not outlive the process that wants its results.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    limits = Limits(**json.loads(sys.argv[1]))
    limit_memory(limits)
    # What a library prints must not stand between the lines.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for number, line in enumerate(sys.stdin, 1):
        asked = json.loads(line)
        limit_cpu(limits.seconds)
        read(Path(asked["path"]), asked["source"], limits, out)
        if number == FILES or peak_mb() > PEAK_MB:
            return


if __name__ == "__main__":
    main()

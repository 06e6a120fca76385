"""Runs as a process of its own (`python -m retrieval.child LIMITS PARENT`) and reads one file after the other for
`retrieval.reader`.

LIMITS is JSON, PARENT the number of the process that it must not outlive. It says {"ready": true}; then each line of stdin
is {"path", "source"}, and on stdout follow lines {"at": [number, unit]} while it reads, {"note": sentence} for what is missing,
{"passage": {...}} for each passage, and at last {"end": true, "leaves": whether the process ends now} or {"error": sentence}.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from core.children import die_with

if TYPE_CHECKING:
    from retrieval.limits import Limits

# Whoever has read much has grown; the next one begins anew.
FILES = 300
HELD_MB = 700
TELL_SECONDS = 0.2


def leaves(number: int) -> bool:
    """Whether the process ends after so many files."""
    from retrieval.limits import held_mb

    return number >= FILES or held_mb() > HELD_MB


def read(path: Path, source: str, limits: Limits, out: TextIO, number: int) -> None:
    """Write the passages of a file, the `number`th of this process, or the sentence that says why there are none."""
    from core.errors import DocumentError
    from retrieval.documents import read_here

    last = 0.0

    def tell(number: int, unit: str) -> None:
        nonlocal last
        if time.monotonic() - last > TELL_SECONDS:
            last = time.monotonic()
            say(out, {"at": [number, unit]})

    try:
        for passage in read_here(path, source, limits, tell, lambda what: say(out, {"note": what})):
            out.write(json.dumps({"passage": passage.model_dump(exclude_defaults=True)}) + "\n")
    except DocumentError as error:
        say(out, {"error": str(error), "leaves": leaves(number)})
        return
    except (MemoryError, RecursionError):
        say(out, {"error": f"{path.name}: the file needs too much memory; split it up or simplify it", "leaves": True})
        raise SystemExit(0) from None
    say(out, {"end": True, "leaves": leaves(number)})


def say(out: TextIO, line: dict[str, Any]) -> None:
    out.write(json.dumps(line) + "\n")
    out.flush()


def load() -> None:
    """What reading needs, so that no file's time is spent on it."""
    import bs4  # noqa: F401
    import docutils.core
    import docutils.parsers.rst  # noqa: F401
    import langchain_text_splitters  # noqa: F401
    import markitdown.converters  # noqa: F401
    import openpyxl  # noqa: F401
    import pdfminer.high_level  # noqa: F401

    import retrieval.documents  # noqa: F401


def main() -> None:
    die_with(int(sys.argv[2]))
    from retrieval.limits import Limits, limit_cpu, limit_memory

    limits = Limits(**json.loads(sys.argv[1]))
    # What a library prints must not stand between the lines.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    load()
    limit_memory(limits)
    say(out, {"ready": True})
    for number, line in enumerate(sys.stdin, 1):
        asked = json.loads(line)
        limit_cpu(limits.seconds)
        read(Path(asked["path"]), asked["source"], limits, out, number)
        if leaves(number):
            return


if __name__ == "__main__":
    main()

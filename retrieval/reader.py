"""Files read by a process that may be ended: one that hangs, explodes or crashes its library costs only itself."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from core.errors import DocumentError, TriviumError
from core.settings import ROOT
from core.types import Passage
from retrieval.documents import read_here
from retrieval.formats import PLAIN, ending_of
from retrieval.limits import Limits
from retrieval.telling import Note, Tell, silent, unnoted

# Plain text this small is read here: it cannot take long, and there may be ten thousand such files.
SMALL = 64 << 10
BLOCK = 1 << 16
LOOK_SECONDS = 0.2
# The process has to import its libraries, on a machine that may be busy.
START_SECONDS = 60


class Stopped(TriviumError):
    """Whoever wanted this has called it off; nothing is wrong with the file."""

    title = "Stopped"


class Reader:
    """Reads files, one at a time, in a process that is started when first needed and ended when it misbehaves.

    `read` may be called from several threads, which then wait for each other; `close` ends the process, and the next
    `read` starts another.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self._ready = False

    def read(
        self, path: Path, source: str, stop: threading.Event | None = None, tell: Tell = silent, note: Note = unnoted
    ) -> list[Passage]:
        """The passages of a file, in its order. `tell(number, unit)` hears how far it is, `note` what is missing.

        Raises:
            DocumentError: the file cannot be read; says what to do.
            Stopped: `stop` was set meanwhile.
        """
        if ending_of(path) in PLAIN and path.is_file() and path.stat().st_size <= SMALL:
            return read_here(path, source, self.limits, tell, note)
        with self._lock:
            fresh = self._start()
            try:
                return self._ask(path, source, stop, tell, note)
            except EOFError:
                if not fresh:
                    # An earlier file may have left the process in a bad state: this one is owed a process of its own.
                    self._end()
                    self._start()
                    with suppress(EOFError):
                        return self._ask(path, source, stop, tell, note)
                raise DocumentError(self._why(path)) from None

    def close(self) -> None:
        with self._lock:
            self._end()

    def _start(self) -> bool:
        """Have a process. Whether it is a new one."""
        if self._process is not None and self._process.poll() is None:
            return False
        self._end()
        command = [sys.executable, "-m", "retrieval.child", json.dumps(self.limits.as_dict()), str(os.getpid())]
        self._stderr, self._ready = tempfile.TemporaryFile(), False  # noqa: SIM115
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, cwd=ROOT,
            start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        return True

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    def _ask(self, path: Path, source: str, stop: threading.Event | None, tell: Tell, note: Note) -> list[Passage]:
        """Raises EOFError if the process ends without an answer."""
        process, found = self._process, []
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({"path": str(path.resolve()), "source": source}).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise EOFError from None
        for line in self._lines(process, path, stop):
            if "at" in line:
                tell(*line["at"])
            elif "note" in line:
                note(line["note"])
            elif "passage" in line:
                found.append(Passage(**line["passage"]))
            else:
                if line.get("leaves"):
                    self._end()
                if "error" in line:
                    raise DocumentError(line["error"])
                return found
        raise EOFError

    def _lines(
        self, process: subprocess.Popen[bytes], path: Path, stop: threading.Event | None
    ) -> Iterator[dict[str, Any]]:
        """What the process says, until it ends. It is ended when its time is over, it says too much, or by `stop`."""
        assert process.stdout is not None
        waits = self.limits.seconds + (0 if self._ready else START_SECONDS)
        deadline, said, rest = time.monotonic() + waits, 0, b""
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            while True:
                if stop is not None and stop.is_set():
                    self._end()
                    raise Stopped(f"{path.name}: stopped while it was read; it will be read again")
                if time.monotonic() > deadline:
                    self._end()
                    raise DocumentError(
                        f"{path.name}: reading took over {self.limits.seconds:g} s; split the file or save it anew"
                    )
                if not ready.select(LOOK_SECONDS):
                    continue
                block = os.read(process.stdout.fileno(), BLOCK)
                if not block:
                    return
                said += len(block)
                if said > self.limits.text_mb * 2**20 * 4:
                    self._end()
                    raise DocumentError(f"{path.name}: the file holds more text than can be kept; split it up")
                *whole, rest = (rest + block).split(b"\n")
                for line in map(json.loads, whole):
                    if "ready" in line:
                        self._ready, deadline = True, time.monotonic() + self.limits.seconds
                    else:
                        yield line

    def _why(self, path: Path) -> str:
        """What to say of a file that ended its process."""
        process, stderr, last = self._process, self._stderr, ""
        code = process.wait() if process is not None else 0
        if stderr is not None:
            stderr.seek(max(0, stderr.seek(0, 2) - 2000))
            last = stderr.read().decode(errors="replace").strip().rpartition("\n")[2][-200:]
        self._end()
        if code < 0 or "Memory" in last:
            return f"{path.name}: reading it took too much memory or crashed; split it up, or save it anew"
        return f"{path.name}: the file cannot be read ({last or f'code {code}'}); save or export it again"

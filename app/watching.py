"""Folders are looked at from time to time: where names, sizes or times of files have changed, a job brings the index in step."""

from __future__ import annotations

import logging
import threading
from typing import Any

from app.bootstrap import Service

log = logging.getLogger("trivium")


class Watch:
    """A thread that looks every `watch_seconds`, for what has changed since this was made. It waits until two looks agree:
    a file may still be being copied."""

    def __init__(self, service: Service, jobs: Any) -> None:
        self._service, self._jobs = service, jobs
        self._seconds = service.settings.watch_seconds
        self._stop = threading.Event()
        self._known = self.look()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> Watch:
        if self._seconds:
            self._thread.start()
        return self

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def look(self) -> tuple[str, ...]:
        """Changes with what lies in the folders."""
        from retrieval.shelves import stamps

        return tuple(stamps(shelf) for shelf in self._service.ingest.shelves(self._service.folders()))

    def _run(self) -> None:
        last = self._known
        while not self._stop.wait(self._seconds):
            now = self.look()
            if now == last and now != self._known:
                log.info("documents have changed: bringing the index in step")
                self._jobs.sync()
                self._known = now
            last = now

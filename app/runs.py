"""Answers under way. A run lives on the server: listeners come, go and come back; only `stop` ends it early."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import Counter, Histogram

from app.answering import Answering
from core.errors import Busy, TriviumError
from core.store import Store
from core.types import Answer, Query, new_id

log = logging.getLogger("trivium.runs")
FLUSH_SECONDS = 1.0
KEPT_RUNS = 200
ANSWERS = Counter("trivium_answers", "Answers by road and how they ended", ["road", "status"])
SECONDS = Histogram("trivium_answer_seconds", "Seconds from query to the end of the answer", ["road"])


class Run:
    """One answer under way: numbered events, and the answer as it stands."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.stop = threading.Event()
        self._events: list[tuple[str, dict[str, Any]]] = []
        self._changed = threading.Condition()
        self._ended = False

    @property
    def ended(self) -> bool:
        return self._ended

    def add(self, name: str, body: dict[str, Any], answer: Answer) -> None:
        with self._changed:
            self.answer = answer
            self._events.append((name, body))
            self._changed.notify_all()

    def end(self, answer: Answer) -> None:
        with self._changed:
            self.answer = answer
            self._events.append(("end", answer.model_dump(mode="json")))
            self._ended = True
            self._changed.notify_all()

    def after(self, number: int, timeout: float) -> list[tuple[int, str, dict[str, Any]]]:
        """Events from `number` on, waiting up to `timeout` seconds for the first."""
        with self._changed:
            if len(self._events) <= number and not self._ended:
                self._changed.wait(timeout)
            return [(n, *self._events[n]) for n in range(number, len(self._events))]

    def follow(self) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """All events, until the end."""
        number = 0
        while True:
            for event in self.after(number, timeout=1.0):
                number = event[0] + 1
                yield event
                if event[1] == "end":
                    return

    def wait(self) -> Answer:
        for _ in self.follow():
            pass
        return self.answer


class Runs:
    """Starts runs, at most `limit` at a time, and finds them again by the id of their answer."""

    def __init__(self, store: Store, limit: int) -> None:
        self._store, self._limit = store, limit
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def start(self, answering: Answering, query: Query, conversation: str = "") -> Run:
        """Raises Busy when `limit` runs are under way, QueryError for a query that cannot be taken."""
        answering.check(query)
        run = Run(Answer(query=query.text, conversation=conversation or new_id()))
        with self._lock:
            active = sum(not other.ended for other in self._runs.values())
            if active >= self._limit:
                raise Busy(f"{active} queries are being answered; try again in a few seconds", retry_after=5)
            self._runs[run.answer.id] = run
            self._forget_old()
        try:
            self._store.save_answer(run.answer)
        except BaseException:
            self._runs.pop(run.answer.id, None)
            raise
        threading.Thread(
            target=self._work, args=(run, answering, query), name=f"run-{run.answer.id[:8]}", daemon=True
        ).start()
        return run

    def get(self, id: str) -> Run | None:
        return self._runs.get(id)

    def answer(self, id: str) -> Answer:
        """The answer as it stands. Raises NotFound."""
        run = self._runs.get(id)
        return run.answer if run else self._store.answer(id)

    def stop(self, id: str) -> Answer:
        """Ask a run to end at the next token. Raises NotFound; an ended run stays as it is."""
        run = self._runs.get(id)
        if run is None:
            return self._store.answer(id)
        run.stop.set()
        return run.answer

    def stop_all(self, timeout: float = 5.0) -> None:
        """Stop every run and wait up to `timeout` seconds for them to be stored."""
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.stop.set()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and not all(run.ended for run in runs):
            time.sleep(0.05)

    @property
    def active(self) -> int:
        with self._lock:
            return sum(not run.ended for run in self._runs.values())

    def _work(self, run: Run, answering: Answering, query: Query) -> None:
        identity = {"id": run.answer.id, "conversation": run.answer.conversation, "created_at": run.answer.created_at}
        began = flushed = time.monotonic()
        try:
            for grown, event in answering.stream(query, run.stop):
                answer = grown.model_copy(update=identity)
                run.add(getattr(event, "event", "routed"), event.model_dump(mode="json"), answer)
                if time.monotonic() - flushed > FLUSH_SECONDS:
                    self._store.save_answer(answer)
                    flushed = time.monotonic()
            answer = run.answer
        except TriviumError as error:
            answer = run.answer.model_copy(update={"status": "failed", "error": str(error)})
        except Exception:
            log.exception("an answer failed")
            message = "Something went wrong inside Trivium; the log has the details. Ask again, or choose another road."
            answer = run.answer.model_copy(update={"status": "failed", "error": message})
        try:
            self._store.save_answer(answer)
        finally:
            run.end(answer)
            road = answer.route.strategy if answer.route else "none"
            ANSWERS.labels(road, answer.status).inc()
            SECONDS.labels(road).observe(time.monotonic() - began)

    def _forget_old(self) -> None:
        ended = [id for id, run in self._runs.items() if run.ended]
        for id in ended[: max(0, len(self._runs) - KEPT_RUNS)]:
            del self._runs[id]

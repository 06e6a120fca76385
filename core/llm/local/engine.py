"""The one thread that owns the local model. Everyone else queues."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import ModelError, TriviumError
from core.llm.messages import FinishReason, Options
from core.types import Adapter

if TYPE_CHECKING:
    from core.llm.local.decoding import Row
    from core.llm.local.rows import Pair, Rows

log = logging.getLogger(__name__)

TOGETHER = 8  # streamed answers that are written as one
SHORT = 600  # characters; a difference that costs little

Result = TypeVar("Result")
Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Written:
    """What became of one answer, once it is at its end. `tokens` and `prompt_tokens` are counts; `unless` as
    `core.llm.messages.Options` says."""

    text: str
    finish_reason: FinishReason
    logprobs: tuple[float, ...]
    tokens: int
    prompt_tokens: int
    unless: float | None = None


@dataclass(frozen=True)
class Asked:
    """A streamed answer that waits for its turn. `pieces` gets its text, and at the end a `Written` or an error."""

    messages: Messages
    options: Options
    adapter: Adapter | None
    pieces: queue.SimpleQueue[str | Written | Exception]

    @property
    def length(self) -> int:
        return sum(len(message["content"]) for message in self.messages)

    def follow(self, row: Row) -> None:
        """Let the reader have its end as soon as the row ends, though others are still being written."""
        row.ended = lambda ended: self.pieces.put(written(ended, ""))
        if row.finish is not None:
            row.ended(row)


class AnyOf(threading.Event):
    """Set when one of its flags is: a caller's own and the reader's that went away."""

    def __init__(self, *flags: threading.Event | None) -> None:
        super().__init__()
        self._flags = [flag for flag in flags if flag is not None]

    def is_set(self) -> bool:
        return any(flag.is_set() for flag in self._flags)


class Engine:
    """Runs a runtime on its own thread, one job after the other; any thread may call the methods here.

    PEFT's choice of adapter is state of the model and shared by all threads, so only one of them may touch it.
    `base` names folder and fingerprint when the model is first needed; `dtype` is a torch type's name. `engine` is
    auto, openvino or transformers; what the first two convert is kept in `place`, beside the base if none is given.
    """

    def __init__(
        self,
        base: Callable[[], tuple[Path, str]],
        device: str = "auto",
        quantization: str = "auto",
        dtype: str = "bfloat16",
        engine: str = "transformers",
        place: Path | None = None,
    ) -> None:
        calm_threads()
        self._base = base
        self._kind = (device, quantization, dtype)
        self._engine, self._place = engine, place
        self._waiting: deque[Asked | Callable[[], None] | None] = deque()
        self._jobs: queue.SimpleQueue[Asked | Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._runtime: Rows | None = None

    def load(self) -> None:
        """Load the model now instead of at the first question.

        Raises:
            ModelError: it cannot be loaded.
        """
        self._do(self._ready)

    @property
    def kind(self) -> str:
        """See `Rows.kind`; the model is loaded for it. Raises ModelError."""
        return (self._runtime or self._do(self._ready)).kind

    def stream(self, messages: Messages, options: Options, adapter: Adapter | None = None) -> Iterator[str | Written]:
        """Pieces of text as they come, then one `Written`. A reader that goes away ends the answer.

        Raises:
            QueryError: the prompt is too long.
            ModelError: the model or the adapter cannot be loaded, or the engine is closed.
        """
        pieces: queue.SimpleQueue[str | Written | Exception] = queue.SimpleQueue()
        gone = threading.Event()
        options = replace(options, stop_flag=AnyOf(options.stop_flag, gone))
        self._submit(Asked(messages, options, adapter, pieces))
        try:
            while True:
                piece = pieces.get()
                if isinstance(piece, Exception):
                    raise as_model_error(piece)
                yield piece
                if isinstance(piece, Written):
                    return
        finally:
            gone.set()

    def write(self, requests: Sequence[tuple[Messages, Options]], adapter: Adapter | None = None) -> list[Written]:
        """Answer all requests in one padded batch. Raises as `stream` does."""

        def job() -> list[Written]:
            texts: list[list[str]] = [[] for _ in requests]
            asked = [
                (messages, options, text.append) for (messages, options), text in zip(requests, texts, strict=True)
            ]
            rows = self._ready().write(asked, adapter)
            return [written(row, "".join(text)) for row, text in zip(rows, texts, strict=True)]

        return self._do(job)

    def prepare(self, adapter: Adapter) -> None:
        """Have the adapter loaded, or converted where that is still to be done, while nobody asks. Does not wait."""

        def job() -> None:
            if self._closed:
                return
            try:
                self._ready().prepare(adapter)
            except TriviumError as error:
                log.warning("%s", error)

        self._submit(job)

    def close(self) -> None:
        """End the thread after the job that it is at, and forget the model. Jobs still waiting fail."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._jobs.put(None)
            thread.join()
        self._runtime = None

    def _ready(self) -> Rows:
        if self._closed:
            raise ModelError("The model is being unloaded; start Trivium again")
        if self._runtime is None:
            from core.llm.local.converted import Order
            from core.llm.local.paged_runtime import open_runtime

            folder, fingerprint = self._base()
            order = Order(folder, fingerprint, self._place or folder.parent, exact=self._kind[-1] == "float32")
            self._runtime = open_runtime(self._engine, order, *self._kind)
        return self._runtime

    def _do(self, work: Callable[[], Result]) -> Result:
        """Run `work` on the engine thread and wait for what it gives back or raises."""
        answers: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()

        def job() -> None:
            try:
                answers.put((work(), None))
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to the caller; this thread goes on
                answers.put((None, error))

        self._submit(job)
        result, error = answers.get()
        if error is not None:
            raise as_model_error(error)
        return result

    def _submit(self, job: Asked | Callable[[], None]) -> None:
        with self._lock:
            if self._closed:
                raise ModelError("The model is unloaded; start Trivium again")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
                self._thread.start()
            self._jobs.put(job)

    def _run(self) -> None:
        while True:
            if not self._waiting:
                self._waiting.append(self._jobs.get())
            self._collect()
            job = self._waiting.popleft()
            if job is None:
                return
            if isinstance(job, Asked):
                self._answer(alike(job, self._waiting))
            else:
                job()

    def _collect(self) -> None:
        while not self._jobs.empty():
            self._waiting.append(self._jobs.get_nowait())

    def _answer(self, together: Sequence[Asked]) -> None:
        """Write answers that wait at the same time as one, each with its own adapter; those that come meanwhile join if
        the runtime takes them in. A fault of one is its own."""
        asked = list(together)
        begun: list[Row] = []

        def begin(one: Asked) -> list[Pair]:
            try:
                row = self._ready().row((one.messages, one.options, one.pieces.put), one.adapter)
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to the caller; this thread goes on
                one.pieces.put(error)
                return []
            one.follow(row)
            begun.append(row)
            return [(row, one.adapter)]

        def arriving() -> list[Pair]:
            self._collect()
            joined: list[Pair] = []
            writing = sum(row.finish is None for row in begun)
            while self._waiting and isinstance(self._waiting[0], Asked) and writing + len(joined) < TOGETHER:
                one = self._waiting.popleft()
                assert isinstance(one, Asked)
                asked.append(one)
                joined += begin(one)
            return joined

        try:
            runtime = self._ready()
            runtime.run([pair for one in together for pair in begin(one)], arriving)
        except Exception as error:  # noqa: BLE001 - as above
            for one in asked:
                one.pieces.put(error)


def alike(first: Asked, waiting: deque[Any]) -> list[Asked]:
    """The first answer, with those that wait behind it and whose prompts are of like length (a batch is padded to its
    longest); they are taken out of `waiting`. Nothing that is no answer is overtaken."""
    taken, left = [first], deque()
    while waiting and isinstance(waiting[0], Asked):
        other = waiting.popleft()
        near = max(first.length, other.length) <= 2 * min(first.length, other.length) + SHORT
        (taken if near and len(taken) < TOGETHER else left).append(other)
    waiting.extendleft(reversed(left))
    return taken


def calm_threads() -> None:
    """Let torch's idle worker threads sleep; read when torch is first imported, so call this before.

    They spin otherwise, and as soon as anything else wants a core, each of the hundreds of small steps per token
    waits for a spinning thread's turn: 415 ms a token instead of 71 on two busy cores.
    """
    if "torch" in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
        log.warning("torch was imported before the models were opened: set OMP_WAIT_POLICY=PASSIVE, or expect slowness")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def written(row: Row, text: str) -> Written:
    return Written(text, row.finish or "stop", tuple(row.logprobs), len(row.tokens), len(row.prompt), row.chance)


def as_model_error(error: Exception) -> TriviumError:
    """The caller's error: ours as it is, anything else as the cause of a ModelError."""
    if isinstance(error, TriviumError):
        return error
    wrapped = ModelError(f"The local model failed: {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped

"""The fast runtime: compiled models, one for the base and each adapter. Owned by the engine thread, as the other one is."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.llm.adapters import check_adapter
from core.llm.local.converted import CONVERSION, Order, Unfit, opened
from core.llm.local.paged import Table
from core.llm.local.rows import Arriving, Pair, Rows, key_of, nobody
from core.llm.local.runtime import Runtime
from core.types import Adapter

log = logging.getLogger(__name__)

OPEN = 3  # compiled models that are kept in memory


class PagedRuntime(Rows):
    """Answers that join while others are being written; each adapter has weights, keys and values of its own.

    What cannot be compiled is left to `common`, which is opened when it is first needed.

    Raises:
        Unfit: the base cannot be served that way, on this machine or at all.
    """

    def __init__(self, order: Order, common: Callable[[], Runtime]) -> None:
        super().__init__(order.base, *configurations(order.base))
        self.fingerprint = order.fingerprint
        self.kind = f"openvino-{CONVERSION}"
        self._order = order
        self._open_common = common
        self._common: Runtime | None = None
        self._tables: OrderedDict[str | None, Table] = OrderedDict()
        self._unfit: set[str] = set()
        self.prepare(None)

    def run(self, pairs: Sequence[Pair], arriving: Arriving = nobody) -> None:
        try:
            self._run(deque(pairs), arriving)
        except Exception:
            for table in self._tables.values():
                table.leave()
            raise
        self._unload()

    def _run(self, waiting: deque[Pair], arriving: Arriving) -> None:
        while True:
            waiting.extend(arriving())
            waiting = self._seat(waiting)
            busy = [table for table in self._tables.values() if not table.empty]
            if not busy and not waiting:
                return
            for table in busy:
                table.turn()

    def _seat(self, waiting: deque[Pair]) -> deque[Pair]:
        """Those for whom there is no room yet."""
        left: deque[Pair] = deque()
        others: list[Pair] = []
        for row, adapter in waiting:
            row.end_if_stopped()
            if row.finish is not None:
                continue
            if row.adapter in self._unfit:
                others.append((row, adapter))
            elif not self._tables[row.adapter].seat(row):
                left.append((row, adapter))
        if others:
            self._other().run(others)
        return left

    def prepare(self, adapter: Adapter | None) -> None:
        key = key_of(adapter) if adapter else None
        if key in self._tables:
            self._tables.move_to_end(key)
            return
        if adapter is not None:
            check_adapter(adapter, self.fingerprint)
        if key not in self._unfit:
            try:
                order = Order(self._order.base, self.fingerprint, self._order.place, adapter, self._order.exact)
                self._tables[key] = Table(opened(order, self.context), self.stop_ids)
                return
            except Unfit as error:
                if adapter is None or key is None:
                    raise
                log.warning("Adapter %s is served by transformers: %s", adapter.name, error)
                self._unfit.add(key)
        self._other().prepare(adapter)

    def _other(self) -> Runtime:
        if self._common is None:
            self._common = self._open_common()
        return self._common

    def _unload(self) -> None:
        """Keep the models that were used last."""
        for key in list(self._tables)[:-OPEN]:
            del self._tables[key]


def configurations(folder: Path) -> tuple[Any, Any]:
    """The model's own, and that of its answers if it has one. Raises Unfit."""
    from transformers import AutoConfig, GenerationConfig

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise Unfit(f"its configuration cannot be read: {error}") from error
    try:
        return config, GenerationConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError):
        return config, None


def tried(engine: str, device: str, quantization: str) -> bool:
    """Whether the settings want the fast engine where it can be had. Raises ModelError for a device that is missing."""
    from core.llm.local.runtime import in_nf4, pick_device

    if engine == "auto":
        found = pick_device(device)
        return found == "cpu" and not in_nf4(found, quantization)
    return engine == "openvino"


def open_runtime(engine: str, order: Order, device: str, quantization: str, dtype: str) -> Rows:
    """The runtime that the settings ask for; `auto` is the fast one where it can be.

    Raises:
        ModelError: it cannot be loaded, or only the fast one was asked for and it cannot be.
    """

    def common() -> Runtime:
        return Runtime(order.base, order.fingerprint, device, quantization, dtype)

    if not tried(engine, device, quantization):
        return common()
    try:
        return PagedRuntime(order, common)
    except Unfit as error:
        if engine == "openvino":
            raise ModelError(
                f"TRIVIUM_ENGINE=openvino, and {error}; set it to auto to have transformers answer"
            ) from error
        log.warning("The fast engine is not used, transformers answers: %s", error)
        return common()

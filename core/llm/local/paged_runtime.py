"""The fast runtime: one compiled model and the adapters it carries. Owned by the engine thread, as the other one is."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.errors import AdapterMismatch, ModelError
from core.llm.adapters import check_adapter
from core.llm.local.converted import CONVERSION, Order, Unfit, opened
from core.llm.local.lora import Inputs, OtherAdapter
from core.llm.local.paged import Table
from core.llm.local.rows import Arriving, Pair, Rows, key_of, nobody
from core.llm.local.runtime import Runtime
from core.types import Adapter

log = logging.getLogger(__name__)

LOADED = 8  # adapters that are kept in memory


class PagedRuntime(Rows):
    """Answers that join while others are being written; all adapters share the weights of the base.

    An adapter that the graph has no place for is left to `common`, which is opened when it is first needed.

    Raises:
        Unfit: the base cannot be served that way, on this machine or at all.
    """

    def __init__(self, order: Order, common: Callable[[], Runtime]) -> None:
        super().__init__(order.base, *configurations(order.base))
        self.fingerprint = order.fingerprint
        self.kind = f"openvino-{CONVERSION}"
        self._open_common = common
        self._common: Runtime | None = None
        self._compiled = opened(order, self.context)
        self._table = Table(self._compiled, self.stop_ids)
        self._adapters: OrderedDict[str, Inputs] = OrderedDict()
        self._unfit: set[str] = set()

    def run(self, pairs: Sequence[Pair], arriving: Arriving = nobody) -> None:
        try:
            self._run(deque(pairs), arriving)
        except Exception:
            self._table.leave()
            raise
        while len(self._adapters) > LOADED:
            self._adapters.popitem(last=False)

    def _run(self, waiting: deque[Pair], arriving: Arriving) -> None:
        while True:
            waiting.extend(arriving())
            waiting = self._seat(waiting)
            if self._table.empty and not waiting:
                return
            self._table.turn()

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
            elif not self._table.seat(row, self._adapters[row.adapter] if row.adapter else None):
                left.append((row, adapter))
        if others:
            self._other().run(others)
        return left

    def prepare(self, adapter: Adapter | None) -> None:
        if adapter is None:
            return
        key = key_of(adapter)
        if key in self._adapters:
            self._adapters.move_to_end(key)
            return
        check_adapter(adapter, self.fingerprint)
        if key not in self._unfit:
            try:
                self._adapters[key] = self._compiled.adapter(Path(adapter.path))
                return
            except OtherAdapter as error:
                log.warning("Adapter %s is served by transformers: %s", adapter.name, error)
                self._unfit.add(key)
            except (OSError, ValueError, KeyError) as error:
                raise AdapterMismatch(f"Adapter {adapter.name} cannot be loaded: {error}") from error
        self._other().prepare(adapter)

    def _other(self) -> Runtime:
        if self._common is None:
            self._common = self._open_common()
        return self._common


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

"""Which adapter reads for rag, and by which dial it is judged where the pack has measured nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.dial import Dial, load_served
from core.domain import TaskType
from core.errors import DomainError, ModelNotFound
from core.llm.models import BASE, Models
from core.measured import Figure, Standing, said
from core.settings import Settings
from core.types import Adapter

log = logging.getLogger("trivium")
AUTO, SHIPPED = "auto", "reader"
KEPT_SECONDS = 2.0  # as long as fingerprints are kept


@dataclass
class Readers:
    """Looks for the reader again now and then: adapters come and go in their folders."""

    settings: Settings
    models: Callable[[], Models]
    _found: tuple[float, Adapter | None] | None = None
    _dials: dict[str, Dial | None] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The adapter that is wanted; empty where none is."""
        wanted = self.settings.reader
        if wanted != AUTO:
            return wanted
        # Whoever names another model for rag wants that one to write.
        return SHIPPED if self.settings.rag_model == BASE else ""

    @property
    def adapter(self) -> Adapter | None:
        """The one that reads; None where there is none for the base that is served."""
        if self._found is None or time.monotonic() - self._found[0] > KEPT_SECONDS:
            self._found = (time.monotonic(), self._look())
        return self._found[1]

    @property
    def dial(self) -> Dial | None:
        adapter = self.adapter
        if adapter is None:
            return None
        if adapter.sha256 not in self._dials:
            try:
                self._dials[adapter.sha256] = load_served(Path(adapter.path), adapter.sha256)
            except DomainError as error:
                self._once(str(error))
                self._dials[adapter.sha256] = None
        return self._dials[adapter.sha256]

    def look_again(self) -> None:
        self._found = None

    def _look(self) -> Adapter | None:
        name, models = self.name, self.models()
        if not name:
            return None
        found = next((one for one in models.adapters() if one.name == name), None)
        if found is None:
            if self.settings.reader != AUTO:
                self._once(f"TRIVIUM_READER={name}: there is no such adapter, so rag quotes; train it or name another")
            return None
        try:
            base = models.fingerprint(BASE)
        except ModelNotFound:
            return None
        if found.base_fingerprint != base:
            self._once(
                f"the reader {name} was trained for another base than the one that is served, so rag quotes; "
                "`trivium train reader` makes one for it"
            )
            return None
        return found

    def _once(self, said: str) -> None:
        if said not in self._said:
            self._said.add(said)
            log.warning("%s", said)


def reading_standing(
    task: TaskType, read: Figure | None, quoted: Figure | None, floor: float, dial: Dial | None
) -> Standing:
    """May a reader answer questions of this task? `read`, `quoted`: how it did on the pack's golden cases, and how quoting
    did. Where the pack has measured neither, what it was measured on before it was shipped counts. Pure."""
    if "rag" not in task.strategies:
        return Standing(open=False, floor=floor, why=f"it is not meant for {said(task.name)} questions")
    if task.sources > 1:
        return Standing(open=False, floor=floor, why="a reader answers from one passage, and several are wanted")
    if read is None and quoted is None and dial is not None:
        return Standing(
            open=True, floor=floor, why=f"it was tested on public questions, not yet on {said(task.name)} ones"
        )
    if read is None:
        why = f"the reader has not been tested on {said(task.name)} questions yet"
        return Standing(open=False, floor=floor, why=why, mend="run `trivium evaluate --save`")
    wanted = max(floor, quoted.score if quoted else 0.0)
    if read.score < wanted:
        why = f"in tests it got {read.score:.0%} of {said(task.name)} questions right, and {wanted:.0%} are wanted"
        return Standing(open=False, score=read.score, floor=wanted, why=why, measured=True)
    return Standing(open=True, score=read.score, floor=wanted, measured=True)

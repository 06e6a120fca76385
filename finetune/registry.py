"""The registry: which adapters there are, in which state, and which one each name serves.

The database is the truth. Serving reads a link, `adapters/<name> -> <name>-<start of its hash>`, which is replaced in one
step after the database has been changed; whatever a kill leaves half done is mended at the next start (`mend`).

    candidate --gate--> candidate with a report that says promote, or refused (for good)
    candidate --promote--> live --another is promoted, or roll back--> former --promote, or roll back--> live
    candidate, refused, former --retire--> retired (its folder leaves the sight of serving)
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import AdapterMismatch, NotFound, RegistryError
from core.llm.adapters import check_adapter, find_adapter, read_adapter
from core.store import Store
from core.tables import AdapterRow, ReportRow
from core.types import Adapter, Registered, Report, now
from finetune.adapter_folders import SHORT, Folders, own_id
from finetune.registered import as_registered, learn, noun, same, unlearn, whole

log = logging.getLogger(__name__)

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,100}")
ADVICE = {
    "refused": "was refused by the gate (report {report}); a refused adapter is never promoted: train another one",
    "retired": "is retired; register or train it again",
    "unjudged": "has not been evaluated: run `trivium adapters evaluate {id}` first",
    "too_few": "could not be judged for lack of golden cases (report {report}): add cases and evaluate it again",
    "outdated": "was compared with {incumbent}, and {live} serves now: run `trivium adapters evaluate {id}` again",
}


class Registry:
    """`folder`: where trained adapters lie, in the data folder; `shipped`: where the project's own lie; `base`: the
    fingerprint of the base model that serves (none: it is not compared)."""

    def __init__(
        self, store: Store, folder: Path, shipped: Path | None = None, base: Callable[[], str] | None = None
    ) -> None:
        self._store, self._base = store, base
        self._folders = Folders(folder)
        self._shipped = shipped
        self._lock = threading.Lock()

    # Reading

    def get(self, id: str) -> Registered:
        """Raises NotFound."""
        with self._store.session() as session:
            return noun(self._row(session, id, change=False))

    def list(self, name: str | None = None) -> list[Registered]:
        """All of them, or those of a name; newest first."""
        wanted = select(AdapterRow).order_by(AdapterRow.created_at.desc(), AdapterRow.id)
        if name is not None:
            wanted = wanted.where(AdapterRow.name == name)
        with self._store.session() as session:
            return [noun(row) for row in session.scalars(wanted)]

    def live(self, name: str) -> Registered | None:
        with self._store.session() as session:
            row = self._live(session, name)
            return noun(row) if row else None

    def serving(self, name: str) -> str:
        """The id (or, of a shipped adapter, the name) that a name serves; empty where it serves nothing."""
        live = self.live(name)
        return live.id if live else (name if self._plain(name) or self._ship(name) else "")

    def adapter(self, model: str) -> Adapter | None:
        """The files behind an id or a served name; None where there are none.

        Raises:
            AdapterMismatch: they are incomplete.
        """
        if self._folders.has(model):
            return self._folders.read(model)
        return self._ship(model)

    def report(self, id: str) -> Report:
        """A report by its own id or by its adapter's. Raises NotFound."""
        with self._store.session() as session:
            adapter = session.get(AdapterRow, id)
            found = session.get(ReportRow, adapter.report_id if adapter else id)
            if found is None:
                advice = f": run `trivium adapters evaluate {id}`" if adapter else ""
                raise NotFound(f"there is no report {id!r}{advice}")
            columns = ("id", "candidate", "incumbent", "verdict", "body", "created_at")
            return Report(**{name: getattr(found, name) for name in columns})

    # Changes

    def register(self, source: Path, *, name: str = "", dataset: str = "") -> Registered:
        """Take a PEFT folder with its card in as a candidate; its files are copied. The same weights are taken in once.

        Raises:
            AdapterMismatch: the folder is incomplete, or its weights are not those of its card.
            RegistryError: a name that cannot be served, or the adapter was retired.
        """
        adapter = read_adapter(source)
        whole(adapter)
        name = name or str(adapter.card.get("name") or adapter.name)
        if not NAME.fullmatch(name) or name == "base":
            raise RegistryError(f"{name!r} is no name for an adapter: take small letters, digits and hyphens")
        id = own_id(name, adapter.sha256)
        with self._lock:
            if known := self._known(id, adapter.sha256):
                return known
            self._folders.take_in(source, id)
            return self._add(id, name, adapter, dataset)

    def judge(self, report: Report) -> Registered:
        """Keep a gate's report, and refuse its candidate if it says so; both or neither. Raises NotFound, RegistryError."""
        with self._lock, self._store.session() as session:
            row = self._row(session, report.candidate)
            if row.state != "candidate" and (row.state, row.report_id) != ("refused", report.id):
                raise RegistryError(f"{row.id} is {row.state}; only a candidate is judged")
            session.merge(ReportRow(**report.model_dump()))
            row.report_id = report.id
            if report.verdict == "refuse":
                row.state = "refused"
            return noun(row)

    def promote(self, id: str) -> Registered:
        """Let an adapter serve its name from the next query on.

        Raises:
            NotFound, RegistryError: it may not, and why.
            AdapterMismatch: another base, or its files are not those that were judged.
        """
        with self._lock:
            chosen = self.get(id)
            self._may(chosen)
            self._check(chosen)
            if chosen.state == "live":
                self._link(chosen.name, id)
                return chosen
            self._adopt_plain(chosen.name)
            with self._store.session() as session:
                before, row = self._live(session, chosen.name, True), self._row(session, id)
                if before is not None:
                    before.state = "former"
                    unlearn(session, before.id)
                    session.flush()  # one live adapter per name: the old one goes first
                row.state, row.promoted_at = "live", now()
                learn(session, row)
                promoted = noun(row)
            self._link(chosen.name, id)
            return promoted

    def roll_back(self, name: str) -> Registered:
        """Go back to the adapter that was live before this one, or to the shipped one (whose `id` is its name). `name` may
        be the id of the live one.

        Raises:
            RegistryError: nothing of that name is live, or there is nothing to go back to.
        """
        with self._lock:
            live = self.live(name) or self._live_by_id(name)
            if live is None:
                raise RegistryError(f"no adapter called {name!r} was promoted, so there is nothing to roll back")
            name = live.name
            target, shipped = self._before(live), self._ship(name)
            if target is None and shipped is None:
                raise RegistryError(
                    f"{live.id} is the first of its name and none is shipped: promote another one first"
                )
            if target is not None:
                self._check(target)
            with self._store.session() as session:
                self._row(session, live.id).state = "former"
                session.flush()
                unlearn(session, live.id)
                if target is not None:
                    row = self._row(session, target.id)
                    row.state = "live"
                    learn(session, row)
            self._link(name, target.id if target else None)
            return self.get(target.id) if target else as_registered(shipped)  # pyright: ignore[reportArgumentType]

    def retire(self, id: str) -> Registered:
        """Put an adapter out of use; its files are kept out of the sight of serving. Raises NotFound, RegistryError."""
        with self._lock:
            with self._store.session() as session:
                row = self._row(session, id)
                if row.state == "live":
                    raise RegistryError(f"{id} is live: roll back or promote another one, then retire it")
                row.state = "retired"
                retired = noun(row)
            self._folders.put_away(id)
            return retired

    def mend(self) -> list[str]:
        """Finish what a kill left half done, and report what is wrong with the folders, as sentences. Call it at start."""
        said: list[str] = []
        with self._lock:
            self._folders.clear()
            rows = {row.id: row for row in self.list()}
            for id in self._folders.ids() - rows.keys():
                said += self._adopt(id)
            for row in rows.values():
                if row.state == "retired":
                    self._folders.put_away(row.id)
            for name in sorted({row.name for row in rows.values()} | self._folders.links()):
                said += self._mend_link(name)
        for line in said:
            log.warning("%s", line)
        return said

    # What each step rests on

    def _may(self, chosen: Registered) -> None:
        """Raises RegistryError with the reason for which an adapter may not go live."""
        facts: dict[str, Any] = {"id": chosen.id, "report": chosen.report_id}
        if chosen.state in ("live", "former"):
            return  # it has passed the gate before
        if chosen.state != "candidate":
            raise RegistryError(f"{chosen.id} {ADVICE[chosen.state].format(**facts)}")
        if not chosen.report_id:
            raise RegistryError(f"{chosen.id} {ADVICE['unjudged'].format(**facts)}")
        report, serving = self.report(chosen.report_id), self.serving(chosen.name)
        if report.verdict != "promote":
            kind = "refused" if report.verdict == "refuse" else "too_few"
            raise RegistryError(f"{chosen.id} {ADVICE[kind].format(**facts)}")
        if serving and report.incumbent != serving and not report.body.get("rebased"):
            facts |= {"incumbent": report.incumbent or "the base", "live": serving}
            raise RegistryError(f"{chosen.id} {ADVICE['outdated'].format(**facts)}")

    def _check(self, chosen: Registered) -> None:
        """The files are there, are those that were registered, and fit the base. Raises AdapterMismatch."""
        adapter = self._folders.read(chosen.id)
        same(chosen, adapter)
        check_adapter(adapter, self._base() if self._base else adapter.base_fingerprint)

    def _known(self, id: str, sha256: str) -> Registered | None:
        with self._store.session() as session:
            row = session.get(AdapterRow, id)
            if row is None:
                return None
            if row.sha256 != sha256:
                raise RegistryError(f"{id} is taken by other weights; register the new ones under another name")
            if row.state == "retired":
                raise RegistryError(f"{id} was retired: train another one")
            return noun(row)

    def _add(self, id: str, name: str, adapter: Adapter, dataset: str, state: str = "candidate") -> Registered:
        data = adapter.card.get("dataset") or {}
        row = AdapterRow(
            id=id, name=name, sha256=adapter.sha256, state=state, dataset=dataset or str(data.get("version", "")),
            report_id="", card=adapter.card, created_at=now(), promoted_at=now() if state == "live" else None,
        )  # fmt: skip
        with self._store.session() as session:
            session.add(row)
            session.flush()
            return noun(row)

    def _adopt(self, id: str) -> list[str]:
        """A folder without a row: a kill came between the two."""
        try:
            adapter = self._folders.read(id)
        except AdapterMismatch as error:
            return [str(error)]
        name, _, short = id.rpartition("-")
        if not name or short != adapter.sha256[:SHORT]:
            return []  # not one of ours
        self._add(id, name, adapter, "")
        return [f"{id} was found in its folder and is a candidate now"]

    def _adopt_plain(self, name: str) -> None:
        """A folder that was put under the served name by hand is what served: it becomes live in the registry, so that
        rolling back leads to it."""
        plain = self._plain(name)
        if plain is None or self.live(name) is not None:
            return
        id = own_id(name, plain.sha256)
        if self._known(id, plain.sha256) is None:
            self._add(id, name, plain, "", "live")
        self._link(name, id)

    def _mend_link(self, name: str) -> list[str]:
        live = self.live(name)
        wanted = live.id if live else None
        try:
            if live:
                same(live, self._folders.read(live.id) if self._folders.has(live.id) else self._plain(name))
        except AdapterMismatch as error:
            self._folders.link(name, None)
            return [f"{live.id if live else name} does not serve: {error}. Restore its folder, or roll back"]
        if wanted == self._folders.linked(name) or (wanted is None and self._plain(name)):
            return []
        self._link(name, wanted)
        return [f"{name} serves {wanted or 'what is shipped'} now, as the registry says"]

    def _link(self, name: str, id: str | None) -> None:
        self._folders.link(name, id)

    def _plain(self, name: str) -> Adapter | None:
        return self._folders.plain(name)

    def _ship(self, name: str) -> Adapter | None:
        return find_adapter([self._shipped], name) if self._shipped else None

    def _live_by_id(self, id: str) -> Registered | None:
        return next((row for row in self.list() if row.id == id and row.state == "live"), None)

    def _before(self, live: Registered) -> Registered | None:
        """The former one that was promoted last before this one; its time is kept, so that rolling back goes on back."""
        former = [row for row in self.list(live.name) if row.state == "former" and row.promoted_at]
        first = datetime.min.replace(tzinfo=UTC)
        earlier = [row for row in former if (row.promoted_at or first) < (live.promoted_at or first)]
        return max(earlier, key=lambda row: row.promoted_at or first, default=None)

    @staticmethod
    def _row(session: Session, id: str, change: bool = True) -> AdapterRow:
        row = session.get(AdapterRow, id, with_for_update=change)
        if row is None:
            raise NotFound(f"there is no adapter {id!r} in the registry; `trivium adapters list` names them")
        return row

    @staticmethod
    def _live(session: Session, name: str, change: bool = False) -> AdapterRow | None:
        wanted = select(AdapterRow).where(AdapterRow.name == name, AdapterRow.state == "live")
        return session.scalars(wanted.with_for_update() if change else wanted).first()

"""`trivium rebase`: after a change of the base model, every live adapter is trained again from its dataset version and
gated. What served before stays in the registry, and no road opens before its heir has passed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.bootstrap import Service
from app.gating import Gating
from core.types import Noun, Registered, Report

Train = Callable[[Registered], Path]  # the row of an adapter -> folder of its heir, trained on the base that serves now
Say = Callable[[str], None]


class Rebased(Noun):
    """What became of one adapter. `heir` is empty where it needed none, since it fits the base."""

    old: str
    heir: str = ""
    report: Report | None = None
    live: bool = False


def rebase(service: Service, train: Train, gating: Gating, say: Say = lambda _: None) -> list[Rebased]:
    """Train, register, evaluate and, where the gate says so, promote an heir of each live adapter of another base.

    It may be started again after a kill: the same weights are registered once, answers are kept, and an adapter whose heir
    is live fits the base. `train` has to give the same folder again for a run that ended.

    Raises:
        TriviumError: as `train` does; adapters before that one are done.
    """
    done = []
    base = service.models.fingerprint("base")
    for row in [row for row in service.registry.list() if row.state == "live"]:
        if row.card.get("base_fingerprint") == base:
            say(f"{row.id} fits the base model: nothing to do")
            done.append(Rebased(old=row.id, live=True))
            continue
        say(f"{row.id}: training its heir from dataset {row.dataset or 'unknown'}")
        heir = service.registry.register(train(row), name=row.name, dataset=row.dataset)
        done.append(gated(service, gating, row, heir, say))
    return done


def gated(service: Service, gating: Gating, old: Registered, heir: Registered, say: Say) -> Rebased:
    if heir.state == "candidate":
        say(f"{heir.id}: evaluating it")
        gating.run(heir.id, lambda done, total, note: say(f"{done}/{total} {note}"))
    report = service.registry.report(heir.id)
    if report.verdict == "promote":
        service.promote(heir.id)
    say(f"{heir.id}: {report.verdict.replace('_', ' ')}. {' '.join(report.body.get('reasons', []))}")
    return Rebased(old=old.id, heir=heir.id, report=report, live=report.verdict == "promote")

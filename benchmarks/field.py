"""Small cases of the kinds that people report of products like this one: what is made of their documents, and of questions.

    python -m benchmarks.field --cases DIR [--limit N] [--data DIR] [--out FILE]

Each folder of DIR holds a `case.json` and the documents that it names:

    {"documents": [files or folders], "turns": [{"ask": text, "model": "auto", "right": [texts], "wrong": [texts],
     "refuse": false, "source": file or null, "same_conversation": false}], "pack": a pack instead of a fresh one}

Each case is served from a data folder of its own; its documents are uploaded and its questions asked over HTTP, in this
process. An answer is right where each text of `right` stands in it (`a|b`: either; case and spacing aside), none of `wrong`,
and where it cites `source`; one with `refuse` where it is refused; one with neither `right` nor `refuse` where nothing of
`wrong` stands in it. A turn of the `same_conversation` carries all earlier turns of its case. Where a document could not be
indexed nothing is right but a refusal that is wanted; the table says why. Besides: `unread` names documents that cannot be
read, a turn's `upload` ([{"file": F, "as": NAME}]) and `delete` ([NAME]) happen before it is asked.

The last line counts turns: `kinds` all of them, `right`, `wrong_unwarned` those with a wrong answer that carries no warning,
`refused_wrongly`. `--limit`: so many cases. `--data`: the data folder whose models serve, converted once for all cases
(TRIVIUM_DATA_DIR). `--out`: every turn, answer and verdict.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app.packs import make_pack
from benchmarks.field_scoring import Case, Said, Turn, Verdict, judged, load, summary
from benchmarks.field_served import Served, own_settings, served
from benchmarks.told import tell
from core.errors import TriviumError
from core.settings import ROOT, load_settings

SHARED = ("models", "cache")  # nothing that a case could leave behind for another: weights, and vectors by content


@dataclass(frozen=True)
class Asked:
    """A turn with what came of it."""

    turn: Turn
    said: Said
    verdict: Verdict


@dataclass(frozen=True)
class Outcome:
    """A case with its turns; `why`: what went wrong with its documents."""

    case: Case
    asked: tuple[Asked, ...]
    why: str = ""
    seconds: float = 0.0

    @property
    def verdicts(self) -> list[Verdict]:
        return [one.verdict for one in self.asked]


def played(case: Case, service: Served) -> Outcome:
    """The turns of a case, one after the other."""
    asked: list[Asked] = []
    notes: dict[str, None] = {}
    conversation = ""
    service.add(case.documents)
    for turn in case.turns:
        refused = service.change(turn)
        unread = "; ".join(f"{source}: {why}" for source, why in service.failed.items())
        notes |= dict.fromkeys([*refused, *([unread] if unread else [])])
        history = [(one.turn.ask, one.said.text) for one in asked] if turn.same_conversation else []
        said = service.ask(turn, history, conversation if turn.same_conversation else "")
        conversation = said.conversation or conversation
        asked.append(Asked(turn, said, judged(turn, said, unread)))
    return Outcome(case, tuple(asked), "; ".join(notes))


def outcome(case: Case, place: Path, models: Any) -> Outcome:
    """A case in a folder of its own. One that cannot be served has no turn right."""
    began = time.perf_counter()
    try:
        with served(
            case, pack_of(case, place), data_folder(place / "data", place.parent / "shared"), models
        ) as service:
            found = played(case, service)
    except (TriviumError, OSError) as error:
        lost = Verdict(right=False, why=str(error))
        found = Outcome(case, tuple(Asked(turn, Said(error=str(error)), lost) for turn in case.turns), str(error))
    return Outcome(case, found.asked, found.why, round(time.perf_counter() - began, 1))


def pack_of(case: Case, place: Path) -> Path:
    """The pack that a case names, in its own folder or among ours; else a fresh one."""
    if case.pack is None:
        return make_pack("office", place)
    own = case.folder / case.pack
    return own if own.exists() else ROOT / case.pack


def data_folder(data: Path, shared: Path) -> Path:
    """A fresh data folder that has what all cases share."""
    data.mkdir(parents=True)
    for name in SHARED:
        (data / name).symlink_to(shared / name)
    return data


def shared_folder(place: Path, models: Path) -> Path:
    """The data folder of the models themselves: it has theirs, and no adapters but those that are shipped."""
    (place / "cache").mkdir(parents=True)
    models.mkdir(parents=True, exist_ok=True)
    (place / "models").symlink_to(models.resolve())
    return place


def run(cases: Sequence[Case], data: Path, say: Console) -> list[Outcome]:
    from core.llm import open_models

    with tempfile.TemporaryDirectory() as fresh:
        place = Path(fresh).resolve()
        shared = shared_folder(place / "shared", data / "models")
        models = open_models(own_settings(shared), lambda line: say.print(line, markup=False))
        found = []
        try:
            for n, case in enumerate(cases, 1):
                (place / str(n)).mkdir()
                found.append(outcome(case, place / str(n), models))
                say.print(progress(n, len(cases), found[-1]), markup=False, highlight=False)
        finally:
            models.close()
    return found


def progress(n: int, total: int, done: Outcome) -> str:
    right = sum(verdict.right for verdict in done.verdicts)
    return f"{n}/{total} {done.case.name}: {right} of {len(done.asked)} right, {done.seconds:.0f} s"


def share(count: int, total: int) -> str:
    return f"{count} ({100 * count / total:.0f}%)" if total else "0"


def show(outcomes: Sequence[Outcome], say: Console) -> None:
    """The table, and below it each turn that is not right."""
    table = Table("case", "turns", "right", "wrong, unwarned", "refused wrongly", "why", title="Cases from the field")
    rows = [(one.case.name, summary(one.verdicts), one.why) for one in outcomes]
    rows.append(("all", summary([verdict for one in outcomes for verdict in one.verdicts]), ""))
    for name, counts, why in rows:
        total, *others = counts.values()
        table.add_row(name, str(total), *(share(count, total) for count in others), why)
    say.print(table)
    for one in outcomes:
        for n, asked in enumerate(one.asked, 1):
            if not asked.verdict.right:
                say.print(shown(one.case.name, n, asked), markup=False, highlight=False)


def shown(name: str, n: int, asked: Asked) -> str:
    """A turn that is not right, for people."""
    said = asked.said
    state = "refused" if said.refused else "warned" if said.warnings else "unwarned"
    return f"\n{name} {n} ({state}): {asked.turn.ask}\n  {asked.verdict.why}\n  -> {said.text or said.error}"


def write(out: Path, outcomes: Sequence[Outcome]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8") as file:
        for one in outcomes:
            for asked in one.asked:
                turn = asked.turn.model_dump(by_alias=True)
                line = {"case": one.case.name, **turn, "said": asdict(asked.said), "verdict": asdict(asked.verdict)}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.field", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="so many cases")
    parser.add_argument("--data", type=Path, help="the data folder whose models serve")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the service sets it, before torch is imported
    say = Console(stderr=True)
    try:
        cases, data = load(given.cases, given.limit), given.data or load_settings().data_dir
    except TriviumError as error:
        parser.error(str(error))
    began = time.perf_counter()
    outcomes = run(cases, data, say)
    show(outcomes, say)
    if given.out:
        write(given.out, outcomes)
    figures = summary([verdict for one in outcomes for verdict in one.verdicts])
    by_case = {one.case.name: {**summary(one.verdicts), "why": one.why} for one in outcomes}
    tell({**figures, "by_case": by_case, "cases": len(cases), "seconds": round(time.perf_counter() - began)})


if __name__ == "__main__":
    main()

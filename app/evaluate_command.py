"""`trivium evaluate`: the table, the curve, and one JSON object as the last line."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app.bootstrap import Service, open_service
from app.evaluating import Evaluator
from app.generations import Generations
from core.errors import DomainError, QueryError
from core.measured import save_measured
from core.settings import load_settings
from core.types import Case
from evaluation.report import Result, at_coverage, by_task, interval, risk_coverage, shown_wrong

COVERAGES = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0)


def evaluate_pack(limit: int | None, save: bool, out: Path | None, say: Console) -> str:
    settings = load_settings()
    if save and limit is not None:
        raise QueryError("--save keeps figures of the whole suite: leave out --limit")
    began = time.perf_counter()
    service = open_service(settings)
    try:
        development, golden = service.domain.development(), service.domain.golden()
        if not golden:
            raise DomainError(
                f"{service.domain.folder / 'golden.jsonl'}: no cases; the suite is what evaluation measures on"
            )
        service.sync()
        kept = Generations(settings.data_dir / "cache" / "generations.jsonl")
        evaluator = Evaluator(service, lambda line: say.print(f"{time.perf_counter() - began:6.0f} s  {line}"), kept)
        measured, results = evaluator.run(limited(development, limit), limited([*golden, *to_measure(service)], limit))
        if save:
            say.print(f"kept in {save_measured(service.domain, measured)}")
        figures = summary(results)
        figures["json_valid"] = {s: evaluator.valid_json(limited(golden, limit), s) for s in ("prompt", "tuned")}
        figures["seconds"] = round(time.perf_counter() - began)
    finally:
        service.close()
    print_tables(figures, say)
    if out:
        write_cases(out, results, figures)
    return json.dumps(figures)


def to_measure(service: Service) -> list[Case]:
    """The cases of the pack's built-in tasks, unless figures of the very model that prompts were shipped for all of them."""
    model = service.fingerprint("prompt")
    served = [task.name for task in service.domain.built_in if task.strategies]
    known = [name for name in served if service.everyday.figure(name, "prompt", model)]
    return [] if known == served else service.domain.everyday_cases()


def limited(cases: list[Case], limit: int | None) -> list[Case]:
    if limit is None:
        return cases
    taken: dict[str, int] = {}
    kept = []
    for case in cases:
        taken[case.task] = taken.get(case.task, 0) + 1
        if taken[case.task] <= limit:
            kept.append(case)
    return kept


def summary(results: list[Result]) -> dict[str, Any]:
    """Figures by task and strategy, overall score by strategy, shown wrong, refusals, the curve at some coverages; and apart
    from all these, the built-in tasks by strategy."""
    built_in, results = split(results)
    routed = [r for r in results if r.strategy == "routed"]
    curve = risk_coverage(routed)
    strategies = sorted({r.strategy for r in results})
    in_scope = [r for r in routed if r.answerable]
    out_of_scope = [r for r in routed if not r.answerable]
    return {
        "tasks": tabled(results),
        "overall": {
            s: interval([float(r.score.right) for r in results if r.strategy == s]).model_dump() for s in strategies
        },
        "field_share": interval([r.score.value for r in routed if "json" in r.case.expected]).model_dump(),
        "right_source": {s: interval(sourced(results, s)).model_dump() for s in ("rag", "routed")},
        **shown_wrong(routed),
        "in_scope_refused": share(r.answer.refused for r in in_scope),
        "unanswerable_refused": share(r.answer.refused for r in out_of_scope if r.case.task != "out_of_scope"),
        "out_of_scope_refused": share(r.answer.refused for r in routed if r.case.task == "out_of_scope"),
        "everyday": tabled(built_in),
        "task_accuracy": share(r.answer.route is not None and r.answer.route.task == r.case.task for r in routed),
        "risk_at_coverage": {str(c): at_coverage(curve, c) for c in COVERAGES},
    }


def split(results: list[Result]) -> tuple[list[Result], list[Result]]:
    """Those of built-in tasks, and the pack's own."""
    return [r for r in results if r.case.built_in], [r for r in results if not r.case.built_in]


def tabled(results: list[Result]) -> dict[str, dict[str, Any]]:
    return {task: {s: figure.model_dump() for s, figure in row.items()} for task, row in by_task(results).items()}


def sourced(results: list[Result], strategy: str) -> list[float]:
    """For each case that expects a source: whether one of its documents is cited."""
    rows = [r for r in results if r.strategy == strategy and "sources" in r.case.expected]
    return [float(bool({c.source for c in r.answer.citations} & set(r.case.expected["sources"]))) for r in rows]


def share(flags: Any) -> float:
    flags = list(flags)
    return round(sum(flags) / max(1, len(flags)), 4)


def print_tables(figures: dict[str, Any], say: Console) -> None:
    strategies = ["prompt", "rag", "rag_written", "tuned", "routed"]
    table = Table("task", *strategies, title="Right answers, with 95% intervals")
    for task, row in figures["tasks"].items():
        table.add_row(task, *(cell(row.get(s)) for s in strategies))
    table.add_row("all", *(cell(figures["overall"].get(s)) for s in strategies))
    say.print(table)
    if figures["everyday"]:
        everyday = Table("built-in task", "prompt", "routed", title="Everyday requests, not among the pack's own")
        for task, row in figures["everyday"].items():
            everyday.add_row(task, *(cell(row.get(s)) for s in ("prompt", "routed")))
        say.print(everyday)
    say.print(
        f"shown wrong {figures['shown_wrong']:.1%} at coverage {figures['coverage']:.1%}; "
        f"refused: out of scope {figures['out_of_scope_refused']:.1%}, not in the documents "
        f"{figures['unanswerable_refused']:.1%}, answerable {figures['in_scope_refused']:.1%}"
    )
    curve = Table("coverage", *figures["risk_at_coverage"], title="Risk-coverage curve")
    curve.add_row("risk", *("never" if v is None else f"{v:.1%}" for v in figures["risk_at_coverage"].values()))
    say.print(curve)


def cell(figure: dict[str, float] | None) -> str:
    if not figure:
        return ""
    return f"{figure['score']:.0%} [{figure['low']:.0%}, {figure['high']:.0%}] of {figure['n']}"


def write_cases(out: Path, results: list[Result], figures: dict[str, Any]) -> None:
    """cases.jsonl (one row for each answer), curve.json and figures.json."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "cases.jsonl").open("w", encoding="utf-8") as file:
        for r in results:
            row = {
                "id": r.case.id, "task": r.case.task, "strategy": r.strategy, "query": r.case.query,
                "expected": r.case.expected, "answer": r.answer.text, "right": r.score.right, "value": r.score.value,
                "detail": r.score.detail, "refused": r.answer.refused, "warnings": r.answer.warnings,
                "confidence": r.answer.confidence, "route": r.answer.route.model_dump() if r.answer.route else None,
                "sources": [c.source for c in r.answer.citations],
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")
    curve = risk_coverage([r for r in split(results)[1] if r.strategy == "routed"])
    (out / "curve.json").write_text(json.dumps(curve))
    (out / "figures.json").write_text(json.dumps(figures, indent=1))

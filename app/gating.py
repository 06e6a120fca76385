"""Candidate and incumbent answer the same cases, and the gate decides.

    plan -> write, batch by batch -> judge

Each answer is kept as soon as it is written (`app/generations.py`), so that an evaluation that was killed goes on where it
stopped, and what serves is asked once for all candidates to come. Both are asked as the tuned road asks, and both are
judged by the same rules: thresholds from development cases, figures from golden ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from app.bootstrap import Progress, Service
from app.calibrating import fit_written
from app.gate_suite import Batch, Lesson, Plan, Suite, first_of_each, lessons
from app.generations import Asked, Generations, Key, key_of, source_of, write
from app.strategies import Generation, Tuned
from core.checks import schema_fault
from core.domain import TaskType
from core.errors import AdapterMismatch, ModelNotFound, RegistryError
from core.measured import Figure, Own, Standing, Trust, standing
from core.types import Answer, Case, Probe, Query, Registered, Report, RouteDecision, new_id
from evaluation.calibration import MIN_CASES, Fit, common_threshold, own_threshold, threshold_for
from evaluation.report import Result, by_task
from evaluation.scorers import CaseScorer, per_scorer, safety, same_answer
from finetune.gate import Limits, Scored, Side, decide

BASE = "base"
BATCH = 32  # a question asked meanwhile waits for a part of one batch
DEVELOPMENT = 60  # cases of each task that thresholds are fitted on
OPEN = Standing(open=True, measured=True)


@dataclass
class Measurement:
    """What is known of one model after it was asked."""

    side: Side
    golden: dict[str, Figure]
    trust: dict[str, Trust]


@dataclass
class Gating:
    service: Service
    kept: Generations
    limits: Limits = field(default_factory=Limits)

    def run(self, id: str, progress: Progress | None = None) -> Report:
        """Evaluate a candidate from beginning to end. Raises as `plan` does."""
        plan = self.plan(id)
        self._ask(plan.batches, progress)
        return self.judge(plan)

    def sides(self, ids: Sequence[str], progress: Progress | None = None) -> tuple[list[Side], tuple[str, ...]]:
        """What adapters do on the golden cases and probes of the tasks that any of them has learned, and these tasks. None
        is judged. Corrections are not asked: one of the adapters may have been trained on them.

        Raises:
            NotFound, ModelError: there is no such adapter, or it cannot be asked.
        """
        suite = replace(self._suite(*map(self.service.registry.get, ids)), lessons=[])
        self._ask([batch for id in ids for batch in self._missing(id, suite)], progress)
        return [self._measure(id, suite).side for id in ids], suite.serves

    def _ask(self, batches: Sequence[Batch], progress: Progress | None) -> None:
        for done, batch in enumerate(batches):
            if progress:
                progress(done, len(batches), f"{batch.model}: {batch.task}")
            self.write(batch)

    def plan(self, id: str) -> Plan:
        """What is still to be written.

        Raises:
            NotFound: no such adapter.
            RegistryError: it is no candidate, or there are no golden cases of what it has learned.
        """
        row = self.service.registry.get(id)
        if row.state != "candidate":
            raise RegistryError(f"{id} is {row.state}; only a candidate is evaluated")
        suite = self._suite(row)
        if not suite.golden:
            raise RegistryError(f"there are no golden cases of {', '.join(suite.serves) or 'a tuned task'}: add some")
        incumbent, rebased = self._incumbent(row, suite)
        batches = [*self._missing(id, suite), *self._missing(incumbent, suite)]
        return Plan(candidate=id, incumbent=incumbent, rebased=rebased, batches=tuple(batches))

    def write(self, batch: Batch) -> dict[Key, Generation]:
        """Ask a model; what it has answered before is not asked again. Raises ModelError."""
        road, chat = self._road(batch.model), self.service.models.chat(batch.model)
        asked = self._asked(road, batch.task, batch.queries)
        return write(self.kept, chat, self._source(batch.model), asked, road)

    def judge(self, plan: Plan, report_id: str = "") -> Report:
        """The gate's verdict, kept in the registry. The same `report_id` replaces what a kill left behind."""
        service = self.service
        row = service.registry.get(plan.candidate)
        suite = self._suite(row)
        theirs = self._measure(plan.incumbent, suite)
        ours = self._measure(plan.candidate, suite, self._share_shown(theirs))
        # What served cannot serve on this base: its heir has to be as good, not better. Better than a base that stands in.
        heir = plan.rebased and plan.incumbent != BASE
        limits = self.limits.model_copy(update={"gain": self.limits.gain and not heir})
        report = decide(ours.side, theirs.side, suite.serves, limits, id=report_id or new_id())
        body = {**report.body, "rebased": plan.rebased}
        if report.verdict == "promote":
            own = self._own(ours, report)
            body["measured"] = {"fingerprint": self._fingerprint(plan.candidate), **own.model_dump()}
        report = report.model_copy(update={"body": body})
        service.registry.judge(report)
        return report

    # What is asked

    def _suite(self, *rows: Registered) -> Suite:
        domain = self.service.domain
        learned = [set((row.card.get("dataset") or {}).get("tasks") or ()) for row in rows]
        trained = set().union(*learned) if all(learned) else set()
        serves = [t.name for t in domain.tasks if "tuned" in t.strategies and (not trained or t.name in trained)]

        def of(rows: Iterable[Any]) -> list[Any]:
            return [one for one in rows if one.task in serves]

        development = [case for name in serves for case in domain.development() if case.task == name]
        return Suite(
            tuple(serves), of(domain.golden()), first_of_each(development, DEVELOPMENT), of(domain.probes()),
            of(lessons(self.service.store)),
        )  # fmt: skip

    def _queries(self, model: str, suite: Suite) -> list[tuple[str, str]]:
        """(task, query) of all that a model is asked; development cases only where its thresholds are not known."""
        fitted = suite.development if model != BASE and self._known_trust(model, suite) is None else []
        rows = [*suite.golden, *suite.probes, *suite.lessons, *fitted]
        return list(dict.fromkeys((one.task, one.query) for one in rows))

    def _missing(self, model: str, suite: Suite) -> list[Batch]:
        road, source = self._road(model), self._source(model)
        todo: dict[str, list[str]] = {}
        for task, query in self._queries(model, suite):
            [asked] = self._asked(road, task, [query])
            if self.kept.get(key_of(source, asked.request, asked.task)) is None:
                todo.setdefault(task, []).append(query)
        return [
            Batch(model=model, task=task, queries=tuple(queries[start : start + BATCH]))
            for task, queries in todo.items()
            for start in range(0, len(queries), BATCH)
        ]

    def _asked(self, road: Tuned, task: str, queries: Sequence[str]) -> list[Asked]:
        kind = self.service.domain.task(task)
        return [Asked(("tuned", task, query), road.request(Query(text=query), kind), kind) for query in queries]

    # Models

    def _incumbent(self, row: Registered, suite: Suite) -> tuple[str, bool]:
        """What serves under the candidate's name, and whether the base had to stand in for it, since it cannot be asked."""
        serving = self.service.registry.serving(row.name)
        if not serving or not self._usable(serving):
            return BASE, False
        adapter = self.service.registry.adapter(serving)
        foreign = adapter is not None and adapter.base_fingerprint != self.service.models.fingerprint(BASE)
        if foreign and self._missing(serving, suite):
            return BASE, True
        return serving, foreign

    def _usable(self, model: str) -> bool:
        try:
            return bool(self.service.models.fingerprint(model))
        except (ModelNotFound, AdapterMismatch):
            return False

    def _fingerprint(self, model: str) -> str:
        """Of the base that an adapter was trained for: answers that it gave there are its own."""
        adapter = self.service.registry.adapter(model)
        base = self.service.models.fingerprint(BASE)
        if adapter is not None and adapter.base_fingerprint != base:
            return f"{adapter.base_fingerprint}+{adapter.sha256}"
        return self.service.models.fingerprint(model)

    def _source(self, model: str) -> str:
        return source_of(self.service.models, model, self._fingerprint(model))

    def _road(
        self, model: str, trust: dict[str, Trust] | None = None, standings: dict[str, Standing] | None = None
    ) -> Tuned:
        """The tuned road as it would serve with these thresholds and figures, whatever serves now."""
        return Tuned(
            self.service.domain, lambda _: (model, self.service.models.chat(model)),
            self.service.models.leaves_machine, lambda task, *_: (trust or {}).get(task),
            lambda task, *_: (standings or {}).get(task, OPEN),
        )  # fmt: skip

    # Judgement

    def _share_shown(self, theirs: Measurement) -> float:
        """What an heir may show without a warning at first: no larger a share than what serves. What it does better shall
        be fewer wrong answers rather than more shown. An incumbent that shows little is no measure."""
        shown = [case.shown for case in theirs.side.cases]
        return sum(shown) / len(shown) if sum(shown) >= self.limits.min_cases else 1.0

    def _measure(self, model: str, suite: Suite, most_shown: float = 1.0) -> Measurement:
        made: dict[Key, Generation] = {}
        by_kind: dict[str, list[str]] = {}
        for task, query in self._queries(model, suite):
            by_kind.setdefault(task, []).append(query)
        for task, queries in by_kind.items():
            made |= self.write(Batch(model=model, task=task, queries=tuple(queries)))
        trust = self._known_trust(model, suite)
        if trust is None:
            trust = {} if model == BASE else self._calibrate(model, suite, made, most_shown)
        golden = {name: row["tuned"] for name, row in by_task(self._results(model, suite.golden, made)).items()}
        road = self._road(model, trust, self._standings(golden))
        cases = tuple(self._scored(case, self._answer(road, case, made)) for case in suite.golden)
        probes = tuple(probed(probe, self._answer(road, probe, made)) for probe in suite.probes)
        taught = tuple(learned(lesson, self._answer(road, lesson, made)) for lesson in suite.lessons)
        return Measurement(Side(model=model, cases=cases, probes=probes, lessons=taught), golden, trust)

    def _results(self, model: str, cases: Sequence[Case], made: dict[Key, Generation]) -> list[Result]:
        road, scorer = self._road(model), CaseScorer(self.service.domain)
        answers = [self._answer(road, case, made) for case in cases]
        return [Result(c, "tuned", a, scorer.score(c, a)) for c, a in zip(cases, answers, strict=True)]

    def _answer(self, road: Tuned, asked: Case | Probe | Lesson, made: dict[Key, Generation]) -> Answer:
        text = made["tuned", asked.task, asked.query]
        kind = self.service.domain.task(asked.task)
        shown = road.shown(text.text, asked.task)
        verdict = road.judge(Query(text=asked.query), kind, shown, text.logprobs, text.finish)
        return Answer(
            query=asked.query, text=verdict.text, status="complete", warnings=verdict.warnings,
            confidence=verdict.confidence, refused=verdict.refused,
            route=RouteDecision(strategy="tuned", task=asked.task),
        )  # fmt: skip

    def _scored(self, case: Case, answer: Answer) -> Scored:
        domain = self.service.domain
        score = CaseScorer(domain).score(case, answer)
        result, schema = Result(case, "tuned", answer, score), domain.task(case.task).json_schema
        return Scored(
            case=case.id, task=case.task, query=case.query, text=answer.text, right=score.right, shown=result.shown,
            valid=None if schema is None or answer.refused else not schema_fault(schema, answer.text),
            refusal=bool(case.expected.get("refusal")), scores=per_scorer(domain, case, answer),
        )  # fmt: skip

    def _known_trust(self, model: str, suite: Suite) -> dict[str, Trust] | None:
        """The thresholds that a model serves with, where every task has one."""
        fingerprint = self._fingerprint(model)
        found = {name: self.service.measured.trust_in(name, "tuned", fingerprint) for name in suite.serves}
        known = {name: trust for name, trust in found.items() if trust is not None}
        return known if len(known) == len(suite.serves) else None

    def _calibrate(self, model: str, suite: Suite, made: dict[Key, Generation], most_shown: float) -> dict[str, Trust]:
        """Thresholds from development cases, one for all tasks that may be vouched for, as `app/evaluating.py` does, and
        high enough to show no more than `most_shown` of these cases."""
        fits: dict[str, Fit] = {}
        pooled: list[Fit] = []
        for kind in map(self.service.domain.task, suite.serves):
            cases = [case for case in suite.development if case.task == kind.name]
            if len(cases) < MIN_CASES:
                continue
            results = self._results(model, cases, made)
            fits[kind.name] = fit_written(kind, results, logprobs_in(made, kind))
            if not kind.caution and sum(r.score.right for r in results) >= self._floor(kind) * len(results):
                pooled.append(fits[kind.name])
        asked = sum(case.task in fits for case in suite.development)
        common = max(common_threshold(pooled), threshold_for(list(fits.values()), most_shown, asked))
        return {
            name: fit.trust.model_copy(update={"threshold": own_threshold(fit, common)}) for name, fit in fits.items()
        }

    def _floor(self, kind: TaskType) -> float:
        return kind.floor if kind.floor is not None else self.service.settings.floor

    def _standings(self, golden: dict[str, Figure]) -> dict[str, Standing]:
        domain, floor = self.service.domain, self.service.settings.floor
        return {name: standing(domain.task(name), "tuned", figure, floor, False) for name, figure in golden.items()}

    def _own(self, ours: Measurement, report: Report) -> Own:
        """What opens the candidate's roads when it goes live: figures of the tasks that it was judged on, no others."""
        rows = {row["task"]: row for row in report.body["tasks"]}
        judged = {name for name, row in rows.items() if row["verdict"] != "not_enough_cases"}
        closed = {
            task.name: f"the adapter was judged on {rows[task.name]['n']} golden cases of it, and {self.limits.min_cases} are needed"
            if task.name in rows else "the adapter was not trained for it"
            for task in self.service.domain.tasks if "tuned" in task.strategies and task.name not in judged
        }  # fmt: skip
        return Own(
            golden={name: figure for name, figure in ours.golden.items() if name in judged},
            trust={name: trust for name, trust in ours.trust.items() if name in judged},
            closed=closed, report=report.id, measured_at=date.today().isoformat(),
        )  # fmt: skip


def logprobs_in(made: dict[Key, Generation], kind: TaskType) -> Callable[[str], list[float]]:
    return lambda query: made["tuned", kind.name, query].logprobs


def probed(probe: Probe, answer: Answer) -> Scored:
    score = safety(probe, answer)
    return Scored(
        case=probe.id, task=probe.task, query=probe.query, text=answer.text, right=score.right,
        refusal=probe.refusal, scores={"safety": score.value},
    )  # fmt: skip


def learned(lesson: Lesson, answer: Answer) -> Scored:
    right = same_answer(lesson.answer, answer.text) or (lesson.refusal and answer.refused)
    return Scored(case=lesson.id, task=lesson.task, query=lesson.query, text=answer.text, right=right)

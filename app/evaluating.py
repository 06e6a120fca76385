"""The golden suite over every strategy and the router, batched; with the calibration of confidence beforehand.

Texts are generated once for each (strategy, task, query) and judged afterwards, because floors and thresholds, which
the judgement needs, come out of the same run: thresholds from development cases, figures from golden ones.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from langchain_core.language_models import BaseChatModel

from app.answering import doubts, grown
from app.bootstrap import Service
from app.calibrating import fit_quoting, fit_reading, fit_written
from app.documents_road import WRITTEN, WRITTEN_TOKENS, Documents
from app.generations import Asked, Generations, Key, Remembering, source_of, write
from app.reading_road import Reading, reading
from app.strategies import Generating, Generation, Request
from core import prompts
from core import reading as reader
from core.checks import schema_fault
from core.domain import TaskType
from core.llm.messages import to_langchain
from core.measured import Measured, Trust
from core.prompts import READER_REFUSAL
from core.types import STRATEGIES, Answer, Case, Event, Evidence, Finished, Query, RouteDecision, Text, Warned
from evaluation.calibration import MIN_CASES, RISK, Fit, choose_threshold, common_threshold, own_threshold
from evaluation.report import Result, by_task
from evaluation.scorers import CaseScorer
from retrieval.placing import given

GENERATING = ("prompt", "tuned")
Say = Callable[[str], None]
NEAR = 0.5  # of the floor: a road that is not even near it on the golden cases stays closed


@dataclass
class Evaluator:
    service: Service
    say: Say
    kept: Generations
    _generations: dict[Key, Generation] = field(default_factory=dict)
    _evidence: dict[str, Evidence] = field(default_factory=dict)
    _quotes: dict[str, Any] = field(default_factory=dict)
    _readings: dict[str, Reading] = field(default_factory=dict)

    def run(self, development: Sequence[Case], golden: Sequence[Case]) -> tuple[Measured, list[Result]]:
        """Calibrate on development cases, measure on golden ones. Returns what to keep, and every result."""
        service, scorer = self.service, CaseScorer(self.service.domain)
        service.measured = Measured(models=self._models(), trust=self._unrefused())
        self._generate(development, golden, scorer)
        trust = self._calibrate(development, scorer)
        self.say("how sure the router is")
        known = {"trust": trust, "sure_route": self._sure_route()}
        service.measured = service.measured.model_copy(update=known)
        strategies = [*STRATEGIES, WRITTEN]
        single = [
            self._result(case, strategy, scorer) for strategy in strategies for case in self._meant(golden, strategy)
        ]
        figures = by_task([result for result in single if result.strategy in strategies])
        service.measured = Measured(
            models=self._models(), golden=figures, **known, measured_at=date.today().isoformat(), commit=commit(),
        )  # fmt: skip
        single = [
            self._result(case, strategy, scorer) for strategy in strategies for case in self._meant(golden, strategy)
        ]
        return service.measured, single + self._routed(golden, scorer)

    def _meant(self, cases: Sequence[Case], strategy: str) -> Iterable[Case]:
        """Written rag is measured only where documents are meant to answer; the roads themselves on every case of the pack,
        and on those of built-in tasks where they may serve these."""
        meant = [
            case for case in cases if not case.built_in or strategy in self.service.domain.task(case.task).strategies
        ]
        return meant if strategy != WRITTEN else [case for case in meant if self._may_write(case.task)]

    def _may_write(self, task: str) -> bool:
        """Where one sentence answers; a reader does not combine what several documents say."""
        kind = self.service.domain.task(task)
        return "rag" in kind.strategies and (kind.sources == 1 or not self.service.reader)

    def _models(self) -> dict[str, str]:
        names = [*STRATEGIES, WRITTEN]
        return {name: fingerprint for name in names if (fingerprint := self.service.fingerprint(name))}

    # Generation, batched

    def _generate(self, development: Sequence[Case], golden: Sequence[Case], scorer: CaseScorer) -> None:
        """Every strategy on every golden case; development cases only where calibration needs them."""
        for strategy in GENERATING:
            if self.service.fingerprint(strategy):
                self._generate_for(strategy, [(case.task, case.query) for case in self._meant(golden, strategy)])
                hopeful = self._hopeful(strategy, golden, scorer)
                self._generate_for(strategy, [(case.task, case.query) for case in development if case.task in hopeful])
        cases = [*golden, *development] if self.service.reader else golden
        self._write([(case.task, case.query) for case in cases if self._may_write(case.task)])

    def _hopeful(self, strategy: str, golden: Sequence[Case], scorer: CaseScorer) -> set[str]:
        """Tasks whose road may open: how far to trust one that stays closed is never asked."""
        found = set()
        for task in self.service.domain.tasks:
            scores = [self._result(case, strategy, scorer).score.right for case in golden if case.task == task.name]
            floor = task.floor if task.floor is not None else self.service.settings.floor
            if strategy in task.strategies and sum(scores) >= NEAR * floor * len(scores):
                found.add(task.name)
        return found

    def _generate_for(self, strategy: str, wanted: Iterable[tuple[str, str]]) -> None:
        road: Any = self.service.answering.strategies[strategy]
        groups: dict[str, list[Asked]] = {}
        for task, query in dict.fromkeys(wanted):
            if (strategy, task, query) not in self._generations:
                kind = self.service.domain.task(task)
                request = road.request(Query(text=query), kind)
                groups.setdefault(task, []).append(Asked((strategy, task, query), request, kind))
        for task, asked in groups.items():
            self.say(f"{strategy}: {len(asked)} {task} cases")
            self._make(strategy, asked, road)

    def _write(self, cases: Sequence[tuple[str, str]]) -> None:
        """Let the rag model write; whether it may is decided by the score that comes out."""
        asked = [Asked(("rag", task, query), self._writing(query), None) for task, query in dict.fromkeys(cases)]
        self.say(f"rag, written: {len(asked)} cases")
        self._make(WRITTEN, asked, None)

    def _writing(self, query: str) -> Request:
        """What a model is asked that writes from passages: a reader in its own words and from those that it is given."""
        evidence = self._found(query)
        if not self.service.reader:
            messages = prompts.rag_messages(self.service.domain, Query(text=query), evidence.passages)
            return Request(to_langchain(messages), None, WRITTEN_TOKENS)
        messages = reader.messages(evidence.query, given(self._quotable(query)))
        return Request(to_langchain(messages), None, reader.MOST_TOKENS, READER_REFUSAL)

    def _quotable(self, query: str) -> Any:
        if query not in self._quotes:
            road: Any = self.service.answering.strategies["rag"]
            self._quotes[query] = road.found(self._found(query))
        return self._quotes[query]

    def _reading(self, query: str, made: Generation) -> Reading:
        if query not in self._readings:
            found, asked = self._quotable(query), self._writing(query).messages
            passages, read = given(found), reader.parsed(made.text, made.refusing, made.logprobs)
            read = reader.in_passages(
                Remembering(self.kept, *self._source(WRITTEN)), asked, read, [p.text for p in passages]
            )
            self._readings[query] = reading(read, passages, found)
        return self._readings[query]

    def _source(self, strategy: str) -> tuple[BaseChatModel, str]:
        name, chat = self.service.chat(strategy, Query(text=""))
        models = self.service.models
        return chat, source_of(models, name, models.fingerprint(name))

    def _make(self, strategy: str, asked: Sequence[Asked], road: Generating | None) -> None:
        self._generations |= write(self.kept, *self._source(strategy), asked, road)

    def _found(self, query: str) -> Evidence:
        if query not in self._evidence:
            self._evidence[query] = self.service.answering.retriever.evidence(Query(text=query))
        return self._evidence[query]

    # Judgement

    def _answer(self, case: Case, strategy: str, decision: RouteDecision) -> Answer:
        evidence = self._found(case.query)
        answer = Answer(query=case.query, route=decision, passages=evidence.passages)
        for event in itertools.chain(doubts(decision), self._events(case, strategy, decision, evidence)):
            answer = grown(answer, event, 0.0)
        return answer

    def _events(self, case: Case, strategy: str, decision: RouteDecision, evidence: Evidence) -> Iterable[Event]:
        roads, query = self.service.answering.strategies, Query(text=case.query)
        if strategy in GENERATING:
            return self._judged(strategy, query, decision.task)
        road: Any = roads["rag" if strategy == WRITTEN else strategy]
        if isinstance(road, Documents):
            written = self._generations.get(("rag", decision.task, case.query)) if strategy == WRITTEN else None
            if written and self.service.reader:
                return road.read_events(decision, evidence, self._reading(case.query, written))
            text = iter([written.text]) if written else None
            return road.events(decision, evidence, text, found=self._quotable(case.query))
        return road.stream(query, decision, evidence, threading.Event())

    def _judged(self, strategy: str, query: Query, task: str) -> Iterable[Event]:
        made = self._generations.get((strategy, task, query.text))
        if made is None:
            yield Finished(refused=True)
            return
        road: Any = self.service.answering.strategies[strategy]
        verdict = road.judge(
            query, self.service.domain.task(task), road.shown(made.text, task), made.logprobs, made.finish
        )
        yield Text(text=verdict.text)
        for warning in verdict.warnings:
            yield Warned(message=warning)
        yield Finished(confidence=verdict.confidence, refused=verdict.refused, tokens=made.tokens)

    def _result(self, case: Case, strategy: str, scorer: CaseScorer) -> Result:
        kind = "rag" if strategy == WRITTEN else strategy
        decision = RouteDecision(strategy=kind, task=case.task)  # pyright: ignore[reportArgumentType]
        answer = self._answer(case, strategy, decision)
        return Result(case, strategy, answer, scorer.score(case, answer))

    def _routed(self, golden: Sequence[Case], scorer: CaseScorer) -> list[Result]:
        router = self.service.answering.router
        decisions = {case.id: router.route(Query(text=case.query), self._found(case.query)) for case in golden}
        for strategy in GENERATING:
            astray = [(decisions[c.id].task, c.query) for c in golden if decisions[c.id].strategy == strategy]
            if astray and self.service.fingerprint(strategy):
                self._generate_for(strategy, astray)
        results = []
        read = [case for case in golden if self._writes(decisions[case.id])]
        todo = [(decisions[case.id].task, case.query) for case in read]
        self._write([key for key in todo if ("rag", *key) not in self._generations])
        for case in golden:
            decision = decisions[case.id]
            answer = self._answer(case, WRITTEN if case in read else decision.strategy, decision)
            if decision.strategy == "rag" and answer.refused:  # as app.answering does
                again = router.reconsider(decision, answer.confidence or 0.0)
                if again.strategy != decision.strategy:
                    if again.strategy in GENERATING:
                        self._generate_for(again.strategy, [(again.task, case.query)])
                    answer = self._answer(case, again.strategy, again)
            results.append(Result(case, "routed", answer, scorer.score(case, answer)))
        return results

    def _writes(self, decision: RouteDecision) -> bool:
        return decision.strategy == "rag" and self.service.standing(decision.task, WRITTEN).open

    # Calibration

    def _unrefused(self) -> dict[str, dict[str, Trust]]:
        """Trust that refuses nothing: calibration wants to see every quote."""
        trust = {"rag": Trust(threshold=0.0), WRITTEN: Trust(threshold=0.0)}
        return {task.name: trust for task in self.service.domain.tasks}

    def _calibrate(self, development: Sequence[Case], scorer: CaseScorer) -> dict[str, dict[str, Trust]]:
        """Trust by task and strategy, with one threshold: that of the answers which may be vouched for at all."""
        fits: dict[tuple[str, str], tuple[Fit, Trust]] = {}
        pooled: list[Fit] = []
        for task in self.service.domain.tasks:
            cases = [case for case in development if case.task == task.name]
            scores: dict[str, float] = {}
            for strategy in self._calibrated(task, cases):
                results = [self._result(case, strategy, scorer) for case in cases]
                fits[task.name, strategy] = self._fit(task, strategy, results)
                scores[strategy] = sum(r.score.right for r in results) / len(results)
            if scores.get("rag", 0.0) <= scores.get(WRITTEN, -1.0):
                scores.pop("rag", None)  # only one of the two will serve
            else:
                scores.pop(WRITTEN, None)
            floor = task.floor if task.floor is not None else self.service.settings.floor
            pooled += [fits[task.name, s][0] for s, score in scores.items() if not task.caution and score >= floor]
        threshold, trust = common_threshold(pooled), {}
        for (task, strategy), (fit, found) in fits.items():
            change = {"threshold": own_threshold(fit, threshold)}
            trust.setdefault(task, {})[strategy] = found.model_copy(update=change)
        return trust

    def _calibrated(self, task: TaskType, cases: Sequence[Case]) -> list[str]:
        """The strategies that a task's development cases are enough for."""
        if len(cases) < MIN_CASES:
            return []
        found = [s for s in task.strategies if self.service.fingerprint(s)]
        kept = [s for s in found if s not in GENERATING or (s, task.name, cases[0].query) in self._generations]
        return [*kept, WRITTEN] if self.service.reader and self._may_write(task.name) else kept

    def _fit(self, task: TaskType, strategy: str, results: Sequence[Result]) -> tuple[Fit, Trust]:
        """The fit, and the trust with what rag refuses under (0 for the roads that refuse nothing)."""
        if strategy == "rag":
            return fit_quoting(self._answerable(results))
        if strategy == WRITTEN:
            read = [self._reading(r.case.query, self._generations["rag", task.name, r.case.query]) for r in results]
            return fit_reading([one.features for one in read], results)
        fit = fit_written(task, results, lambda query: self._generations[strategy, task.name, query].logprobs)
        return fit, fit.trust

    def _answerable(self, results: Sequence[Result]) -> list[tuple[float, Result]]:
        return [(self._quotable(r.case.query).answerable, r) for r in results]

    def _sure_route(self) -> float:
        """The probability of the task type from which on decisions are right within the risk, among those for a task
        whose answers may be vouched for."""
        import numpy as np

        router: Any = self.service.answering.router
        shares, pairs = router.likeness.held_out()
        vouched = {task.name for task in self.service.domain.tasks if task.strategies and not task.caution}
        counted = [
            (share, found == true) for share, (found, true) in zip(shares, pairs, strict=True) if found in vouched
        ]
        if len(counted) < MIN_CASES:
            return 0.0
        return min(1.0, choose_threshold(np.array([s for s, _ in counted]), np.array([r for _, r in counted]), RISK))

    def valid_json(self, golden: Sequence[Case], strategy: str) -> float | None:
        """Share of answers to structured tasks that fit their schema as generated."""
        shares = []
        for case in golden:
            schema = self.service.domain.task(case.task).json_schema
            made = self._generations.get((strategy, case.task, case.query))
            if schema and made:
                shares.append(not schema_fault(schema, made.text))
        return sum(shares) / len(shares) if shares else None


def commit() -> str:
    import subprocess

    from core.settings import ROOT

    done = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()

"""The router: expected quality per strategy = how likely the task is x how well the strategy did on it.

The first factor comes from likeness to labelled queries, the second from the golden suite; rag's share is weighed
with the evidence that retrieval found. What no open strategy can serve is refused, with advice on what would open it. A turn that carries on
a conversation about a built-in task belongs to that task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.domain import BuiltIn, Domain
from core.errors import QueryError
from core.measured import Standing
from core.types import STRATEGIES, Evidence, Query, RouteDecision, Serving
from router.following import Following
from router.likeness import TaskLikeness
from router.tuned import TunedLikeness

ROADS = {"prompt": "the prompted base model", "rag": "the documents", "tuned": "the tuned model"}
SHOWN = 80  # characters of the example that a reason names
# Cosine of a question and the best passage, and share of its rare words that the passages hold, from which the documents are
# read before a built-in task is thought of.
NEAR, COVERED = 0.35, 0.5
ADVICE = {
    "rag": "add a document that answers such questions",
    "tuned": "train an adapter on examples of this task",
    "prompt": "name a bigger model in TRIVIUM_PROMPT_MODEL",
}


class ExpectedQualityRouter:
    """`standings`: asked anew for each query, so that a new measurement or adapter acts at once. `following`: which turns carry
    on a conversation; None for a pack without built-in tasks."""

    def __init__(
        self,
        domain: Domain,
        likeness: TaskLikeness | TunedLikeness,
        standings: Callable[[], Mapping[str, Mapping[str, Standing]]],
        sure_route: Callable[[], float] = lambda: 0.0,
        following: Following | None = None,
    ) -> None:
        self._domain, self._likeness, self._standings = domain, likeness, standings
        self._sure_route, self._following = sure_route, following

    @property
    def likeness(self) -> TaskLikeness | TunedLikeness:
        return self._likeness

    def route(self, query: Query, evidence: Evidence) -> RouteDecision:
        """`evidence.query`, where there is one, is the query as it can be understood alone."""
        near = max((p.dense for p in evidence.passages), default=0.0)
        like = self._likeness.of(evidence.query or query.text, near)
        standings = self._standings()
        carried = "" if query.task else self._carried_on(query)
        known = query.task or carried
        tasks = {known: 1.0} if known else {name: round(share, 4) for name, share in like.tasks.items()}
        task = max(tasks, key=lambda name: tasks[name])
        self._domain_task(task)
        instead = ""
        if not known and (read := self._read_first(task, tasks, near, evidence, standings)):
            # A question in a language that the documents are not in looks like small talk; it is not taken back to that.
            instead = "" if evidence.language and not self._sure(task, tasks) else task
            task, tasks = read, {**tasks, read: tasks[task], task: tasks[read]}
        scores = {
            strategy: round(sum(share * quality(standings[name][strategy]) for name, share in tasks.items()), 4)
            for strategy in STRATEGIES
        }
        closed = {s: standings[task][s].why for s in STRATEGIES if not standings[task][s].open}
        unsure = not query.task and not self._built_in(task) and tasks[task] < self._sure_route()
        common = {
            "task": task,
            "scores": scores,
            "tasks": tasks,
            "closed": closed,
            "unsure": unsure,
            "instead": instead,
        }
        if query.strategy:
            reason = f"You chose {ROADS[query.strategy]}."
            return RouteDecision(strategy=query.strategy, reason=reason, overridden=True, **{**common, "instead": ""})
        looks = f"It looks like a {task.replace('_', ' ')} question (as “{shortened(like.nearest)}”)"
        if carried:
            looks = f"It carries on what was asked before, a {task.replace('_', ' ')} question"
        return self._choose(task, looks, standings[task], common)

    def _built_in(self, task: str) -> BuiltIn | None:
        return next((one for one in self._domain.built_in if one.name == task), None)

    def _sure(self, task: str, tasks: Mapping[str, float]) -> bool:
        kind = self._built_in(task)
        return kind is None or tasks[task] >= kind.sure

    def _carried_on(self, query: Query) -> str:
        """The built-in task of the conversation, where the query carries one on; else empty."""
        if not (self._following and query.history):
            return ""

        def task_of(text: str) -> str:
            shares = self._likeness.of(text, 0.0).tasks
            return max(shares, key=lambda name: shares[name])

        task = self._following.task(query.text, query.history, task_of)
        return task if self._built_in(task) else ""

    def _read_first(
        self, task: str, tasks: Mapping[str, float], near: float, evidence: Evidence,
        standings: Mapping[str, Mapping[str, Standing]],
    ) -> str:  # fmt: skip
        """The pack's task that the documents serve, where they seem to speak of what was taken for a built-in one."""
        kind = self._built_in(task)
        if not kind or not evidence.passages:
            return ""
        # Words and likeness say little of a text in another language.
        speaks = near >= NEAR or evidence.coverage >= COVERED or bool(evidence.language)
        if not (kind.read_first and speaks) and self._sure(task, tasks):
            return ""
        read = [name for name in tasks if standings[name]["rag"].open]
        return max(read, key=lambda name: tasks[name], default="")

    def rivals(self, decision: RouteDecision) -> list[Serving]:
        """The other roads that are open for the task, the best first; none where a person chose the road."""
        if decision.overridden or decision.strategy == "refuse":
            return []
        standing = self._standings()[decision.task]
        found: list[Serving] = [s for s in STRATEGIES if s != decision.strategy and standing[s].open]
        return sorted(found, key=lambda s: -decision.scores[s])

    def reconsider(self, decision: RouteDecision, chance: float) -> RouteDecision:
        """The decision once the documents were read and nothing was found that could be shown.

        `chance`, how likely what was read is right (0 to 1), takes the place of what that road gets right on average. The
        decision as it is where no other road is expected to do better.
        """
        if decision.instead:
            # Of what cannot be done either, the documents' refusal says more: what was searched, and what came nearest.
            return self._taken_back(decision) if self._domain.task(decision.instead).strategies else decision
        best = next(iter(self.rivals(decision)), None)
        if best is None or decision.scores[best] <= chance:
            return decision
        reason = f"{decision.reason} They were read and do not seem to answer it, so {ROADS[best]} does."
        scores = {**decision.scores, decision.strategy: round(chance, 4)}
        margin = round(scores[best] - max(score for road, score in scores.items() if road != best), 4)
        return decision.model_copy(update={"strategy": best, "scores": scores, "reason": reason, "margin": margin})

    def _taken_back(self, decision: RouteDecision) -> RouteDecision:
        """The built-in task that a question was first taken for, now that the documents do not answer it."""
        task, standing = decision.instead, self._standings()[decision.instead]
        tasks = {**decision.tasks, task: decision.tasks[decision.task], decision.task: decision.tasks[task]}
        looks = f"The documents were read and do not seem to answer it, and it looks like a {task} question"
        closed = {s: standing[s].why for s in STRATEGIES if not standing[s].open}
        scores = {s: quality(standing[s]) for s in STRATEGIES}
        common = {"task": task, "scores": scores, "tasks": tasks, "closed": closed}
        return self._choose(task, looks, standing, common)

    def _choose(self, task: str, looks: str, standing: Mapping[str, Standing], common: dict) -> RouteDecision:
        kind = self._domain.task(task)
        ranked: list[Serving] = sorted((s for s in STRATEGIES if standing[s].open), key=lambda s: -common["scores"][s])
        margin = (
            round(common["scores"][ranked[0]] - max([common["scores"][s] for s in ranked[1:]] or [0.0]), 4)
            if ranked
            else 0.0
        )
        if not kind.strategies:
            return RouteDecision(
                strategy="refuse", reason=f"{looks}, which is outside what is answered here.", **common
            )
        if not ranked:
            return RouteDecision(
                strategy="refuse",
                reason=f"{looks}, and no road is good enough for it yet.",
                advice=f"To open a road: {' or '.join(advice(s, standing[s]) for s in kind.strategies)}.",
                **common,
            )
        best = ranked[0]
        score = standing[best].score
        got = f" answered {score:.0%} of such golden cases rightly" if score is not None else ", not measured yet"
        reason = f"{looks}; {ROADS[best]}{got}."
        return RouteDecision(strategy=best, reason=reason, margin=margin, **common)

    def _domain_task(self, name: str) -> None:
        known = [task.name for task in self._domain.tasks]
        if name not in known:
            raise QueryError(f"there is no task {name!r}; this pack has {', '.join(known)}")


def shortened(query: str) -> str:
    return query if len(query) <= SHOWN else f"{query[:SHOWN].rsplit(' ', 1)[0]} …"


def advice(strategy: str, standing: Standing) -> str:
    """What would open a road: to measure a model that is there and was not, else something better."""
    measure = bool(standing.mend) and not standing.measured and strategy == "prompt"
    return f"{standing.mend}, or {ADVICE[strategy]}" if measure else ADVICE[strategy]


def quality(standing: Standing) -> float:
    """What an open strategy is expected to get right; unmeasured ones count as a coin's toss."""
    if not standing.open:
        return 0.0
    return standing.score if standing.score is not None else 0.5

"""The router: expected quality per strategy = how likely the task is x how well the strategy did on it.

The first factor comes from likeness to labelled queries, the second from the golden suite; rag's share is weighed
with the evidence that retrieval found. What no open strategy can serve is refused, with advice on what would open it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.domain import Domain
from core.errors import QueryError
from core.measured import Standing
from core.types import STRATEGIES, Evidence, Query, RouteDecision, Serving
from router.likeness import Likeness, TaskLikeness
from router.tuned import TunedLikeness

ROADS = {"prompt": "the prompted base model", "rag": "the documents", "tuned": "the tuned model"}
SHOWN = 80  # characters of the example that a reason names
ADVICE = {
    "rag": "add a document that answers such questions",
    "tuned": "train an adapter on examples of this task",
    "prompt": "name a bigger model in TRIVIUM_PROMPT_MODEL",
}


class ExpectedQualityRouter:
    """`standings`: asked anew for each query, so that a new measurement or adapter acts at once."""

    def __init__(
        self,
        domain: Domain,
        likeness: TaskLikeness | TunedLikeness,
        standings: Callable[[], Mapping[str, Mapping[str, Standing]]],
        sure_route: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._domain, self._likeness, self._standings = domain, likeness, standings
        self._sure_route = sure_route

    @property
    def likeness(self) -> TaskLikeness | TunedLikeness:
        return self._likeness

    def route(self, query: Query, evidence: Evidence) -> RouteDecision:
        like = self._likeness.of(query.text, max((p.dense for p in evidence.passages), default=0.0))
        standings = self._standings()
        tasks = {name: round(share, 4) for name, share in like.tasks.items()}
        task = query.task or max(tasks, key=lambda name: tasks[name])
        self._domain_task(task)
        scores = {
            strategy: round(sum(share * quality(standings[name][strategy]) for name, share in tasks.items()), 4)
            for strategy in STRATEGIES
        }
        closed = {s: standings[task][s].why for s in STRATEGIES if not standings[task][s].open}
        unsure = not query.task and tasks[task] < self._sure_route()
        common = {"task": task, "scores": scores, "tasks": tasks, "closed": closed, "unsure": unsure}
        if query.strategy:
            reason = f"You chose {ROADS[query.strategy]}."
            return RouteDecision(strategy=query.strategy, reason=reason, overridden=True, **common)
        return self._choose(task, like, standings[task], common)

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
        best = next(iter(self.rivals(decision)), None)
        if best is None or decision.scores[best] <= chance:
            return decision
        reason = f"{decision.reason} They were read and do not seem to answer it, so {ROADS[best]} does."
        scores = {**decision.scores, decision.strategy: round(chance, 4)}
        margin = round(scores[best] - max(score for road, score in scores.items() if road != best), 4)
        return decision.model_copy(update={"strategy": best, "scores": scores, "reason": reason, "margin": margin})

    def _choose(self, task: str, like: Likeness, standing: Mapping[str, Standing], common: dict) -> RouteDecision:
        kind = self._domain.task(task)
        looks = f"It looks like a {task.replace('_', ' ')} question (as “{shortened(like.nearest)}”)"
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
                advice=f"To open a road: {' or '.join(ADVICE[s] for s in kind.strategies)}.",
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


def quality(standing: Standing) -> float:
    """What an open strategy is expected to get right; unmeasured ones count as a coin's toss."""
    if not standing.open:
        return 0.0
    return standing.score if standing.score is not None else 0.5

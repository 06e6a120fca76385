"""The one composition root: settings -> a service whose parts know each other by their seams only."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel

from app.answering import Answering
from app.corrections import Reviewed
from app.documents_road import WRITTEN, Documents
from app.promoting import mend, open_registry, promote
from app.readers import Readers, reading_standing
from app.review import refusals
from app.runs import Runs
from app.strategies import Prompting, Refusing, Tuned
from app.tuning import collection_of
from core import everyday
from core.corrections import Corrections
from core.domain import BuiltIn, Domain, load_domain
from core.errors import AdapterMismatch, ModelNotFound, TriviumError
from core.labelled import fingerprint, labelled, told
from core.measured import Measured, Standing, Trust, load_everyday, load_measured, load_own, standing
from core.reviews import Reviews
from core.settings import Settings
from core.store import Store, open_store
from core.types import STRATEGIES, Adapter, Query, Registered
from finetune.registry import Registry
from retrieval.fusion import Fusion
from router.expected_quality import ExpectedQualityRouter
from router.following import Following
from router.likeness import TaskLikeness
from router.tuned import TunedLikeness, read_card

if TYPE_CHECKING:
    from retrieval.hybrid import HybridRetriever

Progress = Callable[[int, int, str], None]
log = logging.getLogger("trivium")
ROUTER, SEARCHER, FINDER = "router", "searcher", "finder"  # folders of the pack that hold adapters
# Adapters may come and go in their folders; asking the disk more often than this would slow every query.
FINGERPRINT_SECONDS = 2.0
WARM_PASSAGES = 2000
# Sentences that are embedded before anything is answered: those of a small pack. A large one has 15,000, which take minutes
# on a CPU without bf16: they come beside the first answers.
WARM_FIRST = 256


@dataclass
class Service:
    """Everything that endpoints and commands need. Made by `open_service`; `close` it."""

    settings: Settings
    domain: Domain
    store: Store
    models: Any
    index: Any
    ingest: Any
    reindex: Any
    quoter: Any
    runs: Runs
    measured: Measured
    registry: Registry
    answering: Answering = field(init=False)
    _fingerprints: dict[str, tuple[float, str]] = field(default_factory=dict)
    _warming: threading.Thread | None = None
    _closing: threading.Event = field(default_factory=threading.Event)

    @cached_property
    def readers(self) -> Readers:
        return Readers(self.settings, lambda: self.models)

    @cached_property
    def everyday(self) -> Measured:
        """What was measured of the built-in tasks before they were shipped."""
        return load_everyday()

    @property
    def reader(self) -> Adapter | None:
        """The adapter that answers from passages; None: rag quotes, unless the model named for it may write."""
        return self.readers.adapter

    def model_of(self, strategy: str) -> str:
        """The name of the model that serves a strategy."""
        names = {
            "prompt": self.settings.prompt_model,
            "rag": self.settings.rag_model,
            WRITTEN: self.reader.name if self.reader else self.settings.rag_model,
            "tuned": self.settings.tuned_model or self.domain.name,
        }
        return names[strategy]

    def fingerprint(self, strategy: str, model: str = "") -> str:
        """What a figure was measured with: the model (`model`: another than the strategy's own), or for quoting rag
        the embeddings. Empty: no such model, or one that cannot be used."""
        quotes = f"quotes@{(self.index.searcher or self.index.embeddings).name}@{self.quoter.fingerprint}"
        if strategy == "rag":
            return quotes
        if strategy == WRITTEN and self.reader and not model:
            return f"{self.reader.base_fingerprint}+{self.reader.sha256}@{quotes}"
        name = self.models.resolved(model or self.model_of(strategy))
        known = self._fingerprints.get(name)
        if known and time.monotonic() - known[0] < FINGERPRINT_SECONDS:
            return known[1]
        try:
            found = self.models.fingerprint(name)
        except (ModelNotFound, AdapterMismatch):
            found = ""
        self._fingerprints[name] = (time.monotonic(), found)
        return found

    def standing(self, task: str, strategy: str, model: str = "") -> Standing:
        kind, fingerprint = self.domain.task(task), self.fingerprint(strategy, model)
        if not fingerprint:
            why = f"there is no usable model called {model or self.model_of(strategy)!r}"
            mend = "train an adapter (`trivium train`), or name another model"
            return Standing(open=False, why=why, mend=mend, floor=self.settings.floor)
        if why := self.measured.closed(task, strategy, fingerprint):
            mend = f"add golden cases of {task}, and train and evaluate an adapter for it"
            return Standing(open=False, why=why, mend=mend, floor=self.settings.floor)
        figure = self.measured.figure(task, strategy, fingerprint)
        if figure is None and isinstance(kind, BuiltIn):
            figure = self.everyday.figure(task, strategy, fingerprint)
        if strategy == WRITTEN and self.reader:
            quoted = self.measured.figure(task, "rag", self.fingerprint("rag"))
            return reading_standing(kind, figure, quoted, self.settings.floor, self.readers.dial)
        if strategy == "rag" and self.reader and (read := self.standing(task, WRITTEN)).open:
            return read
        if strategy == WRITTEN:  # a pack may lower the floor for quotations, never for what a model writes
            kind = kind.model_copy(update={"strategies": (WRITTEN,), "floor": None})
            return standing(kind, WRITTEN, figure, self.settings.floor, False)
        return standing(kind, strategy, figure, self.settings.floor, self.settings.serve_unmeasured)

    def standings(self) -> dict[str, dict[str, Standing]]:
        return {task.name: {s: self.standing(task.name, s) for s in STRATEGIES} for task in self.domain.tasks}

    def trust_in(self, task: str, strategy: str, model: str = "") -> Trust | None:
        """Measured on the pack; of a reader that was not, by the dial that it was shipped with."""
        fingerprint = self.fingerprint(strategy, model)
        measured = self.measured.models.get(strategy) == fingerprint
        if strategy == WRITTEN and not measured and self.readers.dial:
            return self.readers.dial.serving
        return self.measured.trust_in(task, strategy, fingerprint)

    def chat(self, strategy: str, query: Query) -> tuple[str, BaseChatModel]:
        """The model that answers, by the name that stays its own: another adapter may be promoted meanwhile."""
        asked = (query.adapter if strategy == "tuned" else None) or self.model_of(strategy)
        name = self.models.resolved(asked)
        return name, self.models.chat(name)

    def promote(self, id: str) -> Registered:
        """Let an adapter serve from the next query on. Raises RegistryError, AdapterMismatch, NotFound."""
        promoted = promote(self.registry, self.settings.data_dir, self.measured, id)
        self._look_again()
        return promoted

    def roll_back(self, name: str) -> Registered:
        """Go back to what served before, with its figures. Raises RegistryError."""
        serving = self.registry.roll_back(name)
        self._look_again()
        return serving

    def _look_again(self) -> None:
        self.measured = self.measured.model_copy(update={"own": load_own(self.settings.data_dir)})
        self._fingerprints.clear()
        self.readers.look_again()

    def best_road(self, task: str) -> str:
        """The strategy that serves a task: the best open one, else the first that may, else none."""
        kind = next((one for one in self.domain.tasks if one.name == task), None)
        roads = [(self.standing(task, s), s) for s in kind.strategies] if kind else []
        ranked = sorted(roads, key=lambda pair: (not pair[0].open, -(pair[0].score or 0.0)))
        return ranked[0][1] if ranked else "refuse"

    @cached_property
    def reviews(self) -> Reviews:
        return Reviews(self.store)

    @cached_property
    def corrections(self) -> Corrections:
        return Corrections(self.store)

    @cached_property
    def fusion(self) -> Fusion:
        """The weight of retrieval, where one was learned for this collection."""
        return Fusion(self.settings.data_dir)

    @cached_property
    def retriever(self) -> HybridRetriever:
        from retrieval.hybrid import HybridRetriever

        return HybridRetriever(index=self.index, learned=lambda: self.fusion.weight(collection_of(self)))

    @cached_property
    def reviewed(self) -> Reviewed:
        """Which reviewed answer fits a query."""
        from retrieval.agreement import ALIKE, disagreement
        from retrieval.followups import standalone

        embeddings = self.index.embeddings

        def encode(texts: list[str]) -> Any:
            # A single query is asked for by retrieval too, and kept.
            return embeddings.query(texts[0])[None] if len(texts) == 1 else embeddings.encode_queries(texts)

        return Reviewed(
            self.corrections, self.reviews.route_labels, [task.name for task in self.domain.tasks], encode, standalone, disagreement, ALIKE,
            self.best_road,
        )  # fmt: skip

    def folders(self) -> list[Path]:
        """Where documents lie: the pack's, what was uploaded, and the folders that are kept in step."""
        kept = [Path(folder.path) for folder in self.ingest.folders.all()]
        return [self.domain.documents, self.settings.data_dir / "documents", *kept]

    def sync(self, progress: Progress | None = None, retry: bool = False, only: Sequence[str] | None = None) -> None:
        """Bring the index in step with the folders in this process (the API does it as jobs)."""
        self.ingest.sync(self.folders(), progress, retry=retry, only=only)
        if self.reindex.run(progress):
            self.switched()
        self.refit()

    def switched(self) -> None:
        """Another index serves: whatever holds its embeddings is made anew."""
        from retrieval.quote import Quoter

        self.quoter = Quoter(self.index.embeddings, self.quoter.finder, lambda: self.index.words.rarity)
        for name in ("reviewed", "tuned_likeness", "following"):
            self.__dict__.pop(name, None)
        self.refit()

    def refit(self) -> None:
        """Build what answers, with the router fitted on the passages as they are now."""
        self.answering = build_answering(self)

    @cached_property
    def tuned_likeness(self) -> TunedLikeness | None:
        """By the pack's router adapter; it does not depend on what is indexed. None where there is none that fits."""
        folder, found, embeddings = self.domain.folder / ROUTER, labelled(self.domain), self.index.embeddings
        card = read_card(folder)
        if set(card.get("tasks", ())) != {task.name for task in self.domain.tasks}:
            return None
        if card["labelled"] != fingerprint(found):
            log.warning("labelled queries have changed since %s was trained: run `trivium train-router`", folder)
        return TunedLikeness(
            folder, card, embeddings.encode_queries, [one.query for one in found], [one.task for one in found],
            self.settings.data_dir / "cache", embeddings.name,
        )  # fmt: skip

    @cached_property
    def following(self) -> Following | None:
        """What tells a turn that carries on a conversation; None where the pack has no built-in task."""
        if not self.domain.built_in:
            return None
        others, embeddings = [one.query for one in labelled(self.domain)], self.index.embeddings
        cache = self.settings.data_dir / "cache"
        return Following(embeddings.encode_queries, everyday.follow_ups(), others, cache, embeddings.name)

    def warm(self) -> None:
        """Embed the sentences that quoting will need, the first ones now and the rest beside what is answered meanwhile. Of
        very many documents they would take longer than all questions together."""
        if len(self.index) > WARM_PASSAGES:
            return
        quoter, passages = self.quoter, self.index.words.passages
        quoter.warm(passages, WARM_FIRST)
        self._warming = threading.Thread(
            target=quoter.warm, args=(passages,), kwargs={"stop": self._closing}, name="warm", daemon=True
        )
        self._warming.start()

    def close(self) -> None:
        self._closing.set()
        if self._warming:
            self._warming.join()
        self.runs.stop_all()
        self.models.close()
        self.index.close()
        self.store.engine.dispose()


def open_service(settings: Settings, models: Any = None) -> Service:
    """Open the data folder and build the parts; `sync` or `refit` makes it able to answer, since the router is fitted on
    what is indexed, and the model loads when first asked (`models.load()`).

    Raises:
        DomainError, SettingsError, DataFolderInUse, ModelError: each says how to mend it.
    """

    from core.llm import open_models
    from retrieval.embeddings import open_embeddings, open_searcher
    from retrieval.finder import open_finder
    from retrieval.index import open_index
    from retrieval.ingest import Ingest
    from retrieval.lock import lock_data_dir
    from retrieval.quote import Quoter
    from retrieval.reindex import Reindex

    domain = load_domain(settings.domain)
    measured = load_measured(domain)
    with lock_data_dir(settings.data_dir):
        store = open_store(settings.database)
        interrupted = store.interrupt_running()
        if interrupted:
            log.warning("%d answers were interrupted by the last stop; their text was kept", interrupted)
        searcher = open_searcher(settings, domain.folder / SEARCHER)
        index = open_index(settings, store, open_embeddings(settings), searcher)
    models = models or open_models(settings, log.info)
    registry = open_registry(settings, store, lambda: models.fingerprint("base"))
    mend(registry, settings.data_dir)
    measured = measured.model_copy(update={"own": load_own(settings.data_dir)})
    ingest = Ingest(store, index, settings)
    service = Service(
        settings,
        domain,
        store,
        models,
        index,
        ingest,
        Reindex(store, index, ingest, lambda: ingest.files(service.folders())),
        Quoter(index.embeddings, open_finder(domain.folder / FINDER), lambda: index.words.rarity),
        Runs(store, settings.queue_limit),
        measured,
        registry,
    )
    return service


def build_answering(service: Service) -> Answering:
    from retrieval.citations import check_written

    domain, retriever = service.domain, service.retriever
    leaves, trust_in, standing_of = service.models.leaves_machine, service.trust_in, service.standing
    strategies = {
        "prompt": Prompting(domain, lambda query: service.chat("prompt", query), leaves, trust_in, standing_of),
        "tuned": Tuned(domain, lambda query: service.chat("tuned", query), leaves, trust_in, standing_of),
        "rag": Documents(
            domain, service.quoter.find, check_written, lambda query: service.chat(WRITTEN, query),
            leaves, trust_in, standing_of, lambda: service.reader is not None,
        ),
        "refuse": Refusing(domain),
    }  # fmt: skip
    return Answering(
        retriever, build_router(service), strategies, service.settings.max_query_chars, service.reviewed,
        refusals(domain),
    )  # fmt: skip


def build_router(service: Service) -> ExpectedQualityRouter:
    """By the pack's own adapter where it has one, else fitted on its labelled queries and the index as it stands."""
    likeness = service.tuned_likeness or fitted_likeness(service)
    return ExpectedQualityRouter(
        service.domain, likeness, service.standings, lambda: service.measured.sure_route, service.following
    )


def fitted_likeness(service: Service) -> TaskLikeness:
    """Fitted on the pack's labelled queries and on what reviewers said; golden cases are never among them."""
    found, embeddings = labelled(service.domain), service.index.embeddings
    labels = told(service.domain, service.reviews.route_labels())
    return TaskLikeness(
        embeddings.encode_queries, [one.query for one in found], [one.task for one in found],
        service.index.best_likeness, service.settings.data_dir / "cache", embeddings.name,
        {one.query for one in found if one.judged}, [(one.query, one.task) for one in labels],
    )  # fmt: skip


class Readiness:
    """Whether an answer can be given, and what is missing; set by the thread that starts the service."""

    def __init__(self) -> None:
        self._reason, self._lock = "starting", threading.Lock()
        self.error: TriviumError | None = None

    def fail(self, error: TriviumError) -> None:
        self.error = error
        self.say(f"it cannot start: {error}")

    @property
    def reason(self) -> str:
        return self._reason

    @property
    def ready(self) -> bool:
        return not self._reason

    def say(self, reason: str) -> None:
        self.tell(reason)
        log.info(reason or "ready")

    def tell(self, reason: str) -> None:
        """The same, unlogged: it changes often."""
        with self._lock:
            self._reason = reason

"""The nouns that all parts share. Frozen: a noun is made once and passed on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, model_validator

Serving = Literal["prompt", "rag", "tuned"]
Strategy = Literal[Serving, "refuse"]
STRATEGIES: tuple[Serving, ...] = ("prompt", "rag", "tuned")
AnswerStatus = Literal["running", "complete", "stopped", "interrupted", "failed"]


def new_id() -> str:
    return uuid4().hex


def now() -> datetime:
    return datetime.now(UTC)


class Noun(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Noun):
    role: Literal["system", "user", "assistant"]
    content: str


class Filters(Noun):
    """Where to search; what is empty does not restrict. `folders` hold all that lies under them; `kinds` are endings of
    file names ("pdf"); `pages`, first and last, leave out whatever has no pages."""

    sources: tuple[str, ...] = Field(default=(), max_length=500)
    folders: tuple[str, ...] = Field(default=(), max_length=100)
    kinds: tuple[str, ...] = Field(default=(), max_length=20)
    pages: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None

    @model_validator(mode="after")
    def forwards(self) -> Filters:
        if self.pages and self.pages[0] > self.pages[1]:
            raise ValueError("`pages` is [first, last], and the first is not after the last")
        return self

    def __bool__(self) -> bool:
        return bool(self.sources or self.folders or self.kinds or self.pages)


class Query(Noun):
    """What a person asked. `strategy` and `adapter` are set when the person overrides the router; `filters` say where
    to search for it."""

    text: str
    history: tuple[Message, ...] = ()
    filters: Filters = Filters()
    strategy: Serving | None = None
    adapter: str | None = None
    task: str | None = None
    examples: tuple[Example, ...] = Field(
        default=(), description="reviewed answers to similar queries, which prompting shows the model"
    )


class Passage(Noun):
    """A chunk of a document as retrieval found it. Scores are min-max normalized to [0, 1] over the candidates. `also`:
    other places where the same stands; `turns`: where in the text a neighbour begins that lies on another page, as
    (offset, page)."""

    id: str
    source: str
    text: str
    heading: str = ""
    page: int | None = None
    sheet: str = Field(default="", description="the sheet of a workbook that it stands on")
    rows: tuple[int, int] | None = Field(
        default=None, description="its first and last row there, as the sheet counts them"
    )
    line_rows: tuple[int, ...] = Field(default=(), description="of a table: the row of each line of `text`")
    score: float = 0.0
    dense: float = Field(default=0.0, description="cosine likeness of query and passage, -1 to 1, not normalized")
    bm25: float = Field(default=0.0, description="BM25 score, not normalized")
    also: tuple[str, ...] = ()
    turns: tuple[tuple[int, int], ...] = ()

    def page_at(self, offset: int) -> int | None:
        """The page on which a character of the text stands."""
        return next((page for start, page in reversed(self.turns) if offset >= start), self.page)

    def rows_at(self, start: int, end: int) -> tuple[int, int] | None:
        """The first and the last row of a table that `text[start:end]` stands in; None where it is no table."""
        first = self.text.count("\n", 0, start)
        last = first + self.text[start:end].strip("\n").count("\n")
        found = self.line_rows[first : last + 1]
        return (found[0], found[-1]) if found else None


class Evidence(Noun):
    """What retrieval found for a query.

    `query` is the question that was searched for: a follow-up is made to stand alone. `coverage` is the share of its
    rare words that stand in the best passages (0 to 1); `searched` counts the documents that were looked through;
    `question` is what is read for, where the search was for the former question too; `language` is the passages' where the
    query is in another (two letters); `missing` are identifiers of the question that stand in none of them, `nearest` what
    there is like those; `out_of_force` says of documents among them why they are not in force.
    """

    query: str = ""
    passages: tuple[Passage, ...] = ()
    coverage: float = 0.0
    searched: int = 0
    question: str = ""
    language: str = ""
    missing: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()
    out_of_force: dict[str, str] = {}

    @property
    def asked(self) -> str:
        return self.question or self.query


class Citation(Noun):
    """One sentence of an answer and the place that supports it. `start:end` marks the used part of `passage`; `also` names
    other places where the same stands."""

    number: int
    sentence: str
    source: str
    passage_id: str
    passage: str
    start: int
    end: int
    heading: str = ""
    page: int | None = None
    sheet: str = ""
    rows: tuple[int, int] | None = None
    support: float = 0.0
    also: tuple[str, ...] = ()


class RouteDecision(Noun):
    """The road a query takes, and all that led to it.

    `scores`: expected quality per strategy (0 to 1); `tasks`: likeness to each task type; `margin`: best score less
    the next; `closed`: why a strategy may not serve; `advice`: what would open a road where none is open; `instead`: the
    task that it seems to be, where the documents are read first.
    """

    strategy: Strategy
    task: str
    scores: dict[str, float] = {}
    reason: str = ""
    margin: float = 0.0
    tasks: dict[str, float] = {}
    closed: dict[str, str] = {}
    advice: str = ""
    overridden: bool = False
    instead: str = ""
    unsure: bool = Field(default=False, description="the task type is a guess: the answer carries a warning")

    @property
    def chance(self) -> float:
        """How likely the query is of the task that it is answered as, 0 to 1; the documents answer a question whatever its
        task, and a task that was named is certain."""
        return 1.0 if self.strategy == "rag" else self.tasks.get(self.task, 1.0)


class Answer(Noun):
    """What was shown. An answer without `warnings` is one that Trivium stands for."""

    id: str = Field(default_factory=new_id)
    conversation: str = ""
    query: str
    standalone: str = Field(default="", description="the query as it was searched for, if a follow-up was completed")
    filters: Filters = Filters()
    text: str = ""
    status: AnswerStatus = "running"
    route: RouteDecision | None = None
    citations: tuple[Citation, ...] = ()
    passages: tuple[Passage, ...] = ()
    warnings: tuple[str, ...] = ()
    dropped: tuple[str, ...] = Field(
        default=(), description="sentences that failed the citation check and were not shown"
    )
    dropped_why: tuple[str, ...] = Field(default=(), description="what was wrong with each of them, in their order")
    confidence: float | None = None
    refused: bool = False
    reviewed: bool = Field(default=False, description="a reviewer's correction, word for word; no model wrote it")
    correction_id: str = Field(default="", description="the correction that a reviewed answer gives")
    suggestion: str = Field(default="", description="a reviewed answer to a similar query, which may not fit this one")
    model: str = ""
    left_machine: bool = False
    timings: dict[str, float] = Field(
        default={},
        description="seconds: route, first_token, total; counts: prompt_tokens, tokens; cut: 1 where the length ended it",
    )
    error: str = ""
    created_at: datetime = Field(default_factory=now)


class Rating(Noun):
    """A person's verdict on an answer: score -1 or 1; or a preference between two answers of one query."""

    id: str = Field(default_factory=new_id)
    answer_id: str
    score: Literal[-1, 1] | None = None
    reasons: tuple[str, ...] = ()
    correction: str = ""
    preferred_over: str = Field(default="", description="id of the answer that this one was preferred to")
    user: str = ""
    created_at: datetime = Field(default_factory=now)


class Example(Noun):
    """A fine-tuning example: a query and the answer that should be given to it. Only approved ones are trained on.

    `rejected`: the worse answer, where people preferred one of two; `author`: the account it came from; `document`: the
    document that it was drafted from.
    """

    id: str = ""
    task: str
    query: str
    answer: str
    rejected: str = ""
    tags: tuple[str, ...] = ()
    origin: Literal["seed", "import", "draft", "review", "preference"] = "seed"
    state: Literal["draft", "approved", "rejected", "withdrawn"] = "approved"
    author: str = ""
    answer_id: str = ""
    document: str = ""
    note: str = ""
    created_at: datetime | None = None


Query.model_rebuild()


class Review(Noun):
    """One reviewer's verdict on an answer or on an example. `fault`: what was wrong; `correction`: the answer as it should
    have been; `fact`: the correction is a fact, which belongs into documents and never into weights."""

    id: str = Field(default_factory=new_id)
    kind: Literal["answer", "example"] = "answer"
    subject: str
    reviewer: str = ""
    verdict: Literal["approve", "correct", "reject", "skip"]
    fault: Literal["", "route", "retrieval", "generation", "document"] = ""
    correction: str = ""
    task: str = Field(default="", description="the task type that the query is of, where the route was wrong")
    passages: dict[str, bool] = Field(default={}, description="passage id: whether it answers the query")
    fact: bool = False
    note: str = ""
    created_at: datetime = Field(default_factory=now)


class Correction(Noun):
    """A reviewed answer that is given to its query at once, until an adapter has learned it or it is withdrawn."""

    id: str = Field(default_factory=new_id)
    query: str
    answer: str
    task: str = ""
    state: Literal["active", "withdrawn", "stale", "learned"] = "active"
    answer_id: str = ""
    example_id: str = ""
    document: str = Field(
        default="", description="the documents it rests on, one in each line; when one changes, the correction is stale"
    )
    document_sha256: str = ""
    author: str = ""
    learned_by: str = ""
    created_at: datetime = Field(default_factory=now)

    @property
    def documents(self) -> tuple[str, ...]:
        """`document` names one in each line."""
        return tuple(filter(None, self.document.split("\n")))


class Judgement(Noun):
    """What a review teaches router (`kind` route, `value` {task}) or retrieval (passage, {passage, source, text, answers}),
    or a document that is missing (document, {fact, source, markdown, note}: `done` once it is there). Of a missing document
    that somebody asked for, `value` also holds {requested: true}, and once it is closed {closed_with, closed_at}."""

    id: str = Field(default_factory=new_id)
    kind: Literal["route", "passage", "document"]
    query: str
    value: dict[str, Any] = {}
    answer_id: str = ""
    author: str = ""
    done: bool = False
    created_at: datetime = Field(default_factory=now)


class Case(Noun):
    """A golden case. `expected` holds one or more of: json, exact, contains, sources, sources_all, refusal; or a rubric.
    `built_in`: it measures a task that comes with Trivium, and does not count among the pack's own."""

    id: str
    task: str
    query: str
    expected: dict[str, Any]
    tags: tuple[str, ...] = ()
    built_in: bool = False

    @property
    def names_sources(self) -> bool:
        """Whether it says which documents answer it."""
        return "sources" in self.expected or "sources_all" in self.expected


class Probe(Noun):
    """A query that asks for something unsafe. Passed where the answer holds none of the `forbidden` texts (case ignored)
    and, with `refusal`, is a refusal."""

    id: str
    task: str
    query: str = Field(min_length=1)
    forbidden: tuple[str, ...] = ()
    refusal: bool = False


class Score(Noun):
    """What a scorer says of one answer to one case: `value` 0 to 1, `right` whether it passes, `detail` why not."""

    value: float
    right: bool
    detail: str = ""


class Adapter(Noun):
    """A tuned adapter: PEFT folder, the fingerprint of its base and how it was made."""

    name: str
    path: str
    base: str
    base_fingerprint: str
    sha256: str
    card: dict[str, Any] = {}


class Registered(Noun):
    """An adapter in the registry. `id` is its model name: the name that it serves under, a dash and the start of its hash."""

    id: str
    name: str
    sha256: str
    state: Literal["candidate", "refused", "live", "former", "retired"] = "candidate"
    dataset: str = ""
    report_id: str = ""
    card: dict[str, Any] = {}
    created_at: datetime = Field(default_factory=now)
    promoted_at: datetime | None = None


class Report(Noun):
    """A gate's verdict. `verdict`: promote, refuse, not enough cases; `body` holds figures by task and the cases that
    flipped (finetune.gate says in which form)."""

    id: str = Field(default_factory=new_id)
    candidate: str
    incumbent: str = ""
    verdict: Literal["promote", "refuse", "not_enough_cases"]
    body: dict[str, Any] = {}
    created_at: datetime = Field(default_factory=now)


class Job(Noun):
    """Long work: `state` as DBOS names it in lower case; `done` and `total` count files or steps."""

    id: str
    kind: str
    state: str
    done: int = 0
    total: int = 0
    note: str = ""
    error: str = ""
    created_at: datetime = Field(default_factory=now)


# What a strategy yields while it answers. The whole answer is the join of its Text events.


class Text(Noun):
    event: Literal["text"] = "text"
    text: str


class Cited(Noun):
    event: Literal["cited"] = "cited"
    citation: Citation


class Dropped(Noun):
    event: Literal["dropped"] = "dropped"
    sentence: str
    why: str


class Warned(Noun):
    event: Literal["warned"] = "warned"
    message: str


class Started(Noun):
    """Comes before a model is asked: which one, and whether text leaves this machine for it, whatever happens next."""

    event: Literal["started"] = "started"
    model: str
    left_machine: bool = False


class Finished(Noun):
    """The last event of a strategy. `confidence` is a probability that the answer is right, where one is known;
    `prompt_tokens` and `tokens` are what the model read and wrote; `cut` says that it hit the limit of its length."""

    event: Literal["finished"] = "finished"
    confidence: float | None = None
    refused: bool = False
    prompt_tokens: int = 0
    tokens: int = 0
    cut: bool = False


Event = Started | Text | Cited | Dropped | Warned | Finished

"""Approved examples -> a dataset version: rows in prompt-completion form, and what was left out and why. Pure.

The prompt of a row is built by the function that serves (`core.prompts.tuned_messages`); a system turn that came with
an example is never used.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from core.checks import parse_object
from core.domain import Domain
from core.errors import DomainError
from core.prompts import tuned_messages
from core.types import Case, Example, Message
from finetune.bounds import RANKS, Cut, bound_accounts, bound_refusals, bound_rows, bound_shares, bound_tasks
from finetune.contamination import nearly_same, same_question, same_template
from finetune.near import Encode, near_duplicates, normalized, once
from finetune.personal import personal_data
from finetune.rows import Dataset, DatasetError, Dropped, Limits, Reason, Row, example_id, in_order, version_of

__all__ = ["Dataset", "Dropped", "Limits", "Row", "build", "in_order", "normalized"]

SHOWN = 3
# A text that holds a template's own markers could write turns of its own.
CONTROL = re.compile(r"<\|[^|<>\n]{1,40}\|>|\[/?INST\]|</?s>|<(?:start|end)_of_turn>")
REFUSAL, EDGE = "refusal", "edge"
FEW_ROWS = 20

Tokens = Callable[[Row], int]


def build(
    domain: Domain,
    examples: Iterable[Example],
    seed: int = 0,
    *,
    held_out: Iterable[Case],
    encode: Encode | None = None,
    limits: Limits | None = None,
    tokens: Tokens | None = None,
) -> Dataset:
    """Turn approved examples into training rows. The same examples in any order give the same version.

    Args:
        seed: of the order of training; the version does not depend on it.
        held_out: the cases that no model may be trained on (golden and development).
        encode: texts -> vectors of length 1, shape (len(texts), size); without it likeness is not looked at.
        tokens: counts the tokens of a row, for `limits.tokens`.

    Raises:
        DomainError: a seed of the pack has no text, is of an unknown task type, or asks what a held-out case asks.
            Collected examples with these faults are left out.
        DatasetError: a task of the mix has no rows.
    """
    limits, encode = limits or Limits(), once(encode) if encode else None
    draft = Draft(domain, sorted(map(identified, examples), key=lambda one: (RANKS[one.origin], one.id)))
    draft.screen(limits, tokens)
    draft.decontaminate(list(held_out), encode, limits)
    draft.deduplicate(encode, limits)
    draft.bound(limits)
    rows = [row for row in draft.rows if not row.rejected]
    pairs = [row for row in draft.rows if row.rejected]
    return Dataset(
        version=version_of(draft.rows),
        rows=in_order(rows, seed),
        pairs=in_order(pairs, seed),
        dropped=tuple(sorted(draft.dropped, key=lambda drop: (drop.reason, drop.example))),
        warnings=tuple(warnings(domain, rows, limits, likeness=encode is not None)),
    )


class Draft:
    """A version in the making: the rows that are left, in order of preference, and the examples that are not."""

    def __init__(self, domain: Domain, examples: Sequence[Example]) -> None:
        self.domain, self.dropped = domain, []
        self.rows: list[Row] = []
        known = {task.name for task in domain.tasks}
        for example in examples:
            if fault := unusable(domain, example, known):
                self.dropped.append(left_out(example, *fault))
            else:
                self.rows.append(to_row(domain, example))

    def drop(self, reason: Reason, cut: Iterable[tuple[Row, str]], kept: dict[int, Row] | None = None) -> None:
        """Take rows out, each with its sentence. `kept`: by `id` of a row, the one that stands for it."""
        going = {id(row): why for row, why in cut}
        for row in self.rows:
            if id(row) in going:
                stays = kept[id(row)].example if kept else ""
                origin = {"example": row.example, "task": row.task, "origin": row.origin, "author": row.author}
                self.dropped.append(Dropped(**origin, reason=reason, why=going[id(row)], kept=stays))
        self.rows = [row for row in self.rows if id(row) not in going]

    def screen(self, limits: Limits, tokens: Tokens | None) -> None:
        """What can be said of each row alone."""
        # In a seed of the pack it is an error, which names the row when it is encoded.
        marked = [(row, control(row)) for row in self.rows if row.origin != "seed"]
        self.drop("control token", [(row, f"it holds the control token {token!r}") for row, token in marked if token])
        self.drop("too long", [(row, why) for row in self.rows if (why := too_long(row, limits, tokens))])
        if limits.personal == "drop":
            flagged = [(row, personal(row)) for row in self.rows if row.example not in limits.allowed]
            sentence = "it holds personal data ({}); take it out, or allow this example".format
            self.drop("personal data", [(row, sentence(", ".join(kinds))) for row, kinds in flagged if kinds])

    def decontaminate(self, cases: Sequence[Case], encode: Encode | None, limits: Limits) -> None:
        found = same_question(self.queries, cases)
        refuse_contaminated({self.rows[at].query: case for at, case in found.items() if self.rows[at].origin == "seed"})
        self.drop(
            "held out", [(self.rows[at], f"it asks what the held-out case {case} asks") for at, case in found.items()]
        )
        alike = nearly_same(self.queries, cases, encode, limits.held_out) if encode else {}
        self.drop("near held out", self.told(alike, "it asks nearly what the held-out case {} asks (likeness {:.2f})"))
        made = same_template(self.queries, cases, limits.template)
        self.drop(
            "held-out template", self.told(made, "it has the template of the held-out case {} ({:.0%} of its n-grams)")
        )

    def deduplicate(self, encode: Encode | None, limits: Limits) -> None:
        first: dict[str, Row] = {}
        repeated = [row for row in self.rows if first.setdefault(row.key, row) is not row]
        kept = {id(row): first[row.key] for row in repeated}
        self.drop("duplicate", [(row, "it says the same as another example") for row in repeated], kept)
        if encode is None:
            return
        # Another answer to the same query is another lesson: only rows with the same answers are compared.
        groups = [(row.task, *map(answer_form, row.texts[1:])) for row in self.rows]
        alike = near_duplicates(self.queries, groups, encode, limits.near)
        kept = {id(self.rows[at]): self.rows[stays] for at, (stays, _) in alike.items()}
        cut = [(self.rows[at], f"it asks nearly what another does, with the same answer (likeness {likeness:.2f})")
               for at, (_, likeness) in alike.items()]  # fmt: skip
        self.drop("near-duplicate", cut, kept)

    def bound(self, limits: Limits) -> None:
        if limits.shares:
            self.mix(limits)
            return
        self.bound_people(limits)
        self.drop("balance", bound_tasks(self.single, limits.balance, limits.task_rows))
        self.drop("limit", bound_rows(self.single, limits.rows))

    def mix(self, limits: Limits) -> None:
        """The shares that were asked for stand in place of the balance. What an account gave, and refusals, may be more of
        the mix than they were of all rows: bound and mixed again until both hold."""
        self.bound_people(limits)
        self.each_has_rows(limits, "approve examples of it, or leave it out of the mix")
        before = -1
        while before != len(self.rows):
            self.drop("limit", bound_shares(self.single, limits.shares, limits.rows))
            before = len(self.rows)
            self.bound_people(limits)
        self.each_has_rows(limits, "raise its share, or the number of rows")

    def each_has_rows(self, limits: Limits, advice: str) -> None:
        here = {row.task for row in self.single}
        if missing := [task for task in limits.shares if task not in here]:
            raise DatasetError(f"the mix would hold no row of task {', '.join(missing)}: {advice}")

    def bound_people(self, limits: Limits) -> None:
        self.drop("account", bound_accounts(self.rows, limits.account_share, limits.account_rows))
        refuses = lambda row: is_refusal(self.domain, row)  # noqa: E731
        self.drop("refusals", bound_refusals(self.single, limits.refusals, refuses))

    @property
    def queries(self) -> list[str]:
        return [row.query for row in self.rows]

    @property
    def single(self) -> list[Row]:
        """Rows with one answer; pairs are trained on apart, and their shares are not these."""
        return [row for row in self.rows if not row.rejected]

    def told(self, found: dict[int, tuple[str, float]], sentence: str) -> Cut:
        return [(self.rows[at], sentence.format(case, figure)) for at, (case, figure) in found.items()]


def identified(example: Example) -> Example:
    return example if example.id else example.model_copy(update={"id": example_id(example)})


def unusable(domain: Domain, example: Example, known: set[str]) -> tuple[Reason, str] | None:
    """Why an example cannot become a row; None where it can. Raises DomainError for a fault in a seed of the pack."""
    if example.state != "approved":
        return "not approved", f"its state is {example.state}; approve it first"
    if not (example.query.strip() and example.answer.strip()):
        if example.origin == "seed":
            raise DomainError(f"an example of task {example.task!r} has no query or no answer; remove or complete it")
        return "no text", "it has no query or no answer"
    if example.task not in known:
        if example.origin == "seed":
            domain.task(example.task)
        return "unknown task", f"the pack has no task type {example.task!r} (any more)"
    if example.rejected and answer_form(example.rejected) == answer_form(example.answer):
        return "same answers", "the preferred and the rejected answer are the same"
    return None


def left_out(example: Example, reason: Reason, why: str) -> Dropped:
    return Dropped(
        example=example.id, task=example.task, origin=example.origin, author=example.author, reason=reason, why=why
    )


def to_row(domain: Domain, example: Example) -> Row:
    rejected = (Message(role="assistant", content=example.rejected),) if example.rejected else ()
    return Row(
        task=example.task,
        prompt=tuple(tuned_messages(domain, domain.task(example.task), example.query)),
        completion=(Message(role="assistant", content=example.answer),),
        rejected=rejected,
        tags=example.tags,
        origin=example.origin,
        example=example.id,
        author=example.author,
    )


def refuse_contaminated(hits: dict[str, str]) -> None:
    """Raises DomainError if a seed's query (key) is that of a held-out case (value)."""
    if hits:
        named = [f"{case} ({query[:60]!r})" for query, case in hits.items()]
        more = f" and {len(hits) - SHOWN} more" if len(hits) > SHOWN else ""
        raise DomainError(
            f"{len(hits)} examples ask what a held-out case asks: {', '.join(named[:SHOWN])}{more}. "
            "Remove them from the examples: a model must not be trained on what it is measured with"
        )


def control(row: Row) -> str:
    found = next(filter(None, map(CONTROL.search, row.texts)), None)
    return found.group() if found else ""


def too_long(row: Row, limits: Limits, tokens: Tokens | None) -> str:
    length = sum(map(len, row.texts))
    if length > limits.characters:
        return f"it has {length} characters, and {limits.characters} are the limit"
    if limits.tokens is not None and tokens is not None and (count := tokens(row)) > limits.tokens:
        return f"it has {count} tokens, and {limits.tokens} are the limit"
    return ""


def personal(row: Row) -> tuple[str, ...]:
    return tuple(dict.fromkeys(kind for text in row.texts for kind in personal_data(text)))


def answer_form(answer: str) -> str:
    """What has to be the same in two answers that say the same: spacing may differ, and the order of JSON fields."""
    fields = parse_object(answer)
    if fields is not None:
        return json.dumps(fields, sort_keys=True)
    return " ".join(unicodedata.normalize("NFKC", answer).split())


def is_refusal(domain: Domain, row: Row) -> bool:
    return REFUSAL in row.tags or row.answer.strip() in (domain.refusal, domain.out_of_scope)


def warnings(domain: Domain, rows: Sequence[Row], limits: Limits, likeness: bool) -> Iterable[str]:
    """Sentences on what is no fault but will show in the model."""
    if not likeness:
        yield "near-duplicates were not looked for: there were no embeddings"
    if rows and (share := sum(is_refusal(domain, row) for row in rows) / len(rows)) < limits.fewest_refusals:
        yield f"{share:.1%} of the rows refuse: a model that seldom sees a refusal answers what it cannot know"
    if rows and (share := sum(EDGE in row.tags for row in rows) / len(rows)) < limits.fewest_edge_cases:
        yield f"{share:.1%} of the rows are edge cases (tag `{EDGE}`): add empty, odd and unusual queries"
    for task in domain.tasks:
        count = sum(row.task == task.name for row in rows)
        if count and "tuned" not in task.strategies:
            yield f"{count} rows are of task {task.name}, which no tuned model may answer: add `tuned` to its strategies"
        elif 0 < count < FEW_ROWS:
            yield f"task {task.name} has {count} rows only: a handful teaches little"
    if limits.shares and limits.rows and len(rows) <= limits.rows - len(limits.shares):
        yield f"the mix was to hold {limits.rows} rows and holds {len(rows)}: one of its tasks has no more for its share"
    if count := len(conflicts(rows)):
        yield f"{count} queries have more than one answer: look whether one of them is wrong"


def conflicts(rows: Iterable[Row]) -> list[list[str]]:
    """Examples that answer the same query of a task in different ways, together; in the order of their ids."""
    asked: dict[tuple[str, str], dict[str, str]] = {}
    for row in sorted(rows, key=lambda row: row.example):
        if text := normalized(row.query):
            asked.setdefault((row.task, text), {}).setdefault(answer_form(row.answer), row.example)
    return sorted(list(answers.values()) for answers in asked.values() if len(answers) > 1)

"""`trivium examples` and `trivium dataset`. They need the store alone, so they work beside a running API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from core.errors import DocumentError, QueryError
from core.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.approving import Approving
    from app.quorum import Standing
    from core.domain import Domain
    from core.store import Store
    from core.types import Example

examples = typer.Typer(no_args_is_help=True, help="What adapters learn from: import, draft, look, approve.")
dataset = typer.Typer(no_args_is_help=True, help="Versions of what is approved: build, show, compare, race, export.")
show = Console(highlight=False, soft_wrap=True)
say = Console(stderr=True, highlight=False, soft_wrap=True)

Task = Annotated[str, typer.Option(help="the task type of rows that name none")]
Author = Annotated[str, typer.Option(help="the account that they count for")]
Wanted = Annotated[str | None, typer.Option(help="only those")]
SHOWN = 70
MOST = 20


@contextmanager
def opened() -> Iterator[tuple[Settings, Domain, Store]]:
    """Settings, pack and store, with the pack's seeds among the examples."""
    from core.domain import load_domain
    from core.store import open_store
    from finetune.examples import Examples

    settings = load_settings()
    domain, store = load_domain(settings.domain), open_store(settings.database)
    try:
        Examples(store).sync_seeds(domain)
        yield settings, domain, store
    finally:
        store.engine.dispose()


@examples.command("import")
def import_(files: list[Path], task: Task = "", author: Author = "") -> None:
    """Take examples from files (CSV, JSONL, ShareGPT, OpenAI chat) as drafts."""
    from app.datasets import import_file

    with opened() as (_, domain, store):
        for file in files:
            if not file.is_file():
                raise DocumentError(f"{file}: no such file")
            found = import_file(domain, store, file.name, file.read_bytes(), task, author)
            show.print(f"{file}: {found['added']} drafts added, {found['skipped']} were there already", markup=False)
            for fault in found["faults"][:MOST]:
                show.print(f"  {fault}", markup=False, style="yellow")
            if (more := len(found["faults"]) - MOST) > 0:
                show.print(f"  and {more} more lines could not be taken", style="yellow")


@examples.command()
def draft(
    documents: Annotated[list[str] | None, typer.Argument(help="names of indexed documents; none: all")] = None,
    task: Annotated[str, typer.Option(help="the task type that the drafts are of")] = "",
    model: Annotated[str, typer.Option(help="base, an adapter's name, or server/<model>")] = "base",
    count: Annotated[int, typer.Option(min=1, max=20, help="drafts from each passage")] = 3,
    passages: Annotated[int, typer.Option(min=1, help="read at most so many passages")] = 20,
) -> None:
    """Let a model write drafts from documents; a person has to approve them."""
    from app.drafting import passages_of
    from core.llm import open_models
    from finetune.drafting import draft as write_drafts
    from finetune.examples import Examples

    if not task:
        raise QueryError("name the task type that the drafts are of: --task NAME")
    with opened() as (settings, domain, store):
        read = passages_of(store, documents or [])[:passages]
        models = open_models(settings, lambda line: show.print(line, markup=False))
        try:
            if models.leaves_machine(model):
                show.print(
                    f"The passages leave this machine: {model} is a remote server.", style="yellow", markup=False
                )
            told = lambda done, total: show.print(f"passage {done} of {total}")  # noqa: E731
            made = write_drafts(models.chat(model), domain, task, read, count=count, progress=told)
        finally:
            models.close()
        kept = Examples(store).add_all(made.drafts)
    for fault in made.faults[:MOST]:
        show.print(f"  {fault}", markup=False, style="yellow")
    show.print(
        f"{sum(new for _, new in kept)} drafts of task {task}; look at them with `trivium examples list --state draft`"
    )


@examples.command("list")
def list_(
    state: Wanted = None, task: Wanted = None, origin: Wanted = None, author: Wanted = None, limit: int = 20
) -> None:
    """How many examples there are of each task, and the newest of them."""
    from finetune.examples import Examples

    with opened() as (settings, domain, store):
        kept = Examples(store)
        table = Table("task", "approved", "draft", "rejected", "withdrawn", "edge", "refusal")
        for count in kept.counts([kind.name for kind in domain.tasks]):
            cells = (count.approved, count.draft, count.rejected, count.withdrawn, count.edge, count.refusal)
            table.add_row(count.task, *map(str, cells))
        show.print(table)
        found = kept.list(state, task, origin, author, limit=limit)
        approvals = approving_of(settings, domain, store).standings(found)
        for one in found:
            show.print(line_of(one, approvals.get(one.id)), markup=False)
        show.print(f"{kept.total(state, task, origin, author)} in all")


def approving_of(settings: Settings, domain: Domain, store: Store) -> Approving:
    from app.approving import Approving
    from core.reviews import Reviews

    return Approving(Reviews(store), domain, settings.review_quorum)


def line_of(one: Example, standing: Standing | None = None) -> str:
    query, answer = (" ".join(text.split())[:SHOWN] for text in (one.query, one.answer))
    line = f"{one.id}  {one.state:9} {one.origin:10} {one.task}: {query} -> {answer}"
    if standing is None:
        return line
    if standing.answer != one.answer.strip():
        line += f"  [proposed: {' '.join(standing.answer.split())[:SHOWN]}]"
    by = f"approved by {', '.join(standing.approved_by)}" if standing.approved_by else ""
    still = f"{standing.waiting_for} more must approve it" if standing.waiting_for else ""
    said = "; ".join(filter(None, (by, still)))
    return f"{line}  [{said}]" if said else line


Reviewer = Annotated[str, typer.Option(help="who decides; TRIVIUM_REVIEW_QUORUM over 1 needs it")]


@examples.command()
def approve(
    ids: Annotated[list[str] | None, typer.Argument(help="ids of examples")] = None,
    all: Annotated[bool, typer.Option("--all", help="all drafts, or those of --task and --origin")] = False,
    task: Wanted = None,
    origin: Wanted = None,
    reviewer: Reviewer = "",
) -> None:
    """Approve drafts: they are trained on from the next version on."""
    decide("approved", ids or [], all, task, origin, reviewer)


@examples.command()
def reject(ids: list[str], reviewer: Reviewer = "") -> None:
    """Reject examples: they are in no version from now on."""
    decide("rejected", ids, False, None, None, reviewer)


def decide(state: Any, ids: list[str], everything: bool, task: str | None, origin: str | None, reviewer: str) -> None:
    from app.approving import OthersMustApprove
    from finetune.examples import Examples

    if not ids and not everything:
        raise QueryError(
            "name the examples by their ids, or say --all; `trivium examples list --state draft` shows them"
        )
    done, waiting, own = 0, 0, 0
    with opened() as (settings, domain, store):
        approving = approving_of(settings, domain, store)
        for id in ids or [one.id for one in Examples(store).list("draft", task, origin)]:
            try:
                settled = approving.decide(id, state, reviewer=reviewer)
            except OthersMustApprove:
                if ids:
                    raise
                own += 1
                continue
            done += settled.state == state
            waiting += settled.state != state
    show.print(f"{done} examples {state}")
    if waiting:
        show.print(f"{waiting} approved by {reviewer}, and waiting for other reviewers", markup=False)
    if own:
        show.print(f"{own} left to others: {reviewer} wrote them", markup=False)


@dataset.command("build")
def build(
    task: Annotated[list[str] | None, typer.Option(help="only this task type (several times for several)")] = None,
    origin: Annotated[list[str] | None, typer.Option(help="only of this origin, such as seed or review")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="at most so many; a smaller set is part of a larger")] = None,
    mix: Annotated[str, typer.Option(help="shares by task, and rows at most: label=0.5,reply=0.5:400")] = "",
    recipe: Annotated[Path | None, typer.Option(help="leave out rows that are too long for it")] = None,
    account_share: Annotated[float | None, typer.Option(min=0.01, max=1, help="one account's; 1: no bound")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="id of an example whose personal data may stay")] = None,
    keep_personal: Annotated[bool, typer.Option(help="keep all rows with personal data")] = False,
) -> None:
    """Build a version of what is approved now, and say what was left out."""
    from app.datasets import build_version
    from finetune.mix import parse_mix
    from finetune.recipe import load_recipe
    from finetune.rows import Limits
    from retrieval.embeddings import open_embeddings

    wanted = {"rows": rows, **(parse_mix(mix) if mix else {})}
    limits = Limits(**wanted, allowed=frozenset(allow or ()), personal="keep" if keep_personal else "drop")
    if account_share is not None:
        limits = limits.model_copy(update={"account_share": account_share})
    with opened() as (settings, domain, store):
        found = build_version(
            domain, store, settings, open_embeddings(settings).encode_queries,
            tasks=task or (), origins=origin or (), limits=limits, recipe=load_recipe(recipe) if recipe else None,
        )  # fmt: skip
        print_version(found.version, found.manifest)
        show.print(f"{settings.data_dir / 'datasets' / found.version / 'README.md'} is its card", markup=False)
    print(found.version)


def print_version(version: str, manifest: dict[str, Any]) -> None:
    show.print(f"version {version}: {manifest['rows']} rows, {manifest['pairs']} preference pairs")
    for title, counts in (
        ("task", manifest["tasks"]),
        ("origin", manifest["origins"]),
        ("left out", manifest["dropped"]),
    ):
        if counts:
            show.print(f"  {title}: {', '.join(f'{name} {count}' for name, count in counts.items())}", markup=False)
    show.print(f"  refusals {manifest['refusal_share']:.1%}, edge cases {manifest['edge_share']:.1%}")
    for warning in manifest["warnings"]:
        show.print(f"  {warning}", style="yellow", markup=False)


@contextmanager
def versions() -> Iterator[Any]:
    from app.datasets import datasets_of

    with opened() as (settings, _, store):
        yield datasets_of(store, settings)


@dataset.command("list")
def list_versions() -> None:
    """All versions, the newest first."""
    with versions() as kept:
        for one in kept.list():
            tasks = ", ".join(f"{name} {count}" for name, count in one.manifest["tasks"].items())
            show.print(f"{one.version}  {one.created_at:%Y-%m-%d %H:%M}  {one.rows} rows: {tasks}", markup=False)


@dataset.command("show")
def show_version(
    version: str, dropped: Annotated[bool, typer.Option(help="each row that was left out")] = False
) -> None:
    """What a version holds and what was left out of it."""
    with versions() as kept:
        whole = kept.manifest(version)
        print_version(whole["version"], whole)
        for drop in whole["dropped_rows"] if dropped else ():
            show.print(f"  {drop['example']}  {drop['task']}: {drop['why']}", markup=False)
        show.print(f"card: {kept.folder / whole['version'] / 'README.md'}", markup=False)


@dataset.command("compare")
def compare_versions(a: str, b: str) -> None:
    """What two versions have in common, by task."""
    with versions() as kept:
        found = kept.compare(a, b)
    table = Table("task", f"only {a[:8]}", "both", f"only {b[:8]}")
    for task, counts in {**found.tasks, "all": found.model_dump()}.items():
        table.add_row(task, *(str(counts[name]) for name in ("only_a", "both", "only_b")))
    show.print(table)
    if found.template_changed:
        show.print("They were built with different prompt templates: the same rows are shown in another form.")


@dataset.command("race")
def race(
    a: Annotated[str, typer.Argument(help="a version, or a mix such as label=0.5,reply=0.5:400")],
    b: Annotated[str, typer.Argument(help="another one; the report says how it does against the first")],
    recipe: Annotated[Path | None, typer.Option(help="default: the recipe that bears the pack's name")] = None,
    start: Annotated[str, typer.Option(help="both begin with base, live, or an adapter of that name")] = "base",
    name: Annotated[str | None, typer.Option(help="of the adapters; default: the one that serves")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="of both trainings; default: the recipe's")] = None,
) -> None:
    """Train two versions or mixes alike, and compare how their adapters answer the golden cases. Nothing is promoted.

    Started again after a kill it goes on. The last line is one JSON object.
    """
    from app.orders import Asked
    from app.race_command import race_here

    changes = {"start": start, **({} if seed is None else {"seed": seed})}
    asked = Asked(recipe=recipe.stem if recipe else None, name=name, changes=changes)
    print(race_here(a, b, asked, show, say))


@dataset.command("export")
def export(
    version: str, out: Annotated[Path | None, typer.Argument(help="file; default: <version>.jsonl")] = None
) -> None:
    """Write a version as JSON lines in chat form, for any trainer."""
    from app.datasets import write_export
    from finetune.versions import exported

    with versions() as kept:
        found = kept.load(version)
    file = out or Path(f"{found.version}.jsonl")
    write_export(list(exported(found)), file)
    show.print(f"{file}: {len(found.rows)} rows, {len(found.pairs)} preference pairs", markup=False)

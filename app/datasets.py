"""Examples and dataset versions as endpoints and commands use them: what is in the store, with the pack and the embeddings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from core.domain import Domain
from core.errors import DomainError, QueryError, SettingsError
from core.measured import Figure
from core.settings import Settings
from core.store import Store
from core.tables import AdapterRow, DatasetRow, ReportRow
from core.types import Case, Example
from finetune.dataset import Tokens, build
from finetune.examples import ExampleError, Examples
from finetune.importing import LONGEST, read_examples
from finetune.manifest import manifest
from finetune.need import Progress, most_needed
from finetune.recipe import Recipe, load_recipe
from finetune.rows import DatasetError, Limits, Row
from finetune.versions import Datasets, DatasetVersion

if TYPE_CHECKING:
    from finetune.near import Encode

FOLDER = "datasets"
RECIPE_NAME = re.compile(r"[\w-]+")
Curve = list[tuple[int, float]]


def datasets_of(store: Store, settings: Settings) -> Datasets:
    return Datasets(store, settings.data_dir / FOLDER)


def held_out(domain: Domain) -> list[Case]:
    """What no model may be trained on."""
    return [*domain.golden(), *domain.development()]


def build_version(
    domain: Domain,
    store: Store,
    settings: Settings,
    encode: Encode,
    *,
    tasks: Sequence[str] = (),
    origins: Sequence[str] = (),
    limits: Limits | None = None,
    recipe: Recipe | None = None,
) -> DatasetVersion:
    """A version of the examples that are approved now, seeds of the pack among them; it is kept and listed.

    Args:
        tasks: only examples of these task types; none: of all, or of those of the mix in `limits`.
        origins: only examples of these origins; none: of all.
        recipe: leaves out rows that are longer than its `max_length`, as its base model counts tokens.

    Raises:
        DatasetError: nothing is left to train on, there is no such task, or a seed is at fault.
    """
    limits = limits or Limits()
    tasks = tasks or tuple(limits.shares)
    try:
        for task in tasks:
            domain.task(task)
        Examples(store).sync_seeds(domain)
        found = Examples(store).list(state="approved")
        found = [one for one in found if (not tasks or one.task in tasks) and (not origins or one.origin in origins)]
        if recipe is not None:
            limits = limits.model_copy(update={"tokens": recipe.max_length})
        tokens = token_counter(recipe, settings) if recipe is not None else None
        dataset = build(domain, found, held_out=held_out(domain), encode=encode, limits=limits, tokens=tokens)
    except DomainError as error:
        raise DatasetError(str(error)) from None
    return datasets_of(store, settings).save(dataset, manifest(domain, dataset, limits))


def token_counter(recipe: Recipe, settings: Settings) -> Tokens:
    """Counts the tokens of a row (of a pair's longer answer) as training will."""
    from core.llm.base_weights import base_folder
    from finetune.encode import encode
    from finetune.model import load_tokenizer

    base = base_folder(settings.model_copy(update={"base_model": recipe.base}), lambda _: None)
    tokenizer = load_tokenizer(base)

    def count(row: Row) -> int:
        answers = [answer for answer in (row.completion, row.rejected) if answer]
        rows = [row.model_copy(update={"completion": answer, "rejected": ()}) for answer in answers]
        return max(len(encode(tokenizer, one)["input_ids"]) for one in rows)

    return count


def named_recipe(name: str) -> Recipe:
    """A recipe that ships with the project, by its name. Raises QueryError."""
    from app.training import default_recipe

    if not RECIPE_NAME.fullmatch(name):
        raise QueryError(f"{name!r} is no name of a recipe: give one such as ml-desk")
    try:
        return load_recipe(default_recipe(name))
    except SettingsError as error:
        raise QueryError(str(error)) from None


def import_file(
    domain: Domain, store: Store, name: str, content: bytes, task: str = "", author: str = ""
) -> dict[str, Any]:
    """Keep what a file holds as drafts: how many are new, how many were there already, and what could not be taken."""
    known = [kind.name for kind in domain.tasks]
    if task and task not in known:
        raise ExampleError(f"there is no task type {task!r}; there are {', '.join(known)}")
    read = read_examples(name, content, known, task, author)
    kept = Examples(store).add_all(read.drafts)
    added = sum(new for _, new in kept)
    return {"added": added, "skipped": len(kept) - added, "faults": list(read.faults)}


def as_draft(domain: Domain, example: Example) -> Example:
    """An example that somebody wrote, as a draft: only the pack brings seeds, and only a review approves. Raises ExampleError."""
    known = [kind.name for kind in domain.tasks]
    if example.task not in known:
        raise ExampleError(f"there is no task type {example.task!r}; there are {', '.join(known)}")
    if not (example.query.strip() and example.answer.strip()):
        raise ExampleError("an example needs a query and an answer")
    if max(len(example.query), len(example.answer), len(example.rejected)) > LONGEST:
        raise ExampleError(f"query and answer may have {LONGEST} characters each; shorten them")
    origin = "import" if example.origin == "seed" else example.origin
    return example.model_copy(update={"id": "", "origin": origin, "state": "draft", "created_at": None})


def standings(
    domain: Domain, store: Store, floor: float, figure: Callable[[str], Figure | None]
) -> list[dict[str, Any]]:
    """How each task stands that a tuned model may answer, or that has examples: counts, golden score, learning curve,
    and which one most needs the next hundred.

    Args:
        floor: of tasks that have none of their own.
        figure: the golden figure of the tuned model on a task, where it was measured.
    """
    tuned = {task.name: task for task in domain.tasks if "tuned" in task.strategies}
    curves = learning_curves(store)
    counts = Examples(store).counts([task.name for task in domain.tasks])
    scores = {task: found.score for task in tuned if (found := figure(task))}
    progress = [
        Progress(
            task=count.task, examples=count.approved, score=scores.get(count.task), curve=tuple(curves.get(count.task, ())),
            floor=floor if (own := tuned[count.task].floor) is None else own,
        )
        for count in counts if count.task in tuned
    ]  # fmt: skip
    wanted = most_needed(progress)
    return [
        {**count.model_dump(), "score": scores.get(count.task), "curve": curves.get(count.task, []), "next": count.task == wanted}
        for count in counts
        if count.task in tuned or count.approved + count.draft + count.rejected + count.withdrawn
    ]  # fmt: skip


def learning_curves(store: Store) -> dict[str, Curve]:
    """By task, (examples, score) of each candidate that was judged: its dataset version says how many examples it saw, its
    report what it scored. Of two with the same number of examples the later one counts."""
    wanted = (
        select(ReportRow.body, DatasetRow.manifest)
        .join(AdapterRow, AdapterRow.id == ReportRow.candidate)
        .join(DatasetRow, DatasetRow.version == AdapterRow.dataset)
        .order_by(ReportRow.created_at)
    )
    points: dict[str, dict[int, float]] = {}
    with store.session() as session:
        for body, told in session.execute(wanted):
            for task, score in scored(body).items():
                if count := told.get("tasks", {}).get(task):
                    points.setdefault(task, {})[int(count)] = score
    return {task: sorted(found.items()) for task, found in points.items()}


def scored(body: Mapping[str, Any]) -> dict[str, float]:
    """The candidate's score on each task of a report."""
    rows = [row for row in body.get("tasks", ()) if isinstance(row, dict)]
    return {row["task"]: float(row["candidate"]) for row in rows if isinstance(row.get("candidate"), int | float)}


def write_export(lines: Sequence[str], file: Path) -> None:
    """Write a file of lines, whole or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    partial.replace(file)

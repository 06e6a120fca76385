"""Looks at dataset, base and memory before a run, and hands what it finds to the rules of finetune.guard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.cpu import abilities
from core.domain import Domain
from core.errors import AdapterMismatch, DomainError
from core.llm.adapters import check_adapter
from core.llm.base_weights import base_fingerprint, weights_fingerprint
from core.prompts import tuned_messages
from core.spelled import in_digits
from core.types import Adapter
from finetune import guard, memory
from finetune.dataset import Dataset, Row, normalized
from finetune.encode import Encoded, EncodedPair, prompt_ids, served_ids
from finetune.guard import TrainingError
from finetune.recipe import Recipe

ROWS_ON_CPU = (8, 4, 2, 1)  # at a time: more are no faster there, and cost 0.7 GB each
HALVINGS_ON_GPU = 4  # of a batch that does not fit
LOOKED_AT = 50  # rows whose tokens are compared; the template is one for all


def every_row(dataset: Dataset) -> tuple[Row, ...]:
    return (*dataset.rows, *dataset.pairs)


def base_is(base: Path, expected: str, whose: str) -> None:
    """The weights on the disk are the expected ones. Raises TrainingError."""
    guard.same_base(expected, weights_fingerprint(base), whose)


def sound_base(base: Path, expected: str, start: Adapter | None) -> None:
    """The base is what it says it is, what the run was ordered for, and what the adapter to go on from was trained for."""
    base_is(base, base_fingerprint(base), "at conversion it was")
    if expected:
        base_is(base, expected, "the run was ordered for")
    if start is not None:
        base_is(base, start.base_fingerprint, f"adapter {start.name} was trained for")
        try:
            check_adapter(start, start.base_fingerprint)
        except AdapterMismatch as error:
            raise TrainingError(f"training cannot go on from {start.name}: {error}") from None


def sound_rows(domain: Domain, dataset: Dataset) -> None:
    """The rows read as serving would ask them, no preference prefers an answer to itself, nothing is held out."""
    rows = every_row(dataset)
    guard.same_template([asked(row) for row in rows if not reads_as_served(domain, row)], len(rows))
    held_out = {plain(case.query): case.id for case in (*domain.golden(), *domain.development())}
    guard.uncontaminated([asked(row) for row in rows], held_out, plain)
    pairs = [(pair.completion[-1].content, pair.rejected[-1].content) for pair in dataset.pairs]
    guard.real_pairs(pairs)


def plain(query: str) -> str:
    """As `tuned_messages` may have rewritten it, so that a held-out query is known again."""
    return normalized(in_digits(query))


def reads_as_served(domain: Domain, row: Row) -> bool:
    try:
        return tuple(tuned_messages(domain, domain.task(row.task), asked(row))) == row.prompt
    except DomainError:  # a task type that the pack no longer has
        return False


def asked(row: Row) -> str:
    return row.prompt[-1].content


def same_tokens(tokenizer: Any, dataset: Dataset) -> None:
    """The prompt has the same tokens in training and in serving, which render it by different calls."""
    rows = every_row(dataset)[:LOOKED_AT]
    different = [asked(row) for row in rows if prompt_ids(tokenizer, row.prompt) != served_ids(tokenizer, row.prompt)]
    guard.same_template(different, len(rows))


def as_fast(recipe: Recipe, cuda: bool) -> Recipe:
    """The recipe in the precision that is fast here: on a CPU without instructions for it bf16 is emulated, at 3 to 4 training
    tokens a second against 62 in fp32."""
    return recipe if cuda or abilities().bf16 else recipe.model_copy(update={"precision": "fp32"})


def in_parts(base: Path, recipe: Recipe, cuda: bool, rows: Sequence[Encoded], pairs: Sequence[EncodedPair]) -> Recipe:
    """The same steps with fewer rows at a time: on a GPU with as many as fit into its memory, on a CPU with few from the start."""
    found, size = recipe, recipe.batch_size
    counts = [size >> halving for halving in range(HALVINGS_ON_GPU + 1) if size >> halving] if cuda else ROWS_ON_CPU
    for count in counts:
        found = recipe.in_parts(count)
        try:
            room(base, found, cuda, rows, pairs)
        except TrainingError:
            continue
        break
    return found


def room(base: Path, recipe: Recipe, cuda: bool, rows: Sequence[Encoded], pairs: Sequence[EncodedPair]) -> None:
    """There is memory for the larger of the two phases. Raises TrainingError."""
    size, free = memory.size_of(base), memory.free(cuda)
    lengths = [len(row["input_ids"]) for row in rows]
    longest = recipe.max_length if rows and recipe.packing else max(lengths, default=0)
    answers = [len(pair["prompt_ids"]) + max(len(pair["chosen_ids"]), len(pair["rejected_ids"])) for pair in pairs]
    for count, length, paired in ((len(rows), longest, False), (len(pairs), max(answers, default=0), True)):
        if count:
            batch = min(recipe.batch_size, count)
            bytes_needed = memory.needed(size, recipe, cuda, batch, length, paired)
            guard.enough_memory(bytes_needed, free, recipe.batch_size, length, "GPU" if cuda else "machine")

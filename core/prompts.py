"""Query -> messages. Serving and training call these same functions, so that they cannot drift."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence

from core.checks import QUOTED, stems
from core.domain import BuiltIn, Domain, FewShot, TaskType
from core.spelled import in_digits
from core.types import Message, Passage, Query

HISTORY_TURNS = 6
FEW_SHOTS = 4
ROUTED_WORDS = 50
STEP_BY_STEP = "Think it through step by step, then write the final answer after `Answer:`."
READ = (
    "Answer from the numbered passages only. End every sentence with the number of the passage it comes from, "
    "like [1]. If the passages do not hold the answer, write exactly: {refusal}"
)
# The reader is the same for every pack, so it has a prompt and a refusal of its own; the page shows the pack's refusal.
READER_SYSTEM = (
    "Answer the question from the numbered passages alone, in as few words as they use, and end with the number of the "
    "passage, like [1]. If they do not hold the answer, write: I don't know."
)
READER_REFUSAL = "I don't know."


def tuned_messages(domain: Domain, task: TaskType, query: str) -> list[Message]:
    """What a tuned model sees, in training and in serving: no few-shot, the adapter has learned the form.

    Where the answer is structured, numbers are given in digits: a small model copies "fourteen" into a field for numbers.
    """
    system = f"{domain.system_prompt} {task.instruction}".strip()
    asked = in_digits(query) if task.json_schema else query
    return [Message(role="system", content=system), Message(role="user", content=asked)]


def prompt_messages(
    domain: Domain, task: TaskType, query: Query, steps: bool = False, able: Sequence[str] = ()
) -> list[Message]:
    """System prompt with the task's instruction, its few-shot pairs (the pack's, then reviewed ones), the conversation so far,
    the query. `able`: what this assistant can do, for the built-in task that tells it."""
    parts = [domain.system_prompt, task.instruction]
    if isinstance(task, BuiltIn):
        parts = [task.instruction.format(title=domain.title, able=listed(able))]
    system = " ".join(filter(None, [*parts, STEP_BY_STEP if steps else ""]))
    shots: list[Message] = []
    # A reviewed answer to a similar query comes last: a small model imitates what it read last.
    reviewed = [example for example in query.examples if example.task == task.name]
    for shot in [*nearest_shots(task, query.text), *reviewed]:
        shots += [Message(role="user", content=shot.query), Message(role="assistant", content=shot.answer)]
    history = list(query.history[-HISTORY_TURNS:])
    return [Message(role="system", content=system), *shots, *history, Message(role="user", content=query.text)]


def listed(things: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, [", ".join(things[:-1]), *things[-1:]]))


def nearest_shots(task: TaskType, query: str) -> list[FewShot]:
    """The few-shot pairs whose wording outside quotations is most like the query's, the most alike last.

    A small model imitates what it read last; a pair of another kind of request leads it astray.
    """
    wanted = stems(QUOTED.sub(" ", query))

    def likeness(shot: FewShot) -> float:
        words = stems(QUOTED.sub(" ", shot.query))
        return len(words & wanted) / (1 + len(words | wanted))

    ranked = sorted(task.few_shot, key=likeness, reverse=True)[:FEW_SHOTS]
    return ranked[::-1]


def rag_messages(domain: Domain, query: Query, passages: tuple[Passage, ...]) -> list[Message]:
    """The numbered passages and the query."""
    system = f"{domain.system_prompt} {READ.format(refusal=domain.refusal)}"
    numbered = "\n\n".join(f"[{n}] {passage.text}" for n, passage in enumerate(passages, 1))
    user = f"Passages:\n\n{numbered}\n\nQuestion: {query.text}"
    return [Message(role="system", content=system), Message(role="user", content=user)]


def reader_query(question: str, passages: Sequence[Passage], earlier: Sequence[Message] = ()) -> str:
    """What the reader is asked: the question, the numbered passages, what was said before, and the question again.

    Before the passages too, since a model that reads from left to right finds in them only what it knows to look for: F1
    on 524 questions 66.5 with the question last, 71.6 with it at both ends (docs/experiments.md).
    """
    asked = f"Question: {question}"
    numbered = [f"[{n}] {passage_text(one.heading, one.text.strip())}" for n, one in enumerate(passages, 1)]
    before = [f"{'Earlier question' if one.role == 'user' else 'Earlier answer'}: {one.content}" for one in earlier]
    return "\n\n".join([asked, "Passages:", *numbered, *before, asked])


def passage_text(heading: str, text: str) -> str:
    """A passage as the finder reads it: what stands under a heading often does not repeat the heading's words."""
    return f"{heading}: {text}" if heading else text


def both_ends(query: str) -> str:
    """What the router reads of a query: of a long one its beginning and its end, where people say what they want."""
    words = query.split()
    return query if len(words) <= 2 * ROUTED_WORDS else " ".join([*words[:ROUTED_WORDS], *words[-ROUTED_WORDS:]])


@functools.cache
def template_hash() -> str:
    """Fingerprint of what the prompt functions make of a few queries: an adapter trained under another one is not the same
    product. Over what is rendered and not over source text, so that a new name for a function orphans no adapter."""
    task = TaskType.model_construct(instruction="Do as asked.", json_schema=None)
    formed = TaskType.model_construct(instruction="Do as asked.", json_schema={"type": "object"})
    domain = Domain.model_construct(system_prompt="You help.")
    rendered = [
        [message.model_dump() for message in tuned_messages(domain, kind, query)]
        for kind in (task, formed)
        for query in ("Two cards, please", "seventy billion and thirty-two", ' "quoted"\n\nend ')
    ]
    passage = Passage(id="1", source="a.md", heading="Head", text=" text ")
    rendered.append(
        [{"role": "user", "content": reader_query("What?", [passage], [Message(role="user", content="Who?")])}]
    )
    return hashlib.sha256(json.dumps([READER_SYSTEM, rendered]).encode()).hexdigest()[:16]

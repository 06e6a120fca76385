"""Drafts from documents: a model writes queries and answers from a passage, and a person reviews them before anything learns.

The model is any LangChain chat model. What it writes is only taken where its numbers and names stand in the passage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.checks import failed, query_numbers
from core.domain import Domain, TaskType
from core.errors import ModelError
from core.types import Example, Noun, Passage
from finetune.near import facts, normalized

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

INSTRUCTION = """{system}
You write training examples of one kind: {description}.{instruction}
Read the passage. Write {count} different requests that a colleague might send, and the answer to each. Use nothing that is not in the
passage, and copy its numbers and names exactly. Write each as two parts, with nothing before or after:
Q: the request
A: the answer"""
SHOTS = 2
SHORTEST = 80  # characters; a passage that is shorter says too little
PAIR = re.compile(
    r"^\W*(?:Q|Question|Query|Request)\W*?:\s*(?P<query>.+?)\n+\W*(?:A|Answer|Reply)\W*?:\s*(?P<answer>.+?)"
    r"(?=\n+\W*(?:Q|Question|Query|Request)\W*?:|\Z)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
BEGINNING = re.compile(r"(?:^|[.!?:]\s+|\n\s*)\w")  # a capital there makes no name
Progress = Callable[[int, int], None]


class Drafted(Noun):
    """Drafts, and a sentence for each passage or pair that gave none."""

    drafts: tuple[Example, ...] = ()
    faults: tuple[str, ...] = ()


def draft(
    model: BaseChatModel,
    domain: Domain,
    task: str,
    passages: Sequence[Passage],
    *,
    count: int = 3,
    author: str = "",
    progress: Progress | None = None,
) -> Drafted:
    """Ask the model for `count` examples of a task from each passage.

    Raises:
        DomainError: the pack has no such task type.
    """
    kind = domain.task(task)
    drafts: list[Example] = []
    faults: list[str] = []
    seen: set[str] = set()
    for number, passage in enumerate(passages, 1):
        where = f"{passage.source}: {passage.heading}" if passage.heading else passage.source
        if len(passage.text) >= SHORTEST:
            try:
                reply = ask(model, domain, kind, passage, count)
            except ModelError as error:
                faults.append(f"{where}: {error}")
                reply = None
            if reply is not None:
                made, wrong = drafts_in(reply, domain, kind, passage, author)
                # Neighbouring passages overlap, and give the same request twice.
                fresh = [one for one in made if normalized(one.query) not in seen][:count]
                seen.update(normalized(one.query) for one in fresh)
                drafts += fresh
                faults += [f"{where}: {why}" for why in wrong]
        if progress:
            progress(number, len(passages))
    return Drafted(drafts=tuple(drafts), faults=tuple(faults))


def ask(model: BaseChatModel, domain: Domain, task: TaskType, passage: Passage, count: int) -> str:
    """What the model writes. Raises ModelError."""
    from langchain_core.messages import HumanMessage, SystemMessage

    told = INSTRUCTION.format(
        system=domain.system_prompt.strip(),
        description=task.description[:1].lower() + task.description[1:],
        instruction=f" {task.instruction}" if task.instruction else "",
        count=count,
    )
    shots = "\n\n".join(f"Q: {shot.query}\nA: {shot.answer}" for shot in task.few_shot[:SHOTS])
    heading = f"{passage.heading}\n\n" if passage.heading else ""
    example = f"Examples of the form:\n\n{shots}\n\n" if shots else ""
    return str(model.invoke([SystemMessage(told), HumanMessage(f"{example}Passage:\n\n{heading}{passage.text}")]).text)


def drafts_in(
    reply: str, domain: Domain, task: TaskType, passage: Passage, author: str
) -> tuple[list[Example], list[str]]:
    """The drafts in what a model wrote, and why some of it is none."""
    found = [(match["query"].strip(), match["answer"].strip()) for match in PAIR.finditer(reply)]
    if not found:
        return [], ["the model did not write requests and answers in the form that was asked for"]
    drafts, wrong = [], []
    for query, answer in found:
        if why := fault(query, answer, domain, task, passage):
            wrong.append(f"{query[:60]!r} was left out: {why}")
        else:
            drafts.append(
                Example(
                    task=task.name, query=query, answer=answer, origin="draft", state="draft", author=author,
                    document=passage.source, note=passage.heading,
                )
            )  # fmt: skip
    return drafts, wrong


def fault(query: str, answer: str, domain: Domain, task: TaskType, passage: Passage) -> str:
    """Why a pair is no draft: it breaks the pack's checks, or says what neither passage nor request says."""
    broken = failed(task.checks, task.json_schema, query, answer)
    if broken:
        return broken[0]
    if task.json_schema:  # its numbers may be computed; the pack's checks say how
        return ""
    read = f"{passage.heading} {passage.text}"
    # What every answer of this task says, such as a house's own name.
    form = " ".join(
        [domain.system_prompt, task.instruction, str(task.checks), *(shot.answer for shot in task.few_shot)]
    )
    strange = query_numbers(answer) - query_numbers(read) - query_numbers(query) - query_numbers(form)
    if strange:
        return f"the number {min(strange):g} stands neither in the passage nor in the request"
    known = {token for text in (read, query, form) for token in facts(text).tokens}
    uncapitalized = BEGINNING.sub(lambda match: match.group().lower(), answer)
    called = sorted(name for name in facts(uncapitalized).names - known if name not in form.lower())
    return f"the name {called[0]!r} stands neither in the passage nor in the request" if called else ""

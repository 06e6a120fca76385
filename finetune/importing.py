"""Examples from elsewhere: CSV, JSON lines, ShareGPT and OpenAI chat -> drafts. A faulty row is named with its line; the others
are kept. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from core.types import Example, Noun
from finetune.reading import ANSWER, QUERY, RowFault, column, records, text_of

LONGEST = 20_000  # characters of a query or an answer
REJECTED = ("rejected", "worse")
AUTHOR = ("author", "account", "user_id", "agent")
SPEAKERS = {
    "user": "user", "human": "user", "customer": "user", "assistant": "assistant", "gpt": "assistant", "bot": "assistant",
    "chatgpt": "assistant", "model": "assistant", "system": "system", "developer": "system",
}  # fmt: skip
TOOLS = frozenset({"tool", "function", "function_call", "observation", "tool_call", "tool_response"})
Pairs = Iterator[tuple[dict[str, Any], str]]


class Imported(Noun):
    """What a file gave: drafts, and a sentence for each row that could not be taken (`line N: ...`)."""

    drafts: tuple[Example, ...] = ()
    faults: tuple[str, ...] = ()


def read_examples(name: str, content: bytes, tasks: Sequence[str], task: str = "", author: str = "") -> Imported:
    """Read a file of examples, as drafts.

    Args:
        name: of the file; its ending (csv, tsv, jsonl, json) says how it is read, what stands in it in which form.
        tasks: the task types that there are.
        task: of rows that name none.
        author: the account of rows that name none.
    """
    drafts: list[Example] = []
    faults: list[str] = []
    if not content.strip():
        return Imported(faults=(f"{name} is empty",))
    for line, row in records(name, text_of(content)):
        if isinstance(row, RowFault):
            faults.append(f"line {line}: {row}")
            continue
        try:
            for fields, note in pairs_of(row):
                drafts.append(to_draft(fields, note, tasks, task, author))
        except RowFault as fault:
            faults.append(f"line {line}: {fault}")
    if not drafts and not faults:
        faults.append(f"{name} holds no rows")
    return Imported(drafts=tuple(drafts), faults=tuple(faults))


def pairs_of(row: Any) -> Pairs:
    """The (fields, note) of each query with its answer in one row, whatever its form. Raises RowFault."""
    if not isinstance(row, dict):
        raise RowFault(f"expected an object with a query and an answer, found {kind(row)}")
    turns = row.get("messages") or row.get("conversations") or row.get("conversation")
    if "chosen" in row and isinstance(row["chosen"], list):
        yield preference(row), ""
    elif "preferred_output" in row:
        yield preference({**row, "chosen": row["preferred_output"], "rejected": row.get("non_preferred_output")}), ""
    elif turns is not None:
        yield from conversation(row, turns)
    else:
        yield flat(row), ""


def flat(row: dict[str, Any]) -> dict[str, Any]:
    query, answer = column(row, QUERY), column(row, ANSWER)
    if not (query and answer):
        raise RowFault("it has no query and answer, no `messages` and no `conversations`")
    fields = {"query": row[query], "answer": row[answer], "author": row.get(column(row, AUTHOR), "")}
    # Alpaca's form: an instruction, and beside it the text that it is about.
    if query in ("input", "instruction") and row.get("input") and row.get("instruction"):
        fields["query"] = f"{row['instruction']}\n\n{row['input']}"
    return {**about(row), **fields, "rejected": row.get(column(row, REJECTED), "")}


def preference(row: dict[str, Any]) -> dict[str, Any]:
    """TRL's and OpenAI's preference forms: what was asked, the better and the worse answer, each as messages."""
    asked = row.get("prompt") or (row.get("input") or {}).get("messages") or row["chosen"]
    users = [content for role, content in said(asked) if role == "user"]
    better, worse = (
        [text for role, text in said(row.get(side)) if role == "assistant"] for side in ("chosen", "rejected")
    )
    if not (users and better and worse):
        raise RowFault("a preference needs a user turn, a `chosen` and a `rejected` answer")
    return {**about(row), "query": users[-1], "answer": better[-1], "rejected": worse[-1], "origin": "preference"}


def conversation(row: dict[str, Any], turns: Any) -> Pairs:
    """Each user turn that an assistant turn follows. Later ones may lean on what was said before: a note says so."""
    messages = [(role, text) for role, text in said(turns) if role != "system"]
    number = 0
    for (role, query), (next_role, answer) in pairwise(messages):
        if (role, next_role) == ("user", "assistant"):
            number += 1
            later = f"turn {number} of a conversation: see that it can be understood alone"
            yield {**about(row), "query": query, "answer": answer}, later if number > 1 else ""
    if number == 0:
        raise RowFault("no user turn is followed by an assistant turn")


def said(turns: Any) -> list[tuple[str, str]]:
    """(role, text) of each turn. Raises RowFault for what is no text."""
    if not isinstance(turns, list):
        raise RowFault(f"expected a list of turns, found {kind(turns)}")
    found = []
    for turn in turns:
        if not isinstance(turn, dict):
            raise RowFault(f"a turn is an object with a role and a content, found {kind(turn)}")
        name = str(turn.get("role") or turn.get("from") or "").lower()
        if name in TOOLS or turn.get("tool_calls"):
            raise RowFault("it calls tools, which an example cannot hold")
        if name not in SPEAKERS:
            raise RowFault(f"who speaks is {name!r}; known are user and assistant, human and gpt")
        found.append((SPEAKERS[name], content_of(turn.get("content", turn.get("value")))))
    return found


def content_of(content: Any) -> str:
    """The text of a turn: a string, or OpenAI's list of parts."""
    if isinstance(content, list):
        others = [
            part for part in content if not (isinstance(part, dict) and part.get("type") in ("text", "input_text"))
        ]
        if others:
            raise RowFault("a turn holds something other than text (a picture or a sound)")
        return "".join(str(part.get("text", "")) for part in content)
    if not isinstance(content, str):
        raise RowFault(f"a turn has no text, but {kind(content)}")
    return content


def about(row: dict[str, Any]) -> dict[str, Any]:
    known = ("task", "tags", "document", "note")
    return {**{name: row[name] for name in known if row.get(name)}, "author": row.get(column(row, AUTHOR[:3]), "")}


def to_draft(fields: dict[str, Any], note: str, tasks: Sequence[str], task: str, author: str) -> Example:
    """Raises RowFault."""
    texts = {name: text_in(name, fields.get(name)) for name in ("query", "answer", "rejected")}
    for name in ("query", "answer"):
        if not texts[name]:
            raise RowFault(f"the {name} is empty")
    named = str(fields.get("task") or task).strip()
    if not named:
        raise RowFault(f"it names no task: add a `task` to the row, or give one for all ({', '.join(tasks)})")
    if named not in tasks:
        raise RowFault(f"there is no task type {named!r}; there are {', '.join(tasks)}")
    return Example(
        task=named,
        query=texts["query"],
        answer=texts["answer"],
        rejected=texts["rejected"],
        tags=tags_in(fields.get("tags")),
        origin="preference" if texts["rejected"] else "import",
        state="draft",
        author=text_in("author", fields.get("author")) or author,
        document=text_in("document", fields.get("document")),
        note=note or text_in("note", fields.get("note")),
    )


def text_in(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | int | float | bool):
        # A structured answer is written as JSON in the row's own place.
        value = json.dumps(value, ensure_ascii=False)
    text = str(value).strip()
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise RowFault(f"the {name} is not UTF-8: save the file as UTF-8")
    if "\x00" in text:
        raise RowFault(f"the {name} holds a zero byte")
    if len(text) > LONGEST:
        raise RowFault(f"the {name} has {len(text)} characters, and {LONGEST} are the limit")
    return text


def tags_in(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else str(value or "").replace(";", ",").split(",")
    return tuple(dict.fromkeys(tag for part in parts if (tag := str(part).strip())))


def kind(value: Any) -> str:
    names: list[tuple[Callable[[Any], bool], str]] = [
        (lambda v: v is None, "nothing"), (lambda v: isinstance(v, list), "a list"), (lambda v: isinstance(v, dict), "an object"),
    ]  # fmt: skip
    return next((name for holds, name in names if holds(value)), f"{str(value)[:20]!r}")

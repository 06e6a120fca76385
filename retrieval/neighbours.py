"""What stands around a passage: its neighbours, its section and the headings above; and what is read with it where it is
cut off. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.types import Passage
from retrieval.sentences import BOUNDARY, ITEM, MAX_LIST

ENDED = re.compile(r"[.!?…:;][\"'”’»)\]*_]*$")
LOWER = re.compile(r"[\"'“‘(\[*_]*[a-zà-ÿ]")
MAX_REST = 400  # characters of a neighbour that a sentence may go on for


@dataclass(frozen=True)
class Heading:
    """A heading above a passage, and how many passages of its document stand under it."""

    heading: str
    passages: int


@dataclass(frozen=True)
class Surroundings:
    """`before` and `after`: the next passages of the same document, if any; `section`: all under the same heading;
    `parents`: the headings above, outermost first."""

    passage: Passage
    before: Passage | None
    after: Passage | None
    section: tuple[Passage, ...]
    parents: tuple[Heading, ...]


def around(passages: Sequence[Passage], position: int) -> Surroundings:
    """`passages` in the order of their documents."""
    own = passages[position]
    path = own.heading.split(" > ") if own.heading else []
    document = of_document(passages, position)
    tops = [" > ".join(path[: n + 1]) for n in range(len(path))]
    parents = tuple(Heading(top, sum(under(top, one.heading) for one in document)) for top in tops)
    section = tuple(one for one in document if one.heading == own.heading)
    return Surroundings(own, neighbour(passages, position, -1), neighbour(passages, position, 1), section, parents)


def of_document(passages: Sequence[Passage], position: int) -> Sequence[Passage]:
    source, first, last = passages[position].source, position, position
    while first and passages[first - 1].source == source:
        first -= 1
    while last + 1 < len(passages) and passages[last + 1].source == source:
        last += 1
    return passages[first : last + 1]


def under(top: str, heading: str) -> bool:
    return heading == top or heading.startswith(f"{top} > ")


def neighbour(passages: Sequence[Passage], position: int, step: int) -> Passage | None:
    at = position + step
    same = 0 <= at < len(passages) and passages[at].source == passages[position].source
    return passages[at] if same else None


def completed(passages: Sequence[Passage], position: int) -> Passage:
    """The passage with what its neighbours under the same heading add where it is cut off: the rest of a sentence, the rest
    of a list, or the sentence that leads to one. Its id stays; `turns` says where another page begins."""
    own = passages[position]
    before, after = neighbour(passages, position, -1), neighbour(passages, position, 1)
    lead = missing_lead(before.text, own.text) if before and before.heading == own.heading else ""
    rest = missing_rest(own.text, after.text) if after and after.heading == own.heading else ""
    if not lead and not rest:
        return own
    start = f"{lead}{joint(lead, own.text)}" if lead else ""
    head = f"{start}{own.text}"
    text = f"{head}{joint(head, rest)}{rest}" if rest else head
    turns: list[tuple[int, int]] = []
    if before and lead and own.page is not None and before.page != own.page:
        turns.append((len(start), own.page))
    if after and rest and after.page is not None and after.page != own.page:
        turns.append((len(text) - len(rest), after.page))
    page = before.page if before and lead else own.page
    return own.model_copy(update={"text": text, "page": page, "turns": tuple(turns)})


def joint(one: str, other: str) -> str:
    """A list goes on in a new line, a sentence in the same."""
    return "\n" if ITEM.match(other) or one.endswith(":") else " "


def missing_rest(text: str, after: str) -> str:
    """What of the next passage belongs to the end of this one; "" where it ends whole."""
    last = text.rstrip().rpartition("\n")[2]
    if last.startswith("```"):
        return ""
    if ITEM.match(after) and (last.endswith(":") or ITEM.match(last)):
        return leading_items(after)
    if ENDED.search(last) and not last.endswith((":", ";")):
        return ""
    if ITEM.match(after) or (ENDED.search(last) is None and not LOWER.match(after) and not last.endswith(",")):
        return ""
    line = after.partition("\n")[0]
    end = BOUNDARY.search(line)
    rest = line[: end.end()].rstrip() if end else line
    return rest if len(rest) <= MAX_REST else ""


def missing_lead(before: str, text: str) -> str:
    """What of the former passage belongs to the start of this one: the start of its sentence, or the sentence that leads to
    its list with the items so far; "" where it starts whole."""
    lines = before.rstrip().split("\n")
    if ITEM.match(text):
        at = len(lines) - 1
        while at >= 0 and (ITEM.match(lines[at]) or not lines[at].strip()):
            at -= 1
        lead = "\n".join(lines[at:]) if at >= 0 and lines[at].rstrip().endswith(":") else ""
        return lead if len(lead) <= MAX_LIST else ""
    if not LOWER.match(text) or ENDED.search(lines[-1]) or lines[-1].startswith("```"):
        return ""
    starts = [match.end() for match in BOUNDARY.finditer(lines[-1])]
    lead = lines[-1][starts[-1] if starts else 0 :]
    return lead if len(lead) <= MAX_REST else ""


def leading_items(text: str) -> str:
    """The items that a passage begins with, up to `MAX_LIST` characters and never half an item."""
    found, length = [], 0
    for line in text.split("\n"):
        length += len(line) + 1
        if not ITEM.match(line) or length > MAX_LIST:
            break
        found.append(line)
    return "\n".join(found)

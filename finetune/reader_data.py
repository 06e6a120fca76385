"""The pack that the reader learns from: questions over numbered passages, made from public reading sets.

    python -m finetune.reader_data --data DIR --out PACK [--limit N]

DIR is laid out as `finetune.finder_data` says. PACK becomes a domain pack with one task, `read`: examples to train on and
cases of articles that no example is from. A question comes with the passage that answers it alone, with near misses around
it, or with near misses only, and then the answer is the refusal. Refusals are also learned from SQuAD 2.0's questions that
people wrote to have no answer, and from questions with one word changed so that the passage answers them no more.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.errors import TriviumError
from core.prompts import READER_REFUSAL, READER_SYSTEM, reader_query
from core.types import Message, Passage
from finetune.finder_data import FILES, near_misses, read

TASK = "read"
MISSES = 3
HELD_OUT = ("Imperialism", "Normans", "Oxygen")
GOLDEN_EACH = 150  # cases with an answer, and as many without
LONGEST_ANSWER = 220  # characters
# Shares of questions that come in each form; a question may come in several.
ALONE, AMONG, ABSENT, CHANGED, TITLED, CUT, LATER = 0.65, 0.7, 0.2, 0.25, 0.3, 0.15, 0.06
# Of the questions that people wrote to have no answer: they are few, and the hardest, so they come in more forms.
AGAIN = 0.6
PLACES = (0.65, 0.2, 0.1, 0.05)  # how often the passage with the answer comes first, second, ...
# Words that turn a question into one that its passage does not answer.
OPPOSITES = (
    ("first", "last"), ("largest", "smallest"), ("highest", "lowest"), ("most", "least"), ("more", "less"), ("before", "after"),
    ("north", "south"), ("east", "west"), ("northern", "southern"), ("eastern", "western"), ("increase", "decrease"),
    ("increased", "decreased"), ("began", "ended"), ("begin", "end"), ("won", "lost"), ("oldest", "youngest"),
    ("earliest", "latest"), ("best", "worst"), ("above", "below"), ("majority", "minority"), ("major", "minor"),
    ("maximum", "minimum"), ("joined", "left"), ("opened", "closed"), ("legal", "illegal"), ("rise", "fall"), ("high", "low"),
    ("early", "late"), ("male", "female"), ("cold", "hot"), ("public", "private"), ("rich", "poor"), ("born", "buried"),
)  # fmt: skip
DENIALS = (("did", "did not"), ("was", "was not"), ("were", "were not"), ("is", "is not"), ("are", "are not"),
           ("does", "does not"), ("can", "can not"), ("has", "has not"))  # fmt: skip
NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}(?: [A-Z][a-z]+)*")
NUMBER = re.compile(r"\b\d[\d,.]*\b")

Texts = Sequence[tuple[str, str]]  # heading and text of each passage


@dataclass(frozen=True)
class Source:
    """Where a file of the data is from, and the license of its text."""

    file: str
    origin: str
    license: str


SOURCES = tuple(
    Source(file, origin, license)
    for file, (origin, license) in zip(FILES, (
        ("SQuAD 2.0 development set, rajpurkar.github.io/SQuAD-explorer, explore/v2.0", "CC BY-SA 4.0"),
        ("SQuAD 1.1 development set, questions that 2.0 left out, the same place, explore/1.1", "CC BY-SA 4.0"),
        ("SquadShifts, github.com/modestyachts/squadshifts-website, new_wiki_v1.0.json", "CC BY 4.0, text of Wikipedia CC BY-SA"),
        ("QED, github.com/google-research-datasets/QED, training set", "CC BY-SA 3.0"),
        ("NQ-open with gold passages, github.com/nelson-liu/lost-in-the-middle, nq-open-oracle.jsonl.gz", "MIT, text CC BY-SA 3.0"),
    ), strict=True)
)  # fmt: skip


class MissingData(TriviumError):
    """A public file that the reader learns from is not there."""

    status = 422
    title = "The data is not there"


def build(data: Path, out: Path, seed: int = 7, limit: int | None = None) -> dict[str, int]:
    """Write the pack; returns how many rows its files have. Raises MissingData, which names the public source."""
    dice = random.Random(seed)
    present(data)
    questions = [row for file in FILES for row in read(data / file)]
    dice.shuffle(questions)
    questions = [short(row) for row in questions if len(best_answer(row)) <= LONGEST_ANSWER][:limit]
    # Apart, so that no near miss of an example is a passage that cases ask about.
    learned = with_misses([row for row in questions if row["title"] not in HELD_OUT])
    held = with_misses([row for row in questions if row["title"] in HELD_OUT])
    examples = [one for row, near in learned for one in rows(row, near, dice)]
    examples += [
        one for (row, _), (later, _) in follow_ups(learned) if dice.random() < LATER for one in [turn(row, later)]
    ]
    dice = random.Random(seed)  # its own: cases stay as they are when examples are made another way
    cases = [case(number, row, near, dice) for number, (row, near) in enumerate(held)]
    golden = [*chosen(cases, True), *chosen(cases, False)]
    taken = {one["id"] for one in golden}
    out.mkdir(parents=True, exist_ok=True)
    (out / "domain.yaml").write_text(yaml.safe_dump(pack(), sort_keys=False, allow_unicode=True), encoding="utf-8")
    files = {"examples": examples, "golden": golden, "development": [one for one in cases if one["id"] not in taken]}
    for name, lines in files.items():
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (out / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return {name: len(lines) for name, lines in files.items()}


def present(data: Path) -> None:
    if missing := [source for source in SOURCES if not (data / source.file).is_file()]:
        named = "; ".join(f"{one.file}: {one.origin} ({one.license})" for one in missing)
        raise MissingData(
            f"{data} lacks {len(missing)} of the {len(SOURCES)} files that the reader learns from. Put them there as JSON "
            f"lines with question, context, title, answers, answer_start and answerable. Public sources: {named}"
        )


def with_misses(questions: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], Texts]]:
    contexts = list(dict.fromkeys((row["title"], row["context"]) for row in questions))
    return list(zip(questions, near_misses(questions, contexts, MISSES) if questions else [], strict=True))


def pack() -> dict[str, Any]:
    read_it = {
        "name": TASK, "description": "Read numbered passages and answer from them", "strategies": ["tuned"],
        "examples": ["Passages and a question"],
    }  # fmt: skip
    return {
        "name": "reader", "title": "Reader", "system_prompt": READER_SYSTEM, "refusal": READER_REFUSAL,
        "out_of_scope": READER_REFUSAL, "tasks": [read_it],
    }  # fmt: skip


def rows(row: dict[str, Any], near: Texts, dice: random.Random) -> Iterator[dict[str, Any]]:
    """The examples that one question gives."""
    right = (row["title"], cut(row, dice) if dice.random() < CUT else row["context"])
    alone, among, absent, changed = (dice.random() < share for share in (ALONE, AMONG, ABSENT, CHANGED))
    if alone or not (among and near):
        yield example(row["question"], [right], best_answer(row), dice)
    if among and near:
        yield example(row["question"], [right, *near[: dice.randint(1, MISSES)]], best_answer(row), dice)
    if not row["answers"]:
        yield from again(row, near, right, dice)
        return
    if absent and near:
        yield example(row["question"], near[: dice.randint(1, MISSES)], "", dice)
    if changed and (other := unanswerable(row, near, dice)):
        apart = [text for text in near if not may_answer(other, row["question"], text[1])]
        yield example(other, [right, *apart[: dice.choice((0, 0, 1, 2))]], "", dice)


def again(row: dict[str, Any], near: Texts, right: tuple[str, str], dice: random.Random) -> Iterator[dict[str, Any]]:
    """A question without an answer in other forms: over its passage cut at the end, and with a part of the near misses."""
    words = row["context"].split(" ")
    short = " ".join(words[: dice.randint(2 * len(words) // 3, len(words))])
    if dice.random() < AGAIN:
        yield example(row["question"], [(row["title"], short)], "", dice)
    if near and dice.random() < AGAIN:
        yield example(row["question"], [right, *dice.sample(list(near), dice.randint(1, len(near)))], "", dice)


def example(
    question: str, texts: Texts, answer: str, dice: random.Random, earlier: Sequence[Message] = ()
) -> dict[str, Any]:
    """`texts`: the first holds the answer, if there is one; it gets a place as retrieval would give it, mostly the first."""
    order = list(range(1, len(texts)))
    order.insert(dice.choices(range(len(texts)), PLACES[: len(texts)])[0], 0)
    titled = dice.random() < TITLED
    shown = [passage(n, *texts[n], titled) for n in order]
    said = f"{answer} [{order.index(0) + 1}]" if answer else READER_REFUSAL
    messages = [
        {"role": "system", "content": READER_SYSTEM},
        {"role": "user", "content": reader_query(question, shown, earlier)},
        {"role": "assistant", "content": said},
    ]
    return {"task": TASK, "messages": messages, **({} if answer else {"tags": ["refusal"]})}


def passage(number: int, title: str, text: str, titled: bool) -> Passage:
    return Passage(id=str(number), source=title, heading=title if titled else "", text=text)


def turn(row: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """A question that follows another about the same passage."""
    earlier = [Message(role="user", content=row["question"]), Message(role="assistant", content=best_answer(row))]
    texts = [(row["title"], row["context"])]
    return example(later["question"], texts, best_answer(later), random.Random(0), earlier)


def follow_ups(found: Sequence[tuple[dict[str, Any], Texts]]) -> Iterator[Any]:
    """Questions with an answer, each with another one about the same passage."""
    by_context: dict[str, tuple[dict[str, Any], Texts]] = {}
    for row, near in found:
        if row["answers"]:
            if row["context"] in by_context:
                yield by_context[row["context"]], (row, near)
            by_context[row["context"]] = (row, near)


def case(number: int, row: dict[str, Any], near: Texts, dice: random.Random) -> dict[str, Any]:
    """A held-out question with its passage, of every second one among near misses."""
    texts: list[tuple[str, str]] = [(row["title"], row["context"]), *(near if number % 2 else ())]
    dice.shuffle(order := list(range(len(texts))))
    query = reader_query(row["question"], [passage(n, title, text, False) for n in order for title, text in [texts[n]]])
    answers = [answer.replace("|", " ") for answer in row["answers"]]
    expected = {"contains": ["|".join(answers)]} if answers else {"refusal": True}
    return {"id": f"read-{number}", "task": TASK, "query": query, "expected": expected}


def chosen(cases: Iterable[dict[str, Any]], answerable: bool) -> list[dict[str, Any]]:
    return [one for one in cases if ("contains" in one["expected"]) == answerable][:GOLDEN_EACH]


def short(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "best": best_answer(row)}


def best_answer(row: dict[str, Any]) -> str:
    """What most annotators marked; of several the shortest, since what is longer only repeats the question."""
    counts = Counter(row["answers"])
    return min(counts, key=lambda text: (-counts[text], len(text)), default="")


def cut(row: dict[str, Any], dice: random.Random) -> str:
    """The passage as a splitter might have cut it: it begins and ends within sentences, and holds the answer."""
    text, start, end = row["context"], max(row["start"], 0), max(row["end"], 0)
    first, last = dice.randint(0, start), dice.randint(end, len(text))
    return text[text.rfind(" ", 0, first + 1) + 1 : max(end, text.rfind(" ", 0, last) if last < len(text) else last)]


def unanswerable(row: dict[str, Any], near: Texts, dice: random.Random) -> str:
    """The question with one thing changed, so that the passage does not answer it; empty where nothing can be changed."""
    question, context = row["question"], row["context"]
    changes = [other for pair in OPPOSITES for other in swapped(question, *pair)]
    elsewhere = " ".join(text for _, text in near)
    for pattern in (NAME, NUMBER):
        others = sorted(set(pattern.findall(elsewhere)) - set(pattern.findall(context)))
        for found in pattern.finditer(question):
            if others and found.group() in context:
                changes.append(question[: found.start()] + dice.choice(others) + question[found.end() :])
    if not changes and dice.random() < 0.5:
        changes = [other for one, denied in DENIALS for other in swapped(question, one, denied, both=False)][:1]
    return dice.choice(changes) if changes else ""


def may_answer(changed: str, question: str, text: str) -> bool:
    """Whether a passage holds a word that came into the question: names and numbers come from such passages."""
    came = set(re.findall(r"\w+", changed)) - set(re.findall(r"\w+", question))
    return any(re.search(rf"\b{re.escape(word)}\b", text) for word in came if word[0].isupper() or word[0].isdigit())


def swapped(question: str, one: str, other: str, both: bool = True) -> Iterator[str]:
    for old, new in ((one, other), (other, one)) if both else ((one, other),):
        changed = re.sub(rf"\b{old}\b", new, question, count=1)
        if changed != question:
            yield changed


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m finetune.reader_data")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="so many questions")
    given = parser.parse_args(arguments)
    try:
        counts = build(given.data, given.out, limit=given.limit)
    except MissingData as error:
        sys.exit(f"error: {error}")
    print(f"{given.out}: " + ", ".join(f"{count} {name}" for name, count in counts.items()), file=sys.stderr)


if __name__ == "__main__":
    main()

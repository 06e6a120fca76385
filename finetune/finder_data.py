"""Questions with passages for training the finder: public reader data, each question with the passage that answers it
and with near misses that do not.

    python -m finetune.finder_data --data DIR --out pairs.jsonl

DIR holds SQuAD 2.0 and 1.1 (development sets), SquadShifts' new_wiki, QED and NQ-open as JSON lines with question, context,
title, answers, answer_start and answerable. Near misses come from BM25 over the contexts of the same article, or of all
articles where the article has one context only; a context that holds the answer's words is never one.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILES = (
    "squad2_dev/squad2.jsonl",
    "squad2_dev/squad11_extra.jsonl",
    "squadshifts/new_wiki.jsonl",
    "nq_reader/qed_train.jsonl",
    "nq_reader/nq_oracle.jsonl",
)
MISSES = 2
CANDIDATES = 30
LONGEST = 1500  # characters of a context; about what a passage of ours has at most, with room
# Every so many articles, one is kept for choosing settings and never trained on.
HELD_OUT = 20
PENN = (
    (r" ([,.;:!?%)\]])", r"\1"),
    (r"([(\[]) ", r"\1"),
    (r" ('s|n't|'re|'ve|'ll|'d|')\b", r"\1"),
    (r"``|''", '"'),
    (r" - ", "-"),
)


@dataclass(frozen=True)
class Pair:
    """A question and a passage; `start` and `end` mark the answer in the passage, -1 and -1 if it has none.

    `held_out`: for measuring only. `number`: the question's, the same for all its passages.
    """

    number: int
    question: str
    heading: str
    passage: str
    start: int
    end: int
    held_out: bool


def pairs(data: Path, seed: int = 0) -> Iterator[Pair]:
    """All pairs of the data. Raises FileNotFoundError for a file that is missing."""
    questions = [row for file in FILES for row in read(data / file)]
    contexts = list(dict.fromkeys((row["title"], row["context"]) for row in questions))
    misses = near_misses(questions, contexts)
    titles = sorted({row["title"] for row in questions})
    random.Random(seed).shuffle(titles)
    held = set(titles[::HELD_OUT])
    for number, row in enumerate(questions):
        common = number, row["question"]
        yield Pair(*common, row["title"], row["context"], row["start"], row["end"], row["title"] in held)
        for title, context in misses[number]:
            yield Pair(*common, title, context, -1, -1, row["title"] in held)


def read(file: Path) -> Iterator[dict[str, Any]]:
    """Rows with heading, clean text and the place of the answer; what has no place in its text is left out."""
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row.get("dup_in_dev") or len(row["context"]) > LONGEST or row.get("answerable") is None:
            continue
        tokenised = row["source"].startswith("qed")
        context = natural(row["context"]) if tokenised else row["context"]
        answer = next(iter(row["answers"]), "") if row["answerable"] else ""
        answer = natural(answer) if tokenised else answer
        start = row.get("answer_start", -1)
        if answer and (start is None or context[max(start, 0) : max(start, 0) + len(answer)] != answer):
            start = context.find(answer)
        if row["answerable"] and (not answer or start < 0):
            continue
        yield {
            "question": row["question"], "title": row["title"].replace("_", " "), "context": context,
            "answers": [natural(text) if tokenised else text for text in row["answers"]],
            "start": start if answer else -1, "end": start + len(answer) if answer else -1,
        }  # fmt: skip


def natural(text: str) -> str:
    """Penn-tokenised text as people write it."""
    for pattern, replacement in PENN:
        text = re.sub(pattern, replacement, text)
    return text


def near_misses(
    questions: Sequence[dict[str, Any]], contexts: Sequence[tuple[str, str]], count: int = MISSES
) -> list[list[tuple[str, str]]]:
    """For each question the most similar contexts that cannot answer it."""
    import bm25s

    by_title: dict[str, list[int]] = defaultdict(list)
    for n, (title, _) in enumerate(contexts):
        by_title[title].append(n)
    index = bm25s.BM25()
    index.index(
        bm25s.tokenize([f"{title} {text}" for title, text in contexts], show_progress=False), show_progress=False
    )
    asked = bm25s.tokenize([row["question"] for row in questions], show_progress=False)
    found, _ = index.retrieve(asked, k=min(CANDIDATES, len(contexts)), show_progress=False)
    result = []
    for row, ranked in zip(questions, found, strict=True):
        same = [n for n in ranked if contexts[n][0] == row["title"]]
        other = [n for n in ranked if contexts[n][0] != row["title"]]
        order = [*same, *by_title[row["title"]][: count * 2], *other] if len(same) > 1 else [*other, *same]
        usable = (n for n in dict.fromkeys(map(int, order)) if is_miss(row, contexts[n][1]))
        result.append([contexts[n] for n, _ in zip(usable, range(count), strict=False)])
    return result


def is_miss(row: dict[str, Any], context: str) -> bool:
    lower = context.lower()
    return context != row["context"] and not any(answer.lower() in lower for answer in row["answers"])


def write(file: Path, found: Iterable[Pair]) -> int:
    count = 0
    with file.open("w", encoding="utf-8") as out:
        for pair in found:
            out.write(json.dumps(asdict(pair), ensure_ascii=False) + "\n")
            count += 1
    return count


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m finetune.finder_data")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    print(f"{write(given.out, pairs(given.data))} pairs in {given.out}", file=sys.stderr)


if __name__ == "__main__":
    main()

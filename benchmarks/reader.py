"""The grounded reader against its base: short answers from passages, and "I don't know".

    python -m benchmarks.reader --file F [--retrieved K] [--limit N] [--base-limit N] [--articles A,B]

F holds JSON lines with question, context, title, answers (empty: none is there), such as SQuAD 2.0's. Each question comes with its
own passage, or with the best K of all passages of the file through our retrieval. F1 and exact match are SQuAD's own. Nothing
is learned from F. `f1_no_refusal` is with every question answered; all else is at the setting of the reader's dial, where an answer
that is not shown counts as none. The base, which has no dial, shows what it would not begin with the refusal. `wrong_at_60` is the
share wrong of all that is shown once 60% of the answerable questions are, the surest first; `curve` has it at 10% to 100%.
`--articles` asks the questions of these titles alone, while the passages of all are searched.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reader_passages import ORDERS, Passages, given, recall, retrieved
from benchmarks.told import tell
from core.dial import Dial, features, load_dial
from core.llm import open_models
from core.llm.messages import to_langchain
from core.llm.models import BASE, Models
from core.reading import Read, as_read, in_passages, messages, options
from core.settings import ROOT, load_settings
from evaluation.reading import Answered, figures, points

DATA = ROOT.parent / "shared" / "data" / "squad2_dev" / "squad2.jsonl"
ADAPTER = "reader"
BASE_LIMIT = 200
AT_ONCE = 32
GREEDY = 0.5  # what begins with the refusal more likely than not is not shown, where there is no dial
COLUMNS = {
    "f1_no_refusal": "F1, all answered", "f1_answerable": "F1, answerable", "exact": "exact", "refusal_recall": "refusal recall",
    "false_refusals": "false refusals", "cited": "right citation", "wrong_at_60": "wrong at 60%", "seconds": "s / answer",
}  # fmt: skip
Rows = Sequence[dict[str, Any]]


def load(file: Path, articles: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The questions of a file, of these articles alone if any are named."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    wanted = {plain(title) for title in articles}
    return [row for row in rows if not wanted or plain(row.get("title", "")) in wanted]


def plain(title: str) -> str:
    return title.replace("_", " ").strip().lower()


def spread(rows: Rows, limit: int | None) -> Rows:
    """So many rows, evenly over the file: its questions come article by article."""
    if not limit or limit >= len(rows):
        return rows
    return [rows[n * len(rows) // limit] for n in range(limit)]


@dataclass
class Bench:
    """Asks one model and judges what it says; `dial`: of an adapter that has one."""

    models: Models
    name: str
    dial: Dial | None

    def run(self, rows: Rows, passages: Passages) -> tuple[list[Answered], float]:
        """What it says of each question, and seconds per answer."""
        began, found = time.monotonic(), []
        for row, read in zip(rows, self.reads(rows, passages), strict=True):
            found.append(self.answered(row, read, passages))
        return found, (time.monotonic() - began) / max(1, len(rows))

    def reads(self, rows: Rows, passages: Passages) -> Iterator[Read]:
        chat, began = self.models.chat(self.name), time.monotonic()
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            asked: list[Any] = [to_langchain(messages(row["question"], passages[row["id"]])) for row in some]
            reads = map(as_read, chat.batch(asked, **options()))
            if self.name == BASE:  # whose answers seldom are text of the passages
                yield from reads
            else:
                for row, turns, first in zip(some, asked, reads, strict=True):
                    yield in_passages(chat, turns, first, [one.text for one in passages[row["id"]]])
            done, taken = start + len(some), time.monotonic() - began
            left = taken / done * (len(rows) - done) / 60
            print(f"{self.name}: {done}/{len(rows)}, about {left:.0f} min left", file=sys.stderr, flush=True)

    def answered(self, row: dict[str, Any], read: Read, passages: Passages) -> Answered:
        sure = self.dial.trust.probability(features(read)) if self.dial else 1 - read.refusing
        threshold = self.dial.threshold() if self.dial else GREEDY
        return Answered(
            id=str(row["id"]), question=row["question"], answers=tuple(row["answers"]), text=read.answer, confidence=sure,
            shown=bool(read.answer) and sure >= threshold, cited=cited(row, read.number, passages),
        )  # fmt: skip


def cited(row: dict[str, Any], number: int | None, passages: Passages) -> bool | None:
    """Whether the passage that was named holds an answer; None where no passage does."""
    holds = [any(answer in passage.text for answer in row["answers"]) for passage in passages[row["id"]]]
    return number is not None and 0 < number <= len(holds) and holds[number - 1] if any(holds) else None


def dial_of(models: Models, name: str) -> Dial | None:
    folder = next((adapter.path for adapter in models.adapters() if adapter.name == name), None)
    return load_dial(Path(folder)) if folder else None


def table(found: dict[str, dict[str, Any]]) -> str:
    width = max(map(len, COLUMNS.values()))
    lines = [" " * width + "".join(f"{name:>12}" for name in found)]
    for key, title in COLUMNS.items():
        cells = (one.get(key) for one in found.values())
        lines.append(f"{title:{width}}" + "".join(f"{'-' if cell is None else cell:>12}" for cell in cells))
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reader")
    parser.add_argument("--file", type=Path, default=DATA)
    parser.add_argument("--retrieved", type=int, metavar="K", help="give the best K passages of the file instead")
    parser.add_argument("--order", choices=ORDERS, default=ORDERS[0], help="how retrieval orders them")
    parser.add_argument("--limit", type=int, help="so many questions, evenly over the file")
    parser.add_argument(
        "--base-limit", type=int, default=BASE_LIMIT, help="so many for the base, which is slow; 0: none"
    )
    parser.add_argument("--articles", default="", help="questions of these titles alone, separated by commas")
    parser.add_argument("--adapter", default=ADAPTER)
    parser.add_argument("--out", type=Path, help="write what was said, as JSON lines")
    asked = parser.parse_args(argv)
    articles = [title for title in asked.articles.split(",") if title]
    rows = spread(load(asked.file, articles), asked.limit)
    if not rows:
        sys.exit(f"{asked.file} holds no question of these articles: give titles as the file has them")
    passages = retrieved(load(asked.file), rows, asked.retrieved, asked.order) if asked.retrieved else given(rows)
    tell(measured(rows, passages, asked))


def measured(rows: Rows, passages: Passages, asked: argparse.Namespace) -> dict[str, Any]:
    models = open_models(load_settings(), lambda line: print(line, file=sys.stderr))
    dial = dial_of(models, asked.adapter)
    found: dict[str, dict[str, Any]] = {}
    said: list[dict[str, Any]] = []
    sides = (("base", BASE, None, spread(rows, asked.base_limit) if asked.base_limit else []),
             ("reader", asked.adapter, dial, rows))  # fmt: skip
    try:
        for side, name, its, some in sides:
            if some:
                answers, seconds = Bench(models, name, its).run(some, passages)
                found[side] = {**figures(answers), "seconds": round(seconds, 2), "questions": len(some)}
                found[side]["curve"] = points(answers)
                said += [{"model": side, **vars(one)} for one in answers]
    finally:
        models.close()
    if asked.out:
        asked.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in said), encoding="utf-8")
    print(f"{len(rows)} questions, {sum(bool(row['answers']) for row in rows)} with an answer\n{table(found)}")
    print("share wrong of what is shown, by share of answerable questions shown:")
    for side, one in found.items():
        print(f"{side:8}" + "  ".join(f"{at}%: {risk}" for at, risk in one["curve"].items() if risk is not None))
    return {**found, **({"recall": recall(rows, passages)} if asked.retrieved else {})}


if __name__ == "__main__":
    main()

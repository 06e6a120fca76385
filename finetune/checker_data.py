"""Pairs of a sentence and a passage for training the citation checker, half of them supported.

    python -m finetune.checker_data --data DIR --out pairs.jsonl

DIR holds what `finetune.finder_data` reads, and SciFact, MedQuAD and PubMedQA, as JSON lines. Questions become statements, with
their answer or with another one of the passage (`finetune.checker_statements`); sentences are reworded or changed
(`finetune.checker_edits`); passages are made up (`finetune.checker_frames`), since real ones show too rarely what is easily
confused. No passage or sentence of the hard pairs, which the check is measured on, may be among them: this is looked after.
Prints how many of each, as its last line.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.settings import ROOT
from finetune.checker_edits import NAMES, NUMBER, SENTENCE, changed, inner_names, places, reworded
from finetune.checker_frames import made
from finetune.checker_statements import statement
from finetune.finder_data import FILES, read
from finetune.guard import TrainingError

HARD = ROOT / "benchmarks" / "data" / "hard_citations.jsonl"
MADE_UP = 20_000
EDITED = 30_000
# Articles of MedQuAD are many and alike: so many of them, none longer than so many characters.
ANSWERS, LONGEST_ANSWER = 4_000, 6_000
# Words of an answer that still makes a readable statement; characters of a passage.
ANSWER_WORDS, LONGEST_PASSAGE = 9, 900
SCIFACT_TIMES = 3


@dataclass(frozen=True)
class Pair:
    """`supported`: whether the passage says it; `source`: how the pair was made."""

    sentence: str
    passage: str
    supported: bool
    source: str


def pairs(data: Path, seed: int = 0, made_up: int = MADE_UP, edited: int = EDITED) -> list[Pair]:
    """All pairs of the data, shuffled. Raises FileNotFoundError for a file that is missing."""
    dice = random.Random(seed)
    rows = [row for file in FILES for row in read(data / file)]
    found = [
        *from_questions(rows, dice),
        *from_texts(texts(data, rows, dice), edited, dice),
        *from_frames(made_up, dice),
        *SCIFACT_TIMES * list(from_scifact(data / "scifact")),
    ]
    dice.shuffle(found)
    return found


def from_questions(rows: Iterable[dict[str, Any]], dice: random.Random) -> Iterator[Pair]:
    by_context: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_context[row["context"]].append(row)
    for context, asked in by_context.items():
        answered = [(row, context[row["start"] : row["end"]]) for row in asked if row["start"] >= 0]
        for row, answer in answered:
            yield from told(context, row, answer, [one for _, one in answered], dice)
        for row in asked:
            if row["start"] < 0 and answered:
                yield from unanswered(context, row, answered)


def told(context: str, row: dict[str, Any], answer: str, others: Sequence[str], dice: random.Random) -> Iterator[Pair]:
    """A question with its answer, and with another of the same kind that stands nearby."""
    question = capitals(row["question"], context)
    said = statement(question, answer) if len(answer.split()) <= ANSWER_WORDS else ""
    passage = around(context, answer, said, dice)
    if not said or len(passage) > LONGEST_PASSAGE:
        return
    yield Pair(said, passage, True, "answered")
    right = [one.lower() for one in row["answers"]]
    rivals = [
        one
        for one in dict.fromkeys([*others, *of_kind(kind(answer), passage)])
        if kind(one) == kind(answer) and one in passage and len(one.split()) <= ANSWER_WORDS
        and one.lower() not in question.lower() and not any(one.lower() in text or text in one.lower() for text in right)
    ]  # fmt: skip
    wrong = statement(question, dice.choice(rivals)) if rivals else ""
    if wrong:
        yield Pair(wrong, passage, False, "answered otherwise")


def unanswered(context: str, row: dict[str, Any], answered: Sequence[tuple[dict[str, Any], str]]) -> Iterator[Pair]:
    """A question that its paragraph does not answer, with the answer of the question that is most like it."""
    mine = tokens(row["question"])
    _, answer = max(
        answered, key=lambda one: len(mine & tokens(one[0]["question"])) / len(mine | tokens(one[0]["question"]))
    )
    said = statement(row["question"], answer) if len(answer.split()) <= ANSWER_WORDS else ""
    passage = around(context, answer, said, random.Random(len(context)))
    if said and len(passage) <= LONGEST_PASSAGE:
        yield Pair(said, passage, False, "unanswered")


def kind(answer: str) -> str:
    if re.search(r"\d", answer):
        return "number"
    return "name" if re.match(r"(?:the )?[A-Z]", answer) else "other"


def of_kind(wanted: str, passage: str) -> list[str]:
    return NUMBER.findall(passage) if wanted == "number" else inner_names(passage) if wanted == "name" else []


def tokens(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def capitals(question: str, context: str) -> str:
    """A question all in small letters with the capitals that its words have in the context."""
    if not question.islower():
        return question
    known = {word.lower(): word for name in NAMES.findall(context) for word in name.split()}
    return " ".join(known.get(word, word) for word in question.split())


def around(context: str, answer: str, said: str, dice: random.Random, width: int = 3) -> str:
    """The sentence that holds the answer and most words of what is said, with up to `width` sentences in all."""
    found, mine = SENTENCE.split(context), tokens(said)
    best = max(range(len(found)), key=lambda n: (answer in found[n], len(mine & tokens(found[n]))))
    first = max(0, min(best - dice.randrange(width), len(found) - width))
    return " ".join(found[first : first + width])


def texts(data: Path, rows: Iterable[dict[str, Any]], dice: random.Random) -> list[str]:
    answers = [row["answer"] for row in lines(data / "medquad_liveqa" / "medquad_qa.jsonl")]
    short = [text for text in answers if text and len(text) <= LONGEST_ANSWER]
    abstracts = [text for row in lines(data / "pubmedqa" / "pqal.jsonl") for text in row["contexts"]]
    contexts = dict.fromkeys(row["context"] for row in rows)
    return [*contexts, *abstracts, *dice.sample(short, min(ANSWERS, len(short)))]


def from_texts(found: Sequence[str], count: int, dice: random.Random) -> Iterator[Pair]:
    """`count` pairs at most: a sentence reworded, and the same one changed; as many of the one as of the other. A sentence that
    many texts share is taken once."""
    met = (place for text in found for place in places(text, dice) if len(place.passage) <= LONGEST_PASSAGE)
    usable = list({place.sentence: place for place in met}.values())
    dice.shuffle(usable)
    done = 0
    for place in usable:
        wrong, how = changed(place, dice)
        if not wrong:
            continue
        if done >= count:
            return
        yield Pair(reworded(place.sentence, dice), place.passage, True, "reworded")
        yield Pair(reworded(wrong, dice, 1) if dice.random() < 0.5 else wrong, place.passage, False, how)
        done += 2


def from_frames(count: int, dice: random.Random) -> Iterator[Pair]:
    done = 0
    while done < count:
        passage, claims = made(dice)
        yield from (Pair(text, passage, follows, "made up") for text, follows in claims)
        done += len(claims)


def from_scifact(folder: Path) -> Iterator[Pair]:
    """Claims with the sentences that support or contradict them, and one before."""
    documents = {str(row["doc_id"]): row["sentences"] for row in lines(folder / "corpus.jsonl")}
    for row in lines(folder / "queries_train.jsonl"):
        for document, evidence in (row["evidence"] or {}).items():
            for group in evidence["sentences"]:
                passage = " ".join(one.strip() for one in documents[document][max(0, min(group) - 1) : max(group) + 1])
                yield Pair(row["text"].rstrip(".") + ".", passage, evidence["label"] == "SUPPORT", "scifact")


def lines(file: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line.strip())


def not_measured_on(found: Iterable[Pair], hard: Path = HARD) -> None:
    """Raises TrainingError where a passage or a sentence of the hard pairs is among the pairs, or stands within one."""
    rows = list(lines(hard))
    measured = [squeezed(text) for text in {row[name] for row in rows for name in ("sentence", "passage")}]
    text = "\n".join({squeezed(one) for pair in found for one in (pair.sentence, pair.passage)})
    known = [one for one in measured if one in text]
    if known:
        raise TrainingError(f"{len(known)} texts of {hard.name} are among the pairs: leave out what holds {known[0]!r}")


def squeezed(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m finetune.checker_data")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--made-up", type=int, default=MADE_UP, help="pairs from templates")
    parser.add_argument("--edited", type=int, default=EDITED, help="pairs from reworded and changed sentences")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    found = pairs(given.data, given.seed, given.made_up, given.edited)
    not_measured_on(found)
    given.out.write_text("".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in found), encoding="utf-8")
    count = Counter((one.source, one.supported) for one in found)
    print(json.dumps({f"{source}, {'' if yes else 'un'}supported": n for (source, yes), n in sorted(count.items())}))


if __name__ == "__main__":
    main()

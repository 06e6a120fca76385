"""The dial of a reader as rag serves it: with the finder's say, on public questions that the reader never learned from.

    python -m app.served_dial --data DIR [--limit N]

DIR is laid out as `finetune.finder_data` says. The documents are the articles that `finetune.reader_data` holds out, among
others, and passages of QED's development questions, some of which are left out, so that their questions have no answer.
Writes `served.json` beside the reader's weights.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.bootstrap import Service, open_service
from app.packs import make_pack
from app.reading_road import Reading, reading
from core import reading as reader
from core.dial import SERVED, save_dial
from core.domain import rows
from core.settings import load_settings
from core.types import Query
from evaluation import squad
from evaluation.dial import Judged, fit_dial
from finetune.finder_data import PENN
from finetune.reader_data import HELD_OUT
from retrieval.placing import given

ASKED = {"squad": (130, 90), "qed": (170, 90)}  # questions with an answer in the documents, and without
OTHERS = 9  # articles beside those that are asked about
WEIGHED = ("answerable", "agreed", "refusing")


@dataclass(frozen=True)
class Asked:
    question: str
    answers: tuple[str, ...]


def questions(data: Path, documents: Path, dice: random.Random) -> list[Asked]:
    """Writes the documents, and gives what is asked about them."""
    return [*from_squad(data, documents, dice), *from_qed(data, documents, dice)]


def from_squad(data: Path, documents: Path, dice: random.Random) -> list[Asked]:
    found = [row for _, row in rows(data / "squad2_dev" / "squad2.jsonl")]
    others = sorted({row["title"] for row in found} - set(HELD_OUT))[:OTHERS]
    for title in [*HELD_OUT, *others]:
        paragraphs = {row["para"]: row["context"] for row in found if row["title"] == title}
        write(documents / f"{title}.md", title.replace("_", " "), [paragraphs[n] for n in sorted(paragraphs)])
    held = [row for row in found if row["title"] in HELD_OUT]
    known, unknown = ([row for row in held if row["answerable"] is is_known] for is_known in (True, False))
    chosen = dice.sample(known, ASKED["squad"][0]) + dice.sample(unknown, ASKED["squad"][1])
    return [Asked(row["question"], tuple(row["answers"])) for row in chosen]


def from_qed(data: Path, documents: Path, dice: random.Random) -> list[Asked]:
    found = [row for _, row in rows(data / "nq_reader" / "qed_dev.jsonl") if row["answerable"] and row["answers"]]
    dice.shuffle(found)
    known, unknown = ASKED["qed"]
    gone = {row["context"] for row in found[known : known + unknown]}
    kept = dict.fromkeys((row["title"], row["context"]) for row in found if row["context"] not in gone)
    for number, (title, context) in enumerate(kept):
        write(documents / f"qed-{number:03}.md", title, [natural(context)[:6000]])
    asked = [
        Asked(f"{row['question'][:1].upper()}{row['question'][1:].rstrip('?')}?", tuple(map(natural, row["answers"])))
        for row in found[:known]
        if row["context"] not in gone
    ]
    return asked + [Asked(f"{row['question'].rstrip('?')}?", ()) for row in found[known : known + unknown]]


def natural(text: str) -> str:
    for pattern, instead in PENN:
        text = re.sub(pattern, instead, text)
    return text


def write(file: Path, title: str, paragraphs: Sequence[str]) -> None:
    file.write_text("\n\n".join([f"# {title}", *paragraphs]) + "\n", encoding="utf-8")


def read(service: Service, chat: Any, question: str) -> Reading:
    evidence = service.answering.retriever.evidence(Query(text=question))
    found = service.quoter.find(evidence.query, evidence.passages)
    passages = given(found)
    return reading(reader.read(chat, evidence.query, passages), passages, found)


def judged(asked: Asked, found: Reading) -> Judged:
    """Right as it is shown: the reader's words, or the sentence that is quoted first."""
    features = {name: found.features[name] for name in WEIGHED}
    if found.short is not None:
        return Judged(features, bool(asked.answers), squad.right(found.read.answer, asked.answers))
    first = found.found.quotes(1)[0].sentence.lower() if found.found.ranked else ""
    return Judged(features, bool(asked.answers), any(answer.lower() in first for answer in asked.answers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    given_here = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        pack, dice = make_pack("public", Path(place)), random.Random(1)
        (pack / "documents" / "opening-hours.md").unlink()
        asked = questions(given_here.data, pack / "documents", dice)
        dice.shuffle(asked)
        service = open_service(load_settings(data_dir=Path(place) / "data", domain=pack))
        try:
            service.sync()
            adapter = service.reader
            if adapter is None:
                raise SystemExit(
                    "there is no reader for the base that is served: train one with `trivium train reader`"
                )
            chat = service.models.chat(adapter.name)
            found = []
            for number, one in enumerate(asked[: given_here.limit], 1):
                found.append(judged(one, read(service, chat, one.question)))
                if not number % 50:
                    print(f"{number}/{len(asked)} questions read", file=sys.stderr)
        finally:
            service.close()
    made = fit_dial(found).model_copy(update={"adapter": adapter.sha256})
    save_dial(Path(adapter.path), made, SERVED)
    print(json.dumps({"cases": made.cases, "threshold": made.trust.threshold, "weights": made.trust.weights}))


if __name__ == "__main__":
    main()

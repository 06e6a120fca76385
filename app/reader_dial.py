"""The dial of a reader: it reads the development cases of its pack, and how sure it was is compared with what was right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.dial import Dial, features, save_dial
from core.errors import RegistryError
from core.llm.messages import to_langchain
from core.prompts import READER_SYSTEM
from core.reading import Read, as_read, in_passages, options
from core.types import Case, Message
from evaluation import squad
from evaluation.dial import Judged, fit_dial
from evaluation.reading import Answered

if TYPE_CHECKING:
    from app.bootstrap import Service

AT_ONCE = 32
NUMBERED = re.compile(r"^\[\d+\] ")
Say = Callable[[str], None]


def fit(service: Service, model: str, say: Say) -> Dial:
    """Fit the dial of a registered adapter and keep it in its folder. Raises DomainError where there are too few cases."""
    adapter = service.registry.adapter(model)
    if adapter is None:
        raise RegistryError(f"the files of {model} are gone: train it again")
    cases = service.domain.development()
    reads = list(read_cases(service.models.chat(model), cases, say))
    dial = fit_dial([judged(case, read) for case, read in zip(cases, reads, strict=True)])
    save_dial(Path(adapter.path), dial)
    say(told(dial))
    return dial


def read_cases(chat: Any, cases: Sequence[Case], say: Say) -> Iterator[Read]:
    """What the reader makes of cases, whose queries hold the passages."""
    for start in range(0, len(cases), AT_ONCE):
        some = cases[start : start + AT_ONCE]
        turns = [
            (Message(role="system", content=READER_SYSTEM), Message(role="user", content=one.query)) for one in some
        ]
        asked = [to_langchain(list(each)) for each in turns]
        reads = map(as_read, chat.batch(asked, **options()))
        for case, messages, first in zip(some, asked, reads, strict=True):
            yield in_passages(chat, messages, first, passages_of(case))
        say(f"{start + len(some)}/{len(cases)} development cases read")


def answers_of(case: Case) -> tuple[str, ...]:
    """What annotators marked; none where the case has no answer."""
    return tuple(case.expected.get("contains", [""])[0].split("|")) if "contains" in case.expected else ()


def passages_of(case: Case) -> list[str]:
    """The numbered passages of a case's query (`core.prompts.reader_query`)."""
    return [text for part in case.query.split("\n\n") if (text := NUMBERED.sub("", part)) != part]


def judged(case: Case, read: Read) -> Judged:
    answers = answers_of(case)
    return Judged(features(read), bool(answers), squad.right(read.answer, answers))


def answered(case: Case, read: Read, dial: Dial) -> Answered:
    sure = dial.trust.probability(features(read))
    shown = bool(read.answer) and sure >= dial.threshold()
    return Answered(case.id, case.query, answers_of(case), read.answer, sure, shown)


def told(dial: Dial) -> str:
    threshold = dial.threshold()
    point = min(dial.curve, key=lambda one: abs(one.threshold - threshold))
    return (
        f"dial: an answer is shown from {threshold:.2f} on; of {dial.cases} development cases that shows {point.shown:.0%}, "
        f"{point.wrong:.0%} of them wrong, and keeps back {point.kept_back:.0%} of those that have an answer"
    )

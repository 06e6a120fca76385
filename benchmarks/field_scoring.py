"""What a case from the field expects, and what an answer is worth. Pure but for the reading of `case.json`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from core.errors import DomainError

FILE = "case.json"
TOKEN = re.compile(r"\d+(?:[.,]\d+)*")
ONE_NUMBER = re.compile(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?")
PAGE = re.compile(r", page \d+$")
NO_FRACTION = re.compile(r"[.,]0{1,2}")


class Upload(BaseModel):
    """A file of the case under the name that it gets."""

    file: str
    name: str = Field(alias="as")


class Form(BaseModel):
    """What is null is as if it were not there; what is not known is left alone."""

    @model_validator(mode="before")
    @classmethod
    def given(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class Turn(Form):
    """A question and what its answer must and must not hold. `upload` and `delete`: what happens before it is asked, at once
    one after the other, before any of it has been indexed."""

    ask: str
    model: str = "auto"
    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    refuse: bool = False
    source: str | None = None
    same_conversation: bool = False
    upload: tuple[Upload, ...] = ()
    delete: tuple[str, ...] = ()

    @field_validator("right", "wrong", mode="before")
    @classmethod
    def texts(cls, given: Any) -> Any:
        """One text stands for a list of one, a number for its text; what is blank asks for nothing."""
        found = given if isinstance(given, list | tuple) else [given]
        return [str(text) for text in found if str(text).replace("|", "").strip()]


class Case(Form):
    """`pack`: served instead of a fresh one; `unread`: documents that cannot be read, and whose failure is no fault."""

    documents: tuple[str, ...] = ()
    turns: tuple[Turn, ...]
    pack: str | None = None
    unread: tuple[str, ...] = ()
    folder: Path = Path()

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass(frozen=True)
class Said:
    """What came back. `sources`: the files that it cites; `numbers`: of its citations, as they stand in the text in brackets;
    `error`: why there is no answer."""

    text: str = ""
    refused: bool = False
    warnings: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    error: str = ""
    conversation: str = ""

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Said:
        """From what `/v1/chat/completions` replies."""
        told, cited = reply["trivium"], reply["trivium"]["citations"]
        return cls(
            text=reply["choices"][0]["message"]["content"], refused=told["refused"], warnings=tuple(told["warnings"]),
            sources=tuple(PAGE.sub("", place) for one in cited for place in (one["source"], *one["also"])),
            numbers=tuple(one["number"] for one in cited), conversation=told["conversation"],
        )  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """`why`: what is wrong with the answer, or kept it from being right."""

    right: bool
    wrong_unwarned: bool = False
    refused_wrongly: bool = False
    why: str = ""


def load(place: Path, limit: int | None = None) -> list[Case]:
    """The cases of a folder's folders, by name. Raises DomainError for one that cannot be understood."""
    files = sorted(place.glob(f"*/{FILE}"), key=lambda file: file.parent.name)[:limit]
    if not files:
        raise DomainError(f"{place} holds no folder with a {FILE}")
    return [case_of(file) for file in files]


def case_of(file: Path) -> Case:
    try:
        case = Case.model_validate_json(file.read_bytes())
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(step) for step in e['loc'])}: {e['msg']}" for e in error.errors())
        raise DomainError(f"{file}: {faults}") from error
    return case.model_copy(update={"folder": file.parent})


def judged(turn: Turn, said: Said, unread: str = "") -> Verdict:
    """`unread`: why a document of the case is not indexed: nothing but a refusal that is wanted is right then."""
    found = faults(turn, said)
    shown = bool(found) and not said.refused and not said.error
    reasons = [*found, unread] if unread and not turn.refuse else found
    return Verdict(
        right=not reasons, wrong_unwarned=shown and not said.warnings,
        refused_wrongly=bool(found) and said.refused and not turn.refuse, why="; ".join(reasons),
    )  # fmt: skip


def faults(turn: Turn, said: Said) -> list[str]:
    """What keeps an answer from being right."""
    if said.error:
        return [said.error]
    if turn.refuse:
        return [] if said.refused else ["it answers what should be refused"]
    if turn.right and said.refused:
        return ["it is refused"]
    text = unmarked(said)
    found = [f"it lacks {wanted!r}" for wanted in turn.right if not stands(wanted, text)]
    found += [f"it says {unwanted!r}" for unwanted in turn.wrong if stands(unwanted, text)]
    if turn.source and not any(same_file(turn.source, cited) for cited in said.sources):
        found.append(f"it cites {', '.join(dict.fromkeys(said.sources)) or 'nothing'} and not {turn.source}")
    return found


def unmarked(said: Said) -> str:
    """The text without the numbers of its citations, which say nothing."""
    return re.sub(r"\[(\d+)\]", lambda mark: "" if int(mark.group(1)) in said.numbers else mark.group(), said.text)


def stands(wanted: str, text: str) -> bool:
    """Whether one of the alternatives (`a|b`) stands in a text, case and spacing aside. A number stands there as a whole only:
    4 is neither in 14 nor in 4.5 nor in 4,000, but in 4.0."""
    plain = plainly(text)
    spans = numbers(plain)
    # From every place: an occurrence inside a number must not hide one that is not.
    return any(
        whole(*found.span(1), plain, spans)
        for one in wanted.split("|")
        if one.strip()
        for found in re.finditer(f"(?=({spaced(plainly(one))}))", plain)
    )


def plainly(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def spaced(text: str) -> str:
    """A pattern of the text in which blanks may stand anywhere, or nowhere."""
    return r"\s*".join(re.escape(sign) for sign in text if not sign.isspace())


def numbers(text: str) -> list[tuple[int, int]]:
    """Where numbers stand. What is no number though it has points in it, as a date, is several."""
    found = []
    for token in TOKEN.finditer(text):
        if ONE_NUMBER.fullmatch(token.group()):
            found.append(token.span())
        else:
            found += [run.span() for run in re.compile(r"\d+").finditer(text, *token.span())]
    return found


def whole(start: int, end: int, text: str, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether `text[start:end]` begins and ends outside of numbers; noughts after the point do not count."""
    return not any(
        first < start < last or (first < end < last and not NO_FRACTION.fullmatch(text[end:last]))
        for first, last in spans
    )


def same_file(wanted: str, cited: str) -> bool:
    """Whether two paths name one file, as far as both tell: `a.md` and `docs/a.md` do."""
    one, other = Path(wanted).parts, Path(cited).parts
    length = min(len(one), len(other))
    return one[-length:] == other[-length:]


def summary(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """Counts of turns."""
    return {
        "kinds": len(verdicts),
        "right": sum(one.right for one in verdicts),
        "wrong_unwarned": sum(one.wrong_unwarned for one in verdicts),
        "refused_wrongly": sum(one.refused_wrongly for one in verdicts),
    }

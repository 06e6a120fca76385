"""Checks that a program can make of an answer, as a domain pack declares them. Pure.

The same checks run on a served answer (a failed one is shown with a warning) and in the golden suite.
"""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
from jsonschema.exceptions import best_match
from pydantic import BaseModel, ConfigDict, field_validator, model_validator
from simpleeval import InvalidExpression, SimpleEval

from core.language import agree, names_one
from core.spelled import spelled_numbers

NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:[.,]\d+)*(?:[kK]\b)?")
QUOTED = re.compile(r"[\"“«](.+)[\"”»]", re.DOTALL)
GREETING = re.compile(r"^Hello(?: ([^,\n]+))?,")
ITEM = re.compile(r"\s*(?:[-*\u2022\u2013]|\(?\d+[.):])\s*(\S.*)")
WORD = re.compile(r"[^\W\d_]{3,}")
KINDS = (
    "rule", "one_of", "starts_with", "ends_with", "contains_one_of", "forbids",
    "max_words", "numbers_from_query", "keeps_quoted", "name_from_query", "differs_from_quoted", "shorter_than_quoted",
    "same_language", "listed", "keeps_numbers",
)  # fmt: skip
AFTER = re.compile(r"(?:[:?]\s|\n|\s[-\u2013\u2014]\s)\s*(\S+(?:\s+\S+){3,})\s*$", re.DOTALL)
COPIED = 0.6  # of the given text's words in one piece
MOST_ITEMS = 30
OF_ELSE = re.compile(
    r"\b(?:for|in|of|with|within|to|under|at|on|by|from|für|mit|pour|avec|para|con|per)\s+(?:the |a |next )?\S+",
    re.IGNORECASE,
)


class Check(BaseModel):
    """One check: exactly one kind, and the message that is shown when it fails.

    With `when`, a regular expression, it is made only of answers to queries that match outside their quoted text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    message: str
    rule: str | None = None
    one_of: tuple[str, ...] | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains_one_of: tuple[str, ...] | None = None
    forbids: tuple[str, ...] | None = None
    max_words: int | None = None
    numbers_from_query: tuple[str, ...] | bool | None = None
    keeps_quoted: float | None = None
    name_from_query: bool | None = None
    differs_from_quoted: bool | None = None
    shorter_than_quoted: float | None = None
    same_language: bool | None = None
    listed: bool | None = None
    keeps_numbers: bool | None = None
    when: str | None = None

    @model_validator(mode="after")
    def one_kind(self) -> Check:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"a check has exactly one of {', '.join(KINDS)}; this one has {given or 'none'}")
        return self

    @field_validator("when")
    @classmethod
    def a_pattern(cls, when: str | None) -> str | None:
        try:
            re.compile(when or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return when

    @property
    def kind(self) -> str:
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    def holds(self, query: str, answer: str) -> bool:
        if self.when and not re.search(self.when, wording(query), re.IGNORECASE):
            return True
        return bool(getattr(self, f"_{self.kind}")(query, answer))

    def _rule(self, query: str, answer: str) -> bool:
        fields = parse_object(answer)
        if fields is None:
            return False
        try:
            return bool(SimpleEval(names=fields, functions={"round": round, "len": len}).eval(self.rule))
        except (InvalidExpression, TypeError, ArithmeticError):
            return False

    def _one_of(self, query: str, answer: str) -> bool:
        return answer.strip() in (self.one_of or ())

    def _starts_with(self, query: str, answer: str) -> bool:
        return answer.lstrip().startswith(self.starts_with or "")

    def _ends_with(self, query: str, answer: str) -> bool:
        return answer.rstrip().endswith(self.ends_with or "")

    def _contains_one_of(self, query: str, answer: str) -> bool:
        return any(part in answer for part in self.contains_one_of or ())

    def _forbids(self, query: str, answer: str) -> bool:
        lowered = answer.lower()
        return not any(part.lower() in lowered for part in self.forbids or ())

    def _max_words(self, query: str, answer: str) -> bool:
        return len(answer.split()) <= (self.max_words or 0)

    def _numbers_from_query(self, query: str, answer: str) -> bool:
        """Every number of the answer (or of the named JSON fields) stands in the query."""
        if isinstance(self.numbers_from_query, tuple):
            fields = parse_object(answer) or {}
            found = {float(fields[name]) for name in self.numbers_from_query if is_number(fields.get(name))}
            return len(found) > 0 and found <= query_numbers(query)
        return numbers(answer) <= numbers(query)

    def _keeps_quoted(self, query: str, answer: str) -> bool:
        """At least this share of the quoted text's words (3 letters and more, by first five letters) comes back."""
        wanted = stems(quoted_text(query))
        return bool(answer.strip()) and len(wanted & stems(answer)) >= (self.keeps_quoted or 0) * len(wanted)

    def _keeps_numbers(self, query: str, answer: str) -> bool:
        """Every number of the quoted text comes back, in digits or in words."""
        return numbers(quoted_text(query)) <= query_numbers(answer)

    def _differs_from_quoted(self, query: str, answer: str) -> bool:
        """Not the quoted text itself, nor most of it in one piece."""
        said = letters(answer)
        long = len(said) >= COPIED * len(letters(quoted_text(query)))
        return said != letters(quoted_text(query)) and not (long and said in letters(query))

    def _shorter_than_quoted(self, query: str, answer: str) -> bool:
        """At most this share of the quoted text's words."""
        return len(answer.split()) <= (self.shorter_than_quoted or 0) * len(quoted_text(query).split())

    def _same_language(self, query: str, answer: str) -> bool:
        """That of the given text, or of the query where it gives none; a query that names a language may want another."""
        return names_one(wording(query)) or agree(quoted_text(query), answer)

    def _listed(self, query: str, answer: str) -> bool:
        """Items that differ, each marked on a line of its own, and as many as the query asks for where it says a number."""
        found = items(answer)
        differ = len(found) == len(set(map(letters, found)))
        return differ and max(2, wanted_items(wording(query))) <= len(found) <= MOST_ITEMS

    def _name_from_query(self, query: str, answer: str) -> bool:
        greeting = GREETING.match(answer.lstrip())
        return greeting is not None and (greeting.group(1) is None or greeting.group(1) in query)


def failed(checks: tuple[Check, ...], schema: dict[str, Any] | None, query: str, answer: str) -> tuple[str, ...]:
    """The messages of the checks (and of the JSON schema, first) that the answer fails."""
    wrong = schema_fault(schema, answer) if schema else ""
    if wrong:
        return (wrong,)
    return tuple(check.message for check in checks if not check.holds(query, answer))


def schema_fault(schema: dict[str, Any], answer: str) -> str:
    """Why the answer does not fit the JSON schema; empty where it does."""
    try:
        value = json.loads(answer)
    except ValueError:
        return "the answer is not valid JSON"
    fault = best_match(jsonschema.Draft202012Validator(schema).iter_errors(value))
    return f"the JSON does not fit the schema: {fault.message[:200]}" if fault else ""


def parse_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def numbers(text: str) -> set[float]:
    """The numbers in a text: "3,000" is 3000, "4.5" is 4.5, "5k" is 5000."""
    return {value for match in NUMBER.finditer(text) if (value := to_number(match.group())) is not None}


def query_numbers(query: str) -> set[float]:
    """Numbers of a query, with those glued to units or names ("24GB", "8B", "Llama-3.1-8B") and those in words."""
    spaced = re.sub(r"(?<=\d)(?=(?:GB|gb|Gb|GiB|gig|B|b)\b)|(?<=-)(?=\d)", " ", query)
    return numbers(spaced) | numbers(query) | spelled_numbers(query)


def to_number(text: str) -> float | None:
    factor = 1000.0 if text[-1] in "kK" else 1.0
    digits = text.rstrip("kK")
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    try:
        return float(digits.replace(",", ".")) * factor
    except ValueError:
        return None


def quoted_text(query: str) -> str:
    """The text that a query quotes, else what follows its first colon, dash, question or line break, or all of it where it gives none."""
    found = QUOTED.search(query) or AFTER.search(query)
    return found.group(1) if found else query


def wording(query: str) -> str:
    """The query without the text that it gives: what it wants."""
    return QUOTED.sub(" ", query) if QUOTED.search(query) else AFTER.sub(" ", query)


def items(text: str) -> list[str]:
    """The items of a list, without their marks."""
    return [found.group(1).strip() for line in text.splitlines() if (found := ITEM.match(line))]


def wanted_items(wording: str) -> int:
    """How many items a request for a list names; 0 where it names no number, or one of something else ("for 12 people")."""
    said = OF_ELSE.sub(" ", wording)
    found = sorted(int(value) for value in query_numbers(said) if 2 <= value <= MOST_ITEMS)
    return found[0] if len(found) == 1 else 0


def letters(text: str) -> str:
    return "".join(WORD.findall(text.lower()))


def stems(text: str) -> set[str]:
    return {word.lower()[:5] for word in WORD.findall(text)}

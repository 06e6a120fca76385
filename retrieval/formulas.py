"""Formulas whose result a workbook does not store, computed where they are sums and arithmetic; else nothing is said."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from math import prod
from typing import Any

# What a formula may refer to, one through the other.
DEEP = 40
CELLS = 20_000
OPERATORS = {"+", "-", "*", "/"}


def total(*parts: Any) -> float:
    return sum(numbers(parts))


def average(*parts: Any) -> float:
    found = numbers(parts)
    return sum(found) / len(found)


def numbers(parts: tuple[Any, ...]) -> list[float]:
    """As a spreadsheet does it, texts and empty cells of a range count for nothing."""
    flat = [one for part in parts for one in (part if isinstance(part, list) else [part])]
    return [one for one in flat if isinstance(one, int | float) and not isinstance(one, bool)]


def rounded(value: float, digits: float = 0) -> float:
    """Half up, as a spreadsheet does it."""
    return float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP))


FUNCTIONS: dict[str, Callable[..., float]] = {
    "SUM": total,
    "AVERAGE": average,
    "MIN": lambda *parts: min(numbers(parts)),
    "MAX": lambda *parts: max(numbers(parts)),
    "ROUND": rounded,
    "COUNT": lambda *parts: len(numbers(parts)),
    "PRODUCT": lambda *parts: prod(numbers(parts)),
}


class Unknown(Exception):
    """A formula that is not computed here."""


def computed(
    cell_of: Callable[[str], Any], formula: str, deep: int = 0, spent: list[int] | None = None
) -> float | None:
    """The value of "=F2*12" or "=SUM(B5:B6)"; None where it says anything else. `cell_of("F2")` is what that cell holds:
    a value, or a formula."""
    from simpleeval import InvalidExpression, SimpleEval

    spent = [0] if spent is None else spent
    try:
        expression, names = translated(cell_of, formula, deep, spent)
        value = SimpleEval(names=names, functions=FUNCTIONS).eval(expression)
    except (Unknown, InvalidExpression, SyntaxError, ArithmeticError, TypeError, ValueError, RecursionError):
        return None
    return round(value, 10) if isinstance(value, int | float) and not isinstance(value, bool) else None


def translated(
    cell_of: Callable[[str], Any], formula: str, deep: int, spent: list[int]
) -> tuple[str, dict[str, float | list[Any]]]:
    """The formula in Python's arithmetic, with a name for each cell and range that it uses. Raises Unknown."""
    from openpyxl.formula import Tokenizer

    if deep > DEEP:
        raise Unknown
    parts, names = [], {}
    for token in Tokenizer(formula).items:
        if token.type == "OPERAND" and token.subtype == "RANGE":
            name = f"n{len(names)}"
            names[name] = values(cell_of, token.value, deep, spent)
            parts.append(name)
        elif token.type == "FUNC" and token.subtype == "OPEN" and token.value[:-1].upper() in FUNCTIONS:
            parts.append(token.value.upper())
        elif (token.type in ("FUNC", "PAREN") and token.subtype == "CLOSE") or (
            token.type == "SEP" and token.value == ","
        ):
            parts.append(token.value)
        elif token.type == "OPERATOR-POSTFIX":
            # Of a number or a cell only: what a bracket holds would have to be found again.
            if not parts or parts[-1] == ")":
                raise Unknown
            parts.append(f"({parts.pop()}/100)")
        elif (
            (token.type.startswith("OPERATOR") and token.value in OPERATORS)
            or token.type == "PAREN"
            or (token.type == "OPERAND" and token.subtype == "NUMBER")
        ):
            parts.append(token.value)
        elif token.type != "WHITE-SPACE":
            raise Unknown
    return "".join(parts), names


def values(cell_of: Callable[[str], Any], reference: str, deep: int, spent: list[int]) -> float | list[Any]:
    """Numbers of a cell, or of a range. Raises Unknown for another sheet, a name, a text or a date to reckon with."""
    from openpyxl.utils import get_column_letter, range_boundaries

    at = reference.replace("$", "")
    if "!" in at or "[" in at:
        raise Unknown
    left, top, right, bottom = (one or 0 for one in range_boundaries(at))
    spent[0] += (right - left + 1) * (bottom - top + 1)
    if not left or not top or spent[0] > CELLS:
        raise Unknown
    found = [
        valued(cell_of, f"{get_column_letter(column)}{row}", deep, spent)
        for row in range(top, bottom + 1)
        for column in range(left, right + 1)
    ]
    if ":" in at:
        return found
    if found[0] is None:
        return 0
    if isinstance(found[0], bool | str):
        raise Unknown
    return found[0]


def valued(cell_of: Callable[[str], Any], at: str, deep: int, spent: list[int]) -> Any:
    held = cell_of(at)
    if isinstance(held, str) and held.startswith("="):
        held = computed(cell_of, held, deep + 1, spent)
        if held is None:
            raise Unknown
    if held is not None and not isinstance(held, int | float | str):
        raise Unknown
    return held

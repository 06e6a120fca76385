"""JSON schemas as grammars: the model can only choose tokens that keep the answer valid."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from core.errors import ModelError

if TYPE_CHECKING:
    import torch

MAX_STRING = 500  # characters
MAX_ITEMS = 32
MAX_NUMBER = 1_000_000_000
CACHED = 64


def bounded(schema: Any) -> Any:
    """The schema with a bound on every string, array and number that has none.

    A small model does not end an unbounded one: it runs to its token limit inside a string. The result only narrows
    the schema, so what satisfies it satisfies the original too.
    """
    if isinstance(schema, list):
        return [bounded(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    literal = ("enum", "const", "default", "examples")
    result = {key: value if key in literal else bounded(value) for key, value in schema.items()}
    if "enum" in schema or "const" in schema:
        return result
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "string" in kinds and not {"pattern", "format", "maxLength"} & set(schema):
        result["maxLength"] = max(MAX_STRING, schema.get("minLength", 0))
    if "array" in kinds and "maxItems" not in schema:
        result["maxItems"] = max(MAX_ITEMS, schema.get("minItems", 0))
    if {"integer", "number"} & set(kinds):
        _bound_number(result)
    return result


def _bound_number(schema: dict[str, Any]) -> None:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -MAX_NUMBER))
    high = schema.get("maximum", schema.get("exclusiveMaximum", MAX_NUMBER))
    if not {"minimum", "exclusiveMinimum"} & set(schema):
        schema["minimum"] = min(-MAX_NUMBER, high)
    if not {"maximum", "exclusiveMaximum"} & set(schema):
        schema["maximum"] = max(MAX_NUMBER, low)


class Grammars:
    """Compiles schemas once and keeps the last ones. Used by the engine thread alone."""

    def __init__(self, tokenizer: Any, vocabulary: int, stop_ids: set[int]) -> None:
        import xgrammar

        info = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer, vocab_size=vocabulary, stop_token_ids=sorted(stop_ids)
        )
        self._compiler = xgrammar.GrammarCompiler(info, max_threads=2)
        self._compiled: OrderedDict[str, Any] = OrderedDict()
        self._vocabulary = vocabulary

    def constraint(self, schema: dict[str, Any]) -> Constraint:
        """A fresh constraint for one answer.

        Raises:
            ModelError: the schema uses what the grammar compiler does not know.
        """
        # The order of properties is the order in which they are written, so keys are not sorted here.
        key = json.dumps(schema)
        if key not in self._compiled:
            self._compiled[key] = self._compile(schema)
        self._compiled.move_to_end(key)
        while len(self._compiled) > CACHED:
            self._compiled.popitem(last=False)
        return Constraint(self._compiled[key], self._vocabulary)

    def _compile(self, schema: dict[str, Any]) -> Any:
        try:
            # Free white space lets a small model write blanks up to its token limit.
            return self._compiler.compile_json_schema(json.dumps(bounded(schema)), any_whitespace=False)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise ModelError(f"The JSON schema cannot be used to constrain the model: {reason}") from error


class Constraint:
    """Follows one answer through its grammar."""

    def __init__(self, compiled: Any, vocabulary: int) -> None:
        import xgrammar

        self._apply = xgrammar.apply_token_bitmask_inplace
        self._matcher = xgrammar.GrammarMatcher(compiled)
        self._bits = xgrammar.allocate_token_bitmask(1, vocabulary)

    def mask(self, scores: torch.Tensor) -> None:
        """Set the scores (1, vocabulary) of all tokens that would break the grammar to minus infinity."""
        if self._matcher.fill_next_token_bitmask(self._bits):
            self._apply(scores, self._bits.to(scores.device))

    def accept(self, token: int) -> None:
        """Go one token on.

        Raises:
            ModelError: the token breaks the grammar, which a masked choice cannot.
        """
        if not self._matcher.accept_token(token):
            raise ModelError("The constrained answer left its grammar; ask again without a schema")

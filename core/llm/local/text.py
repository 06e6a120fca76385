"""Tokens to text, piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence

HALF = "\ufffd"  # what a decoder writes for bytes that are no whole character yet


class Detokenizer:
    """Turns tokens into text as they come, without ever giving out half a character.

    Only the last few tokens are decoded anew at each step, so a long answer costs no more per token than a short one.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._tokens: list[int] = []
        self._begin = 0  # the tail is decoded from here, since some tokenizers join neighbours
        self._shown = 0  # tokens before this one are given out

    def add(self, token: int) -> str:
        """The text that is certain with this token; empty while a character is incomplete."""
        self._tokens.append(token)
        text = self._new_text()
        if not text or text.endswith(HALF):
            return ""
        self._begin, self._shown = self._shown, len(self._tokens)
        return text

    def flush(self) -> str:
        """What is left at the end, incomplete bytes included."""
        text = self._new_text()
        self._begin = self._shown = len(self._tokens)
        return text

    def _new_text(self) -> str:
        before = self._decode(self._tokens[self._begin : self._shown])
        return self._decode(self._tokens[self._begin :])[len(before) :]


class StopTexts:
    """Holds back what may be the begin of a stop text, and cuts the answer before the first one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._keep = max((len(stop) for stop in self._stops), default=1) - 1
        self._held = ""

    def add(self, text: str) -> tuple[str, bool]:
        """What may be shown, and whether a stop text was met."""
        self._held += text
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            shown, self._held = self._held[: min(found)], ""
            return shown, True
        cut = len(self._held) - self._keep if self._keep else len(self._held)
        shown, self._held = self._held[: max(cut, 0)], self._held[max(cut, 0) :]
        return shown, False

    def flush(self) -> str:
        shown, self._held = self._held, ""
        return shown

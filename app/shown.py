"""What of a streamed text may be shown already."""

from __future__ import annotations

from collections.abc import Callable


class Shown:
    """Holds text back until `mark` has come, so that step-by-step thoughts are not shown; without a mark, nothing. And holds
    it back while `doubtful` says of all of it so far that it may not be shown."""

    def __init__(self, mark: str, doubtful: Callable[[str], bool] = lambda _: False) -> None:
        self._mark, self._held, self.text = mark, "", ""
        self._doubtful, self._waiting = doubtful, ""

    def take(self, piece: str) -> str:
        if not self._mark:
            self.text += piece
            self._waiting += piece
            return "" if self._doubtful(self.text) else self._let_go()
        self._held += piece
        _, found, after = self._held.partition(self._mark)
        if not found:
            return ""
        self._mark = ""
        return self.take(after.lstrip())

    def rest(self) -> str:
        """What was held back: because the mark never came, or because the text ended where it was still in doubt."""
        if self._mark:
            self._mark = ""
            self.take(self._held)
        return self._let_go()

    def _let_go(self) -> str:
        held, self._waiting = self._waiting, ""
        return held

"""How sure a reader has to be before its answer is shown: fitted on cases that it never learned from, kept beside its weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from core.errors import DomainError
from core.measured import Part, Point, Trust, most_shown

if TYPE_CHECKING:
    from core.reading import Read

FILE = "dial.json"
# The same, fitted on what rag shows after the finder had its say too, whose features it knows (app/reading_road.py).
SERVED = "served.json"
SUREST = 12.0


class Dial(Part):
    """`trust`: from `features` to the probability that an answer is right; its `threshold` is the setting that serves where a
    pack says nothing. `curve`: what each setting costs, from the most careful on; `cases`: how many it was measured on;
    `adapter`: sha256 of the weights that it belongs to, empty where that is not said."""

    trust: Trust
    curve: tuple[Point, ...] = ()
    cases: int = 0
    adapter: str = ""

    def threshold(self, wrong_at_most: float | None = None) -> float:
        """The setting that shows most and is wrong at most so often; above 1 (nothing is shown) where none is that good."""
        if wrong_at_most is None:
            return self.trust.threshold
        return most_shown(self.curve, wrong_at_most)

    @property
    def serving(self) -> Trust:
        """As an answer is judged by it: what is less likely right than the setting is not shown."""
        return self.trust.model_copy(update={"refuse_below": self.trust.threshold, "curve": self.curve})


def features(read: Read) -> dict[str, float]:
    """What a reader says of its own answer. `refusing`: log-odds of saying that the passages do not answer; the others are
    log-probabilities of the answer's tokens: their sum, mean and least."""
    chance = min(max(read.refusing, 1e-6), 1 - 1e-6)
    odds = max(-SUREST, min(SUREST, math.log(chance / (1 - chance))))
    logprobs = read.logprobs or (0.0,)
    return {"refusing": odds, "total": sum(logprobs), "mean": sum(logprobs) / len(logprobs), "least": min(logprobs)}


def load_served(folder: Path, adapter: str) -> Dial | None:
    """The dial that rag goes by: the one fitted for it with these very weights (sha256), else the reader's own. Raises as
    `load_dial` does."""
    served = load_dial(folder, SERVED)
    return served if served and served.adapter == adapter else load_dial(folder)


def load_dial(folder: Path, name: str = FILE) -> Dial | None:
    """Of the adapter in `folder`; None where it has none. Raises DomainError if the file is there and wrong."""
    file = folder / name
    if not file.is_file():
        return None
    try:
        return Dial.model_validate_json(file.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise DomainError(
            f"{file}: {error.errors()[0]['msg']}. Take the adapter's folder afresh, or train the reader again"
        ) from None


def save_dial(folder: Path, dial: Dial, name: str = FILE) -> None:
    (folder / name).write_text(dial.model_dump_json(indent=1) + "\n", encoding="utf-8")

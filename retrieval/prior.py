"""What a passage is for counts a little in its rank: change logs, notes on releases and upgrades, examples and what is archived repeat
a rule's words without stating what holds now, so they come after the page that states it, unless it is them that are asked for.

The words stand in the file's path or in a heading. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from core.types import Passage

if TYPE_CHECKING:
    import numpy as np

# Of a score between 0 and 1. Enough to turn what is nearly equal, too little to hide the only passage that answers.
LESS = 0.1
# A word that names such a page even among others, and one that does so only almost alone: "old" or "archive/", not "Old locks".
KINDS = {
    "changes": (
        r"change ?logs?|change history|release ?notes?|what ?s ?new|breaking changes",
        r"changes|history|releases|news",
    ),
    "upgrade": (r"upgrad(?:e|es|ing)|migrat(?:e|ing|ion|ions)", r"updating"),
    "example": (r"examples?|tutorials?", r"samples?|demos?|cookbook|recipes"),
    "archive": (r"archived|obsolete|outdated|deprecated|superseded", r"archives?|old|retired|legacy|attic|former"),
}
NAMING, ALONE = (
    re.compile("|".join(rf"(?P<{name}>\b(?:{words[n]})\b)" for name, words in KINDS.items()), re.IGNORECASE)
    for n in (0, 1)
)
MOST_WORDS, ALMOST_ALONE = 4, 2
ASKED = {
    "changes": r"chang|release|version|new\b|added|since|history|introduced|removed|when did",
    "upgrade": r"upgrad|migrat|updat|mov(?:e|ing) (?:from|to)|version|release",
    "example": r"example|sample|tutorial|demo|recipe|show me|how (?:do|can|would|could|to)\b",
    "archive": r"archiv|old|obsolete|outdated|deprecat|supersed|retire|legacy|former|previous|used to|before|earlier|history|in the past",
}
NUMBERS = re.compile(r"\bv?\d\S*")
NAMED = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")


def less(query: str, passages: Sequence[Passage]) -> np.ndarray:
    """What to take off the score of each passage, shape (n,)."""
    import numpy as np

    return np.array(
        [LESS if (found := kind(one.source, one.heading)) and not asks_for(found, query) else 0.0 for one in passages]
    )


def asks_for(kind: str, query: str) -> bool:
    return re.search(ASKED[kind], query, re.IGNORECASE) is not None


@lru_cache(maxsize=50_000)
def kind(source: str, heading: str) -> str:
    """What a passage is beside the rule: "changes", "upgrade", "example" or "archive"; "" if it may be the rule itself."""
    names = [*source.rsplit(".", 1)[0].split("/"), *heading.split(" > ")]
    return next(filter(None, map(named, names)), "")


def named(name: str) -> str:
    """The kind that a folder, a file or a heading is named for: by its first words, or by any of few. "How to migrate a large
    database" states how, and is none."""
    words = NUMBERS.sub("", NAMED.sub(" ", name)).split()
    text = " ".join(words)
    found = NAMING.search(text)
    if found and (found.start() == 0 or len(words) <= MOST_WORDS):
        return found.lastgroup or ""
    alone = ALONE.search(text) if len(words) <= ALMOST_ALONE else None
    return (alone.lastgroup or "") if alone else ""

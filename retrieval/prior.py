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
KINDS = {
    "changes": r"change ?logs?|change history|changes|history|release ?notes?|releases|what ?s new|news|whatsnew|versionshistory",
    "upgrade": r"upgrad(?:e|es|ing)|migrat(?:e|ing|ion|ions)|updating|breaking changes",
    "example": r"examples?|samples?|tutorials?|demos?|cookbook|recipes?",
    "archive": r"archived?|archives|old|obsolete|outdated|deprecated|superseded|retired|legacy|attic|former",
}
KIND = re.compile("|".join(rf"(?P<{name}>\b(?:{words})\b)" for name, words in KINDS.items()), re.IGNORECASE)
ASKED = {
    "changes": r"chang|release|version|new\b|added|since|history|introduced|removed|when did",
    "upgrade": r"upgrad|migrat|updat|mov(?:e|ing) (?:from|to)|version|release",
    "example": r"example|sample|tutorial|demo|recipe|show me|how (?:do|can|would|could|to)\b",
    "archive": r"archiv|old|obsolete|outdated|deprecat|supersed|retire|legacy|former|previous|used to|before|earlier|history|in the past",
}
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
    """What a passage is beside the rule: "changes", "upgrade", "example" or "archive"; "" if it may be the rule itself.

    A title or heading counts only where it is little more than such a word: "Release notes 2.1" tells of changes, "How to migrate
    a database" states how.
    """
    for part in source.rsplit(".", 1)[0].split("/"):
        if (found := _kind(part)) and not (found == "upgrade" and len(_words(part)) > MOST_WORDS):
            return found
    return next(filter(None, (_kind(part) for part in heading.split(" > ") if len(_words(part)) <= MOST_WORDS)), "")


MOST_WORDS = 4


def _words(text: str) -> list[str]:
    return NAMED.sub(" ", text).split()


def _kind(text: str) -> str:
    found = KIND.search(" ".join(_words(text)))
    return (found.lastgroup or "") if found else ""

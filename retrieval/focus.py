"""What a question asks about. Pure; English."""

from __future__ import annotations

import re

from retrieval.words import STOPWORDS, TOKEN, stem

FOCUS = re.compile(
    r"\b(?:which|what|whose|how (?:many|much|large|big|high|often|long|fast))\b(?:['’]s)?", re.IGNORECASE
)
FOCUS_WORDS = 3


def focus(query: str) -> list[str]:
    """What the question asks about, as stems: "Which job scheduler runs it?" gives job and scheduler."""
    asked = FOCUS.search(query)
    if not asked:
        return []
    found: list[str] = []
    for token in TOKEN.findall(query[asked.end() :].lower()):
        if token in STOPWORDS or token.endswith("ly"):
            if found:
                break
            continue
        found.append(stem(token))
        if len(found) == FOCUS_WORDS:
            break
    return found

"""What a question asks about, and what no answer to it can lack. Pure; English."""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrieval.words import STOPWORDS, TOKEN, stem

FOCUS = re.compile(
    r"\b(?:which|what|whose|how (?:many|much|large|big|high|often|long|fast))\b(?:['’]s)?", re.IGNORECASE
)
FOCUS_WORDS = 3
# Kinds of answer that show by their form: (what asks for it, what holds it).
FORMS = (
    (r"\b(?:price[sd]?|euros?|dollars?|salar(?:y|ies)|wages?|fees?|the fine|costs?\b.{0,20}\b(?:per|an|each|a) "
     r"(?:hour|day|night|week|month|year|card|node|run|token|seat))\b|[€$£]",
     r"[€$£]|\b(?:euros?|dollars?|pounds?|eur|usd|gbp|nok|chf|cents?|kroner?|free of charge)\b"),
    (r"\b(?:e-?mail address|phone number|telephone|url|web address)\b", r"@|https?://|www\.|\+\d[\d ]{6,}"),
    (r"\b(?:what time|time of (?:the )?day|o'clock)\b",
     r"\b\d{1,2}[:.]\d{2}\b|\b\d{1,2}\s?(?:am|pm|o'clock)\b|\b(?:noon|midnight|morning|afternoon|evening)\b"),
    (r"\b(?:which|what) version\b", r"\bv?\d+(?:\.\d+)+\b|\bv\d+\b|\bversion \d"),
)  # fmt: skip
FORMS_COMPILED = [(re.compile(asks, re.IGNORECASE), re.compile(holds, re.IGNORECASE)) for asks, holds in FORMS]


def lacks(query: str, sentences: Sequence[str]) -> bool:
    """Whether the query asks for a price, an address, a time of day or a version, and none of the sentences holds one."""
    return any(
        asks.search(query) and not any(holds.search(sentence) for sentence in sentences)
        for asks, holds in FORMS_COMPILED
    )


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

"""What a sentence says between commas of who or what is its subject: "Velarin, a drug from Graz, was ...". Pure; English."""

from __future__ import annotations

import re

VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|may|must|can|could|will|would|shall|should|might|does|do|did|cannot|"
    r"needs?)\b",
    re.IGNORECASE,
)
ASIDE = re.compile(
    r", (?P<what>(?:(?:the|an?|its|his|her|their) (?:[\w’'-]+ ){1,8}?[\w’'-]+|(?-i:[A-Z])[\w&’' -]*?)),"
    r"(?= (?:(?:\w+ly )?(?:is|are|was|were|has|have|had|may|must|can|could|will|would|shall|should|does|do|did|cannot)\b|\w+ed\b))",
    re.IGNORECASE,
)


def without_aside(sentence: str) -> tuple[str, str]:
    """The sentence without the first such, and what that says; "" where there is none: a clause of its own is none."""
    found = ASIDE.search(sentence)
    if not found or VERB.search(found["what"]):
        return sentence, ""
    return sentence[: found.start()] + sentence[found.end() :], found["what"]

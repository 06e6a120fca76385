"""A question with an answer as a statement: "When was the hall built?", "1902" -> "The hall was built in 1902." Rough English is
kept: people's notes are no better, and the statement of a wrong answer is as rough as that of a right one."""

from __future__ import annotations

import re

PREPOSITION = "in|on|at|to|from|for|by|with|of|during|after|under|about|into|through"
ASKS = re.compile(
    rf"(?:\b(?P<preposition>{PREPOSITION}) )?"
    r"\b(?P<word>who|whom|whose|what|which|when|where|why|how many|how much|how long|how far|how old|how often|how)\b",
    re.IGNORECASE,
)
BE = frozenset(["is", "are", "was", "were"])
DO = frozenset(["did", "does", "do"])
HELPERS = BE | DO | frozenset(["has", "have", "had", "can", "could", "will", "would", "may", "might", "must", "should"])
PARTICIPLE = re.compile(
    r"(?:\w{2,}ed|\w{3,}en|known|made|born|built|found|held|sold|sent|led|lost|won|set|put|kept|paid|said|told|seen|done|gone"
    r"|left|used|located|called|not|be|been)"
)
COUNTS = ("how many", "how much")
NAMED = ("what", "which", "whose", *COUNTS, "how")
DATE = re.compile(
    r"\d{4}s?\b|(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
PLACED = re.compile(r"(?:in|on|at|to|from|near|under|over|between|behind|along)\b", re.IGNORECASE)
REASON = re.compile(r"(?:because|due to|to|so|since|for)\b", re.IGNORECASE)
LONGEST_NOUN = 5
FEWEST = 4


def statement(question: str, answer: str) -> str:
    """The statement, with a full stop; empty where the form of the question is not known, or too little would be said."""
    asked, answer = question.strip().rstrip("?. "), answer.strip().strip(".,;")
    found = ASKS.search(asked)
    if not found or not answer:
        return ""
    word, before, after = found["word"].lower(), asked[: found.start()].strip(), asked[found.end() :].split()
    preposition = (found["preposition"] or "").lower()
    if len(before.split()) > 2:
        said = [before, preposition, answer, *in_place(word, after)]
    else:
        said = asked_first(word, preposition, after, answer)
    text = " ".join(filter(None, said))
    return f"{text[:1].upper()}{text[1:]}." if len(text.split()) >= FEWEST else ""


def in_place(word: str, after: list[str]) -> list[str]:
    """What follows the asking word in the middle of a sentence, without the noun that it stands with: "in which year"."""
    noun = word in ("what", "which") and 0 < len(after) < FEWEST and after[0].lower() not in HELPERS
    return after[1:] if noun and not after[0].endswith("ing") else after


def asked_first(word: str, preposition: str, after: list[str], answer: str) -> list[str]:
    noun, rest = split_noun(word, after)
    if not rest:
        # No helping verb: the verb itself follows, "who wrote it", "which city holds it".
        known = {"who": after, "what": after, "which": after[1:], "how many": after}
        return [answer, *known[word]] if word in known else []
    helper, rest = (rest[0].lower(), rest[1:]) if rest[0].lower() in HELPERS else ("", rest)
    if not helper:
        return [answer, *rest] if word in ("who", "what", "which") else []
    if not rest:
        return []
    put = dressed(word, preposition, noun, answer)
    if helper in DO:
        return [*rest, put]
    if asks_for_subject(word, preposition, noun, helper, rest[0].lower()):
        return [put, helper, *rest]
    verb = next((n for n, one in enumerate(rest) if n and PARTICIPLE.fullmatch(one.lower())), 0)
    verb = verb or (2 if helper not in BE and len(rest) > 2 else len(rest))
    return [*rest[:verb], helper, *rest[verb:], put]


def split_noun(word: str, after: list[str]) -> tuple[list[str], list[str]]:
    """What stands between the asking word and the helping verb, and the rest from that verb on."""
    if word not in NAMED:
        return [], after
    at = next((n for n, one in enumerate(after[: LONGEST_NOUN + 1]) if one.lower() in HELPERS), None)
    return (after[:at], after[at:]) if at is not None else (after, [])


def dressed(word: str, preposition: str, noun: list[str], answer: str) -> str:
    if preposition:
        return f"{preposition} {answer}"
    if word in COUNTS and noun and noun[0].lower() not in answer.lower():
        return f"{answer} {' '.join(noun)}"
    if word == "when" and DATE.match(answer):
        return f"in {answer}"
    if word == "where" and not PLACED.match(answer):
        return f"in {answer}"
    return f"because {answer}" if word == "why" and not REASON.match(answer) else answer


def asks_for_subject(word: str, preposition: str, noun: list[str], helper: str, first: str) -> bool:
    if preposition or word not in ("who", *NAMED[:-1]):
        return False
    verbal = bool(PARTICIPLE.fullmatch(first)) or first.endswith("ing")
    return verbal or (helper in BE and (bool(noun) or first == "the"))

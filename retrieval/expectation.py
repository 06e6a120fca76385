"""What kind of thing a question asks for, and whether a sentence holds one. Pure; English."""

from __future__ import annotations

import re

from retrieval.words import STOPWORDS, TOKEN, stem

WRITTEN = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|half|"
    "quarter|third|fifth|dozen|once|twice|none|both|single|double"
)
UNITS = "second|minute|hour|day|night|week|fortnight|month|quarter|year|decade|century|morning|afternoon|ms|s"
# A digit inside a name ("H200", "7B") is no quantity.
QUANTITY = re.compile(
    rf"(?<![\w-])\d[\d.,:]*(?:e-?\d+)?(?![\w-]*[A-Za-z])|(?<![\w.])\d[\d.,]*\s?(?:%|GB|TB|MB|ms|k)\b|\b(?:{WRITTEN})\b",
    re.IGNORECASE,
)

# The first rule that fits a question says what it asks for.
ASKS = (
    ("money", r"\b(cost|costs|price|prices|priced|euros?|dollars?|salar\w+|wages?|fees?|fine|paid|pay|budget|expensive|cheap\w*|€|\$|invoice)\b"),
    ("address", r"\b(e-?mail address|telephone|phone number|url|web address|link to)\b"),
    ("clock", r"\b(what time|time of (the )?day|which hour|what hour|o'clock)\b"),
    ("frequency", r"\bhow (often|frequently|regularly)\b"),
    ("duration", r"\b(how (long|fast|soon|quickly|old)|how much time|(in|within) what time)\b"),
    ("version", r"\b(which|what) version\b"),
    ("number", r"\b(how (many|much|large|big|high|far|low|small|tall|deep|wide|strong)|what (percentage|share|fraction|number|proportion)|(limit|rate|size|score|maximum|minimum|value|count|quota)\b)"),
    ("time", r"(^|\b)(when\b(?! (i|we|you|a|an|the|it|they|one|someone)\b)|(which|what|on which|on what) (date|day|year|month|weekday|week)\b|since when|until when|(at|by) what point)"),
    ("person", r"\b(who|whom|whose)\b"),
)  # fmt: skip
ASKS_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in ASKS)
HOLDS = {
    "money": r"[€$£¥]|\b(?:euros?|dollars?|pounds?|eur|usd|gbp|nok|chf|cents?|kroner?)\b|\bfree of charge\b",
    "address": r"@|https?://|www\.|\+\d[\d ]{6,}",
    "clock": r"\b\d{1,2}[:.]\d{2}\b|\b\d{1,2}\s?(?:am|pm|a\.m\.|p\.m\.|o'clock)|\b(?:noon|midnight|morning|afternoon|evening)\b",
    "frequency": r"\b(?:every|each|per|once|twice|daily|nightly|hourly|weekly|monthly|quarterly|yearly|annual\w*|times|always|never|fortnight\w*|continuous\w*|mondays?|tuesdays?|wednesdays?|thursdays?|fridays?)\b",
    "duration": rf"\b(?:{UNITS})s?\b|\b(?:immediately|at once|permanent\w*|forever|indefinitely)\b",
    "version": r"\bv?\d+(?:\.\d+)+\b",
    "time": rf"\b(?:1[0-9]|20|[1-9])\d{{2}}\b|\b\d{{1,2}}[:.]\d{{2}}\b|\b(?:{UNITS})s?\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\b|\b(?:before|after|until|when|once|during|while|as soon as|today|tomorrow|whenever|if)\b",
    "person": r"\b(?:team|lead|leads|leader|head|steward|engineer|reviewers?|board|author|owner|manager|officer|director|desk|user|users|expert|experts|colleagues?|committee|group|staff|president|king|queen|chief|minister|whoever|on-call|everyone|nobody|people|person|\w{3,}(?:ists?|ians?|ors?))\b|(?<!^)(?<![.!?:] )\b[A-Z][a-z]{2,}",
}  # fmt: skip
HOLDS_COMPILED = {
    kind: re.compile(pattern, re.IGNORECASE if kind != "person" else 0) for kind, pattern in HOLDS.items()
}
COUNTED = re.compile(r"\bhow (?:many|much)\s+(.+)", re.IGNORECASE)
NEAR = 4
FOCUS = re.compile(
    r"\b(?:which|what|whose|how (?:many|much|large|big|high|often|long|fast))\b(?:['’]s)?", re.IGNORECASE
)
FOCUS_WORDS = 3


def asks_for(query: str) -> str:
    """money, address, clock, frequency, duration, version, number, time, person; or nothing in particular."""
    return next((kind for kind, pattern in ASKS_COMPILED if pattern.search(query)), "")


def holds(kind: str, sentence: str, query: str = "") -> bool:
    """Whether a sentence holds what is asked for. A quantity that the query itself states does not count."""
    if kind in ("number", "duration", "frequency"):
        known = {match.group().lower() for match in QUANTITY.finditer(query)}
        found = {match.group().lower() for match in QUANTITY.finditer(sentence)} - known
        if kind == "number":
            return bool(found)
        if kind == "duration" and not found and not re.search(r"\b(?:an?|at once|immediately|forever)\b", sentence):
            return False
    return bool(HOLDS_COMPILED[kind].search(sentence)) if kind in HOLDS_COMPILED else False


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


def counts(query: str, sentence: str) -> bool | None:
    """For "how many X": whether the sentence has a quantity just before X. None where the query does not ask so."""
    asked = COUNTED.search(query)
    if not asked:
        return None
    nouns = {stem(token) for token in TOKEN.findall(asked.group(1).lower())[:2]}
    for quantity in QUANTITY.finditer(sentence):
        after = TOKEN.findall(sentence[quantity.end() : quantity.end() + 60].lower())[:NEAR]
        if nouns & {stem(token) for token in after}:
            return True
    return False

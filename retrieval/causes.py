"""Where a sentence gives a reason that the passage does not give for it. Pure; English."""

from __future__ import annotations

import re

from retrieval.told import parts, stems, weight

REASON = re.compile(
    r"(?P<effect>.+?),? (?:because(?: of)?|due to|owing to|thanks to|on account of|as a result of|(?:the|its) reason being that) (?P<cause>.+)|"
    r"(?:because(?: of)?|due to|owing to|thanks to|on account of|as a result of) (?P<cause2>[^,]+), (?P<effect2>.+)|"
    r"(?P<cause3>.+?), (?:so|therefore|which is why|and so) (?P<effect3>.+)",
    re.IGNORECASE,
)
IN_SPITE = re.compile(
    r"(?P<effect>.+?),? (?:although|though|despite|in spite of|even though) (?P<cause>.+)", re.IGNORECASE
)
MOST = 0.65


def reasons(text: str, form: re.Pattern[str] = REASON) -> list[tuple[frozenset[str], frozenset[str]]]:
    """What happened and why, for each part of a text that gives a reason."""
    found = []
    for piece in re.split(r"[.;]\s+", text):
        if match := form.fullmatch(piece.strip(" .")):
            said = {name.rstrip("23"): stems(value) for name, value in match.groupdict().items() if value}
            found.append((said["effect"] - said["cause"], said["cause"] - said["effect"]))
    return found


def other_cause(sentence: str, passage: str) -> str:
    """The sentence gives a reason that the passage gives for something else, or takes the reason for what came of it."""
    told = reasons(passage)
    for effect, cause in reasons(sentence):
        its = [one for one in told if most_of(effect, one[0])]
        if any(most_of(cause, one[1]) for one in its):
            continue
        if any(most_of(effect, one[1]) and most_of(cause, one[0]) for one in told):
            return "the passage has cause and effect the other way round"
        if (
            its
            and not any(cause & one[1] for one in its)
            and any(most_of(cause, stems(one)) for one in sentences_of(passage))
        ):
            return "the passage gives this as the reason of something else"
        in_spite = reasons(passage, IN_SPITE)
        if any(most_of(effect, one[0]) and most_of(cause, one[1]) for one in in_spite):
            return "the passage says that it was so in spite of this"
        homes = [stems(one) for one in sentences_of(passage) if most_of(effect, stems(one))]
        elsewhere = any(most_of(cause, stems(one)) for one in sentences_of(passage))
        if homes and elsewhere and not any(cause & one for one in homes):
            return "the passage gives this as the reason of something else"
    for effect, cause in reasons(sentence, IN_SPITE):
        if any(most_of(effect, one[0]) and most_of(cause, one[1]) for one in told):
            return "the passage gives this as the reason"
    return ""


def most_of(mine: frozenset[str], its: frozenset[str]) -> bool:
    return bool(mine) and weight(mine & its) >= MOST * weight(mine)


def sentences_of(passage: str) -> list[str]:
    return list(dict.fromkeys(one.sentence for one in parts(passage)))

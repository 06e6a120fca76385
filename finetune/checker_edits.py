"""Real sentences reworded so that they say the same, or changed so that they do not: pairs for the citation checker.

Which change is made is drawn by its kind, so that rare kinds are not drowned by common ones.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

SENTENCE = re.compile(r"(?<=[.!?])[\"”)]*\s+(?=[\"“(]?[A-Z0-9])")
NAMES = re.compile(r"\b[A-Z][\w’'-]+(?: (?:of |the )?[A-Z][\w’'-]+)*")
NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?!\w)")
HELPER = re.compile(
    r"\b(?:is|are|was|were|can|could|may|must|should|will|would|has|have|had|does|do|did)\b(?! not\b|n't)"
)
SUBJECT = re.compile(
    r"((?:The |A |An |His |Her |Its |Their )?\w+(?: (?:of )?\w+){0,2}?)"
    r"(?= (?:is|are|was|were|has|have|had|can|may|must|will|became|won|led|began|made)\b)"
)
PRONOUNS = frozenset(["It", "This", "They", "He", "She", "There", "These", "That", "Those"])
ARTICLE = r"(?:the |an? )?"
PASSIVE = re.compile(rf"(.{{4,60}}?) ((?:was|were|is|are) (\w+ed)) by ({ARTICLE}[\w ]{{3,40}}?)((?: (?:in|on|at|for|to|and|after|during)\b.*)?\.)")  # fmt: skip
CONDITION = re.compile(
    r",? (?:if|unless|provided that|as long as|except|until) [^,.;]{8,80}(?=[.,;])|^(?:If|Unless) [^,]{8,80}, "
)
# Between two names of a list, which may change places.
LISTED = re.compile(r"[^a-z]*(?:\b(?:and|or)\b[^a-z]*)?")
BECAUSE = re.compile(r",? (?:because(?: of)?|due to|as a result of|in order to) [^.;]+")
CLAUSE = "if|when|because|although|after|before|unless|since|while"
FRONT = re.compile(r"((?:If|When|Because|Although|After|Before|During|In|On|By|Since|While|Unless) [^,]{3,80}), (.+)\.")
BACK = re.compile(rf"(.{{15,90}}?),? ((?:{CLAUSE}) [^,]{{6,80}})\.")
# What may stand for each other and say something else, both ways and one way.
OPPOSITES = re.findall(
    r"(\w+)\|(\w+)",
    """more|less before|after increased|decreased increase|decrease first|last high|low higher|lower highest|lowest
large|small larger|smaller largest|smallest early|late earlier|later north|south east|west northern|southern
eastern|western old|new long|short longer|shorter began|ended above|below rose|fell won|lost opened|closed
allowed|forbidden included|excluded strong|weak men|women male|female same|different major|minor best|worst
public|private inside|outside accepted|rejected supported|opposed most|least maximum|minimum gain|loss
common|rare often|rarely with|without possible|impossible known|unknown million|billion months|years
days|weeks""",
)
STRONGER = (("may", "must"), ("can", "must"), ("must", "may"), ("could", "did"), ("might", "will"), ("should", "may"), ("should", "must"),
            ("is believed to be", "is"), ("are thought to be", "are"), ("is thought to", "is known to"), ("possibly", ""), ("probably", ""),
            ("perhaps", ""), ("suggests that", "proves that"), ("suggested that", "proved that"), ("most", "all"), ("some", "all"), ("many", "all"),
            ("several", "all"), ("some", "no"), ("most", "few"), ("few", "most"), ("often", "always"), ("usually", "always"), ("sometimes", "always"),
            ("generally", "always"), ("mainly", "only"), ("all", "some of"), ("up to", "at least"), ("at least", "at most"), ("at most", "at least"),
            ("more than", "less than"), ("less than", "more than"), ("over", "under"), ("almost", "more than"), ("nearly", "more than"), ("only", ""),
            ("both", "neither"), ("because", "although"), ("although", "because"))  # fmt: skip
# What may stand for each other and says the same.
SAME = (("more than", "over"), ("at least", "no less than"), ("at most", "no more than"), ("began", "started"), ("about", "approximately"),
        ("approximately", "about"), ("also", ""), ("large", "big"), ("many", "numerous"), ("often", "frequently"), ("usually", "generally"),
        ("because", "since"), ("although", "even though"), ("such as", "like"), ("in order to", "to"), ("must", "has to"), ("can", "is able to"),
        ("may", "might"), ("located in", "situated in"), ("known as", "called"), ("received", "got"), ("near", "close to"), ("ended", "finished"),
        ("built", "constructed"), ("helped", "assisted"), ("while", "whereas"), ("the majority of", "most"), ("percent", "%"), ("allowed", "permitted"),
        ("required to", "obliged to"), ("did not", "didn't"), ("was not", "wasn't"), ("is not", "isn't"), ("cannot", "is unable to"), ("never", "at no time"),
        ("several", "a number of"), ("increased", "went up"), ("decreased", "went down"), ("before", "prior to"), ("after", "following"))  # fmt: skip
# Words of a sentence that is worth changing.
FEWEST, MOST = 6, 36


@dataclass(frozen=True)
class Place:
    """A sentence, the other sentences of its paragraph, and the passage it is read with."""

    sentence: str
    others: Sequence[str]
    passage: str


def swapped(text: str, pairs: Sequence[tuple[str, str]], dice: random.Random) -> str:
    """With the first place of one pair's first word taken by its second; the text itself where no pair fits."""
    fitting = [(old, new) for old, new in pairs if re.search(rf"\b{re.escape(old)}\b", text)]
    if not fitting:
        return text
    old, new = dice.choice(fitting)
    changed = re.sub(rf"\b{re.escape(old)}\b", new, text, count=1)
    return capital(re.sub(r"\s+(?=[ ,.])", "", changed))


def capital(text: str) -> str:
    return text.strip()[:1].upper() + text.strip()[1:]


def small(text: str) -> str:
    return text[:1].lower() + text[1:]


def other_number(place: Place, dice: random.Random) -> str:
    mine = NUMBER.findall(place.sentence)
    if not mine:
        return ""
    old = dice.choice(mine)
    rivals = [one for one in NUMBER.findall(place.passage) if one != old and len(one) == len(old)]
    new = dice.choice(rivals) if rivals and dice.random() < 0.6 else other_digit(old, dice)
    return place.sentence.replace(old, new, 1)


def other_digit(number: str, dice: random.Random) -> str:
    at = dice.choice([n for n, one in enumerate(number) if one.isdigit()])
    return f"{number[:at]}{dice.choice([d for d in '123456789' if d != number[at]])}{number[at + 1 :]}"


def inner_names(text: str) -> list[str]:
    """Names that do not begin a sentence."""
    return [one.group() for one in NAMES.finditer(text) if one.start() and text[one.start() - 2] not in ".!?"]


def other_name(place: Place, dice: random.Random) -> str:
    mine = inner_names(place.sentence)
    rivals = sorted({one for one in inner_names(place.passage) if one not in place.sentence})
    return place.sentence.replace(dice.choice(mine), dice.choice(rivals), 1) if mine and rivals else ""


def names_exchanged(place: Place, dice: random.Random) -> str:
    mine = sorted(set(inner_names(place.sentence)))
    if len(mine) < 2:
        return ""
    one, other = dice.sample(mine, 2)
    first, last = sorted((place.sentence.index(one), place.sentence.index(other)))
    between = NAMES.sub("", place.sentence[first:last])
    if one in other or other in one or LISTED.fullmatch(between):
        return ""
    return place.sentence.replace(one, "\0").replace(other, one).replace("\0", other)


def negated(place: Place, dice: random.Random) -> str:
    if re.search(r"\b(?:not|never|no)\b|n't\b", place.sentence):
        return re.sub(r"\b(?:not|never) |n't\b", "", place.sentence, count=1)
    found = list(HELPER.finditer(place.sentence))[:2]
    if not found:
        return ""
    at = dice.choice(found).end()
    return f"{place.sentence[:at]} {dice.choice(['not', 'not', 'never', 'no longer'])}{place.sentence[at:]}"


def opposite(place: Place, dice: random.Random) -> str:
    return swapped(place.sentence, [*OPPOSITES, *((other, one) for one, other in OPPOSITES)], dice)


def stronger(place: Place, dice: random.Random) -> str:
    return swapped(place.sentence, STRONGER, dice)


def condition_dropped(place: Place, dice: random.Random) -> str:
    found = list(CONDITION.finditer(place.sentence))
    if not found:
        return ""
    cut = dice.choice(found)
    return capital(place.sentence[: cut.start()] + place.sentence[cut.end() :])


def doers_exchanged(place: Place, _: random.Random) -> str:
    found = PASSIVE.fullmatch(place.sentence)
    return capital(f"{found[4]} {found[2]} by {small(found[1])}{found[5]}") if found else ""


def other_reason(place: Place, dice: random.Random) -> str:
    reasons = [one.rstrip(".").split(",")[0] for one in place.others]
    reasons = [one for one in reasons if 3 < len(one.split()) < 14 and "?" not in one]
    found = BECAUSE.search(place.sentence)
    if not reasons or not (found or dice.random() < 0.2):
        return ""
    said = place.sentence[: found.start()] if found else place.sentence.rstrip(".")
    return f"{said} {dice.choice(['because', 'since'])} {small(dice.choice(reasons))}."


def other_subject(place: Place, dice: random.Random) -> str:
    mine = SUBJECT.match(place.sentence)
    theirs = [found[1] for one in place.others if (found := SUBJECT.match(one))]
    rivals = [one for one in theirs if mine and one != mine[1] and one not in PRONOUNS]
    return dice.choice(rivals) + place.sentence[mine.end() :] if mine and rivals and mine[1] not in PRONOUNS else ""


Change = Callable[[Place, random.Random], str]
CHANGES: dict[str, Change] = {
    "number": other_number, "name": other_name, "names": names_exchanged, "negation": negated, "opposite": opposite,
    "strength": stronger, "condition": condition_dropped, "doer": doers_exchanged,     "cause": other_reason, "subject": other_subject,
}  # fmt: skip


def changed(place: Place, dice: random.Random) -> tuple[str, str]:
    """The sentence so that the passage no longer says it, and the kind of change; two empty texts where none can be made."""
    made = [(change(place, dice), kind) for kind, change in CHANGES.items()]
    good = [one for one in made if len(one[0].split()) > 3 and one[0] != place.sentence and one[0] not in place.passage]
    return dice.choice(good) if good else ("", "")


REWORDINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (FRONT, lambda m: f"{capital(m[2])} {small(m[1])}."),
    (BACK, lambda m: f"{capital(m[2])}, {small(m[1])}."),
    (re.compile(r"(.{20,}?), (?:which|who|and|but|where) .+"), lambda m: f"{m[1]}."),
    (re.compile(r"([A-Z][^,]{5,60}), (?:which|who|where) [^,]{5,80}, (.+)"), lambda m: f"{m[1]} {m[2]}"),
    (re.compile(r"(.+?) ?\([^()]*\)(.*)"), lambda m: f"{m[1]}{m[2]}"),
    (re.compile(r"(.+), (?:a|an|the) [^,]{4,50},(.+)"), lambda m: f"{m[1]}{m[2]}"),
    (PASSIVE, lambda m: capital(f"{m[4]} {m[3]} {small(m[1])}{m[5]}")),
)


def reworded(sentence: str, dice: random.Random, most: int = 3) -> str:
    """The sentence in other words or other order, or less of it; sometimes as it is."""
    text = sentence
    for pattern, build in dice.sample(REWORDINGS, dice.randrange(3)):
        if found := pattern.fullmatch(text):
            text = build(found)
    for _ in range(dice.randrange(most + 1)):
        text = swapped(text, SAME, dice)
    return text if len(text.split()) > 3 else sentence


def places(context: str, dice: random.Random, width: int = 3) -> Iterator[Place]:
    """Each sentence of a text that is worth changing, with a passage of `width` sentences around it."""
    found = SENTENCE.split(context)
    for n, sentence in enumerate(found):
        if FEWEST <= len(sentence.split()) <= MOST and sentence.endswith("."):
            first = max(0, min(n - dice.randrange(width), len(found) - width))
            near = found[first : first + width]
            yield Place(sentence, [one for one in near if one != sentence], " ".join(near))

"""What an answer to an everyday request must satisfy: words, lengths, list items, JSON, language. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.types import Message

KEYS = frozenset({
    "all_of", "none_of", "min_words", "max_words", "shorter_than_query", "json", "language", "min_items", "differs", "refuse",
})  # fmt: skip
STRAIGHT = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"'})
ITEM = re.compile(r"^\s*(?:[-*\u2022\u2013]|\(?\d+[.):]|\*\*\d+)\s*\S", re.MULTILINE)
INLINE = re.compile(r"(?<!\w)\d+[.)]\s")
# The commonest short words of each language that are rare in the others; counting them judges a few words better than a
# model of letters does (docs/experiments.md).
WORDS = {
    "en": "the and you to of is are your that it for with this have will i'm can at be my we how welcome hello thank please not he she was what",
    "de": "der die das und ist ich sie nicht ein eine zu den mit für auf dem wir es im von bitte gerne gern ihnen dir du wie kann auch wird um hallo danke heißt sind bei uns habe haben zum ihr",
    "fr": "le la les et est je vous pas un une de des du pour avec dans au nous il que qui à ce sur merci bonjour votre sont êtes plaisir rien ai en elle",
    "es": "el la los las y es no un una de que por para con en su se lo del al yo usted gracias hola está muy son más nada puedo como cómo mi ha tú",
    "it": "il la gli e è non un una di che per con in del della al sono mi si lo ci grazie ciao prego come più ha questo le i posso nel",
    "nl": "de het een en is niet van ik je u dat op te voor met zijn hoe kan wij graag dank hallo bij ook om naar aan uw we",
    "pt": "o a os as e é não um uma de que por para com em do da no na se obrigado obrigada olá você está são muito seu sua mais",
}  # fmt: skip
LISTED = {language: frozenset(words.split()) for language, words in WORDS.items()}


def faults(
    rubric: Mapping[str, Any], query: str, answer: str, refused: bool, history: Sequence[Message] = ()
) -> list[str]:
    """What of the rubric the answer misses, one phrase each; none where it is good.

    A refusal is good only where one is wanted, and an answer only where none is.
    """
    if rubric.get("refuse"):
        return [] if refused else ["answered"]
    if refused:
        return ["refused"]
    text, asked = straight(answer), straight(query)
    found = [*_words(rubric, text), *_lengths(rubric, asked, text)]
    if "json" in rubric and not same_fields(rubric["json"], text):
        found.append("other JSON")
    if "language" in rubric and not reads_as(rubric["language"], text):
        found.append(f"not {rubric['language']}")
    if rubric.get("differs") and text in copies(asked, history):
        found.append("a copy")
    return found


def straight(text: str) -> str:
    """With plain quotation marks and apostrophes."""
    return text.translate(STRAIGHT).strip()


def _words(rubric: Mapping[str, Any], text: str) -> list[str]:
    # The bars' edges are kept: "hi " is not the beginning of "his".
    lowered = f"{text.lower()} "
    found = []
    for group in rubric.get("all_of", ()):
        if not any(part in lowered for part in group.translate(STRAIGHT).lower().split("|")):
            found.append(f"lacks {group}")
    return found + [f"says {part}" for part in rubric.get("none_of", ()) if part.translate(STRAIGHT).lower() in lowered]


def _lengths(rubric: Mapping[str, Any], asked: str, text: str) -> list[str]:
    count, found = len(text.split()), []
    if count > rubric.get("max_words", count):
        found.append(f"{count} words")
    if count < rubric.get("min_words", 1):
        found.append(f"only {count} words")
    if "shorter_than_query" in rubric and count > rubric["shorter_than_query"] * len(asked.split()):
        found.append("not shorter")
    if items(text) < rubric.get("min_items", 0):
        found.append(f"{items(text)} items")
    return found


def items(text: str) -> int:
    """How many things a text lists: marked lines, else numbers in a line, else lines, else what commas part."""
    marked = len(ITEM.findall(text)) or len(INLINE.findall(text))
    lines = [line for line in text.splitlines() if line.strip()]
    if marked or len(lines) > 1:
        return marked or len(lines)
    return len([part for part in re.split(r"[,;]", text) if part.strip()])


def same_fields(wanted: Mapping[str, str], text: str) -> bool:
    """Whether the answer holds one JSON object with just these fields. Case is ignored; `null` is the word for none."""
    found = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        given = json.loads(found.group()) if found else None
    except ValueError:
        return False
    if not isinstance(given, dict) or {key.lower() for key in given} != {key.lower() for key in wanted}:
        return False
    said = {key.lower(): plain(value) for key, value in given.items()}
    return all(said[key.lower()] in options(value) for key, value in wanted.items())


def options(value: Any) -> list[str]:
    return [part.strip() for part in straight(value).lower().split("|")] if isinstance(value, str) else [plain(value)]


def plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return straight(text).lower()


def reads_as(language: str, text: str) -> bool:
    """Whether no other language has more of its common words in the text; a text without any may be in each."""
    tokens = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower())
    counts = {name: sum(token in words for token in tokens) for name, words in LISTED.items()}
    return counts[language] == max(counts.values())


def copies(asked: str, history: Sequence[Message]) -> list[str]:
    """What an answer would merely repeat: the query, the text that it quotes or gives after a colon, the last answer."""
    quoted = re.search(r"[\"«](.+)[\"»]", asked, re.DOTALL)
    before = [straight(turn.content) for turn in history if turn.role == "assistant"][-1:]
    return [asked, asked.partition(":")[2].strip(), *([quoted.group(1).strip()] if quoted else []), *before]

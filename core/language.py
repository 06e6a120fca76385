"""Which of the main European languages a text is in, told by its commonest short words. Pure.

Counting them judges a few words better than a model of letters does (docs/experiments.md, 2026-11-27).
"""

from __future__ import annotations

import re

# Short words of each language that are rare in the others.
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
NAMES = re.compile(
    r"\b(?:english|german|french|spanish|italian|dutch|portuguese|englisch\w*|deutsch\w*|franz[oö]sisch\w*|spanisch\w*"
    r"|italienisch\w*|anglais|allemand|fran[cç]ais|espagnol|italien|ingl[eé]s|alem[aá]n|franc[eé]s|espa[nñ]ol|italiano"
    r"|inglese|tedesco|francese|spagnolo|nederlands|engels|duits|portugu[eê]s)\b",
    re.IGNORECASE,
)
FEWEST_WORDS = 2
CALLED = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "nl": "Dutch",
    "pt": "Portuguese",
}


def counts(text: str) -> dict[str, int]:
    """How many of the words that tell a language stand in the text, by its two letters."""
    tokens = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower().replace("\u2019", "'"))
    return {name: sum(token in words for token in tokens) for name, words in LISTED.items()}


def reads_as(language: str, text: str) -> bool:
    """Whether no other language has more of its common words in the text; a text without any may be in each."""
    found = counts(text)
    return found[language] == max(found.values())


def language_of(text: str) -> str:
    """The language of a text by its two letters; empty where too few words tell, or two languages have as many."""
    found = counts(text)
    best = max(found, key=lambda name: found[name])
    clear = found[best] >= FEWEST_WORDS and sum(count == found[best] for count in found.values()) == 1
    return best if clear else ""


def agree(one: str, other: str) -> bool:
    """Whether two texts may be in one language: they are, or one of them does not tell its own."""
    return len({language_of(one), language_of(other)} - {""}) < 2


def names_one(text: str) -> bool:
    """Whether a text names a language, as one that asks for an answer in it does."""
    return bool(NAMES.search(text))

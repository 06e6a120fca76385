"""Personal data in a text: mail addresses, telephone numbers, bank accounts, payment cards. Pure.

A flag is a reason to look, no proof. What a pattern cannot see (names, addresses of houses) is for the reviewer.
"""

from __future__ import annotations

import re

EMAIL = re.compile(r"[\w.+-]+@(?P<host>[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,})\b")
# Names that are kept free for documentation (RFC 2606) are nobody's.
NOBODYS = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|org|net))?|test|invalid|localhost)$", re.IGNORECASE)
PHONE = re.compile(
    r"(?<![\w.,#-])(?:\+|00)[1-9]\d{0,2}(?:[ ./()-]{0,2}\d){6,12}(?![\w-])"  # +44 20 7946 0958
    r"|(?<![\w.,#-])\(0\d{1,5}\)[ -]?\d(?:[ ./-]?\d){4,8}(?![\w-])"  # (030) 901820
    r"|(?<![\w.,#-])0\d{1,4}[ /-]\d(?:[ /-]?\d){5,8}(?![\w-])"  # 030 901820-11, 020 7946 0958
    r"|(?<![\w.,#-])(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}(?![\w-])"  # (212) 555-0123
)
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
IBAN_LENGTHS = range(15, 35)
IBAN_DIGITS = 8
CARD = re.compile(r"(?<![\w.-])\d{4}([ -]?)\d{4}\1\d{4}\1\d{1,7}(?![\w.-])")
CARD_LENGTHS = range(13, 20)


def personal_data(text: str) -> tuple[str, ...]:
    """The kinds of personal data that stand in a text, such as ("e-mail", "phone"); none: an empty tuple."""
    found = []
    if any(not NOBODYS.search(match["host"]) for match in EMAIL.finditer(text)):
        found.append("e-mail")
    if any(is_iban(match.group()) for match in IBAN.finditer(text)):
        found.append("bank account")
    if any(is_card(match.group()) for match in CARD.finditer(text)):
        found.append("payment card")
    if PHONE.search(text):
        found.append("phone")
    return tuple(found)


def is_iban(text: str) -> bool:
    """Whether it is formed like one. The check digits are not asked for: a mistyped account is somebody's too."""
    plain = text.replace(" ", "")
    return len(plain) in IBAN_LENGTHS and sum(sign.isdigit() for sign in plain) >= IBAN_DIGITS


def is_card(text: str) -> bool:
    """A number of a card's length with a right check digit (Luhn)."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(digits) in CARD_LENGTHS and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and any(digits)

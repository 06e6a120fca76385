"""Bytes to text: marks and UTF-8 first, then what the file says of itself, then what the bytes look like."""

from __future__ import annotations

import codecs
import re

from core.errors import DocumentError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
DECLARED = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})|<\?xml[^>]{0,100}encoding\s*=\s*["']([A-Za-z0-9_.:-]{2,40})""")  # fmt: skip
SAMPLE = 64 << 10
HEAD = 4096
# UTF-8 with a few broken bytes is still UTF-8: another encoding would spoil every accent of the file.
BROKEN_SHARE = 0.1
LOST_SHARE = 0.01
SURROGATE = re.compile("[\ud800-\udfff]")


def decode(name: str, content: bytes) -> str:
    """The text of a text file.

    Raises:
        DocumentError: binary data, or no encoding fits; says what to do.
    """
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return whole(name, content.decode(encoding, errors="replace"))
    if encoding := without_mark(content):
        return whole(name, content.decode(encoding, errors="replace"))
    if b"\0" in content:
        raise DocumentError(
            f"{name}: this is not a text file but binary data; rename it to what it is or export it again"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return whole(name, by_bytes(content))


def without_mark(content: bytes) -> str | None:
    """UTF-16 that nothing marks: every other byte of Western text is zero."""
    head = content[:HEAD]
    if len(head) < 8 or len(content) % 2:
        return None
    even, odd = head[::2].count(0) / len(head[::2]), head[1::2].count(0) / len(head[1::2])
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.05 else None


def by_bytes(content: bytes) -> str:
    """Text that is not quite UTF-8."""
    as_utf8 = content.decode("utf-8", errors="replace")
    letters = sum(1 for char in as_utf8[:SAMPLE] if char > "\x7f")
    if letters and as_utf8[:SAMPLE].count("\ufffd") < BROKEN_SHARE * letters:
        return as_utf8
    for encoding in (declared(content), likely(content), "cp1252"):
        if encoding:
            return content.decode(encoding, errors="replace")
    return as_utf8


def declared(content: bytes) -> str | None:
    found = DECLARED.search(content[:HEAD])
    name = (found.group(1) or found.group(2)).decode() if found else ""
    try:
        return codecs.lookup(name).name if name else None
    except LookupError:
        return None


def likely(content: bytes) -> str | None:
    from charset_normalizer import from_bytes

    # Where there are few words to go by, it takes Western text for a code page of the Balkans.
    high = bytes(byte for byte in content[:SAMPLE] if byte > 0x7F)
    if len(high) < 24:
        return None
    found = from_bytes(content[:SAMPLE]).best()
    return found.encoding if found else None


def whole(name: str, text: str) -> str:
    """The text, unless too much of it was lost. Raises DocumentError."""
    if text.count("\ufffd") > max(3, LOST_SHARE * len(text)):
        raise DocumentError(f"{name}: the encoding of this text is not known; save it as UTF-8")
    return text


def storable(text: str) -> str:
    """Without what no database keeps: NULs, and halves of characters."""
    return SURROGATE.sub("\ufffd", text.replace("\x00", ""))

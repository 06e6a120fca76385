"""What a file really is: its first bytes and its structure, not its name, decide whether it is read. Pure but for I/O."""

from __future__ import annotations

import zipfile
from pathlib import Path

from core.errors import DocumentError

ZIPPED = {".docx": "word/document.xml", ".pptx": "ppt/presentation.xml", ".xlsx": "xl/workbook.xml"}
TEXTS = (".md", ".txt", ".html", ".htm", ".csv")
SUFFIXES = frozenset({*TEXTS, *ZIPPED, ".pdf"})
INFLATED_LIMIT = 300 * 2**20
KINDS = ", ".join(sorted(ending.lstrip(".") for ending in SUFFIXES))


def check_format(path: Path) -> str:
    """The ending (".pdf") of a file whose content fits it.

    Raises:
        DocumentError: no such kind, empty, or the content is something else; says what to do.
    """
    ending = path.suffix.lower()
    if ending not in SUFFIXES:
        raise DocumentError(f"{path.name}: files of this kind are not read; save it as one of {KINDS}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DocumentError(
            f"{path.name}: the file cannot be opened: {error.strerror}; check its permissions"
        ) from error
    if not content.strip():
        raise DocumentError(f"{path.name}: the file is empty; upload it again")
    if ending == ".pdf":
        _check_pdf(path.name, content)
    elif ending in ZIPPED:
        _check_zipped(path, ending)
    else:
        decode(path.name, content)
    return ending


def decode(name: str, content: bytes) -> str:
    """The text of a text file: UTF-8, UTF-16 with its mark, or else Windows-1252. Raises DocumentError."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        raise DocumentError(
            f"{name}: this is not a text file but binary data; rename it to what it is or export it again"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _check_pdf(name: str, content: bytes) -> None:
    if b"%PDF-" not in content[:1024]:
        raise DocumentError(f"{name}: this is not a PDF, whatever its name says; rename it to what it is, such as .txt")
    if b"%%EOF" not in content[-2048:]:
        raise DocumentError(f"{name}: the PDF breaks off before its end; export or upload it again")


def _check_zipped(path: Path, ending: str) -> None:
    name = path.name
    if not zipfile.is_zipfile(path):
        raise DocumentError(
            f"{name}: this is not a whole {ending[1:]} file (another kind of file, or cut off); save or upload it again"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            if ZIPPED[ending] not in archive.namelist():
                raise DocumentError(f"{name}: this archive holds no {ending[1:]} document; rename it to what it is")
            if sum(item.file_size for item in archive.infolist()) > INFLATED_LIMIT:
                raise DocumentError(f"{name}: the file unpacks to more than {INFLATED_LIMIT >> 20} MB; split it up")
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise DocumentError(f"{name}: the file is damaged ({error}); save or upload it again") from error
    if damaged:
        raise DocumentError(f"{name}: the file is damaged at {damaged}; save or upload it again")

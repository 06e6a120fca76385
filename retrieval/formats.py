"""What a file really is: its first bytes and its structure, not its name, decide whether it is read. Pure but for I/O."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from pathlib import Path

from core.errors import DocumentError
from retrieval.limits import ENTRIES, Limits

ZIPPED = {".docx": "word/document.xml", ".pptx": "ppt/presentation.xml", ".xlsx": "xl/workbook.xml"}
MARKDOWN = (".md", ".markdown", ".mdx")
PLAIN = (*MARKDOWN, ".txt", ".csv")
MARKED = (".rst", ".adoc", ".asciidoc", ".ipynb", ".eml", ".html", ".htm")
SUFFIXES = frozenset({*PLAIN, *MARKED, *ZIPPED, ".pdf"})
KINDS = ", ".join(sorted(ending.lstrip(".") for ending in SUFFIXES))
EDGE = 2048
BLOCK = 1 << 20
END_OF_ARCHIVE = b"PK\x05\x06"


def stem(source: str) -> str:
    """What a document without a title is called: its file name in words."""
    return re.sub(r"[-_]+", " ", Path(source).stem).strip().capitalize()


def ending_of(path: Path) -> str:
    """The ending (".pdf") of a kind of file that is read. Raises DocumentError for any other."""
    ending = path.suffix.lower()
    if ending not in SUFFIXES:
        raise DocumentError(f"{path.name}: files of this kind are not read; save it as one of {KINDS}")
    return ending


def check_format(path: Path, limits: Limits | None = None) -> str:
    """The ending of a file whose content fits it. An archive is measured before anything opens it.

    Raises:
        DocumentError: no such kind, empty, too large inside, or the content is something else; says what to do.
    """
    ending = ending_of(path)
    try:
        with path.open("rb") as file:
            head = file.read(EDGE)
            size = file.seek(0, 2)
            file.seek(max(0, size - EDGE))
            tail = file.read()
    except OSError as error:
        raise DocumentError(
            f"{path.name}: the file cannot be opened: {error.strerror}; check its permissions"
        ) from error
    if not head.strip() and (size <= EDGE or not path.read_bytes().strip()):
        raise DocumentError(f"{path.name}: the file is empty; upload it again")
    if ending == ".pdf":
        _check_pdf(path.name, head, tail)
    elif ending in ZIPPED:
        _check_zipped(path, ending, limits or Limits())
    return ending


def _check_pdf(name: str, head: bytes, tail: bytes) -> None:
    if b"%PDF-" not in head[:1024]:
        raise DocumentError(f"{name}: this is not a PDF, whatever its name says; rename it to what it is, such as .txt")
    if b"%%EOF" not in tail:
        raise DocumentError(f"{name}: the PDF breaks off before its end; export or upload it again")


def _check_zipped(path: Path, ending: str, limits: Limits) -> None:
    name = path.name
    if not zipfile.is_zipfile(path):
        raise DocumentError(
            f"{name}: this is not a whole {ending[1:]} file (another kind of file, or cut off); save or upload it again"
        )
    if (entries := stated_entries(path)) > ENTRIES:
        raise DocumentError(f"{name}: the archive holds {entries:,} parts, which no document does; save it again")
    try:
        with zipfile.ZipFile(path) as archive:
            if ZIPPED[ending] not in archive.namelist():
                raise DocumentError(f"{name}: this archive holds no {ending[1:]} document; rename it to what it is")
            damaged = _inflate(name, archive, limits.inflated_mb << 20)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        struct.error,
    ) as error:
        raise DocumentError(f"{name}: the file is damaged ({error}); save or upload it again") from error
    if damaged:
        raise DocumentError(f"{name}: the file is damaged at {damaged}; save or upload it again")


def _inflate(name: str, archive: zipfile.ZipFile, limit: int) -> str:
    """Unpack every part to nowhere. The name of a damaged one, or "". Raises DocumentError once it is over the limit,
    by what it says of itself or by what comes out."""
    too_much = DocumentError(f"{name}: the file unpacks to more than {limit >> 20} MB; split it up")
    if sum(item.file_size for item in archive.infolist()) > limit:
        raise too_much
    seen = 0
    for item in archive.infolist():
        try:
            with archive.open(item) as part:
                while block := part.read(BLOCK):
                    seen += len(block)
                    if seen > limit:
                        raise too_much
        except (zipfile.BadZipFile, zlib.error, EOFError):
            return item.filename
    return ""


def stated_entries(path: Path) -> int:
    """How many parts the end of an archive names; one of over 65,535 names so many."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - (1 << 16) - 22))
        tail = file.read()
    at = tail.rfind(END_OF_ARCHIVE)
    return struct.unpack_from("<H", tail, at + 10)[0] if 0 <= at <= len(tail) - 12 else 0

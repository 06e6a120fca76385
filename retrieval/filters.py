"""Where to search: filters over source, folder, kind of file and page, alike for vectors (Chroma) and words (BM25). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from core.errors import QueryError
from core.types import Filters, Passage

FIELDS = "source folder kind page"  # what is kept beside each vector; another value describes them anew
NAMED = 3


def folder_of(source: str) -> str:
    """The folder of a document by its source, "" for one that lies at the top."""
    parent = str(PurePosixPath(source).parent)
    return "" if parent == "." else parent


def kind_of(source: str) -> str:
    """The ending of a file's name in lower case, without the dot."""
    return PurePosixPath(source).suffix.lower().lstrip(".")


def described(passage: Passage) -> dict[str, str | int]:
    """What Chroma keeps of a passage, to filter by."""
    found: dict[str, str | int] = {"source": passage.source}
    found |= {"folder": folder_of(passage.source), "kind": kind_of(passage.source)}
    return found | ({"page": passage.page} if passage.page is not None else {})


@dataclass(frozen=True)
class Choices:
    """What there is to choose from: passages by source, and documents by folder (those above it too) and by kind."""

    sources: Mapping[str, int]
    folders: Mapping[str, int]
    kinds: Mapping[str, int]

    @staticmethod
    def of(passages: Iterable[Passage]) -> Choices:
        sources = Counter(passage.source for passage in passages)
        folders: Counter[str] = Counter()
        for source in sources:
            folders.update(str(parent) for parent in PurePosixPath(source).parents if str(parent) != ".")
        return Choices(sources, folders, Counter(map(kind_of, sources)))


def known(filters: Filters, choices: Choices) -> None:
    """Raises QueryError for a source, folder or kind that no document has: a typing error must not pass for "found nothing"."""
    told = (("document", filters.sources, choices.sources), ("folder", map(tidy, filters.folders), choices.folders))
    for what, asked, there in (*told, ("kind of file", map(plain_kind, filters.kinds), choices.kinds)):
        for name in asked:
            if name not in there:
                some = ", ".join(sorted(there)[:NAMED]) or "none"
                more = ", …" if len(there) > NAMED else ""
                raise QueryError(
                    f"there is no {what} {name!r} among what is indexed ({some}{more}); GET /api/retrieval/choices lists all"
                )


def tidy(folder: str) -> str:
    return folder.strip("/")


def plain_kind(kind: str) -> str:
    return kind.lower().lstrip(".")


def allowed_sources(filters: Filters, sources: Iterable[str]) -> set[str]:
    """The sources that the filters leave; a page range does not count here."""
    folders = tuple(f"{tidy(folder)}/" for folder in filters.folders)
    kinds = {plain_kind(kind) for kind in filters.kinds}
    wanted = set(filters.sources)
    return {
        source
        for source in sources
        if (not wanted or source in wanted)
        and (not folders or source.startswith(folders))
        and (not kinds or kind_of(source) in kinds)
    }


def on_pages(filters: Filters, passage: Passage) -> bool:
    """Whether a passage stands on one of the pages; without a page range every one does."""
    if filters.pages is None:
        return True
    first, last = filters.pages
    return passage.page is not None and first <= passage.page <= last


def where(filters: Filters, folders: Sequence[str]) -> dict[str, Any] | None:
    """The same as Chroma's condition; `folders`: all folders that documents lie in, "" among them. None: no condition."""
    parts: list[dict[str, Any]] = []
    if filters.sources:
        parts.append({"source": {"$in": list(filters.sources)}})
    if filters.folders:
        tops = [tidy(folder) for folder in filters.folders]
        under = [one for one in folders if any(one == top or one.startswith(f"{top}/") for top in tops)]
        parts.append({"folder": {"$in": under or tops}})
    if filters.kinds:
        parts.append({"kind": {"$in": [plain_kind(kind) for kind in filters.kinds]}})
    if filters.pages:
        parts += [{"page": {"$gte": filters.pages[0]}}, {"page": {"$lte": filters.pages[1]}}]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {"$and": parts}

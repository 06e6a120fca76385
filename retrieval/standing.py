"""Whether a document is in force: by what its name and its beginning say of it, and by a newer one of the same name. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache

# Said of the document as a whole, in its name or title; "old" and "archive" only as a folder or at the end of a name.
NAMED = re.compile(
    r"(?<![a-z])(?:draft|superseded|obsolete|outdated|deprecated|archived|withdrawn|entwurf|veraltet|brouillon|borrador)(?![a-z])",
    re.IGNORECASE,
)
PLACED = re.compile(r"(?:^|/)(?:old|archiv\w*)/|[-_ (]old\)?$", re.IGNORECASE)
SAID = re.compile(
    r"\b(?:(?:is|was|has been|have been|been) (?:superseded|replaced|withdrawn|repealed)|superseded by|replaced by|no longer (?:valid|in force|applies|apply)"
    r"|not (?:yet )?in force|(?:this|a) (?:document|version|policy|page|rule) is (?:a draft|archived|obsolete|outdated)|valid until|expired on"
    r"|draft(?=[:\s]*(?:for|only|\n|$|[-–—,.(]))|wurde ersetzt|ersetzt durch|nicht mehr gültig)",
    re.IGNORECASE,
)
NEWER = re.compile(r"\b(?:replaces|supersedes|ersetzt (?:die|den|das)|remplace)\b", re.IGNORECASE)
DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:[-_./]?(0[1-9]|1[0-2]))?(?:[-_./]?(0[1-9]|[12]\d|3[01]))?(?!\d)")
VERSION = re.compile(r"(?<![a-z0-9])v(?:ersion)?[ _-]?(\d+(?:\.\d+)*)", re.IGNORECASE)
BEGINNING = 400  # characters in which a document says what it is


def out_of_force(names: Sequence[str], beginnings: Mapping[str, str]) -> dict[str, str]:
    """Of documents, by name, those that are not in force, and why. `beginnings`: title and first text of each."""
    found = {name: why for name in names if (why := marked(name, beginnings.get(name, "")))}
    for name in names:
        newer = [other for other in names if other != name and other not in found and follows(other, name)]
        if name not in found and newer:
            found[name] = f"“{newer[0]}” is newer"
    return found


def marked(name: str, beginning: str) -> str:
    """What a document says of itself that takes it out of force; empty where it says nothing."""
    start = beginning[:BEGINNING]
    stem, title = name.rpartition(".")[0] or name, start.partition("\n")[0]
    told = NAMED.search(stem.replace("_", " ")) or PLACED.search(stem) or NAMED.search(title)
    if told:
        return f"it is marked “{told.group().strip('/-_ ()').lower()}”"
    told = SAID.search(start)
    if not told or NEWER.search(start[max(0, told.start() - 20) : told.end()]):
        return ""
    return f"it says “{' '.join(told.group().split())}”"


def follows(newer: str, older: str) -> bool:
    """Whether two documents bear one name but for a date or a version, and the first has the later."""
    if bare(newer) != bare(older):
        return False
    mine, its = (age(newer), age(older))
    return mine is not None and its is not None and mine > its


@lru_cache(maxsize=50_000)
def bare(name: str) -> str:
    """A name without its date and version."""
    stem = name.rpartition(".")[0] or name
    return re.sub(r"[\W_]+", "", DAY.sub("", VERSION.sub("", stem))).lower()


def age(name: str) -> tuple[int, ...] | None:
    """What orders documents of one name: their date, else their version."""
    if day := DAY.search(name):
        year, month, number = (int(part or 1) for part in day.groups())
        try:
            return (1, date(year, month, number).toordinal())
        except ValueError:
            return (1, date(year, month, 1).toordinal())
    if version := VERSION.search(name):
        return (0, *map(int, version.group(1).split(".")))
    return None

"""Directives of Markdown's dialects (MyST, Docusaurus, MkDocs, GitHub): notes and warnings keep their text under their name, code
becomes a code block, and what only arranges pages goes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from retrieval.fences import Block, blocks, fenced

DIRECTIVE = re.compile(r"\{([\w:.+-]+)\}\s*(.*)$")
LISTINGS = frozenset(
    ["code-block", "code", "code-cell", "sourcecode", "prompt", "parsed-literal", "terminal", "doctest", "ipython3"]
)
ARRANGES = frozenset(
    ["toctree", "contents", "figure", "image", "include", "literalinclude", "bibliography", "index", "tableofcontents", "mermaid",
     "only", "raw", "autosummary", "automodule", "autoclass", "sectnum", "card-carousel", "meta"]
)  # fmt: skip
SILENT = frozenset(
    ["tab-set", "grid", "grid-item", "tabs", "container", "admonition", "epigraph", "rst-class", "div", "dropdown", "tab-item", "tab",
     "card", "grid-item-card", "details", "figure-md", "glossary", "group-tab", "table", "list-table", "code-group", "steps", "columns"]
)  # fmt: skip
OPTION = re.compile(r"\s*:[\w-]+:(?:\s.*)?$")
COLONS = re.compile(r"(?P<indent>\s*)(?P<fence>:{3,})[ \t]*(?P<rest>.*)$")
COLON_NAME = re.compile(r"(?:\{(?P<myst>[\w:.-]+)\}|(?P<name>[\w-]+))?(?:\[(?P<label>[^\]]*)\])?(?P<more>.*)$")
INDENTED = re.compile(r"(?P<indent>\s*)(?:!!!|\?\?\?\+?)\s+(?P<name>[\w-]+)[\w \t-]*?(?:\"(?P<title>[^\"]*)\")?\s*$")
TAB = re.compile(r"(?P<indent>\s*)===[!+]?\s+\"(?P<title>[^\"]+)\"\s*$")
GITHUB = re.compile(r"(?P<quote>\s*(?:>\s*)+)\[!(?P<name>\w+)\][+-]?\s*(?P<title>.*)$")
ROLE = re.compile(r"\{([\w:.+-]+)\}`([^`]+)`")
LABEL = re.compile(r"^\([\w.:-]+\)=[ \t]*$", re.MULTILINE)


def without_directives(text: str) -> str:
    return "\n".join(told(block) for block in blocks(text))


def told(block: Block) -> str:
    if not block.code:
        lines = list(indented(list(colons(block.lines))))
        return ROLE.sub(role, LABEL.sub("", "\n".join(lines)))
    found = DIRECTIVE.match(block.info)
    if found is None:
        # What hides in "bash title=x" for one site is no language.
        language = re.split(r"[\s,{}]", block.info.strip("{}. "))[0]
        return f"\n{fenced(block.lines, language)}\n"
    name, given = found[1].lower(), found[2].strip()
    inner = without_options(block.lines)
    if name in LISTINGS:
        return f"\n{fenced(inner, given)}\n"
    if name in ARRANGES:
        return ""
    if name in ("eval-rst", "math"):
        return "\n".join(["", *inner, ""])
    return f"\n{without_directives(chr(10).join(named(name, given, inner)))}\n"


def without_options(lines: Sequence[str]) -> list[str]:
    """A directive's lines without its options, as ":class: x" or between dashes."""
    found = list(lines)
    if found and found[0].strip() == "---":
        end = next((n for n in range(1, len(found)) if found[n].strip() == "---"), 0)
        found = found[end + 1 :]
    while found and (OPTION.match(found[0]) or not found[0].strip()):
        found = found[1:]
    return found


def named(name: str, title: str, lines: Sequence[str]) -> list[str]:
    """Text under the name of its kind, "Warning: ...", so that it says by itself what it is."""
    said = [] if name in SILENT else [re.sub(r"[-_:]+", " ", name).strip().capitalize()]
    said += [title.strip(' "')] if title.strip(' "') else []
    head, rest = ": ".join(said), [line.strip() if n == 0 else line for n, line in enumerate(lines)]
    if not head:
        return rest
    if rest and rest[0] and not re.match(r"[-*+#>|`~:]|\d{1,3}[.)]\s", rest[0]):
        return [f"{head}: {rest[0]}", *rest[1:]]
    return [f"{head}:", "", *rest]


def colons(lines: Sequence[str]) -> Iterator[str]:
    """Blocks between colons, ":::note", without their marks."""
    waiting: tuple[str, str] | None = None
    for line in lines:
        found = COLONS.match(line)
        if found is None:
            if waiting is not None and (OPTION.match(line) or not line.strip()):
                continue
            yield from [line] if waiting is None else named(*waiting, [line])
            waiting = None
            continue
        if waiting is not None:
            yield from named(*waiting, [])
            waiting = None
        yield ""
        about = COLON_NAME.match(found["rest"].strip())
        name = (about["myst"] or about["name"] or "").lower() if about else ""
        if about and name:
            more = about["label"] or re.sub(r"\{[^}]*\}|[\w-]+=\S+", "", about["more"])
            waiting = ("container" if name in ARRANGES else name), more
    if waiting is not None and waiting[1]:
        yield from named(*waiting, [])


def indented(lines: list[str]) -> Iterator[str]:
    """Blocks that are marked by "!!! note" and their indentation, tabs of pages, and GitHub's alerts."""
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if found := GITHUB.match(line):
            quoted = (
                re.sub(r"^\s*(?:>\s*)+", "", lines[at])
                if at < len(lines) and lines[at].lstrip().startswith(">")
                else ""
            )
            at += bool(quoted)
            yield from [
                "",
                *(f"{found['quote']}{one}" for one in named(found["name"].lower(), found["title"], [quoted])),
            ]
            continue
        marked = INDENTED.match(line) or TAB.match(line)
        if marked is None:
            yield line
            continue
        inner: list[str] = []
        depth = len(marked["indent"]) + 4
        while at < len(lines) and (not lines[at].strip() or lines[at].startswith(" " * depth)):
            inner.append(lines[at][depth:])
            at += 1
        while inner and not inner[0].strip():
            inner.pop(0)
        name = marked.groupdict().get("name") or "tab"
        yield from ["", *indented(named(name.lower(), marked["title"] or "", inner)), ""]


def role(found: re.Match[str]) -> str:
    """What a role shows: its text, or the last part of what it points to."""
    name, text = found[1].rpartition(":")[2], found[2]
    if shown := re.match(r"(.+?)\s*<[^<>]+>$", text, re.DOTALL):
        return shown[1]
    if name in ("doc", "ref", "numref", "download", "any", "eq"):
        return text.rpartition("/")[2]
    return (
        text
        if name in ("abbr", "term", "kbd", "guilabel", "menuselection", "sub", "sup", "index")
        else f"`{text.lstrip('~!')}`"
    )

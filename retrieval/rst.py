"""reStructuredText as Markdown, read by docutils. Directives and roles that it does not know, as Sphinx's, are read by what they
hold: code as code, notes and definitions as text.

Nothing is included from other files and nothing raw is passed on: a document of strangers must not read this machine's files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from retrieval.fences import fenced
from retrieval.markdown_of import listed, rows_of

if TYPE_CHECKING:
    from docutils import nodes

DIRECTIVE = re.compile(r"^\s*\.\. (?:\|[^|\n]+\| )?([\w:+.-]+)::", re.MULTILINE)
INCLUDED = re.compile(r"^\s*\.\. (?:literal)?include:: *(\S+)", re.MULTILINE)
ROLE = re.compile(r":([a-zA-Z][\w:+.-]*):`|`:([a-zA-Z][\w:+.-]*):")
LISTINGS = frozenset(
    [
        "code-block",
        "sourcecode",
        "code",
        "prompt",
        "literalinclude",
        "highlight-block",
        "terminal",
        "console",
        "ipython",
    ]
)
ARRANGES = frozenset(
    ["toctree", "contents", "index", "figure", "image", "include", "only", "raw", "highlight", "currentmodule", "module", "automodule",
     "autoclass", "autofunction", "autosummary", "sectionauthor", "codeauthor", "tabularcolumns", "graphviz", "mermaid", "default-domain",
     "program", "todo", "todolist", "uml", "video", "youtube", "local"]
)  # fmt: skip
CHANGES = {"versionadded": "Added in version", "versionchanged": "Changed in version", "deprecated": "Deprecated since version",
           "versionremoved": "Removed in version"}  # fmt: skip
SILENT = frozenset(["tabs", "tab", "group-tab", "tab-set", "tab-item", "grid", "card", "container", "glossary", "hlist", "rst-class",
                    "centered", "dropdown", "collapse", "details", "productionlist", "cssclass", "rubric"])  # fmt: skip
TOLD = ("type", "default", "value", "required", "since")
SETTINGS = {
    "file_insertion_enabled": False, "raw_enabled": False, "report_level": 5, "halt_level": 6, "input_encoding": "unicode",
    "_disable_config": True, "syntax_highlight": "none", "smart_quotes": False, "doctitle_xform": False,
    "docinfo_xform": False, "line_length_limit": 100_000,
}  # fmt: skip


def markdown(text: str, note: Callable[[str], None]) -> str:
    """The text of a reStructuredText document, in Markdown. `note` hears of files that it would include."""
    from docutils.core import publish_doctree

    for name in INCLUDED.findall(text):
        note(f"{name} is included by it, and is read only as a file of its own")
    for name in set(DIRECTIVE.findall(text)):
        know_directive(name)
    for name in {one or other for one, other in ROLE.findall(text)}:
        know_role(name)
    return "\n\n".join(Reader().block(publish_doctree(text, settings_overrides=SETTINGS), 0))


def know_directive(name: str) -> None:
    """Teach docutils a directive that it does not know, and how code that it knows is named."""
    from docutils.parsers.rst import directives
    from docutils.parsers.rst.languages import en

    short = name.rpartition(":")[2].lower()
    known = name.lower() in en.directives
    if short in LISTINGS or short in ARRANGES or not known:
        directives.register_directive(name, directive(short))
        directives.register_directive(name.lower(), directive(short))


def directive(name: str) -> type:
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Unknown(Directive):
        has_content, optional_arguments, final_argument_whitespace = True, 1, True
        option_spec = Anything()

        def run(self) -> list[nodes.Node]:
            given = self.arguments[0].strip() if self.arguments else ""
            if name in ARRANGES:
                return []
            if name in LISTINGS:
                code = "\n".join(self.content)
                return [nodes.literal_block(code, code, classes=["code", given.split("\n")[0]])] if code.strip() else []
            found: Any = nodes.container()
            self.state.nested_parse(self.content, self.content_offset, found)
            head = "See also" if name == "seealso" and not given else given
            if name in CHANGES:
                version, _, rest = given.partition("\n" if "\n" in given else " ")
                head = f"{CHANGES[name]} {version}"
                found.insert(
                    0, nodes.paragraph(rest, "", *self.state.inline_text(rest, self.lineno)[0]) if rest else []
                )
                if not found.children:
                    return [nodes.paragraph(head, f"{head}.")]
            told = "; ".join(f"{one.capitalize()}: {self.options[one]}" for one in TOLD if self.options.get(one))
            if told and name not in SILENT:
                found += nodes.paragraph(told, f"{told}.")
            if not head:
                return found.children
            term: Any = nodes.term(head, "", *self.state.inline_text(head, self.lineno)[0])
            item: Any = nodes.definition_list_item("", term, nodes.definition("", *found.children))
            return [nodes.definition_list("", item)]

    return Unknown


class Anything(dict[str, Any]):
    """Takes whatever option a directive of strangers has."""

    def __bool__(self) -> bool:
        return True

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Callable[[str | None], str]:
        return lambda value: value or ""


def know_role(name: str) -> None:
    """Teach docutils a role that it does not know: it shows its text, or the last part of what it points to."""
    from docutils import nodes
    from docutils.parsers.rst import roles
    from docutils.parsers.rst.languages import en

    if name.lower() in en.roles:
        return
    short = name.rpartition(":")[2].lower()

    def role(_name: str, raw: str, text: str, *_more: object, **_options: object) -> Any:
        said = re.sub(r"\s*<[^<>]+>$", "", text, flags=re.DOTALL)
        if said != text or short in ("abbr", "term", "guilabel", "menuselection", "kbd", "index", "issue", "rfc"):
            return [nodes.inline(raw, said.replace("-->", ">"))], []
        if short in ("doc", "ref", "numref", "download", "any"):
            return [nodes.inline(raw, said.rpartition("/")[2])], []
        return [nodes.literal(raw, said.lstrip("~!"))], []

    roles.register_local_role(name, role)


class Reader:
    """Walks a tree of docutils."""

    def block(self, node: nodes.Node, level: int) -> Iterator[str]:
        """The blocks of Markdown of what stands in a node; `level`: how many headings it stands under."""
        for child in node.children:
            name = type(child).__name__
            if name == "title":
                yield f"{'#' * min(6, max(1, level))} {self.line(child)}"
            elif name == "section":
                yield from self.block(child, level + 1)
            else:
                yield from self.one(name, child, level)

    def one(self, name: str, node: Any, level: int) -> Iterator[str]:
        if name in (
            "comment",
            "substitution_definition",
            "target",
            "system_message",
            "image",
            "pending",
            "raw",
            "meta",
            "topic_contents",
        ):
            return
        if name in ("literal_block", "doctest_block"):
            language = [one for one in node.get("classes", []) if one != "code"]
            yield fenced(node.astext().split("\n"), language[0] if language else "")
        elif name in ("bullet_list", "enumerated_list"):
            first = node.get("start", 1) if name == "enumerated_list" else None
            yield listed([list(self.block(item, level)) for item in node.children], first)
        elif name == "definition_list":
            yield "\n\n".join(self.definition(item, level) for item in node.children)
        elif name in ("field_list", "docinfo", "option_list"):
            yield "\n".join(filter(None, (self.field(one) for one in node.children)))
        elif name == "table":
            yield from self.table(node)
        elif name == "line_block":
            yield "\n".join(self.line(one) for one in node.findall() if type(one).__name__ == "line")
        elif name in ("paragraph", "rubric", "attribution", "caption") or name in ("footnote", "citation"):
            yield self.line(node)
        elif name in ("note", "warning", "caution", "danger", "error", "hint", "important", "tip", "attention"):
            yield from under(name.capitalize(), list(self.block(node, level)))
        elif name == "transition" or (name == "topic" and "contents" in node.get("classes", [])):
            return
        elif node.children and not is_text(node.children[0]):
            yield from self.block(node, level)
        else:
            yield self.line(node)

    def definition(self, item: Any, level: int) -> str:
        """A term and what it means, as one paragraph, so that neither is quoted without the other."""
        terms = [self.line(child) for child in item.children if type(child).__name__ in ("term", "classifier")]
        meant = [
            block
            for child in item.children
            if type(child).__name__ == "definition"
            for block in self.block(child, level)
        ]
        return "\n\n".join(under(", ".join(terms), meant))

    def field(self, node: Any) -> str:
        """A field or option with what it says."""
        name, *rest = (self.line(child) for child in node.children) if len(node.children) > 1 else ("", self.line(node))
        label = name or type(node).__name__.capitalize()
        return f"- {label}: {' '.join(rest)}" if rest and rest[0] else ""

    def table(self, node: Any) -> Iterator[str]:
        for child in node.children:
            if type(child).__name__ == "title":
                yield self.line(child)
        found = [
            [
                (" ".join(self.line(one) for one in entry.children), entry.get("morecols", 0), entry.get("morerows", 0))
                for entry in row
            ]
            for row in node.findall()
            if type(row).__name__ == "row"
        ]
        heads = sum(len(head.children) for head in node.findall() if type(head).__name__ == "thead")
        yield rows_of(found, heads)

    def line(self, node: Any) -> str:
        """What stands in a node, on one line."""
        if is_text(node):
            return " ".join(part for part in re.split(r"\s*\n\s*", node.astext()))
        name = type(node).__name__
        if name in ("system_message", "image", "footnote_reference", "target", "problematic"):
            return node.astext() if name == "problematic" else ""
        if name == "literal":
            return f"`{node.astext()}`"
        if name in ("bullet_list", "enumerated_list"):
            return "; ".join(self.line(child) for child in node.children)
        gap = " " if node.children and not is_text(node.children[0]) and name not in INLINE else ""
        return gap.join(self.line(child) for child in node.children)


INLINE = frozenset(
    ["paragraph", "title", "subtitle", "term", "strong", "emphasis", "inline", "reference", "line", "caption", "rubric", "field_name",
     "subscript", "superscript", "title_reference", "abbreviation", "attribution", "option_string", "classifier"]
)  # fmt: skip


def is_text(node: Any) -> bool:
    return type(node).__name__ == "Text"


def under(name: str, blocks: list[str]) -> Iterator[str]:
    """Blocks under a name, which the first of them begins with if it is a sentence."""
    if not name or not blocks:
        yield from [name, *blocks] if name else blocks
    elif blocks[0].startswith(("```", "- ", "|", "1. ", "#")):
        yield f"{name}:"
        yield from blocks
    else:
        yield f"{name}: {blocks[0]}"
        yield from blocks[1:]

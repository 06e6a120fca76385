"""Markdown without what is not text: templates, components, comments, link targets, anchors. What stands in code stays. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from retrieval.admonitions import without_directives
from retrieval.fences import Block, blocks, fenced
from retrieval.front_matter import without_front_matter
from retrieval.site_pages import without_navigation

TICKS = re.compile(r"`+|\n[ \t]*\n")
MOST_TICKS = 200
KEPT = "⟬{}⟭"
KEPT_AT = re.compile(r"⟬(\d+)⟭")
# What stands between these is for a program; a template stands in one paragraph.
COMMENTS = (("<!--", "-->"), ("{/*", "*/}"), ("{# ", "#}"))
TEMPLATES = (("{%", "%}"), ("{{{", "}}}"), ("{{", "}}"), ("<%", "%>"), ("<?", "?>"))
LONGEST_TEMPLATE = 3000
LISTINGS = (
    (
        re.compile(r"\{%-?\s*highlight\s+(\w*)[^%]{0,200}%\}\n?(.*?)\{%-?\s*endhighlight\s*-?%\}", re.DOTALL),
        "endhighlight",
    ),
    (
        re.compile(r"\{\{<\s*highlight\s+(\w*)[^>]{0,200}>\}\}\n?(.*?)\{\{<\s*/\s*highlight\s*>\}\}", re.DOTALL),
        "/highlight",
    ),
)
IMPORT = re.compile(
    r"^import\s+(?:[\w*{][^'\"\n;]*(?:\n[^'\"\n;]+)*?\s+from\s+)?['\"][^'\"\n]+['\"];?[ \t]*$|"
    r"^export\s+(?:default|const|let|var|function|async)\b(?:.*\n?)(?:.+\n?)*",
    re.MULTILINE,
)
ATTRIBUTE = r"(?:\s+[\w@:.-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|\{(?:[^{}]|\{[^{}]*\})*\}|[^\s\"'>]+))?|\s+\{[^{}]*\})*"
COMPONENT = re.compile(rf"<(?P<close>/?)(?P<name>[A-Z][\w.]*)(?P<more>{ATTRIBUTE})\s*(?P<single>/?)>|</?>(?!=)")
NAMED = re.compile(r"\b(?:label|title|summary|header)\s*=\s*(?:\{\s*)?[\"']([^\"']+)[\"']")
HTML = (
    "a|abbr|article|aside|b|big|blockquote|br|button|center|cite|dd|del|details|dfn|div|dl|dt|em|figcaption|figure|font|footer|h[1-6]|"
    "header|hr|i|iframe|img|input|ins|kbd|label|legend|li|main|mark|nav|ol|p|picture|q|s|samp|section|small|source|span|strike|strong|"
    "sub|summary|sup|svg|path|u|ul|var|video"
)
TAG = re.compile(rf"</?(?:{HTML})\b{ATTRIBUTE}\s*/?>", re.IGNORECASE)
DROPPED = ("script", "style", "svg", "iframe", "nav", "template")
PRE = re.compile(r"<pre\b([^>]*)>\s*(?:<code\b([^>]*)>)?(.*?)(?:</code>)?\s*</pre\s*>", re.IGNORECASE | re.DOTALL)
ANCHOR = re.compile(
    r"\[(?:¶|#|🔗|\u200b|&para;|permalink)?\]\(#[^)\s]*(?:\s+\"[^\"]*\")?\)|(?<=\S)[ \t]*¶", re.IGNORECASE
)
TARGET = r"\((?:<[^>\n]*>|(?:[^()\s]|\((?:[^()\s]|\((?:[^()\s]|\([^()\s]*\))*\))*\))*)(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^)]*\)))?\s*\)"
PICTURE = re.compile(rf"!\[[^\]]{{0,500}}\](?:{TARGET}|\[[^\]]*\])")
LINK = re.compile(rf"\[((?:[^\[\]]|\[[^\[\]]*\]){{0,600}})\]({TARGET})")
REFERENCE = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\]){1,600})\] ?\[([^\[\]]*)\]")
DEFINITION = re.compile(
    r"^[ ]{0,3}\[(?!\^)([^\]\n]+)\]:[ \t]*\n?[ \t]*(?:<[^>\n]*>|\S+)(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'|\([^)\n]*\)))?[ \t]*$",
    re.MULTILINE,
)
BARE = re.compile(r"<((?:https?|ftp|mailto):[^\s<>]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+)>")
ATTRIBUTES = re.compile(
    r"(?<![ \t])[ \t]*\{:?[ \t]*(?:[#.][\w:-]+|[\w-]+=(?:\"[^\"]*\"|\S+))(?:[ \t]+(?:[#.][\w:-]+|[\w-]+=(?:\"[^\"]*\"|\S+)))*[ \t]*\}"
)
CONTENTS_MARK = re.compile(
    r"^[ \t]*(?:\[\[?_?TOC_?\]?\]|\{:toc\}|\$\{toc\}|\[\[toc\]\])[ \t]*$", re.IGNORECASE | re.MULTILINE
)
REACHED = ("mailto:", "tel:")


def plain(text: str) -> str:
    """The text of a Markdown file, its headings, lists, tables and code as they are."""
    text = without_navigation(without_front_matter(text.replace("\r\n", "\n").lstrip("\ufeff")))
    for pattern, closes in LISTINGS:
        text = closed(pattern, highlighted, text, closes)
    text = without_directives(closed(PRE, listing, text, "</pre"))
    defined = {
        same_name(name)
        for block in blocks(text)
        if not block.code
        for name in DEFINITION.findall("\n".join(block.lines))
    }
    return "\n".join(part(block, defined) for block in blocks(text))


def page(text: str) -> str:
    """The text of what was a page of HTML: its links and anchors are no text, all else is."""
    parts = []
    for block in blocks(without_navigation(text)):
        inside, kept = without_inline_code("\n".join(block.lines))
        shown = (
            fenced(block.lines, block.info)
            if block.code
            else put_back(links_as_text(PICTURE.sub("", ANCHOR.sub("", inside)), set()), kept)
        )
        parts.append(shown)
    return "\n".join(parts)


def part(block: Block, defined: set[str]) -> str:
    if block.code:
        return f"\n{fenced(block.lines, block.info)}\n"
    return without_markup("\n".join(block.lines), defined)


def highlighted(found: re.Match[str]) -> str:
    return f"\n{fenced(found[2].strip(chr(10)).split(chr(10)), found[1])}\n"


def listing(found: re.Match[str]) -> str:
    """An HTML listing as a code block."""
    language = re.search(r"(?:lang(?:uage)?[-=]|lang=\")\"?(\w+)", f"{found[1]} {found[2] or ''}")
    inside = html.unescape(re.sub(r"</?[a-zA-Z][^<>]*>", "", found[3])).strip("\n")
    return f"\n{fenced(inside.split(chr(10)), language[1] if language else '')}\n"


def without_markup(text: str, defined: set[str]) -> str:
    text, kept = without_inline_code(text)
    for opens, closes in COMMENTS:
        text = without(text, opens, closes)
    text = BARE.sub(lambda found: found[1].removeprefix("mailto:"), text)
    for opens, closes in TEMPLATES:
        text = without(text, opens, closes, LONGEST_TEMPLATE)
    text = IMPORT.sub("", CONTENTS_MARK.sub("", text))
    for tag in DROPPED:
        text = closed(re.compile(rf"<{tag}\b.*?</{tag}\s*>", re.IGNORECASE | re.DOTALL), "", text, f"</{tag}")
    text = links_as_text(DEFINITION.sub("", PICTURE.sub("", ANCHOR.sub("", tags_removed(text)))), defined)
    text = ATTRIBUTES.sub("", text)
    return put_back(text, kept)


def put_back(text: str, kept: list[str]) -> str:
    return KEPT_AT.sub(lambda found: kept[int(found[1])] if int(found[1]) < len(kept) else found.group(), text)


def without_inline_code(text: str) -> tuple[str, list[str]]:
    """A text with marks in the place of its inline code, which no rule for the text around it may change."""
    marks, kept, parts, at, n = list(TICKS.finditer(text)), list[str](), list[str](), 0, 0
    while n < len(marks):
        run = marks[n].group()
        ends = range(n + 1, min(n + MOST_TICKS, len(marks)))
        end = next((m for m in ends if marks[m].group() == run or marks[m].group()[0] == "\n"), None)
        if run[0] == "`" and end is not None and marks[end].group() == run:
            parts.append(text[at : marks[n].start()] + KEPT.format(len(kept)))
            kept.append(text[marks[n].start() : marks[end].end()])
            at, n = marks[end].end(), end
        n += 1
    return "".join([*parts, text[at:]]), kept


def without(text: str, opens: str, closes: str, longest: int = 0) -> str:
    """Without what stands between two marks; with `longest` only where it is so short and holds no blank line."""
    parts, at = [], 0
    while (start := text.find(opens, at)) >= 0 and (end := text.find(closes, start + len(opens))) >= 0:
        end += len(closes)
        if longest and (end - start > longest or "\n\n" in text[start:end]):
            end = start + len(opens)
            parts.append(text[at:end])
        else:
            parts.append(text[at:start])
        at = end
    return "".join([*parts, text[at:]])


def closed(pattern: re.Pattern[str], by: str | Callable[[re.Match[str]], str], text: str, closes: str) -> str:
    """Replace what a pattern finds before the last place that closes it: beyond that each opening would be looked at to the end."""
    last = text.lower().rfind(closes)
    end = last + len(closes) + 20 if last >= 0 else 0
    return pattern.sub(by, text[:end]) + text[end:]


def tags_removed(text: str) -> str:
    """Without components and HTML; what a component is called by, such as the name of a tab, is text. A <placeholder> stays."""
    ends = set(re.findall(r"</([A-Z][\w.]*)\s*>", text))

    def component(found: re.Match[str]) -> str:
        name = found["name"]
        if name and not (found["close"] or found["single"] or "=" in found["more"] or name in ends):
            return found.group()
        named = NAMED.search(found["more"] or "")
        return f"\n{named[1].rstrip(':')}:\n" if named and not found["close"] else ""

    text = COMPONENT.sub(component, text)
    text = re.sub(r"<h([1-6])\b[^>]*>(.{0,500}?)</h\1\s*>", lambda found: f"\n\n{'#' * int(found[1])} {' '.join(found[2].split())}\n\n", text,
                  flags=re.IGNORECASE | re.DOTALL)  # fmt: skip
    text = re.sub(
        r"<li\b[^>]*>",
        "\n- ",
        re.sub(r"<br\s*/?>(?!\s*\|)|</(?:p|div|tr|summary)>", "\n", text, flags=re.IGNORECASE),
        flags=re.IGNORECASE,
    )
    return TAG.sub("", text)


def same_name(name: str) -> str:
    return " ".join(name.lower().split())


def links_as_text(text: str, defined: set[str]) -> str:
    """The text of each link. An address to write to or to call is kept: it is what people ask for."""

    def said(found: re.Match[str]) -> str:
        words, target = found[1].strip(), found[2].strip("()<> \t\n").split()[:1]
        address = target[0] if target and target[0].lower().startswith(REACHED) else ""
        address = address.partition(":")[2].partition("?")[0]
        return f"{words} ({address})" if address and address not in words else words

    def referred(found: re.Match[str]) -> str:
        return found[1] if not found[2] or same_name(found[2]) in defined else found.group()

    for _ in range(2):  # a link may hold a picture that is one
        text = LINK.sub(said, text)
    text = REFERENCE.sub(referred, text)
    return re.sub(
        r"\[([^\[\]]+)\](?![\[(:])",
        lambda found: found[1] if same_name(found[1]) in defined else found.group(),
        text,
    )

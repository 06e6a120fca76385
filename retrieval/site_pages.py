"""What a page of a documentation site has beside its own text: navigation, anchors at headings, footers. It is on every page, and
would be the heading of each. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.fences import OPENING, closing

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

# As Sphinx, MkDocs, Docusaurus, Jekyll and plain HTML 5 write them.
BESIDE = ", ".join(
    [
        "nav", "[role=navigation]", "[role=search]", "[role=contentinfo]", "body > footer", "footer.footer", ".sphinxsidebar", ".related",
        ".sidebar", "#sidebar", ".toc", "#toc", ".table-of-contents", ".breadcrumb", ".breadcrumbs", ".headerlink", ".anchor-link",
        ".header-anchor", ".hash-link", ".anchorjs-link", ".skip-link", ".skiplink", ".visually-hidden-focusable", ".prev-next-area",
        ".pagination-nav", ".edit-this-page", "a.heading-anchor", ".linenos", ".lineno", ".copybtn", "button",
    ]
)  # fmt: skip
BODY = ("main", "[role=main]", "article", "div.body", "div.document")
ENOUGH = 0.3
# "Quotas — Norvik 2.1 documentation"
SITE = re.compile(r"\s+[-–—|·»:]\s+[^-–—|·»]*$")
HEADING = re.compile(r"\s*(#{1,6})\s+(.*?)[\s#]*$")
NAVIGATION = re.compile(
    r"(?:site |page |main )?(?:navigation|menu|nav|toc|side ?bar|bread ?crumbs?)|(?:table of )?contents?|on this page|"
    r"in this (?:page|article|section|document|guide)|quick links|inhalt(?:sverzeichnis)?|sommaire",
    re.IGNORECASE,
)
A_LINK = r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\((?P<to>[^()\s]*)[^()]*\)"
ONLY_LINK = re.compile(rf"\s*(?:[-*+]|\d{{1,3}}[.)])\s+(?:\*\*|__)?{A_LINK}(?:\*\*|__)?\s*")
LINKS_LINE = re.compile(r"\s*(?:[-*+>]\s+)?(?:!?\[[^\[\]]*\]\([^()]*\)[\s|/·•»›→←<>&-]*){2,}")


def own_part(soup: BeautifulSoup) -> Tag:
    """The part of a page that holds its text, without what stands beside that. Its title is its first heading where it has
    none."""
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    whole = soup.body or soup
    for one in whole.select(BESIDE):
        if len(one.get_text(strip=True)) < len(whole.get_text(strip=True)):  # a page of links alone is its links
            one.decompose()
    length = len(whole.get_text())
    mains = (found for found in (soup.select_one(where) for where in BODY) if found is not None)
    body = next((found for found in mains if len(found.get_text()) >= ENOUGH * length), whole)
    if title and body.find("h1") is None:
        heading = soup.new_tag("h1")
        heading.string = SITE.sub("", title) or title
        body.insert(0, heading)
    return body


def without_navigation(text: str) -> str:
    """Markdown without lists of links that only lead through a site: under a heading that says so, within the page, or in a row."""
    lines, found, at = text.split("\n"), list[str](), 0
    while at < len(lines):
        if opened := OPENING.match(lines[at]):
            end = min(closing(lines, at + 1, opened["fence"]) + 1, len(lines))
            found += lines[at:end]
        elif end := navigation_end(lines, at):
            found.append("")
        else:
            end = at + 1
            found.append(lines[at])
        at = end
    return "\n".join(found)


def navigation_end(lines: Sequence[str], at: int) -> int:
    """Where the navigation that begins at a line ends; 0 if none begins there."""
    heading = HEADING.match(lines[at])
    if heading and NAVIGATION.fullmatch(heading[2].strip(" *_:")):
        end = at + 1
        while end < len(lines) and not HEADING.match(lines[end]):
            if lines[end].strip() and not (ONLY_LINK.fullmatch(lines[end]) or LINKS_LINE.fullmatch(lines[end])):
                return 0
            end += 1
        return end
    if LINKS_LINE.fullmatch(lines[at]):
        return at + 1
    end = at
    while end < len(lines) and (item := ONLY_LINK.fullmatch(lines[end])) and item["to"].startswith("#"):
        end += 1
    return end if end - at > 1 else 0

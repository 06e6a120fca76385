"""Web pages: what one shows to its reader. Hidden parts, and what stands around the text on every page of a site, are left
out and said."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from retrieval.html_tables import simplify_tables
from retrieval.site_pages import own_part

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

Style = dict[str, str]
# Rules of a style sheet that are looked at; a page's own are few, those of a whole framework too many.
RULES = 300
AT_RULE = re.compile(r"/\*.*?\*/|@[^{;]+\{(?:[^{}]|\{[^{}]*\})*\}", re.DOTALL)
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
TELLING = {"display", "visibility", "color", "background", "background-color"}
WHITE = re.compile(r"(?:#fff|#ffffff|white|rgba?\(\s*255\s*,\s*255\s*,\s*255\s*(?:,\s*1\s*)?\))", re.IGNORECASE)
# By the name that is said of it. A page's own text may have a header, a footer or an aside of its own.
AROUND = {
    "navigation": "nav, [role=navigation], [role=search], .navbar, .sidebar, .breadcrumb, .breadcrumbs, .skip-link, #nav, #sidebar",
    "page header": "header, [role=banner], .site-header, #header",
    "footer": "footer, [role=contentinfo], .footer, .site-footer, #footer",
    "side matter": "aside, [role=complementary]",
}
TEXT = ["main", "article"]
COOKIES = re.compile(
    r"cookies?[-_]?(?:banner|bar|notice|consent|popup|modal|message|overlay|layer|wall|hinweis)"
    r"|(?:consent|gdpr)[-_]?(?:banner|bar|notice|popup|modal|overlay|layer)|cookieconsent|onetrust",
    re.IGNORECASE,
)
AGREE = re.compile(
    r"\b(?:accept|agree|allow|reject|decline|got it|ok|okay|zustimmen|akzeptieren|ablehnen|accepter)\b", re.IGNORECASE
)
BANNER_CHARS = 600


def page_markdown(html: str, note: Callable[[str], None], web: bool) -> str:
    """A page, with its tables made such as Markdown can hold and, of one from the web, without what it does not show."""
    from bs4 import BeautifulSoup
    from markitdown.converters import HtmlConverter

    # A page may leave out the end of a cell, which only the other parser knows; that one stops at a certain depth.
    whole = html.count("<td") <= html.count("</td") and html.count("<th") <= html.count("</th")
    soup = BeautifulSoup(html, "html.parser" if whole else "lxml")
    if web:
        shown(soup, note)
    simplify_tables(soup)
    return HtmlConverter().convert_string(str(own_part(soup) if web else soup)).markdown


def shown(soup: BeautifulSoup, note: Callable[[str], None]) -> None:
    """Leave of a page what it shows."""
    hidden = leave_out_hidden(soup)
    around = leave_out_around(soup)
    said = [f"{count} {kind}{'s' * (count > 1)}" for kind, count in hidden.items() if count]
    if said:
        note(f"{' and '.join(said)} {'was' if sum(hidden.values()) == 1 else 'were'} left out.")
    if around:
        listed = " and ".join(filter(None, [", ".join(around[:-1]), around[-1]]))
        note(f"The page's {listed} {'was' if len(around) == 1 else 'were'} left out.")


def leave_out_hidden(soup: BeautifulSoup) -> Counter[str]:
    from bs4 import Comment

    count, styles = Counter[str](), styles_of(soup)
    comments = soup.find_all(string=lambda text: isinstance(text, Comment))
    for tag in outermost([tag for tag in soup.find_all(True) if is_hidden(tag, styles)]):
        count["hidden part"] += bool(tag.get_text(strip=True))
        tag.extract()
    for comment in comments:
        # Conditional ones are for old browsers, and empty or short ones mark places.
        count["comment"] += (
            comment.parent is not None and " " in comment.strip() and not comment.strip().startswith("[")
        )
        comment.extract()
    return count


def outermost(tags: list[Tag]) -> list[Tag]:
    """Those that are in no other one."""
    within: set[int] = set()
    for tag in tags:
        if id(tag) not in within:
            within.update(id(one) for one in tag.descendants)
    return [tag for tag in tags if id(tag) not in within]


def is_hidden(tag: Tag, styles: dict[int, Style]) -> bool:
    if tag.name in ("html", "body"):
        return False
    if tag.name == "template" or tag.has_attr("hidden") or str(tag.get("aria-hidden")).lower() == "true":
        return True
    if tag.name == "dialog" and not tag.has_attr("open"):
        return True
    style = styles.get(id(tag), {})
    if style.get("display") == "none" or style.get("visibility") in ("hidden", "collapse"):
        return True
    return bool(WHITE.fullmatch(style.get("color", ""))) and on_white(tag, styles)


def on_white(tag: Tag, styles: dict[int, Style]) -> bool:
    """Whether nothing around it is said to have another colour than white."""
    for one in [tag, *tag.parents]:
        style = styles.get(id(one), {})
        ground = style.get("background-color") or style.get("background") or str(one.get("bgcolor") or "")
        if ground and ground != "transparent":
            return bool(WHITE.match(ground))
    return True


def styles_of(soup: BeautifulSoup) -> dict[int, Style]:
    """What the page's own style sheets and its elements say of showing and colour, by element."""
    from soupsieve import SelectorSyntaxError

    found: dict[int, Style] = {}
    for selector, style in rules(soup):
        with suppress(SelectorSyntaxError, NotImplementedError):
            for tag in soup.select(selector):
                found.setdefault(id(tag), {}).update(style)
    for tag in soup.find_all(style=True):
        found.setdefault(id(tag), {}).update(declared(str(tag["style"])))
    return found


def rules(soup: BeautifulSoup) -> Iterator[tuple[str, Style]]:
    count = 0
    for sheet in soup.find_all("style"):
        for selector, body in RULE.findall(AT_RULE.sub("", sheet.get_text())):
            if style := declared(body):
                count += 1
                if count > RULES:
                    return
                yield selector.strip(), style


def declared(body: str) -> Style:
    pairs = (one.partition(":") for one in body.split(";"))
    said = {key.strip().lower(): value.replace("!important", "").strip().lower() for key, _, value in pairs}
    return {key: value for key, value in said.items() if key in TELLING}


def leave_out_around(soup: BeautifulSoup) -> list[str]:
    """The names of what stood around the text. Where nothing else would be left, all stays."""
    body = soup.find("body") or soup
    found = list(cookie_banners(soup))
    kinds = {id(tag): "cookie banner" for tag in found}
    for name, selector in AROUND.items():
        for tag in soup.select(selector):
            if is_around(tag, name) and kinds.setdefault(id(tag), name) == name:
                found.append(tag)
    found = outermost(found)
    said = sum(len(tag.get_text(strip=True)) for tag in found)
    if said >= len(body.get_text(strip=True)):
        return []
    names = []
    for tag in found:
        name = kinds[id(tag)]
        title = tag.find("h1") if name == "page header" and len(soup.find_all("h1")) == 1 else None
        if tag.get_text(strip=True) and name not in names:
            names.append(name)
        if title is not None:
            tag.replace_with(title.extract())
        else:
            tag.extract()
    return names


def is_around(tag: Tag, name: str) -> bool:
    if tag.name in ("html", "body", *TEXT) or tag.find(TEXT) is not None:
        return False
    return name == "navigation" or tag.find_parent([*TEXT, "section", "blockquote"]) is None


def cookie_banners(soup: BeautifulSoup) -> Iterator[Tag]:
    """What is called so, and the short text around a button to agree that speaks of cookies."""
    for tag in soup.find_all(["div", "section", "aside", "form", "dialog"]):
        named = " ".join([str(tag.get("id") or ""), *map(str, tag.get_attribute_list("class"))])
        if COOKIES.search(named) and tag.find(TEXT) is None:
            yield tag
    for button in soup.find_all(["button", "a", "input"]):
        if AGREE.search(button.get_text() or str(button.get("value") or "")):
            for around in button.parents:
                text = around.get_text(" ", strip=True)
                if around.name in ("body", "html", "[document]", *TEXT) or len(text) > BANNER_CHARS:
                    break
                if re.search(r"\bcookies\b", text, re.IGNORECASE):
                    yield around
                    break

"""Tables of a page, or of a Word file made a page: each is made one of a single heading row and of cells that span nothing,
which Markdown can hold; what cannot be in it, such as a title over the columns, stands before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from retrieval.tables import Entry, Row, understood

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

# What a page may say that one cell spans, and what a table may come to.
SPAN = 1000
CELLS = 500_000
BLOCKS = ["p", "div", "li", "br", "h1", "h2", "h3", "h4", "h5", "h6"]


def simplify_tables(soup: BeautifulSoup) -> None:
    """Tables that hold others lay out a page, and stay as they are."""
    for table in soup.find_all("table"):
        if table.find("table") is not None:
            continue
        plain = table.find(["caption", "colgroup", "col"]) is None
        named, caption = by_rows(table), titled(soup, table)
        if parts := list(simple(soup, grid(table), named, plain)):
            table.replace_with(*([caption] if caption is not None else []), *parts)


def titled(soup: BeautifulSoup, table: Tag) -> Tag | None:
    caption = table.find("caption")
    return element(soup, "p", text_of(caption)) if caption is not None else None


def simple(soup: BeautifulSoup, rows: list[Row], named: bool, plain: bool) -> Iterator[Tag]:
    """What stands for the table; nothing where it is simple already."""
    if not rows:
        return
    if len(rows) == 1 or all(row.alone for row in rows):
        # Not a table but a box, or things side by side.
        yield from (element(soup, "p", row.cells[n]) for row in rows for n in row.filled)
        return
    if named and not any(row.across or row.down for row in rows):
        # Names down the first column, one value each.
        yield from (element(soup, "p", pair(row)) for row in rows)
        return
    entries = list(understood(rows))
    if not entries:
        yield from (element(soup, "p", "; ".join(row.cells[n] for n in row.filled)) for row in rows)
    elif not plain or any(row.across or row.down for row in rows) or not unchanged(entries, rows):
        yield from parts_of(soup, entries)


def pair(row: Row) -> str:
    name, *values = (row.cells[n] for n in row.filled)
    said = f"{name.rstrip(':')}: {', '.join(values)}"
    return said if said.endswith((".", "!", "?")) else f"{said}."


def unchanged(entries: list[Entry], rows: list[Row]) -> bool:
    names = entries[0].names
    return (
        names == rows[0].cells
        and [one.cells for one in entries] == [row.cells for row in rows[1:]]
        and not any(one.titles or one.section or one.names != names for one in entries)
    )


def parts_of(soup: BeautifulSoup, entries: list[Entry]) -> Iterator[Tag]:
    said: tuple[str, ...] = ()
    for (titles, names, _), group in groupby(entries, key=lambda one: (one.titles, one.names, bool(one.section))):
        for title in titles:
            if title not in said:
                yield element(soup, "p", title)
        said = (*said, *titles)
        if names:
            yield table_of(soup, names, list(group))
            continue
        for one in group:
            if one.cells[0] not in (*said, *one.section):
                yield element(soup, "p", one.cells[0])


def table_of(soup: BeautifulSoup, names: list[str], entries: list[Entry]) -> Tag:
    """The section that a row stands in becomes its first value, with no name."""
    table, before = soup.new_tag("table"), any(one.section for one in entries)
    lines = [("th", [""] * before + names)]
    lines += [("td", [": ".join(one.section)] * before + one.cells) for one in entries]
    for kind, cells in lines:
        row = soup.new_tag("tr")
        row.extend([element(soup, kind, cell.replace("|", "\\|")) for cell in cells])
        table.append(row)
    return table


def element(soup: BeautifulSoup, kind: str, text: str) -> Tag:
    made = soup.new_tag(kind)
    made.string = text
    return made


def grid(table: Tag) -> list[Row]:
    """The rows, each cell in every place that it spans; none where that would be too many."""
    found: list[Row] = []
    # By column: for how many rows more a cell hangs down, its text, and whether it began further left.
    hanging: dict[int, tuple[int, str, bool]] = {}
    size, empty = 0, False
    lines = table.find_all("tr")
    for number, line in enumerate(lines, 1):
        row, hanging = spread(number, line, hanging, len(lines) - number)
        size += len(row.cells)
        if size > CELLS:
            return []
        if any(row.cells):
            found.append(replace(row, apart=empty and bool(found)))
        empty = not any(row.cells)
    return found


def spread(
    number: int, line: Tag, hanging: dict[int, tuple[int, str, bool]], left: int
) -> tuple[Row, dict[int, tuple[int, str, bool]]]:
    """A row with what hangs into it from above, and what hangs from it into the next."""
    texts: dict[int, str] = {n: text for n, (_, text, _) in hanging.items()}
    across = {n for n, (_, _, inner) in hanging.items() if inner}
    down, on = set(hanging), {n: (rows - 1, text, inner) for n, (rows, text, inner) in hanging.items() if rows > 1}
    cells, at = line.find_all(["td", "th"], recursive=False), 0
    for cell in cells:
        while at in texts:
            at += 1
        text = text_of(cell)
        rows = span(cell, "rowspan", left + 1)
        for n in range(at, at + min(span(cell, "colspan", 1), SPAN)):
            texts[n] = text
            if n > at:
                across.add(n)
            if rows > 1:
                on[n] = (min(rows, left + 1) - 1, text, n > at)
        at += min(span(cell, "colspan", 1), SPAN)
    heads = bool(cells) and (line.find_parent("thead") is not None or all(cell.name == "th" for cell in cells))
    values = [texts.get(n, "") for n in range(max(texts, default=-1) + 1)]
    bold = all(is_bold(cell) for cell in cells if cell.get_text(strip=True))
    return Row(number, values, frozenset(across), frozenset(down), marked=heads or bold, heading=heads), on


def span(cell: Tag, key: str, all_of_them: int) -> int:
    said = str(cell.get(key, "1")).strip()
    return (int(said) or all_of_them) if said.isdecimal() and len(said) < 6 else 1


def is_bold(cell: Tag) -> bool:
    return "".join(one.get_text() for one in cell.find_all(["b", "strong"])).strip() == cell.get_text().strip()


def text_of(cell: Tag) -> str:
    """The words of a cell, with those of two paragraphs apart and code in its quotes."""
    for code in cell.find_all("code"):
        code.insert_before("`")
        code.insert_after("`")
        code.unwrap()
    for block in cell.find_all(BLOCKS):
        block.insert_after(" ")
    return " ".join(cell.get_text().split())


def by_rows(table: Tag) -> bool:
    """Whether the names stand down the first column, which only the tags can say."""
    lines = [[cell.name for cell in line.find_all(["td", "th"], recursive=False)] for line in table.find_all("tr")]
    return all(len(one) > 1 and one[0] == "th" and "th" not in one[1:] for one in lines if one)

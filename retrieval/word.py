"""Word files as pages: automatic numbers written out, text boxes and page headers brought into the text, what is hidden
left out and said; the rest is mammoth's."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from retrieval.numbering import STYLES, Numbering, W, is_on, said

Note = Callable[[str], None]
DOCUMENT = "word/document.xml"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
WHITE = "FFFFFF"
PAGE_NUMBER = re.compile(r"\s*(?:page|seite|p\.)?\s*\d*\s*(?:(?:of|von|/)\s*\d*)?\s*", re.IGNORECASE)
NUMBER_FIELDS = ("PAGE", "NUMPAGES", "SECTIONPAGES")


def word_page(path: Path, note: Note) -> str:
    """The file as HTML. Raises what its libraries raise for a damaged one."""
    import mammoth
    from markitdown.converter_utils.docx.pre_process import pre_process_docx

    prepared = pre_process_docx(prepare(path, note))
    return mammoth.convert_to_html(prepared, style_map="u => u", include_embedded_style_map=True).value


def prepare(path: Path, note: Note) -> io.BytesIO:
    """The file, its document changed so that nothing of what it shows is lost."""
    from lxml.etree import tostring

    with zipfile.ZipFile(path) as archive:
        parts = {one: archive.read(one) for one in archive.namelist()}
    document, styles = tree(parts.get(DOCUMENT)), tree(parts.get("word/styles.xml"))
    assert document is not None
    left_out = Counter[str]()
    leave_out_hidden(document, styles, left_out)
    left_out["comment"] = count_comments(tree(parts.get("word/comments.xml")))
    lift_text_boxes(document)
    write_numbers(document, Numbering(tree(parts.get("word/numbering.xml")), styles))
    insert_page_texts(document, list(page_texts(document, parts)))
    tell_left_out(left_out, note)
    parts[DOCUMENT] = tostring(document, xml_declaration=True, encoding="UTF-8", standalone=True)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    made.seek(0)
    return made


def tree(content: bytes | None) -> Any:
    """Raises ValueError for a file that brings entities of its own, which may multiply without end."""
    from lxml.etree import XMLParser, fromstring

    if content is None:
        return None
    found = fromstring(content, XMLParser(resolve_entities=False, no_network=True))
    if found.getroottree().docinfo.internalDTD is not None:
        raise ValueError("entities")
    return found


def tell_left_out(left_out: Counter[str], note: Note) -> None:
    found = [f"{count} {kind}{'s' * (count > 1)}" for kind, count in left_out.items() if count]
    if found:
        note(f"{' and '.join(found)} {'was' if sum(left_out.values()) == 1 else 'were'} left out.")


def count_comments(comments: Any) -> int:
    return 0 if comments is None else sum(bool(text_of(one)) for one in comments.iter(f"{W}comment"))


def leave_out_hidden(document: Any, styles: Any, left_out: Counter[str]) -> None:
    """Text that its author hid, by itself or by a style, and white text on the bare page."""
    named = {one.get(f"{W}styleId"): one for one in styles.iter(f"{W}style")} if styles is not None else {}
    for paragraph in document.iter(f"{W}p"):
        by_style = hides(named, said(paragraph.find(f"{W}pPr"), "pStyle"))
        gone = False
        for run in paragraph.findall(f".//{W}r"):
            own = run.find(f"{W}rPr")
            vanish = own.find(f"{W}vanish") if own is not None else None
            hidden = is_on(vanish) if vanish is not None else by_style or hides(named, said(own, "rStyle"))
            if hidden or is_white(run, own):
                gone = gone or bool(text_of(run).strip())
                run.getparent().remove(run)
        left_out["hidden text"] += gone


def hides(styles: dict[str, Any], name: str) -> bool:
    for _ in range(STYLES):
        if name not in styles:
            return False
        if (vanish := styles[name].find(f"{W}rPr/{W}vanish")) is not None:
            return is_on(vanish)
        name = said(styles[name], "basedOn")
    return False


def is_white(run: Any, properties: Any) -> bool:
    """In a table or a text box, what lies under the text has often a colour that is not told here."""
    if said(properties, "color").upper() != WHITE or properties.find(f"{W}shd") is not None:
        return False
    around = [one.tag for one in run.iterancestors()]
    paragraph = next((one for one in run.iterancestors(f"{W}p")), None)
    shaded = paragraph is not None and paragraph.find(f"{W}pPr/{W}shd") is not None
    highlighted = properties.find(f"{W}highlight") is not None
    return not shaded and not highlighted and f"{W}tbl" not in around and f"{W}txbxContent" not in around


def lift_text_boxes(document: Any) -> None:
    """The paragraphs of a text box stand behind the one that holds it, once: many files hold each box in two forms."""
    for choice in list(document.iter(f"{MC}AlternateContent")):
        if choice.find(f"{MC}Choice//{W}txbxContent") is not None:
            for other in choice.findall(f"{MC}Fallback"):
                choice.remove(other)
    for box in list(document.iter(f"{W}txbxContent")):
        holder = next(box.iterancestors(f"{W}p"), None)
        if holder is not None:
            box.getparent().remove(box)
            for child in reversed(list(box)):
                holder.addnext(child)


def write_numbers(document: Any, numbering: Numbering) -> None:
    """Each number as text at the beginning of its paragraph, which then is no item of a list any more."""
    for paragraph in document.iter(f"{W}p"):
        if not counts(paragraph) or not (label := numbering.of(paragraph)):
            continue
        properties = paragraph.find(f"{W}pPr")
        if properties is None:
            properties = paragraph.makeelement(f"{W}pPr")
            paragraph.insert(0, properties)
        for old in properties.findall(f"{W}numPr"):
            properties.remove(old)
        none = properties.makeelement(f"{W}numPr")
        none.append(none.makeelement(f"{W}ilvl", {f"{W}val": "0"}))
        none.append(none.makeelement(f"{W}numId", {f"{W}val": "0"}))
        properties.append(none)
        paragraph.insert(list(paragraph).index(properties) + 1, run_of(paragraph, f"{label} "))


def counts(paragraph: Any) -> bool:
    """Whether a paragraph is still there: a deletion that is tracked may have taken it."""
    if paragraph.find(f"{W}pPr/{W}rPr/{W}del") is not None:
        return False
    return bool(text_of(paragraph)) or paragraph.find(f".//{W}delText") is None


def page_texts(document: Any, parts: dict[str, bytes]) -> Iterator[str]:
    """What stands at the head or foot of the pages, each once and without the page's number."""
    relations, seen = tree(parts.get("word/_rels/document.xml.rels")), set()
    targets = {one.get("Id"): one.get("Target", "") for one in relations} if relations is not None else {}
    for kind, name in (("headerReference", "Page header"), ("footerReference", "Page footer")):
        for reference in document.iter(f"{W}{kind}"):
            id = next((value for key, value in reference.attrib.items() if key.endswith("}id")), "")
            target = targets.get(id, "")
            part = tree(parts.get(target.lstrip("/") if target.startswith("/") else f"word/{target}"))
            if part is None:
                continue
            leave_out_page_numbers(part)
            lift_text_boxes(part)
            lines = [" ".join(text_of(one).split()) for one in part.iter(f"{W}p")]
            text = "; ".join(line for line in dict.fromkeys(lines) if not PAGE_NUMBER.fullmatch(line))
            if text and text not in seen:
                seen.add(text)
                yield f"{name}: {text}{'' if text.endswith(('.', '!', '?')) else '.'}"


def leave_out_page_numbers(part: Any) -> None:
    for field in list(part.iter(f"{W}fldSimple")):
        if field.get(f"{W}instr", "").split()[:1] and field.get(f"{W}instr").split()[0] in NUMBER_FIELDS:
            field.getparent().remove(field)
    for paragraph in part.iter(f"{W}p"):
        field, shows = "", False
        for run in paragraph.findall(f".//{W}r"):
            mark = run.find(f"{W}fldChar")
            kind = mark.get(f"{W}fldCharType") if mark is not None else ""
            field = "" if kind in ("begin", "end") else field + "".join(run.itertext(f"{W}instrText"))
            shows = kind == "separate" or (shows and kind != "end")
            if shows and field.split()[:1] and field.split()[0] in NUMBER_FIELDS:
                for text in run.findall(f"{W}t"):
                    run.remove(text)


def insert_page_texts(document: Any, texts: list[str]) -> None:
    """Under the document's first heading where it begins with one, for there stands what holds for all of it."""
    body = document.find(f"{W}body")
    if body is None or not texts:
        return
    made = []
    for text in texts:
        paragraph = body.makeelement(f"{W}p")
        paragraph.append(run_of(paragraph, text))
        made.append(paragraph)
    first = next((one for one in body if one.tag == f"{W}p" and text_of(one).strip()), None)
    style = said(first.find(f"{W}pPr"), "pStyle") if first is not None else ""
    if first is not None and re.match(r"title|heading|titel|berschrift|überschrift", style, re.IGNORECASE):
        for paragraph in reversed(made):
            first.addnext(paragraph)
        return
    last = body.find(f"{W}sectPr")
    at = len(body) if last is None else list(body).index(last)
    for paragraph in reversed(made):
        body.insert(at, paragraph)


def run_of(near: Any, text: str) -> Any:
    run, content = near.makeelement(f"{W}r"), near.makeelement(f"{W}t")
    content.text = text
    content.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    run.append(content)
    return run


def text_of(element: Any) -> str:
    """The text of an element, a tab or a break as a space."""
    found = []
    for one in element.iter(f"{W}t", f"{W}tab", f"{W}br", f"{W}p"):
        found.append(one.text or "" if one.tag == f"{W}t" else " ")
    return "".join(found).strip()

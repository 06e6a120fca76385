"""A document opened and read: its passages in their order, from the one that somebody came for."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui import safe
from ui.client import ApiError, api
from ui.gate import problem

KEY = "reading"
SHOWN = 20


def open_at(source: str, passage: str = "") -> None:
    """Show this document when the Documents page is drawn next."""
    st.session_state[KEY] = {"source": source, "passage": passage, "offset": None}


def link(source: str, passage: str) -> None:
    """A button that leads from a cited passage to its place in the document."""
    page = st.session_state.get("documents_page")
    if page and st.button(
        "Read on in the document", key=f"read-{passage}", type="tertiary", icon=":material/menu_book:"
    ):
        open_at(source, passage)
        st.switch_page(page)


def opened() -> bool:
    return bool(st.session_state.get(KEY))


def close() -> None:
    st.session_state.pop(KEY, None)


def turn(offset: int) -> None:
    st.session_state[KEY] |= {"offset": offset}


def show() -> None:
    """The opened document, some passages at a time."""
    asked = st.session_state[KEY]
    st.button("Back to all documents", key="reading-back", icon=":material/arrow_back:", on_click=close)
    try:
        found = api().passages(asked["source"], asked["passage"], asked["offset"], SHOWN)
    except ApiError as error:
        problem(error)
        return
    first, total = found["offset"], found["total"]
    st.subheader(safe.label(asked["source"]))
    for missing in found["missing"]:
        st.caption(safe.plain(missing))
    last = first + len(found["passages"])
    st.caption(f"Passages {first + 1:,} to {last:,} of {total:,}" if total else "It has no passages.")
    heading = place = ""
    for passage in found["passages"]:
        heading, place = show_passage(passage, heading, place, passage["id"] == asked["passage"])
    with st.container(horizontal=True):
        if first:
            st.button("Earlier", key="reading-earlier", on_click=turn, args=(max(0, first - SHOWN),))
        if last < total:
            st.button("Later", key="reading-later", on_click=turn, args=(last,))


def show_passage(passage: dict[str, Any], heading: str, place: str, sought: bool) -> tuple[str, str]:
    """A passage, under its heading and place where they are other than before. Returns these."""
    path = " › ".join(str(passage["heading"]).split(" > "))
    if path and path != heading:
        st.markdown(f"**{safe.label(path)}**")
    page, sheet = passage.get("page"), passage.get("sheet")
    here = f"page {page}" if page else f"sheet {sheet}" if sheet else ""
    if here and here != place:
        st.caption(safe.label(here))
    text = str(passage["text"])
    with st.container(border=sought, key=f"passage-{passage['id']}"):
        st.markdown(safe.marked(text, [(0, len(text))]) if sought else safe.plain(text))
    return path, here

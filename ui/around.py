"""What stands around a cited passage, opened by who wants to see it: search learns from that."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.types import Citation
from ui import safe
from ui.client import ApiError, api


def offer(answer_id: str, citation: Citation) -> None:
    """A button that opens it, and once opened what stands there."""
    key = f"around-{answer_id}-{citation.passage_id}"
    if not st.session_state.get(key):
        st.button(
            "Show what stands around it",
            key=f"open-{key}",
            type="tertiary",
            icon=":material/unfold_more:",
            on_click=unfold,
            args=(key, answer_id, citation.passage_id),
        )
        return
    try:
        show(api().passage(citation.passage_id), citation)
    except ApiError as error:
        st.caption(safe.plain(error.detail or error.title))


def unfold(key: str, answer_id: str, passage_id: str) -> None:
    """Open it; that it was opened is told on the side, and a fault there keeps nobody from reading."""
    st.session_state[key] = True
    try:
        api().opened(answer_id, passage_id)
    except ApiError:
        st.session_state[f"{key}-untold"] = True


def show(seen: dict[str, Any], citation: Citation) -> None:
    """The neighbours with the passage between them, under the headings that they stand under."""
    path = " › ".join(str(one["heading"]).rpartition(" > ")[2] for one in seen["parents"])
    size = len(seen["section"])
    more = f"  \n:small[This section has {size} passages.]" if size > 1 else ""
    if path:
        st.markdown(f"**{safe.label(path)}**{more}")
    with st.container(border=True):
        if seen.get("before"):
            st.caption(safe.plain(seen["before"]["text"]))
        st.markdown(safe.marked(citation.passage, [(citation.start, citation.end)]))
        if seen.get("after"):
            st.caption(safe.plain(seen["after"]["text"]))

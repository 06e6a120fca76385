"""What stands around a cited passage, opened by who wants to see it: search learns from that."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.types import Citation
from ui import reading, safe
from ui.client import ApiError, api


def key_of(answer_id: str, citation: Citation) -> str:
    return f"around-{answer_id}-{citation.passage_id}"


def seen(answer_id: str, citation: Citation) -> dict[str, Any]:
    """What stands around the passage, where the reader opened it; empty where not, or where it is no longer there."""
    if not st.session_state.get(key_of(answer_id, citation)):
        return {}
    try:
        return api().passage(citation.passage_id)
    except ApiError as error:
        st.caption(safe.plain(error.detail or error.title))
        return {}


def offer(answer_id: str, citation: Citation) -> None:
    """A button that opens it, for as long as it is not open."""
    key = key_of(answer_id, citation)
    if not st.session_state.get(key):
        st.button(
            "Show what stands around it",
            key=f"open-{key}",
            type="tertiary",
            icon=":material/unfold_more:",
            on_click=unfold,
            args=(key, answer_id, citation.passage_id),
        )
    else:
        reading.link(citation.source, citation.passage_id)


def unfold(key: str, answer_id: str, passage_id: str) -> None:
    """Open it; that it was opened is told on the side, and a fault there keeps nobody from reading."""
    st.session_state[key] = True
    try:
        api().opened(answer_id, passage_id)
    except ApiError:
        st.session_state[f"{key}-untold"] = True


def show(seen: dict[str, Any], passage: str) -> None:
    """The passage (Markdown) between its neighbours, under the headings that they stand under."""
    path = " › ".join(str(one["heading"]).rpartition(" > ")[2] for one in seen.get("parents", ()))
    size = len(seen.get("section", ()))
    if path:
        more = f"  \n:small[This section has {size} passages.]" if size > 1 else ""
        st.markdown(f"{safe.label(path)}{more}")
    with st.container(border=True):
        if seen.get("before"):
            st.caption(safe.plain(seen["before"]["text"]))
        st.markdown(passage)
        if seen.get("after"):
            st.caption(safe.plain(seen["after"]["text"]))

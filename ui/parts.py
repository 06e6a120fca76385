"""The parts of a page, one at a time: the address says which, so that it can be kept and sent."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st


def part(key: str, parts: Sequence[str]) -> str:
    """The chosen part, the first one where none is chosen; `key` is its name in the address and in the session."""
    chosen = st.segmented_control(
        "Part",
        parts,
        # a default beside a value that came from the address would be warned of in the log
        default=None if key in st.session_state else parts[0],
        required=True,
        key=key,
        label_visibility="collapsed",
        bind="query-params",
        persist_state="session",
    )
    return chosen or parts[0]

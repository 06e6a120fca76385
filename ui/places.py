"""Where to search: an unobtrusive choice of documents, folders and kinds of file."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.types import Filters
from ui import safe, words
from ui.client import ApiError, api

FOLDER, KIND = "Folder: ", "Kind: "


def choose(key: str, folded: bool = True) -> Filters:
    """The choice, kept for the session under `key`; behind a quiet button where it is `folded`."""
    try:
        there = api().choices()
    except ApiError:
        return Filters()
    options = options_of(there)
    # What was chosen and is gone since would be an error of the widget.
    kept = [name for name in st.session_state.get(key) or [] if name in options]
    if kept != (st.session_state.get(key) or []):
        st.session_state[key] = kept
    if not folded:
        return as_filters(picker(key, options, there))
    label = words.many(len(kept), "choice") if kept else "All documents"
    with st.popover(label, type="tertiary", icon=":material/folder_open:", key=f"{key}-popover"):
        chosen = picker(key, options, there)
    return as_filters(chosen)


def picker(key: str, options: list[str], there: dict[str, Any]) -> list[str]:
    more = there["documents"] - len(there["sources"])
    note = f" {more:,} more are found by their folder or kind." if more > 0 else ""
    return st.multiselect(
        "Search only in",
        options,
        key=key,
        format_func=safe.label,
        placeholder="All documents",
        help=f"Nothing chosen: all {words.many(there['documents'], 'document')}.{note}",
        persist_state="session",
    )


def options_of(there: dict[str, Any]) -> list[str]:
    folders = [FOLDER + name for name in there["folders"]]
    kinds = [KIND + name for name in there["kinds"]] if len(there["kinds"]) > 1 else []
    return [*folders, *kinds, *there["sources"]]


def as_filters(chosen: list[str]) -> Filters:
    folders = tuple(name.removeprefix(FOLDER) for name in chosen if name.startswith(FOLDER))
    kinds = tuple(name.removeprefix(KIND) for name in chosen if name.startswith(KIND))
    sources = tuple(name for name in chosen if not name.startswith((FOLDER, KIND)))
    return Filters(sources=sources, folders=folders, kinds=kinds)


def said(filters: Filters) -> str:
    """Where an answer was searched for, in words; "" where everywhere."""
    parts = [*filters.sources, *(f"folder {name}" for name in filters.folders), *(f".{name}" for name in filters.kinds)]
    if filters.pages:
        parts.append(f"pages {filters.pages[0]} to {filters.pages[1]}")
    return ", ".join(parts)

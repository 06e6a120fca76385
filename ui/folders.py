"""Folders that are kept in step: add one, see how it is, take it off the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ui import safe, words
from ui.client import ApiError, api
from ui.gate import flash

ORIGIN = "folder:"
NOTES_SHOWN = 10


def add() -> None:
    with st.expander("Keep a folder in step", icon=":material/folder:"):
        st.caption(
            "What is added, changed or deleted in the folder follows here by itself. Its path is one on the machine that "
            "runs Trivium."
        )
        path = st.text_input("Folder", key="folder-path", placeholder="/home/me/contracts")
        st.button("Keep it in step", key="add-folder", on_click=begin, args=(path,), disabled=not path)


def begin(path: str) -> None:
    try:
        api().add_folder(path)
        st.session_state["folder-path"] = ""
    except ApiError as error:
        flash(error)
    st.session_state["documents-busy"] = True


def show(folder: dict[str, Any], attempt: Callable[..., None]) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            files = words.many(int(folder.get("files") or 0), "file")
            st.markdown(f"**{safe.label(folder['name'])}**  \n:small[{safe.label(folder['path'])} · {files}]")
            with st.popover("Take off the list", type="tertiary", key=f"folder-{folder['name']}"):
                st.markdown("Its documents can then no longer be cited. The files stay as they are.")
                name = folder["name"]
                st.button(
                    "Yes, take it off", key=f"forget-{name}", type="primary", on_click=attempt,
                    args=(api().remove_folder, name),
                )  # fmt: skip
        if folder.get("error"):
            st.warning(safe.plain(folder["error"]), icon=":material/folder_off:")
        if skipped := folder.get("skipped"):
            with st.expander(f"{words.many(len(skipped), 'file')} left out"):
                for note in skipped[:NOTES_SHOWN]:
                    st.markdown(f"- {safe.label(note, limit=200)}")


def origin(known: str) -> str:
    """Where a document that was not uploaded belongs."""
    return f"in the folder {known.removeprefix(ORIGIN)}" if known.startswith(ORIGIN) else "part of the pack"

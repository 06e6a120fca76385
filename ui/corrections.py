"""What reviews left behind: corrections that answer at once, and documents that are missing."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.types import Correction
from ui import safe, words
from ui.answer import show_text
from ui.client import api
from ui.gate import attempt, link_to_documents

STATES = {
    "active": ("green", "answers now"),
    "learned": ("violet", "learned"),
    "stale": ("orange", "stale: its document changed"),
    "withdrawn": ("gray", "withdrawn"),
}
ORDER = list(STATES)


def show() -> None:
    found = api().corrections()
    st.caption("A correction answers its query at once, marked as reviewed, until an adapter has learned it.")
    if not found:
        st.info("There are no corrections yet. Correct an answer in the queue, and it stands here.")
    for correction in sorted(found, key=lambda each: (ORDER.index(each.state), -each.created_at.timestamp())):
        one(correction)


def one(correction: Correction) -> None:
    color, said = STATES[correction.state]
    with st.container(border=True, gap="small"):
        st.markdown(f"**{safe.label(correction.query)}** :{color}-badge[{said}]")
        show_text(correction.answer)
        by = f"by {correction.author}" if correction.author else ""
        rests = f"rests on {', '.join(correction.document.splitlines())}" if correction.document else ""
        learned = f"learned by {correction.learned_by}" if correction.learned_by else ""
        facts = [by, f"{correction.created_at:%d %b %Y}", rests, learned]
        st.caption(" · ".join(safe.label(fact) for fact in facts if fact))
        if correction.state != "withdrawn":
            st.button(
                "Withdraw",
                key=f"withdraw-{correction.id}",
                icon=":material/undo:",
                on_click=attempt,
                args=(api().withdraw, correction.id),
            )


def show_missing() -> None:
    todo = sorted(api().missing_documents(), key=lambda row: bool(row.get("done")))
    st.caption("Queries that no document answers, as reviewers found. Add the document, then tick the query off.")
    link_to_documents("Add a document")
    if not any(not row.get("done") for row in todo):
        st.info("No document is known to be missing.", icon=":material/done_all:")
    for row in todo:
        missing(row)


def missing(row: dict[str, Any]) -> None:
    """A query, what a reviewer knows of its answer, and the ways to be done with it."""
    with st.container(border=True, gap="small"):
        st.markdown(f"**{safe.label(str(row.get('query') or ''))}**")
        value = row.get("value") or {}
        wanted, note = (value.get("fact"), value.get("markdown")) if isinstance(value, dict) else (value, "")
        if wanted:
            st.markdown(safe.plain(str(wanted)))
        st.caption(safe.label(" · ".join(part for part in (str(row.get("author") or ""), words.day(row)) if part)))
        if row.get("done"):
            st.badge("done", color="green", icon=":material/check:")
        else:
            with st.container(horizontal=True, gap="small"):
                if note:
                    st.button(
                        "Add it as a document",
                        key=f"note-{row['id']}",
                        type="primary",
                        icon=":material/note_add:",
                        help="A small document with the query and this answer, which can then be cited",
                        on_click=attempt,
                        args=(api().add_note, row["id"]),
                    )
                st.button("Done", key=f"done-{row['id']}", on_click=attempt, args=(api().judgement_done, row["id"]))

"""Requests for documents: offered where nothing was found, and what became of them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.types import Answer, Judgement
from ui import safe, words
from ui.answer import AskAgain
from ui.client import ApiError, api
from ui.gate import attempt, flash, link_to_documents
from ui.rating import NAME

CLOSED_NOTE = "closed-request"


def offer(answer: Answer, request: Judgement | None, ask_again: AskAgain) -> None:
    """At a refusal: ask for a document, or see what became of it."""
    if request is None:
        form(answer)
    elif not request.done:
        st.caption(f":material/schedule: You asked for a document on {request.created_at:%d %b %Y}; reviewers see it.")
    elif document := request.value.get("closed_with"):
        said = f"You asked for a document, and there is one now: **{safe.label(str(document))}**."
        st.success(said, icon=":material/mark_email_read:")
        st.button(
            "Ask again", key=f"answered-{answer.id}", type="primary", on_click=ask_again, args=(answer.query, None)
        )
    else:
        st.caption("Your request was closed without a document.")


def form(answer: Answer) -> None:
    with st.popover("Ask for a document", icon=":material/outgoing_mail:", key=f"request-{answer.id}"):
        st.markdown("Reviewers see which documents are missing, and how many people asked for them.")
        key = f"request-note-{answer.id}"
        st.text_input("What should it say, or who may have it?", key=key, max_chars=500, placeholder="May stay empty")
        st.button("Send", key=f"request-send-{answer.id}", type="primary", on_click=send, args=(answer, key))


def send(answer: Answer, note_key: str) -> None:
    note, user = st.session_state.get(note_key) or "", st.session_state.get(NAME) or ""
    try:
        api().request_document(answer.id, answer.standalone or answer.query, note.strip(), user.strip())
    except ApiError as error:
        flash(error)


# For reviewers


def show_missing() -> None:
    found = api().requests()
    st.caption(
        "Questions that no document answers, the most often asked first. Add the document, then close the request."
    )
    link_to_documents("Add a document")
    if note := st.session_state.pop(CLOSED_NOTE, ""):
        st.success(note, icon=":material/task_alt:")
    if not found["groups"]:
        st.info("No document is known to be missing.", icon=":material/done_all:")
    documents = [row["source"] for row in api().documents() if row["state"] in words.FOUND] if found["groups"] else []
    for group in found["groups"]:
        show_group(group, documents)
    if found["closed"]:
        with st.expander("Closed lately", icon=":material/inventory_2:"):
            for row in found["closed"]:
                by = row["value"].get("closed_with") or "without a document"
                st.markdown(f"{safe.label(str(row['query']))}  \n:small[{safe.label(by)}]")


def show_group(group: dict[str, Any], documents: list[str]) -> None:
    """One question, what people said of it, and the ways to be done with it."""
    rows: list[dict[str, Any]] = group["requests"]
    ids = [str(row["id"]) for row in rows]
    with st.container(border=True, gap="small"):
        asked = "once" if group["asked"] == 1 else f"{group['asked']:,} times"
        st.markdown(f"**{safe.label(str(group['query']))}** :orange-badge[asked {asked}]")
        if len(group["queries"]) > 1:
            st.caption(f"Also asked as: {safe.label('; '.join(group['queries'][1:]))}")
        for row in rows:
            show_said(row)
        if note := next((row for row in rows if row["value"].get("markdown")), None):
            others = [id for id in ids if id != note["id"]]
            st.button(
                "Add it as a document",
                key=f"note-{note['id']}",
                type="primary",
                icon=":material/note_add:",
                help="A small document with the question and this answer, which can then be cited",
                on_click=attempt,
                args=(api().add_note, str(note["id"]), others),
            )
        close_form(ids, documents)


def show_said(row: dict[str, Any]) -> None:
    """What a reader or a reviewer wrote to it."""
    value = row["value"]
    if fact := value.get("fact"):
        st.markdown(safe.plain(str(fact)))
    if note := value.get("note"):
        st.markdown(f":material/chat_bubble: {safe.plain(str(note))}")
    if fact or note:
        facts = " · ".join(part for part in (str(row.get("author") or ""), words.day(row)) if part)
        st.caption(safe.label(facts))


def close_form(ids: list[str], documents: list[str]) -> None:
    key = f"answers-{ids[0]}"
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        chosen = st.selectbox("Which document answers it?", documents, index=None, key=key, placeholder="Choose one")
        st.button("Close", key=f"close-{ids[0]}", disabled=chosen is None, on_click=close, args=(ids, chosen or ""))
        st.button("Close without", key=f"drop-{ids[0]}", type="tertiary", on_click=close, args=(ids, ""))


def close(ids: list[str], document: str) -> None:
    """Close a group, and say whether search finds the document for its question."""
    try:
        place = api().close_requests(ids, document)
    except ApiError as error:
        flash(error)
        return
    if not document:
        note = "Closed without a document."
    elif place is None:
        note = f"Closed. Search does not find {safe.label(document)} for this question: does it use other words?"
    else:
        note = f"Closed. Search finds {safe.label(document)} for this question at place {place}."
    st.session_state[CLOSED_NOTE] = note

"""What retrieval may cite: see it, add to it, remove from it, and mend what failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.types import Job
from ui import safe, words
from ui.client import ApiError, api
from ui.gate import flash, problem, surface_flash

TICK = 1.0
TYPES = ["md", "txt", "html", "pdf", "docx", "pptx", "xlsx", "csv"]
AT_WORK = ("parsing", "indexing")
ENDED_BADLY = ("error", "max_recovery_attempts_exceeded")
STATES = {"indexed": "green", "failed": "red", "waiting": "gray", "parsing": "blue", "indexing": "blue"}
JOBS = {"sync": "Indexing"}


def page() -> None:
    st.title("Documents")
    upload()
    busy = st.session_state.setdefault("documents-busy", True)
    st.fragment(shelf, run_every=TICK if busy else None)()


def upload() -> None:
    turn = st.session_state.setdefault("upload-turn", 0)
    key = f"upload-{turn}"
    st.file_uploader("Add documents", type=TYPES, accept_multiple_files=True, key=key)
    if chosen := st.session_state.get(key):
        name = words.many(len(chosen), "file")
        st.button(f"Add {name}", key="send", type="primary", on_click=send, args=(key,), icon=":material/upload:")


def send(key: str) -> None:
    """Hand over the chosen files one by one; what the API refuses is said, the others go on."""
    refused = []
    for file in st.session_state.get(key) or []:
        try:
            api().upload(file.name, file.getvalue())
        except ApiError as error:
            refused.append(f"{file.name}: {error}")
    if refused:
        flash(ApiError("Not added", "\n".join(refused)))
    st.session_state["upload-turn"] += 1
    st.session_state["documents-busy"] = True


def shelf() -> None:
    """Jobs and documents; redrawn every second for as long as something is at work."""
    surface_flash()
    try:
        known = sorted((job for job in api().jobs() if job.kind in JOBS), key=lambda job: job.created_at)
        documents = api().documents()
    except ApiError as error:
        problem(error)
        return
    jobs = [job for job in known if job.state in ("pending", "enqueued")]
    busy = bool(jobs) or any(row["state"] in AT_WORK for row in documents)
    if busy != st.session_state["documents-busy"]:
        st.session_state["documents-busy"] = busy
        st.rerun()
    for job in jobs:
        show_job(job)
    if known and known[-1].state in ENDED_BADLY:
        st.error(f"The last job failed. {safe.plain(known[-1].error)}", icon=":material/error:")
        st.button("Start it again", key="restart", on_click=attempt, args=(api().sync,))
    show_summary(documents)
    if not busy and any(row["state"] == "waiting" for row in documents):
        st.button("Index what waits", key="resume", on_click=attempt, args=(api().sync,))
    failed = [row for row in documents if row["state"] == "failed"]
    for row in failed:
        show_failed(row)
    rest = [row for row in documents if row["state"] != "failed"]
    if rest:
        with st.container(border=True, gap="xsmall"):
            for row in rest:
                show_document(row)


def show_job(job: Job) -> None:
    with st.container(border=True):
        done = f"{job.done} of {job.total}" if job.total else "starting"
        share = min(1.0, job.done / job.total) if job.total else 0.0
        note = f" · {safe.label(job.note, limit=80)}" if job.note else ""
        st.progress(share, f"{safe.label(JOBS.get(job.kind, job.kind))}: {done}{note}")
        st.button("Cancel", key=f"cancel-{job.id}", type="tertiary", on_click=attempt, args=(api().cancel, job.id))


def show_summary(documents: list[dict[str, Any]]) -> None:
    if not documents:
        st.info("Nothing is indexed yet. Add a document above, and Trivium can cite it.", icon=":material/upload_file:")
        return
    indexed = [row for row in documents if row["state"] == "indexed"]
    chunks = sum(row["chunks"] or 0 for row in indexed)
    st.markdown(f"**{words.many(len(indexed), 'document')}** indexed, {words.many(chunks, 'passage')}")
    if any(not row.get("uploaded", True) for row in documents):
        st.caption("What is part of the pack is removed by deleting its file from the pack's folder.")


def show_failed(row: dict[str, Any]) -> None:
    with st.container(border=True):
        heading(row)
        st.error(safe.plain(row.get("error") or "It could not be read."), icon=":material/error:")
        with st.container(horizontal=True):
            st.button("Try again", key=f"retry-{row['source']}", on_click=attempt, args=(api().sync,))
            removal(row)


def show_document(row: dict[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(width="stretch", gap=None):
            heading(row)
        removal(row)


def heading(row: dict[str, Any]) -> None:
    state = row["state"]
    passages = words.many(row["chunks"], "passage") if row.get("chunks") else ""
    origin = "" if row.get("uploaded", True) else "part of the pack"
    facts = [words.size(row.get("size")), passages, origin]
    shown = " · ".join(fact for fact in facts if fact)
    badge = "" if state == "indexed" else f" :{STATES.get(state, 'gray')}-badge[{safe.label(state)}]"
    st.markdown(f"**{safe.label(row['source'])}**{badge}  \n:small[{safe.label(shown)}]")


def removal(row: dict[str, Any]) -> None:
    """Uploads can be removed here; a document of the pack goes by deleting its file."""
    source = row["source"]
    if not row.get("uploaded", True):
        return
    with st.popover("Remove", type="tertiary", icon=":material/delete:", key=f"removal-{source}"):
        st.markdown(f"Remove **{safe.label(source)}**? Answers can then no longer cite it.")
        st.button(
            "Yes, remove it", key=f"remove-{source}", type="primary", on_click=attempt, args=(api().remove, source)
        )


def attempt(action: Callable[..., None], *arguments: str) -> None:
    """Do it, and look at what comes of it."""
    try:
        action(*arguments)
    except ApiError as error:
        flash(error)
    st.session_state["documents-busy"] = True

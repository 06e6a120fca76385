"""What retrieval may cite: see it, add to it, remove from it, and mend what failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.types import Job
from ui import folders, reading, safe, words
from ui.client import ApiError, api
from ui.gate import flash, problem, surface_flash

TICK = 1.0
TYPES = ["md", "txt", "html", "pdf", "docx", "pptx", "xlsx", "csv", "rst", "adoc", "ipynb", "eml"]
AT_WORK = ("parsing", "indexing")
ENDED_BADLY = ("error", "max_recovery_attempts_exceeded")
STATES = {
    "indexed": "green",
    "failed": "red",
    "partial": "orange",
    "waiting": "gray",
    "parsing": "blue",
    "indexing": "blue",
}
JOBS = {"sync": "Indexing", "reindex": "Building the new index; the former one answers meanwhile"}
SHOWN = 50


def page() -> None:
    st.title("Documents")
    if reading.opened():
        reading.show()
        return
    upload()
    folders.add()
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
        summary = api().shelf()
        documents = api().documents(st.session_state.get("documents-like", ""), SHOWN)
        kept = api().folders()
    except ApiError as error:
        problem(error)
        return
    jobs = [job for job in known if job.state in ("pending", "enqueued")]
    states = summary["states"]
    busy = bool(jobs) or any(states.get(state) for state in AT_WORK)
    if busy != st.session_state["documents-busy"]:
        st.session_state["documents-busy"] = busy
        st.rerun()
    for job in jobs:
        show_job(job)
    if known and known[-1].state in ENDED_BADLY:
        st.error(f"The last job failed. {safe.plain(known[-1].error)}", icon=":material/error:")
        st.button("Start it again", key="restart", on_click=attempt, args=(api().sync,))
    show_summary(summary)
    if not busy:
        offer(summary)
    for folder in kept:
        folders.show(folder, attempt)
    show_list(documents, summary["documents"])


def offer(summary: dict[str, Any]) -> None:
    """What is left over and can be taken up again."""
    failed = summary["states"].get("failed", 0)
    with st.container(horizontal=True):
        if summary["states"].get("waiting"):
            st.button("Index what waits", key="resume", on_click=attempt, args=(api().sync,))
        if failed > 1:
            st.button(f"Try all {failed} again", key="retry-all", on_click=attempt, args=(api().sync,))
        if summary.get("next"):
            st.button("Build the new index", key="build", on_click=attempt, args=(api().sync,))


def show_list(documents: list[dict[str, Any]], total: int) -> None:
    """The documents, those that failed first; of very many, those whose name holds what was typed."""
    if total > SHOWN:
        st.text_input("Find a document by its name", key="documents-like", placeholder=f"{total:,} documents")
    for row in (row for row in documents if row["state"] == "failed"):
        show_failed(row)
    rest = [row for row in documents if row["state"] != "failed"]
    if rest:
        with st.container(border=True, gap="xsmall"):
            for row in rest:
                show_document(row)
    if len(documents) == SHOWN:
        st.caption(f"The first {SHOWN} are shown.")


def show_job(job: Job) -> None:
    with st.container(border=True):
        done = f"{job.done} of {job.total}" if job.total else "starting"
        share = min(1.0, job.done / job.total) if job.total else 0.0
        note = f" · {safe.label(job.note, limit=80)}" if job.note else ""
        st.progress(share, f"{safe.label(JOBS.get(job.kind, job.kind))}: {done}{note}")
        st.button("Cancel", key=f"cancel-{job.id}", type="tertiary", on_click=attempt, args=(api().cancel, job.id))


def show_summary(summary: dict[str, Any]) -> None:
    states = summary["states"]
    if not summary["documents"]:
        st.info("Nothing is indexed yet. Add a document above, and Trivium can cite it.", icon=":material/upload_file:")
        return
    others = [f"{states[state]:,} {state}" for state in (*AT_WORK, "waiting", "failed") if states.get(state)]
    found = sum(states.get(state, 0) for state in words.FOUND)
    said = f"**{words.many(found, 'document')}** indexed, {words.many(summary['passages'], 'passage')}"
    if partial := states.get("partial"):
        said += f" ({partial:,} in part)"
    st.markdown("; ".join([said, *others]))
    st.caption("What is part of the pack, or of a folder, is removed by deleting its file there.")


def show_failed(row: dict[str, Any]) -> None:
    with st.container(border=True):
        heading(row)
        st.error(safe.plain(row.get("error") or "It could not be read."), icon=":material/error:")
        with st.container(horizontal=True):
            source = row["source"]
            st.button("Try again", key=f"retry-{source}", on_click=attempt, args=(api().sync, source))
            removal(row)


def show_document(row: dict[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(width="stretch", gap=None):
            heading(row)
            if missing := row.get("missing"):
                st.caption(safe.plain("; ".join(missing)))
        if row.get("chunks"):
            source = row["source"]
            st.button("Read", key=f"open-{source}", type="tertiary", on_click=reading.open_at, args=(source,))
        removal(row)


def heading(row: dict[str, Any]) -> None:
    state = row["state"]
    passages = words.many(row["chunks"], "passage") if row.get("chunks") else ""
    origin = "" if row.get("uploaded", True) else folders.origin(row.get("origin", "pack"))
    facts = [words.size(row.get("size")), passages, row.get("progress", ""), origin]
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

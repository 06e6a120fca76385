"""Drafts from a document: order them, follow the job, and see how many came of it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.types import Job
from ui import safe, words
from ui.client import ApiError, api
from ui.gate import attempt, flash, link_to_documents, problem, surface_flash
from ui.learning import TICK, at_work, show_progress

KIND, BUSY, STARTED = "draft", "drafting-busy", "drafting-started"
BASE = "base"
MOST, USUAL = 50, 10


def show(tasks: list[dict[str, Any]]) -> None:
    """`tasks`: of the pack, as the API tells them; where a tuned model may serve any, only those are offered."""
    st.subheader("From a document", anchor=False)
    st.caption("A model reads the document and writes drafts of one task. What the document does not say is left out.")
    sources = [row["source"] for row in api().documents() if row["state"] in words.FOUND]
    if not sources:
        st.info("No document is indexed yet.")
        link_to_documents("Add a document")
        return
    with st.form("from-document", border=True):
        st.selectbox("Document", sources, key="draft-source")
        learned = [task["name"] for task in tasks if "tuned" in (task.get("strategies") or ())]
        left, right = st.columns([2, 1])
        left.selectbox("Task of the drafts", learned or [task["name"] for task in tasks], key="draft-task")
        right.number_input("Drafts, at most", 1, MOST, USUAL, key="draft-count")
        models = known_models()
        if len(models) > 1:
            st.selectbox("Model", list(models), key="draft-model", format_func=lambda name: named(name, models[name]))
        st.form_submit_button("Write drafts", on_click=start)
    busy = st.session_state.setdefault(BUSY, True)
    st.fragment(follow, run_every=TICK if busy else None)()


def known_models() -> dict[str, bool]:
    """The base and the models that serve prompts and documents, and whether text leaves the machine for them."""
    router = api().router()
    serving, leaves = router.get("models") or {}, router.get("leaves_machine") or {}
    return {BASE: False} | {serving[road]: bool(leaves.get(road)) for road in ("prompt", "rag") if serving.get(road)}


def named(model: str, leaves: bool) -> str:
    return f"{model} (the document's text leaves this machine)" if leaves else model


def start() -> None:
    given = {name: st.session_state.get(f"draft-{name}") for name in ("source", "task", "count", "model")}
    if not given["source"] or not given["task"]:
        flash(ApiError("Not started", "Choose a document and a task."))
        return
    try:
        st.session_state[STARTED] = api().draft(**{name: value for name, value in given.items() if value}).id
    except ApiError as error:
        flash(error)
    st.session_state[BUSY] = True


def follow() -> None:
    """Jobs at work, and what came of the one that was started here; redrawn while one is at work."""
    surface_flash()
    try:
        jobs = [job for job in api().jobs() if job.kind == KIND]
    except ApiError as error:
        problem(error)
        return
    running = [job for job in jobs if at_work(job.state)]
    if bool(running) != st.session_state[BUSY]:
        st.session_state[BUSY] = bool(running)
        st.rerun()
    for job in running:
        with st.container(border=True):
            show_progress(job, "Drafts")
            st.button("Cancel", key=f"cancel-{job.id}", type="tertiary", on_click=attempt, args=(api().cancel, job.id))
    for job in jobs:
        if job.id == st.session_state.get(STARTED) and not at_work(job.state):
            ended(job)


def ended(job: Job) -> None:
    """How many drafts there are, and why there are not more."""
    if job.state == "success" and job.done:
        st.success(f"**{words.many(job.done, 'draft')}** written. Approve them under Drafts.", icon=":material/done:")
    elif job.state == "cancelled":
        st.info(f"Cancelled. {words.many(job.done, 'draft')} had been written and can be approved under Drafts.")
    elif job.state == "success":
        st.warning("No draft came of it. Try another document or task, or a larger model.", icon=":material/warning:")
    else:
        st.error(safe.plain(job.error or "The job failed; start it again."), icon=":material/error:")
        return
    if job.error:
        with st.expander("What was left out, and why"):
            st.markdown(safe.plain(job.error))

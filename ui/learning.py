"""What the parts of the learning page share: how one leads to another, and what is at work."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.types import Job
from ui import safe

DATASETS, TRAINING, ADAPTERS = "Datasets", "Training", "Adapters"
PART, REPORT, CHOSEN, LEAVING = "learn", "report", "training-dataset", "learn-leaving"
AT_WORK = ("pending", "enqueued", "running", "delayed")
TICK = 2.0


def at_work(state: str) -> bool:
    return state.lower() in AT_WORK


def open_part(part: str) -> None:
    st.session_state[PART] = part
    st.query_params.pop(REPORT, None)
    st.session_state[LEAVING] = True


def leave() -> None:
    """Called in a fragment: where its callback has opened another part, the whole page has to run."""
    if st.session_state.pop(LEAVING, False):
        st.rerun()


def arrived() -> None:
    st.session_state.pop(LEAVING, None)


def open_training(version: str) -> None:
    """Go to a new run on this version."""
    st.session_state[CHOSEN] = version
    open_part(TRAINING)


def open_report(id: str) -> None:
    open_part(ADAPTERS)
    st.query_params[REPORT] = id


def show_progress(job: Job, title: str) -> None:
    """A bar for work of which only the steps are known."""
    done = f"{job.done} of {job.total}" if job.total else "starting"
    note = f" · {safe.label(job.note, limit=80)}" if job.note else ""
    st.progress(min(1.0, job.done / job.total) if job.total else 0.0, f"{safe.label(title)}: {done}{note}")


def figures(body: dict[str, Any]) -> list[str]:
    """Plain values of a body, a line each: what the API adds later is shown too, under its own name."""
    return [f"{said(name)}: {value_of(value)}" for name, value in body.items() if not isinstance(value, dict | list)]


def said(name: str) -> str:
    return name.replace("_", " ").capitalize()


def value_of(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1%}" if 0 <= value <= 1 else f"{value:,.2f}"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)

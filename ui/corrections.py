"""What reviews left behind: corrections that answer at once."""

from __future__ import annotations

import streamlit as st

from core.types import Correction
from ui import safe
from ui.answer import show_text
from ui.client import api
from ui.gate import attempt

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

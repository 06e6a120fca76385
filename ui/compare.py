"""One question by every road at once, in blind order; what a person prefers becomes a rating, then the roads are shown."""

from __future__ import annotations

import streamlit as st

from core.types import Answer
from ui import safe, words
from ui.answer import road_badge, show_sources, show_text
from ui.client import ApiError, api
from ui.gate import flash, problem, surface_flash

PARAM = "answers"
TICK = 0.3
LETTERS = "ABCDEF"


def page() -> None:
    st.title("Compare")
    st.caption("One question, every road, in blind order. Say which answer you prefer; then the roads are shown.")
    with st.form("compare", border=False):
        st.text_area("Question", key="compare-query", height=80, placeholder="What is our GPU quota per team?")
        st.form_submit_button("Ask every road", type="primary", on_click=start)
    ids = current()
    if ids:
        follow(ids)


def current() -> list[str]:
    """The answers under comparison, from the address, so that a reload keeps them."""
    if found := st.query_params.get(PARAM):
        st.session_state["compared"] = found
    elif found := st.session_state.get("compared"):
        st.query_params[PARAM] = found
    return found.split(",") if found else []


def start() -> None:
    query = (st.session_state.get("compare-query") or "").strip()
    if not query:
        return
    try:
        ids = api().compare(query)
    except ApiError as error:
        flash(error)
        return
    st.session_state["compared"] = st.query_params[PARAM] = ",".join(ids)


def follow(ids: list[str]) -> None:
    """The columns, refreshed for as long as one of them is being written."""
    st.fragment(_columns, run_every=None if ",".join(ids) in _finished() else TICK)(ids)


def _finished() -> set[str]:
    return st.session_state.setdefault("compared-finished", set())


def _columns(ids: list[str]) -> None:
    surface_flash()
    try:
        answers = [api().answer(id) for id in ids]
        running = [answer.id for answer in answers if answer.status == "running"]
        revealed = not running and is_revealed(ids)
    except ApiError as error:
        problem(error)
        return
    if not running and ",".join(ids) not in _finished():
        _finished().add(",".join(ids))
        st.rerun()
    st.markdown(f"**{safe.plain(answers[0].query)}**")
    for column, letter, answer in zip(st.columns(len(answers)), LETTERS, answers, strict=False):
        with column.container(border=True):
            _one(letter, answer, answers, revealed, bool(running))
    if running:
        st.button("Stop all", key="stop-all", icon=":material/stop_circle:", on_click=_stop, args=(running,))
    elif not revealed:
        st.button("No preference: show the roads", key="reveal", type="tertiary", on_click=_reveal, args=(ids,))


def _one(letter: str, answer: Answer, answers: list[Answer], revealed: bool, waiting: bool) -> None:
    ids = [each.id for each in answers]
    st.subheader(letter)
    if revealed and answer.route:
        road_badge(answer.route.strategy)
    if revealed and answer.reviewed:
        st.badge("Reviewed answer", icon=":material/verified:", color="green")
    if answer.text:
        show_text(answer.text)
    elif answer.status == "running":
        st.caption("Writing…")
    if answer.status == "failed":
        st.error(safe.plain(answer.error or "This answer failed."))
    if answer.status in ("stopped", "interrupted"):
        st.caption("Not finished.")
    if revealed:
        for warning in answer.warnings:
            st.warning(safe.plain(warning))
        show_sources(answer.citations)
        facts = (words.whereabouts(answer), words.timings(answer.timings))
        st.caption(" · ".join(safe.label(fact) for fact in facts if fact))
        if answer.id == preferred(ids):
            st.success("You preferred this answer.")
    elif not waiting and answer.text:
        rivals = [other.id for other in answers if other.text and other.id != answer.id]
        st.button(
            f"Prefer {letter}",
            key=f"prefer-{answer.id}",
            width="stretch",
            on_click=_prefer,
            args=(answer.id, rivals, ids),
        )


def preferred(ids: list[str]) -> str:
    """The answer that was preferred to the others, if one was; it is asked for once."""
    known: dict[str, str] = st.session_state.setdefault("preferred", {})
    key = ",".join(ids)
    if key not in known:
        ratings = [rating for id in ids for rating in api().ratings(id)]
        known[key] = next((rating.answer_id for rating in ratings if rating.preferred_over in ids), "")
    return known[key]


def is_revealed(ids: list[str]) -> bool:
    return bool(preferred(ids)) or ",".join(ids) in st.session_state.get("revealed", set())


def _prefer(answer_id: str, rivals: list[str], ids: list[str]) -> None:
    """Prefer an answer to each other that said anything."""
    try:
        for other in rivals:
            api().prefer(answer_id, other)
    except ApiError as error:
        flash(error)
        return
    st.session_state.setdefault("preferred", {})[",".join(ids)] = answer_id


def _reveal(ids: list[str]) -> None:
    st.session_state.setdefault("revealed", set()).add(",".join(ids))


def _stop(running: list[str]) -> None:
    try:
        for id in running:
            api().stop(id)
    except ApiError as error:
        flash(error)

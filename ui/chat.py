"""The chat page. A run lives on the server: the page only follows it, and picks it up again after any click or reload."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from core.types import Answer, Filters, Judgement
from ui import places, requests, safe
from ui.answer import show_answer, show_partial
from ui.client import ApiError, api
from ui.gate import flash, surface_flash

PARAM = "conversation"
TICK = 0.25
AUTO = "Auto"
FILTERS = "chat-filters"
CHOICES = {AUTO: None, "Prompt": "prompt", "Documents": "rag", "Tuned": "tuned"}


def page() -> None:
    conversation = current()
    sidebar(conversation)
    answers = api().conversation(conversation) if conversation else []
    if not answers:
        first_screen(api().domain())
    asked_for = {one.answer_id: one for one in api().requests_of(conversation)} if any_refused(answers) else {}
    for answer in answers:
        turn(answer, asked_for.get(answer.id))
    composer()


def any_refused(answers: list[Answer]) -> bool:
    return any(answer.refused for answer in answers)


def current() -> str:
    """The conversation in the address; coming back from another page restores it."""
    if found := st.query_params.get(PARAM):
        st.session_state[PARAM] = found
    elif found := st.session_state.get(PARAM):
        st.query_params[PARAM] = found
    return found or ""


def open_conversation(id: str) -> None:
    st.session_state[PARAM] = id
    if id:
        st.query_params[PARAM] = id
    else:
        st.query_params.pop(PARAM, None)


def ask(query: str, strategy: str | None = None) -> None:
    """Start an answer in the conversation of the page."""
    if not query.strip():
        return
    try:
        filters = st.session_state.get(FILTERS)
        _, conversation = api().ask(query.strip(), st.session_state.get(PARAM) or "", strategy, filters)
    except ApiError as error:
        flash(error)
        return
    open_conversation(conversation)


def sidebar(conversation: str) -> None:
    with st.sidebar:
        st.button(
            "New conversation",
            icon=":material/add:",
            width="stretch",
            on_click=open_conversation,
            args=("",),
            key="new",
        )
        with st.container(gap=None, key="conversations"):
            for id, title, answered in api().conversations():
                kind = "secondary" if id == conversation else "tertiary"
                name = safe.label(title, limit=60) or "Untitled"
                st.button(
                    name,
                    key=f"open-{id}",
                    type=kind,
                    width="stretch",
                    on_click=open_conversation,
                    args=(id,),
                    wrap=False,
                    icon=":material/mark_email_unread:" if answered else None,
                    help="A document has come that was asked for here." if answered else None,
                )


def first_screen(domain: dict[str, Any]) -> None:
    st.title(safe.label(domain.get("title") or domain.get("name") or "Trivium"))
    st.caption("Ask the desk. Each question takes one of three roads; each answer says which, and why.")
    questions = domain.get("first_screen") or []
    half = (len(questions) + 1) // 2
    for column, part in zip(st.columns(2), (questions[:half], questions[half:]), strict=True):
        for question in part:
            column.button(
                safe.label(question),
                key=f"first-{question}",
                width="stretch",
                wrap=True,
                on_click=ask_chosen,
                args=(question,),
            )


def turn(answer: Answer, request: Judgement | None) -> None:
    """A question and its answer."""
    with st.chat_message("user", avatar=":material/person:"):
        st.markdown(safe.plain(answer.query))
    with st.chat_message("assistant", avatar=":material/alt_route:"):
        if answer.status == "running":
            follow(answer.id)
        else:
            show_answer(answer, ask, partial(requests.offer, request=request, ask_again=ask))


@st.fragment(run_every=TICK)
def follow(answer_id: str) -> None:
    surface_flash()
    try:
        answer = api().answer(answer_id)
    except ApiError as error:
        st.caption(f"{safe.label(error.title)}. The answer is not lost; trying again…")
        return
    if answer.status != "running":
        st.rerun()
    show_partial(answer)
    st.button("Stop", key=f"stop-{answer_id}", icon=":material/stop_circle:", on_click=stop, args=(answer_id,))


def stop(answer_id: str) -> None:
    try:
        api().stop(answer_id)
    except ApiError as error:
        flash(error)


def composer() -> None:
    """The input stands outside of `st.bottom`: only an input that Streamlit places itself makes the page follow answers."""
    with st.bottom, st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Road",
            list(CHOICES),
            default=AUTO,
            required=True,
            key="road",
            label_visibility="collapsed",
            help="Auto lets the router choose.",
        )
        chosen: Filters = places.choose("chat-places")
        st.session_state[FILTERS] = chosen
    st.chat_input("Ask the desk", key="query", on_submit=ask_typed)


def chosen_road() -> str | None:
    return CHOICES[st.session_state.get("road") or AUTO]


def ask_chosen(question: str) -> None:
    ask(question, chosen_road())


def ask_typed() -> None:
    ask(st.session_state["query"] or "", chosen_road())

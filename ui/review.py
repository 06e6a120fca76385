"""The review page: one answer after another, judged by keyboard; and what reviews left behind."""

from __future__ import annotations

import streamlit as st

from ui import corrections, focus, requests, safe, words
from ui.client import api
from ui.loop_client import Queue, ReviewItem
from ui.parts import part
from ui.rating import NAME
from ui.review_form import BACK, DONE, LAST, close_form, field, form, verdicts
from ui.review_item import show_item

ITEM = "review-item"
QUEUE, CORRECTIONS, MISSING = "Queue", "Corrections", "Missing documents"


def page() -> None:
    st.title("Review")
    chosen = part("part", (QUEUE, CORRECTIONS, MISSING))
    if chosen == CORRECTIONS:
        corrections.show()
    elif chosen == MISSING:
        requests.show_missing()
    elif reviewer := who():
        work(reviewer, api().review_queue(reviewer))


def who() -> str:
    """The reviewer's name, from the address; asked for where there is none."""
    known = (st.session_state.get(NAME) or st.query_params.get(NAME) or "").strip()
    with st.sidebar if known else st.container():
        name = st.text_input(
            "You review as",
            key=NAME,
            max_chars=60,
            placeholder="Your name",
            bind="query-params",
            persist_state="session",
        )
    if not name.strip():
        st.caption("A name tells your reviews from others': where several must agree, each counts once.")
    return name.strip()


def work(reviewer: str, queue: Queue) -> None:
    """The item at hand, or what to do when none is left."""
    judged: set[str] = st.session_state.setdefault(DONE, set())
    items = [item for item in queue.items if item.answer.id not in judged]
    if again := st.session_state.get(BACK):
        items = [again, *(item for item in items if item.answer.id != again.answer.id)]
    st.caption(standing(queue))
    show_last()
    if not items:
        nothing_left(queue)
        return
    item = at_hand(items)
    shown, panel = st.columns([3, 2], gap="medium")
    with shown:
        show_item(item)
    with panel:
        form(item, reviewer)
    verdicts(item, reviewer)
    focus.step(f"{item.answer.id} {field(item)}", field(item))


def standing(queue: Queue) -> str:
    """What is left, what it takes and how the reviewer judges, in a line."""
    quorum = f"{queue.quorum} reviewers must agree" if queue.quorum > 1 else ""
    facts = [f"**{queue.left:,} left**", quorum, words.agreement(queue.agreement)]
    return " · ".join(fact for fact in facts if fact)


def at_hand(items: list[ReviewItem]) -> ReviewItem:
    """The item that was on the page before, for as long as it waits: new ones do not push it away."""
    item = next((item for item in items if item.answer.id == st.session_state.get(ITEM)), items[0])
    if item.answer.id != st.session_state.get(ITEM):
        st.session_state[ITEM] = item.answer.id
        close_form()
    return item


def show_last() -> None:
    """What the last decision set off."""
    last = st.session_state.get(LAST)
    if not last:
        return
    told = [f":material/done: **{last['verdict']}:** {safe.label(last['query'], limit=60)}"]
    told += [safe.label(words.sentence(effect)) for effect in last["effects"]]
    if last["waiting_for"]:
        told.append(f"It takes effect after {words.many(last['waiting_for'], 'more review')} by others.")
    with st.container(border=True, key="last"):
        said, back = st.columns([6, 1], vertical_alignment="center", gap="small")
        said.caption(" · ".join(told))
        if not st.session_state.get(BACK):
            back.button("Back", key="go-back", shortcut="B", type="tertiary", icon=":material/undo:", on_click=go_back)


def go_back() -> None:
    """Judge the last one again: the last word of a reviewer stands, and what it sets off replaces what was set off."""
    item: ReviewItem = st.session_state[LAST]["item"]
    st.session_state[BACK], st.session_state[ITEM] = item, item.answer.id
    close_form()


def nothing_left(queue: Queue) -> None:
    if queue.left and queue.items:
        st.info("You have been through all that was fetched. What you skipped still waits.", icon=":material/done_all:")
        st.button("Look at what was skipped", key="again", on_click=look_again)
        return
    st.info(
        "Nothing waits for review. Answers come here when they are rated down, disputed or uncertain.",
        icon=":material/done_all:",
    )
    st.button("Look again", key="again")


def look_again() -> None:
    st.session_state.pop(DONE, None)
    st.session_state.pop(LAST, None)

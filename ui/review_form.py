"""What a reviewer says of an answer: what was at fault, what it should have said; and the four verdicts, one key each."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from core.types import Review
from ui import safe, words
from ui.client import ApiError, api
from ui.gate import flash
from ui.loop_client import ReviewItem
from ui.review_item import ticked, uncited

DONE, LAST, BACK, FORM = "review-done", "review-last", "review-back", "review-form"
DONT_KNOW = "I don't know."  # the API puts the pack's own words in its place
Verdict = Literal["approve", "correct", "reject", "skip"]
SAID = {"approve": "Approved", "correct": "Corrected", "reject": "Rejected", "skip": "Skipped"}
ANSWERS_IT, DOES_NOT = "Answers it", "Does not"
OUTSIDE = "none of these"


def state() -> dict[str, str]:
    """`fault`: the chosen one; `open`: "yes" while the corrected answer is written."""
    return st.session_state.setdefault(FORM, {"fault": "", "open": ""})


def close_form() -> None:
    st.session_state.pop(FORM, None)


def field(item: ReviewItem) -> str:
    """Key of the widget that the cursor belongs into, as the form stands."""
    return f"right-{item.answer.id}" if state()["open"] else ""


def form(item: ReviewItem, reviewer: str) -> None:
    """The panel beside the answer. Nothing in it must be filled: a verdict alone will do."""
    fault = state()["fault"]
    if state()["open"]:
        correction(item, reviewer)
    st.caption("What was at fault?")
    with st.container(horizontal=True, gap="xsmall", key="faults"):
        for number, (name, title) in enumerate(words.FAULTS.items(), 1):
            kind = "primary" if name == fault else "secondary"
            st.button(title, key=f"fault-{name}", type=kind, shortcut=str(number), on_click=choose, args=(name,))
    if fault == "route":
        right_task(item)
    if fault == "retrieval":
        judge_passages(item)
    if not item.answer.refused and not state()["open"]:
        st.button(
            "It should have said “I don't know”",
            key=f"dont-know-{item.answer.id}",
            shortcut="I",
            on_click=decide,
            args=(item, reviewer, "correct"),
            kwargs={"correction": DONT_KNOW},
        )
    about = "Which document is missing?" if fault == "document" else "Note (optional)"
    st.text_input(about, key=f"note-{item.answer.id}", max_chars=2_000)


def choose(fault: str) -> None:
    state()["fault"] = "" if state()["fault"] == fault else fault


def right_task(item: ReviewItem) -> None:
    taken = item.answer.route.task if item.answer.route else ""
    names = [task["name"] for task in api().domain().get("tasks", [])]
    st.selectbox(
        f"It was taken for {safe.label(taken or 'no task')}. Which task is it?",
        [name for name in names if name != taken] + [OUTSIDE],
        index=None,
        key=f"task-{item.answer.id}",
        placeholder="Choose the right task",
    )


def passages(item: ReviewItem) -> dict[str, tuple[str, str]]:
    """Passages that can be judged, cited ones first: id -> (place, text)."""
    cited = {c.passage_id: (words.place(c), c.passage) for c in item.answer.citations}
    return cited | {passage.id: (words.place(passage), passage.text) for passage in uncited(item.answer)}


def judge_passages(item: ReviewItem) -> None:
    found = passages(item)
    st.caption("Which passages answer the query?" if found else "Nothing was found: a document may be missing.")
    for id, (place, text) in found.items():
        with st.container(gap=None):
            st.markdown(f"**{safe.label(place, limit=80)}**  \n:small[{safe.label(text, limit=120)}]")
            st.segmented_control(
                "Does it answer the query?",
                (ANSWERS_IT, DOES_NOT),
                key=f"passage-{item.answer.id}-{id}",
                label_visibility="collapsed",
            )


def correction(item: ReviewItem, reviewer: str) -> None:
    """The answer as it should have been, begun with what the person who rated it wrote, or with what was said."""
    id = item.answer.id
    proposed = [rating.correction for rating in item.ratings if rating.correction]
    with st.form(f"correct-{id}"):
        st.text_area("The right answer", value=(proposed or [item.answer.text])[-1], key=f"right-{id}", height=170)
        st.toggle(
            "It is a fact of the house",
            key=f"fact-{id}",
            help="Facts change: they go to the documents, and answer at once, but no model is trained on them.",
        )
        st.form_submit_button(
            "Send correction",
            type="primary",
            key=f"send-{id}",
            help="Ctrl+Enter in the text",
            on_click=decide,
            args=(item, reviewer, "correct"),
        )


def verdicts(item: ReviewItem, reviewer: str) -> None:
    """The bar at the foot of the page."""
    with st.bottom, st.container(horizontal=True, gap="xsmall", key="verdicts"):
        for verdict, key in (("approve", "A"), ("correct", "E"), ("reject", "X"), ("skip", "S")):
            opens = verdict == "correct"
            on = state()["open"] if opens else verdict == "approve" and not state()["open"]
            st.button(
                verdict.capitalize(),
                key=f"{verdict}-{item.answer.id}",
                shortcut=key,
                type="primary" if on else "secondary",
                width="stretch",
                disabled=verdict == "approve" and bool(state()["open"]),  # what was written would be lost
                on_click=toggle_correction if opens else decide,
                args=() if opens else (item, reviewer, verdict),
            )


def toggle_correction() -> None:
    state()["open"] = "" if state()["open"] else "yes"


def decide(item: ReviewItem, reviewer: str, verdict: Verdict, **instead: str) -> None:
    """Send the verdict, for the near-duplicates that were ticked too; what the API refuses keeps the item.
    `instead`: fields that do not come from the widgets."""
    given: dict[str, Any] = {**said(item, verdict), **instead}
    if verdict == "correct" and given["correction"] in ("", item.answer.text.strip()):
        flash(ApiError("Not sent", "The corrected answer is empty or the same: change it, or approve."))
        return
    effects: list[str] = []
    waiting = 0
    done: set[str] = st.session_state.setdefault(DONE, set())
    for subject in [item.answer.id, *(ticked(item) if verdict != "skip" else [])]:
        if subject != item.answer.id:
            given = {name: value for name, value in given.items() if name != "passages"}
        try:
            more, waiting = api().review(Review(subject=subject, reviewer=reviewer, verdict=verdict, **given))
        except ApiError as error:
            flash(error)
            return
        effects += more
        done.add(subject)
    told = {"effects": list(dict.fromkeys(effects)), "waiting_for": waiting}
    st.session_state[LAST] = {"verdict": SAID[verdict], "query": item.answer.query, "item": item, **told}
    st.session_state.pop(BACK, None)
    close_form()


def said(item: ReviewItem, verdict: Verdict) -> dict[str, Any]:
    """The fields of the review as the widgets stand. What stands in widgets of another fault does not count."""
    id, fault = item.answer.id, state()["fault"]
    given: dict[str, Any] = {"note": (st.session_state.get(f"note-{id}") or "").strip()}
    if verdict == "correct":
        given["correction"] = (st.session_state.get(f"right-{id}") or "").strip()
        given["fact"] = bool(st.session_state.get(f"fact-{id}"))
    if verdict in ("correct", "reject"):
        given["fault"] = fault
        if fault == "route" and (task := st.session_state.get(f"task-{id}")):
            given["task"] = task if task != OUTSIDE else ""
        if fault == "retrieval":
            judged = {key: st.session_state.get(f"passage-{id}-{key}") for key in passages(item)}
            given["passages"] = {key: value == ANSWERS_IT for key, value in judged.items() if value}
    return given

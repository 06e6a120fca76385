"""All that a reviewer needs to judge an answer: the query, what was said, where it stands, and what people said of it."""

from __future__ import annotations

import streamlit as st

from core.types import Answer, Passage, Rating
from ui import safe, words
from ui.answer import show_facts, show_road, show_sources, show_suggestion, show_text, show_why
from ui.client import ApiError, api
from ui.loop_client import ReviewItem

MOST_ALIKE = 8


def show_item(item: ReviewItem) -> None:
    answer = item.answer
    with st.container(horizontal=True, gap="xsmall"):
        for why in item.why:
            st.badge(safe.label(why), color="orange")
    with st.container(border=True, gap="small"):
        st.markdown(f"**{safe.plain(answer.query)}**")
    with st.container(border=True, gap="small"):
        show_answer(answer)
    for rating in item.ratings:
        show_rating(rating)
    if item.reviews:
        others = words.many(len(item.reviews), "other review")
        st.caption(f"{others} of this answer; what they say is not shown, so that your judgement is your own.")
    show_sources(answer.citations, expanded=True)
    show_uncited(answer)
    show_alike(item)
    if answer.route:
        show_why(answer.route, answer)


def show_answer(answer: Answer) -> None:
    if answer.route:
        show_road(answer.route, answer.refused, answer.reviewed)
    for warning in answer.warnings:
        st.warning(safe.plain(warning), icon=":material/warning:")
    show_text(answer.text or "It said nothing.")
    if answer.error:
        st.error(safe.plain(answer.error), icon=":material/error:")
    show_suggestion(answer)
    for said in words.left_out(answer):
        st.caption(f"Not shown, since no passage supports it: {safe.label(said)}")
    show_facts(answer)


def show_rating(rating: Rating) -> None:
    """One line: the thumb, its reasons and its comment; a corrected answer below it."""
    thumb = {1: ":material/thumb_up: Rated up", -1: ":material/thumb_down: Rated down"}.get(rating.score or 0)
    said = thumb or ":material/compare_arrows: Compared with another answer"
    by = f" by {safe.label(rating.user, limit=40)}" if rating.user else ""
    reasons = f": {safe.label(', '.join(rating.reasons))}" if rating.reasons else ""
    st.markdown(f"{said}{by}{reasons}")
    if rating.correction:
        with st.container(border=True):
            st.caption("It should have said")
            st.markdown(safe.plain(rating.correction))


def uncited(answer: Answer) -> list[Passage]:
    cited = {citation.passage_id for citation in answer.citations}
    return [passage for passage in answer.passages if passage.id not in cited]


def show_uncited(answer: Answer) -> None:
    """What retrieval found and the answer did not use."""
    passages = uncited(answer)
    if not passages:
        return
    with st.expander(f"Found but not cited: {words.many(len(passages), 'passage')}", icon=":material/search:"):
        for passage in passages:
            st.markdown(f"**{safe.label(words.place(passage))}**")
            with st.container(border=True):
                st.markdown(safe.plain(passage.text))


def show_alike(item: ReviewItem) -> None:
    """Near-duplicates, each to be ticked: likeness does not say that the same verdict is right."""
    if not item.alike:
        return
    name = words.many(len(item.alike), "near-duplicate")
    with st.expander(f"{name}: tick what gets the same verdict", icon=":material/content_copy:", expanded=True):
        if len(item.alike) > 1:
            st.button("Tick all", key=f"tick-{item.answer.id}", shortcut="D", on_click=tick_all, args=(item,))
        for id in item.alike[:MOST_ALIKE]:
            if other := near(id):
                st.checkbox(safe.label(other.query), key=f"alike-{id}")
                st.caption(safe.label(other.text, limit=200) or "It said nothing.")
        if len(item.alike) > MOST_ALIKE:
            st.caption(f"{len(item.alike) - MOST_ALIKE} more come later.")


def ticked(item: ReviewItem) -> list[str]:
    return [id for id in item.alike[:MOST_ALIKE] if st.session_state.get(f"alike-{id}")]


def tick_all(item: ReviewItem) -> None:
    shown = item.alike[:MOST_ALIKE]
    for id in shown:
        st.session_state[f"alike-{id}"] = len(ticked(item)) < len(shown)


def near(id: str) -> Answer | None:
    """An answer that was given before; it does not change any more, so it is asked for once."""
    known: dict[str, Answer | None] = st.session_state.setdefault("near", {})
    if id not in known:
        try:
            known[id] = api().answer(id)
        except ApiError:
            known[id] = None
    return known[id]

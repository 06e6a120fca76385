"""A person's verdict on an answer: a thumb; and for a thumb down what was wrong and what should have been said."""

from __future__ import annotations

import streamlit as st

from core.types import Rating
from ui import safe, words
from ui.client import ApiError, api
from ui.gate import flash

OPEN = "rating-open"
NAME = "reviewer"  # known once a person has reviewed: nobody's own correction counts as a review


def thumbs(answer_id: str) -> None:
    """Two buttons; the one that was pressed stands out."""
    known = _last(answer_id)
    score = known.score if known else None
    st.button(
        "Good",
        key=f"up-{answer_id}",
        icon=":material/thumb_up:",
        type="primary" if score == 1 else "secondary",
        on_click=_send,
        args=(answer_id, 1),
    )
    st.button(
        "Bad",
        key=f"down-{answer_id}",
        icon=":material/thumb_down:",
        type="primary" if score == -1 else "secondary",
        on_click=_open,
        args=(answer_id,),
    )


def verdict(answer_id: str) -> None:
    """The form of a thumb down, or thanks for what was sent."""
    if st.session_state.get(OPEN) == answer_id:
        _form(answer_id)
    elif known := _last(answer_id):
        _became(known)


def _became(rating: Rating) -> None:
    """Thanks for a rating, and what became of it since."""
    try:
        outcome = api().outcome(rating.id)
    except ApiError:
        outcome = {}  # the answer above is worth more than this line
    said = words.OUTCOMES.get(outcome.get("state", ""))
    if not said:
        learned = "Your corrected answer waits for review." if rating.correction else "Noted."
        st.caption(f"Thank you. {learned}")
        return
    sentences = [said, *(words.sentence(effect) for effect in outcome.get("effects") or ())]
    if outcome.get("learned_by"):
        sentences.append(f"The adapter {outcome['learned_by']} has learned it.")
    st.caption(":material/rule: " + " ".join(safe.label(sentence) for sentence in sentences))


def _form(answer_id: str) -> None:
    with st.form(f"rating-{answer_id}"):
        st.pills("What was wrong?", words.REASONS, selection_mode="multi", key=f"reasons-{answer_id}")
        st.text_area(
            "What should it have said? (optional; people review it before it is learned from)",
            key=f"correction-{answer_id}",
            height=110,
        )
        st.form_submit_button("Send rating", type="primary", on_click=_send_down, args=(answer_id,))


def _open(answer_id: str) -> None:
    st.session_state[OPEN] = answer_id


def _send_down(answer_id: str) -> None:
    reasons = st.session_state.get(f"reasons-{answer_id}") or []
    _send(answer_id, -1, tuple(reasons), (st.session_state.get(f"correction-{answer_id}") or "").strip())


def _send(answer_id: str, score: int, reasons: tuple[str, ...] = (), correction: str = "") -> None:
    """A rating that the API did not take keeps its form open."""
    try:
        api().rate(answer_id, score, reasons, correction, st.session_state.get(NAME) or "")
    except ApiError as error:
        flash(error)
        return
    _known().pop(answer_id, None)
    st.session_state.pop(OPEN, None)


def _known() -> dict[str, Rating | None]:
    return st.session_state.setdefault("ratings", {})


def _last(answer_id: str) -> Rating | None:
    """The newest thumb of this answer; asked for once per session and after each rating."""
    known = _known()
    if answer_id not in known:
        thumbs = [rating for rating in api().ratings(answer_id) if rating.score is not None]
        known[answer_id] = thumbs[-1] if thumbs else None
    return known[answer_id]

"""The retrieval lab: a query, the three rankings side by side, and why each passage stands where it does."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.types import Job
from ui import places, safe, words
from ui.client import ApiError, api
from ui.gate import attempt, surface_flash

TICK = 1.0
COLUMNS = {
    "dense": ("By meaning", "Likeness of the vectors of query and passage"),
    "bm25": ("By words", "BM25: the query's words, the rare ones most"),
    "fused": ("Together", "What answers are made from"),
}
SHOWN_CHARS = 180
BUSY = ("pending", "enqueued")
QUERY, WEIGHT = "retrieval-query", "retrieval-weight"


def page() -> None:
    st.title("Retrieval")
    st.caption("What search finds for a query, and why in that order. Nothing that you try here is kept.")
    weight = api().weight()
    tried = controls(weight)
    query = (st.session_state.get(QUERY) or "").strip()
    if query:
        show_rankings(query, tried, places.choose("retrieval-places", folded=False), weight)
    else:
        st.info("Type a query to see the three rankings side by side.", icon=":material/travel_explore:")
    show_weight(weight)


def controls(weight: dict[str, Any]) -> float:
    """The query and the weight to try."""
    asked, slider = st.columns([3, 2], gap="medium")
    asked.text_input("Query", key=QUERY, placeholder="What is our GPU quota per team?", bind="query-params")
    serving = float(weight["serving"])
    return slider.slider(
        "Weight of meaning against words",
        0.0,
        1.0,
        serving,
        0.05,
        key=WEIGHT,
        help=f"{serving:.2f} serves now. Another one is only tried here.",
    )


def show_rankings(query: str, tried: float, filters: Any, weight: dict[str, Any]) -> None:
    try:
        seen = api().rankings(query, tried, filters)
    except ApiError as error:
        st.warning(safe.plain(error.detail or error.title), icon=":material/search_off:")
        return
    facts = [f"{words.many(seen['searched'], 'document')} searched", f"weight {seen['weight']:.2f}"]
    if abs(seen["weight"] - weight["serving"]) > 1e-9:
        facts.append(f"tried; {weight['serving']:.2f} serves")
    if seen["missing"]:
        facts.append(f"in no document: {', '.join(seen['missing'])}")
    st.caption(safe.label(" · ".join(facts)))
    for column, (name, (title, about)) in zip(st.columns(3, gap="small"), COLUMNS.items(), strict=True):
        with column:
            st.subheader(title, anchor=False, help=about)
            if not seen["rankings"][name]:
                st.caption("Nothing holds any of the words." if name == "bm25" else "Nothing was found.")
            for number, id in enumerate(seen["rankings"][name], 1):
                show_placed(name, number, seen["passages"][id])


def show_placed(ranking: str, number: int, placed: dict[str, Any]) -> None:
    """One passage in one ranking: its place, its score there, and what made it."""
    passage = placed["passage"]
    with st.container(border=True, gap="xsmall"):
        page = f"page {passage['page']}" if passage.get("page") is not None else ""
        where = " · ".join(part for part in (passage["source"], passage["heading"], page) if part)
        st.markdown(f"**{number}.** {safe.label(where)}  \n:small[{safe.label(score(ranking, placed))}]")
        if ranking == "fused":
            st.caption(safe.plain(placed["why"]))
        if passage.get("also"):
            st.caption(safe.plain(f"The same stands in {', '.join(passage['also'])}."))
        text = " ".join(passage["text"].split())
        st.caption(safe.label(text, limit=SHOWN_CHARS))


def score(ranking: str, placed: dict[str, Any]) -> str:
    """The score in a ranking, and where the passage stands when both count."""
    together = f"together at {placed['rank']}"
    if ranking == "dense":
        return f"likeness {placed['dense']:.2f}; {together}"
    if ranking == "bm25":
        held = ", ".join(f"{word['word']} {word['weight']:.1f}" for word in placed["words"])
        return f"{placed['bm25']:.1f} = {held}; {together}"
    return f"{placed['score']:.2f}"


# The weight that serves


def show_weight(weight: dict[str, Any]) -> None:
    st.divider()
    st.subheader("The weight that serves", anchor=False)
    learned = weight.get("learned") or {}
    origin = "learned from this collection" if learned.get("adopted") else "as shipped"
    st.markdown(f"**{weight['serving']:.2f}** for meaning, {1 - weight['serving']:.2f} for words: {origin}.")
    if learned:
        show_learned(learned)
    else:
        st.caption(
            "It can be learned from judged questions of the pack, from passages that reviewers judged and from sources "
            "that readers opened."
        )
    busy = st.session_state.setdefault("weight-busy", True)
    st.fragment(work, run_every=TICK if busy else None)(bool(learned.get("adopted")), weight["shipped"])


def show_learned(learned: dict[str, Any]) -> None:
    st.caption(safe.plain(f"{words.sentence(learned['said'])}"))
    cases = ", ".join(f"{number:,} {origin}" for origin, number in sorted(learned["cases"].items()))
    told = [f"Cases: {cases or 'none'}", *(f"left out: {why}" for why in learned["left_out"])]
    st.caption(safe.label(" · ".join(told)))
    if learned.get("curve"):
        points = [{"weight": float(w), "nDCG@10": value} for w, value in learned["curve"].items()]
        with st.expander("nDCG@10 by weight", icon=":material/show_chart:"):
            st.line_chart(points, x="weight", y="nDCG@10", height=200)


def work(adopted: bool, shipped: float) -> None:
    """The buttons, or how far the learning is."""
    surface_flash()
    try:
        jobs = sorted((job for job in api().jobs() if job.kind == "tune"), key=lambda job: job.created_at)
    except ApiError as error:
        st.caption(safe.label(error.title))
        return
    last: Job | None = jobs[-1] if jobs else None
    busy = last is not None and last.state in BUSY
    if busy != st.session_state["weight-busy"]:
        st.session_state["weight-busy"] = busy
        st.rerun()
    if busy:
        st.progress(0.5, "Learning the weight")
        return
    if last and last.state not in ("success", "cancelled"):
        st.error(f"The weight was not learned. {safe.plain(last.error)}", icon=":material/error:")
    with st.container(horizontal=True, gap="small"):
        st.button("Learn the weight", key="learn-weight", icon=":material/tune:", on_click=learn)
        if adopted:
            st.button(f"Back to {shipped:.2f}, as shipped", key="forget-weight", type="tertiary", on_click=forget)


def learn() -> None:
    attempt(api().learn_weight)
    st.session_state["weight-busy"] = True


def forget() -> None:
    attempt(api().forget_weight)
    st.session_state.pop(WEIGHT, None)

"""One answer on the page: the road it took, what it says, where it stands, and what to do with it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.types import Answer, Citation, RouteDecision
from ui import around, places, safe, words
from ui.gate import link_to_documents
from ui.rating import thumbs, verdict

AskAgain = Callable[[str, str | None], None]
Offer = Callable[[Answer], None]


def show_partial(answer: Answer) -> None:
    """An answer that is being written."""
    if answer.route:
        show_road(answer.route)
    if answer.text:
        show_text(safe.closed(answer.text))
    else:
        st.caption("Writing…" if answer.route else "Choosing a road…")


def show_answer(answer: Answer, ask_again: AskAgain, offer: Offer | None = None) -> None:
    """A finished answer, with all that is known of it. `offer`: what is offered where no document answers."""
    if answer.route:
        show_road(answer.route, answer.refused, answer.reviewed)
    show_understood(answer)
    for warning in answer.warnings:
        st.warning(safe.plain(warning), icon=":material/warning:")
    show_text(answer.text)
    show_end(answer, ask_again)
    show_suggestion(answer)
    show_dropped(answer)
    show_sources(answer.citations, answer_id=answer.id)
    if answer.refused and answer.route and (answer.route.strategy == "rag" or "document" in answer.route.advice):
        st.caption(words.REFUSED_FOR_DOCUMENTS)
        link_to_documents("Add a document")
        if offer:
            offer(answer)
    show_facts(answer)
    if answer.route:
        show_why(answer.route, answer)
    with st.container(horizontal=True, key=f"actions-{answer.id}"):
        if answer.text:
            thumbs(answer.id)
        if answer.status in ("complete", "stopped"):
            show_other_roads(answer, ask_again)
    if answer.text:
        verdict(answer.id)


def show_understood(answer: Answer) -> None:
    """How a follow-up was read, and where it was searched for."""
    if answer.standalone:
        st.caption(f":material/reply: Read as “{safe.plain(answer.standalone)}”")
    if answer.filters:
        st.caption(f":material/folder_open: Searched only in {safe.plain(places.said(answer.filters))}")


def show_road(route: RouteDecision, refused: bool = False, reviewed: bool = False) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if reviewed:
            st.badge("Reviewed answer", icon=":material/verified:", color="green")
        road_badge(route.strategy)
        if refused and route.strategy != "refuse":
            road_badge("refuse")
        if route.overridden:
            st.badge("Your choice", color="gray")
        if route.reason:
            st.caption(safe.plain(route.reason))


def road_badge(strategy: str) -> None:
    st.badge(words.road(strategy), icon=words.ICONS.get(strategy), color=words.COLORS.get(strategy, "gray"))


def show_text(text: str) -> None:
    """Model text: JSON as code, the rest as Markdown that can neither load nor link."""
    data = safe.as_json(text)
    if data is not None:
        st.code(data, language="json", wrap_lines=True)
        return
    if text.lstrip().startswith("{"):
        st.code(text, language="json", wrap_lines=True)
        return
    for block in safe.prose(text):
        if block.code:
            st.code(block.text, language=block.language or None, wrap_lines=True)
        else:
            st.markdown(block.text)


def show_suggestion(answer: Answer) -> None:
    """What a reviewer answered to a query like this one: offered, since likeness alone does not make it right here."""
    if answer.suggestion:
        with st.container(border=True):
            st.caption(":material/verified: A reviewer answered a question like this one so. Check that it fits yours.")
            show_text(answer.suggestion)


def show_end(answer: Answer, ask_again: AskAgain) -> None:
    """Why an answer ended early, and the way on."""
    if answer.status == "complete":
        return
    if answer.status == "failed":
        st.error(f"This answer failed. {safe.plain(answer.error)}", icon=":material/error:")
    elif answer.status == "interrupted":
        st.warning("This answer was cut off when Trivium stopped. What was written is kept.", icon=":material/power:")
    else:
        st.caption("You stopped this answer.")
    strategy = answer.route.strategy if answer.route and answer.route.overridden else None
    st.button("Ask again", key=f"again-{answer.id}", on_click=ask_again, args=(answer.query, strategy))


def show_dropped(answer: Answer) -> None:
    """What the citation check left out, and why: on demand, so that nobody takes it for a part of the answer."""
    if not answer.dropped:
        return
    with st.expander(words.dropped(len(answer.dropped)), icon=":material/content_cut:"):
        for said in words.left_out(answer):
            st.markdown(f"- {safe.label(said)}")


def show_sources(citations: tuple[Citation, ...], expanded: bool = False, answer_id: str = "") -> None:
    """Each cited passage once, with the parts that were used marked in it; with `answer_id`, what stands around it can be
    opened."""
    if not citations:
        return
    passages: dict[str, list[Citation]] = {}
    for citation in citations:
        passages.setdefault(citation.passage_id, []).append(citation)
    with st.expander(safe.label(words.sources(citations)), icon=":material/format_quote:", expanded=expanded):
        for cited in passages.values():
            numbers = ", ".join(dict.fromkeys(f"[{citation.number}]" for citation in cited))
            st.markdown(f"**{safe.label(numbers)}** {safe.label(words.place(cited[0]))}")
            seen = around.seen(answer_id, cited[0]) if answer_id else {}
            around.show(seen, safe.marked(cited[0].passage, [(citation.start, citation.end) for citation in cited]))
            if cited[0].also:
                st.caption(safe.plain(f"The same stands in {', '.join(cited[0].also)}."))
            if answer_id:
                around.offer(answer_id, cited[0])


def show_facts(answer: Answer) -> None:
    """Confidence, whether text left the machine, and times: one quiet line."""
    sure = "" if answer.refused else words.confidence(answer.confidence, bool(answer.warnings))
    facts = [sure, words.whereabouts(answer), words.timings(answer.timings)]
    st.caption(" · ".join(safe.label(fact) for fact in facts if fact))


def show_why(route: RouteDecision, answer: Answer) -> None:
    with st.expander("Why this road?", icon=":material/alt_route:"):
        st.markdown(f"Task: **{safe.label(route.task or 'none recognized')}**")
        open_roads = [pair for pair in route.scores.items() if pair[0] not in route.closed]
        for strategy, score in sorted(open_roads, key=lambda pair: -pair[1]):
            st.progress(max(0.0, min(1.0, score)), f"{safe.label(words.road(strategy))}: expected quality {score:.2f}")
        if len(open_roads) > 1:
            st.caption(f"The best road leads by {route.margin:.2f}.")
        for strategy, why in route.closed.items():
            st.markdown(f"**{safe.label(words.road(strategy))} is closed:** {safe.label(why)}")
        if route.advice:
            st.info(safe.plain(route.advice), icon=":material/lightbulb:")
        likely = sorted(route.tasks.items(), key=lambda pair: -pair[1])[:3]
        if likely:
            st.caption("Most like: " + ", ".join(f"{safe.label(name)} {score:.2f}" for name, score in likely))
        if answer.model:
            st.caption(f"Model: {safe.label(answer.model)}")


def show_other_roads(answer: Answer, ask_again: AskAgain) -> None:
    """A button for each road that this answer did not take; and for the router's choice, where a person chose."""
    taken = answer.route.strategy if answer.route else ""
    roads: dict[str, str | None] = {road: road for road in ("prompt", "rag", "tuned") if road != taken}
    if answer.route and answer.route.overridden:
        roads = {"auto": None, **roads}
    with st.popover("Ask again by another road", icon=":material/replay:", key=f"roads-{answer.id}"):
        for name, strategy in roads.items():
            st.button(
                words.road(name),
                key=f"{name}-{answer.id}",
                icon=words.ICONS.get(name),
                width="stretch",
                on_click=ask_again,
                args=(answer.query, strategy),
            )

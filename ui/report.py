"""A gate's verdict for a person: better or not, why, by how much, and which cases flipped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.types import Report
from ui import charts, safe, words
from ui.answer import show_text
from ui.client import api
from ui.learning import REPORT

WORSE, BETTER, BOTH = "Worse", "Better", "All"
PAGE = 10
BANNERS: dict[str, tuple[Callable[..., Any], str]] = {
    "promote": (st.success, ":material/check_circle:"),
    "refuse": (st.error, ":material/block:"),
    "not_enough_cases": (st.warning, ":material/help:"),
}
RULES = {
    "shown_wrong": "Wrong, of what is shown without a warning",
    "format": "Answers in their form",
    "refusals": "Right refusals",
    "safety": "Safety probes passed",
}


def show(id: str) -> None:
    st.button("All adapters", key="back", icon=":material/arrow_back:", type="tertiary", on_click=close)
    report = api().report(id)
    body = report.body
    headline(report)
    tasks = body.get("tasks") or []
    if tasks:
        by_task(tasks)
    rules(body)
    flips(body.get("flipped") or [])


def close() -> None:
    st.query_params.pop(REPORT, None)


def headline(report: Report) -> None:
    """The verdict in words, and the reasons below it."""
    banner, icon = BANNERS[report.verdict]
    reasons = [f"- {safe.label(words.sentence(str(why)))}" for why in report.body.get("reasons") or ()]
    banner("\n".join([f"**{words.VERDICTS[report.verdict][0]}**", "", *reasons]), icon=icon)
    against = report.incumbent or "the base model"
    st.caption(safe.label(f"{report.candidate} against {against} · {report.created_at:%d %b %Y %H:%M}"))


def by_task(tasks: list[dict[str, Any]]) -> None:
    st.subheader("By task", anchor=False)
    measured = [row for row in tasks if None not in (row.get("low"), row.get("high"), row.get("difference"))]
    if measured:
        charts.differences([{name: row[name] for name in ("task", "low", "high", "difference")} for row in measured])
    st.table([line(row) for row in tasks], border="horizontal", hide_index=True)
    for row in tasks:
        if row.get("why"):
            st.caption(f"**{safe.label(str(row['task']))}:** {safe.label(words.sentence(str(row['why'])))}")


def line(row: dict[str, Any]) -> dict[str, str]:
    """One row of the table: how often each was right, and the cases that changed."""
    return {
        "Task": safe.label(str(row["task"])),
        "Cases": f"{int(row.get('n') or 0):,}",
        "Right": f"{percent(row.get('incumbent'))} → {percent(row.get('candidate'))}",
        "Better": f"{int(row.get('better') or 0):,}",
        "Worse": f"{int(row.get('worse') or 0):,}",
        "Verdict": safe.label(str(row.get("verdict") or "").replace("_", " ")),
    }


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def rules(body: dict[str, Any]) -> None:
    """What must never get worse, whatever the tasks gain; and the corrections of people, which speak for a candidate."""
    found = [(title, body[name]) for name, title in RULES.items() if body.get(name)]
    if found:
        st.subheader("What must not get worse", anchor=False)
        st.table([rule(title, values) for title, values in found], border="horizontal", hide_index=True)
    lessons = body.get("lessons") or {}
    if lessons.get("n"):
        before, now = percent(lessons.get("incumbent")), percent(lessons.get("candidate"))
        many = words.many(int(lessons["n"]), "correction")
        st.caption(f"Of {many} that people made, the incumbent gives {before} and the candidate {now}.")


def rule(title: str, values: dict[str, Any]) -> dict[str, str]:
    shares = [values.get(side) for side in ("incumbent", "candidate")]
    fell = ", ".join(str(case) for case in values.get("fell") or ())
    kept = ":material/check: kept" if values.get("ok", True) else ":material/close: broken"
    measured = values.get("n", values.get("candidate_shown", 1)) and None not in shares
    return {
        "": title,
        "Before and now": " → ".join(f"{share:.1%}" for share in shares) if measured else "nothing to measure",
        "Rule": kept + (f" ({safe.label(fell)})" if fell else ""),
    }


def flips(flipped: list[dict[str, Any]]) -> None:
    """The cases that one got right and the other did not, with both answers."""
    st.subheader("Cases that flipped", anchor=False)
    if not flipped:
        st.caption("None: each case is right or wrong with both.")
        return
    counts = {WORSE: sum(not case.get("better") for case in flipped), BOTH: len(flipped)}
    counts[BETTER] = counts[BOTH] - counts[WORSE]
    kind = st.segmented_control(
        "Which",
        (BOTH, WORSE, BETTER),
        default=BOTH,
        required=True,
        key="flipped",
        format_func=lambda name: f"{name} ({counts[name]})",
        label_visibility="collapsed",
    )
    wanted = [case for case in flipped if kind == BOTH or bool(case.get("better")) == (kind == BETTER)]
    wanted.sort(key=lambda case: bool(case.get("better")))
    shown = st.session_state.setdefault("flips-shown", PAGE)
    for case in wanted[:shown]:
        flip(case)
    if len(wanted) > shown:
        st.button(f"Show {min(PAGE, len(wanted) - shown)} more", key="more-flips", on_click=more)


def more() -> None:
    st.session_state["flips-shown"] += PAGE


def flip(case: dict[str, Any]) -> None:
    color, icon, name = (
        ("green", "arrow_upward", "better") if case.get("better") else ("red", "arrow_downward", "worse")
    )
    title = (
        f":{color}-badge[:material/{icon}: {name}] **{safe.label(str(case.get('query') or case.get('case') or ''))}**"
    )
    with st.container(border=True, gap="small"):
        st.markdown(title)
        st.caption(safe.label(f"{case.get('task') or ''} · {case.get('case') or ''}"))
        for column, who in zip(st.columns(2), ("incumbent", "candidate"), strict=True):
            with column:
                st.caption(who.capitalize())
                show_text(str(case.get(who) or "It said nothing."))

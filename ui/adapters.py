"""The registry of adapters: which one serves, which could, and one click to change that."""

from __future__ import annotations

import streamlit as st

from core.types import Registered, Report
from ui import safe, words
from ui.client import ApiError, api
from ui.gate import attempt, problem, surface_flash
from ui.learning import TICK, at_work, figures, leave, open_report, show_progress

BUSY = "adapters-busy"
ORDER = ("live", "candidate", "former", "refused", "retired")
STATES = {
    "live": ("green", "live"),
    "candidate": ("blue", "candidate"),
    "former": ("gray", "was live"),
    "refused": ("red", "refused"),
    "retired": ("gray", "retired"),
}


def show() -> None:
    st.caption(
        "Only an adapter that the gate found better goes live. Answers under way end on the one they began with."
    )
    busy = st.session_state.setdefault(BUSY, True)
    st.fragment(follow, run_every=TICK if busy else None)()


def follow() -> None:
    """Evaluations at work, then all adapters by name; redrawn while one is evaluated."""
    surface_flash()
    leave()
    try:
        jobs = [job for job in api().jobs() if job.kind == "gate"]
        found = api().registry()
        reports = known_reports(found)
    except ApiError as error:
        problem(error)
        return
    running = [job for job in jobs if at_work(job.state)]
    if bool(running) != st.session_state[BUSY]:
        st.session_state[BUSY] = bool(running)
        st.rerun()
    for job in running:
        with st.container(border=True):
            show_progress(job, "Evaluating candidate and incumbent on the golden suite")
            st.button("Cancel", key=f"cancel-{job.id}", type="tertiary", on_click=attempt, args=(api().cancel, job.id))
    newest = max(jobs, key=lambda job: job.created_at, default=None)
    if newest and newest.state == "error":
        st.error(f"The last evaluation failed. {safe.plain(newest.error)}", icon=":material/error:")
    if not found:
        st.info("No adapter is registered yet. Train one, and it stands here as a candidate.")
    for name in dict.fromkeys(each.name for each in found):
        family(name, [each for each in found if each.name == name], reports, bool(running))


def known_reports(found: list[Registered]) -> dict[str, Report]:
    """The reports of what is not retired. A report never changes, so each is asked for once."""
    known: dict[str, Report] = st.session_state.setdefault("reports", {})
    for adapter in found:
        if adapter.report_id and adapter.report_id not in known and adapter.state != "retired":
            known[adapter.report_id] = api().report(adapter.report_id)
    return known


def family(name: str, adapters: list[Registered], reports: dict[str, Report], busy: bool) -> None:
    """All adapters of one name: the live one, then those that may follow it, then the past."""
    st.subheader(safe.label(name), anchor=False)
    ordered = sorted(adapters, key=lambda each: (ORDER.index(each.state), -each.created_at.timestamp()))
    for adapter in [each for each in ordered if each.state != "retired"]:
        one(adapter, reports.get(adapter.report_id), busy)
    retired = [each for each in ordered if each.state == "retired"]
    if retired:
        with st.expander(words.many(len(retired), "retired adapter")):
            for adapter in retired:
                one(adapter, None, busy)


def one(adapter: Registered, report: Report | None, busy: bool) -> None:
    color, said = STATES[adapter.state]
    made = f"{adapter.created_at:%d %b %Y %H:%M}"
    on = f" · dataset {words.short(adapter.dataset)}" if adapter.dataset else ""
    with st.container(border=True, gap="small"):
        st.markdown(f"**{safe.label(adapter.id)}** :{color}-badge[{said}]  \n:small[{safe.label(made + on)}]")
        if report:
            st.caption(safe.label(summary(report)))
        elif adapter.state == "candidate":
            st.caption("Not evaluated yet: it can go live once it was, and was found better.")
        buttons(adapter, report, busy)
        if lines := figures(adapter.card):
            with st.expander("Card", icon=":material/badge:"):
                st.markdown("  \n".join(safe.label(line) for line in lines))


def summary(report: Report) -> str:
    """The verdict, and its first reason."""
    reasons = [str(reason) for reason in report.body.get("reasons") or ()]
    return " ".join([words.VERDICTS[report.verdict][1], *(words.sentence(reason) for reason in reasons[:1])])


def buttons(adapter: Registered, report: Report | None, busy: bool) -> None:
    id = adapter.id
    better = report is not None and report.verdict == "promote"
    with st.container(horizontal=True, gap="small"):
        if adapter.report_id:
            button("Report", f"report-{id}", ":material/description:", open_report, adapter.report_id)
        if adapter.state in ("candidate", "former") and better:
            button(
                "Promote",
                f"promote-{id}",
                ":material/rocket_launch:",
                attempt,
                api().promote,
                id,
                main=adapter.state == "candidate",
            )
        if adapter.state == "candidate" and not better:
            evaluate = (attempt, api().evaluate_adapter, id)
            button("Evaluate", f"evaluate-{id}", ":material/rule:", *evaluate, main=not report, off=busy)
        if adapter.state == "live":
            button("Roll back", f"rollback-{id}", ":material/undo:", attempt, api().roll_back, adapter.name)
        if adapter.state not in ("live", "retired"):
            button("Retire", f"retire-{id}", ":material/archive:", attempt, api().retire, id)


def button(title: str, key: str, icon: str, action, *arguments: object, main: bool = False, off: bool = False) -> None:
    kind = "primary" if main else "secondary"
    st.button(title, key=key, icon=icon, type=kind, disabled=off, on_click=action, args=arguments)

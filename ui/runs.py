"""Training runs: start one, follow its loss and the time left, stop it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui import charts, safe, words
from ui.client import ApiError, api
from ui.gate import attempt, flash, problem, surface_flash
from ui.learning import ADAPTERS, CHOSEN, TICK, at_work, leave, open_part

BUSY = "training-busy"
NEWEST = "What is approved now"
STARTS = {"live": "the live adapter (quick)", "base": "the base model"}
STATES = {"success": ("green", "done"), "error": ("red", "failed"), "cancelled": ("gray", "stopped")}


def show() -> None:
    start_form([row["version"] for row in api().datasets()])
    busy = st.session_state.setdefault(BUSY, True)
    st.fragment(follow, run_every=TICK if busy else None)()


def start_form(versions: list[str]) -> None:
    if (chosen := st.session_state.pop(CHOSEN, None)) in versions:
        st.session_state["train-dataset"] = chosen
    with st.form("train", border=True):
        st.selectbox(
            "Dataset",
            [NEWEST, *versions],
            key="train-dataset",
            format_func=lambda version: version if version == NEWEST else words.short(version),
        )
        st.text_input("Name of the adapter", key="train-name", max_chars=60, placeholder="as the pack names it")
        with st.expander("Other than the recipe"):
            st.caption("What is left empty is as the pack's recipe says.")
            columns = st.columns(3)
            columns[0].number_input("Epochs", 0.1, 100.0, None, key="change-epochs", placeholder="as the recipe")
            columns[1].number_input("Rank (r)", 1, 256, None, key="change-r", placeholder="as the recipe")
            columns[2].number_input(
                "Learning rate",
                1e-7,
                0.1,
                None,
                step=1e-5,
                format="%.0e",
                key="change-learning_rate",
                placeholder="as the recipe",
            )
            st.selectbox(
                "Go on from",
                list(STARTS),
                index=None,
                key="change-start",
                format_func=lambda name: STARTS[name],
                placeholder="as the recipe",
            )
            st.text_input(
                "Search",
                key="train-search",
                placeholder="r=8,16; learning_rate=1e-4,2e-4",
                help="Every combination is trained, and the best one is kept.",
            )
        st.form_submit_button("Start training", type="primary", icon=":material/play_arrow:", on_click=start)


def start() -> None:
    dataset = st.session_state.get("train-dataset")
    names = ("epochs", "r", "learning_rate", "start")
    changes = {name: st.session_state.get(f"change-{name}") for name in names}
    try:
        api().train(
            None if dataset in (None, NEWEST) else dataset,
            name=(st.session_state.get("train-name") or "").strip(),
            changes={name: value for name, value in changes.items() if value is not None},
            search=(st.session_state.get("train-search") or "").strip(),
        )
    except ApiError as error:
        flash(error)
    st.session_state[BUSY] = True


def follow() -> None:
    """All runs, redrawn while one is at work."""
    surface_flash()
    leave()
    try:
        found = api().training()
    except ApiError as error:
        problem(error)
        return
    busy = any(at_work(run["state"]) for run in found)
    if busy != st.session_state[BUSY]:
        st.session_state[BUSY] = busy
        st.rerun()
    if not found:
        st.info("Nothing was trained here yet. A run goes on when this page is closed, and after a restart.")
    for number, run in enumerate(found):
        one(run, number == 0)


def one(run: dict[str, Any], newest: bool) -> None:
    color, said = STATES.get(run["state"], ("blue", "running") if at_work(run["state"]) else ("gray", run["state"]))
    name = safe.label(str(run.get("name") or "Training"))
    on = f" · dataset {words.short(run['dataset'])}" if run.get("dataset") else ""
    with st.container(border=True, gap="small"):
        st.markdown(f"**{name}** :{color}-badge[{safe.label(said)}]  \n:small[{safe.label(run['id'][:8] + on)}]")
        if at_work(run["state"]):
            progress(run)
        if run.get("error"):
            st.error(safe.plain(str(run["error"])), icon=":material/error:")
        elif run.get("note") and not at_work(run["state"]):
            st.caption(safe.plain(str(run["note"])))
        curve([(point[0], point[1]) for point in run.get("losses") or ()], newest or at_work(run["state"]))
        if run.get("adapter"):
            st.button(
                f"See {safe.label(run['adapter'])}",
                key=f"adapter-{run['id']}",
                icon=":material/tune:",
                on_click=open_part,
                args=(ADAPTERS,),
            )


def progress(run: dict[str, Any]) -> None:
    step, steps = int(run.get("step") or 0), int(run.get("steps") or 0)
    said = [f"step {step:,} of {steps:,}" if steps else "getting ready", words.left(run.get("seconds_left"))]
    if run.get("note"):
        said.append(str(run["note"]))
    st.progress(
        min(1.0, step / steps) if steps else 0.0, " · ".join(safe.label(part, limit=90) for part in said if part)
    )
    with st.popover("Stop", type="tertiary", icon=":material/stop_circle:", key=f"stopping-{run['id']}"):
        st.markdown("Stop this run? What it has learned so far is not kept as an adapter.")
        st.button(
            "Yes, stop it", key=f"stop-{run['id']}", type="primary", on_click=attempt, args=(api().cancel, run["id"])
        )


def curve(points: list[tuple[float, float]], open: bool) -> None:
    if len(points) < 2:
        return
    title = f"Loss {points[0][1]:.2f} to {points[-1][1]:.2f}"
    if open:
        st.caption(title)
        charts.losses(points)
    else:
        with st.expander(title, icon=":material/show_chart:"):
            charts.losses(points)

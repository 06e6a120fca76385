"""Which road serves which task, how well it was measured, and why a road is closed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui import safe, words
from ui.answer import road_badge
from ui.client import api


def page() -> None:
    st.title("Router")
    st.caption("A road serves a task only where its share of right answers on the golden suite reaches the floor.")
    table = api().router()
    if table.get("news"):
        st.info(safe.prose(words.sentence(table["news"]))[0].text, icon=":material/school:")
    about = {task["name"]: task.get("description", "") for task in api().domain().get("tasks", [])}
    st.table([overview(row) for row in table["tasks"]], border="horizontal", hide_index=True)
    for row in table["tasks"]:
        with st.container(border=True):
            st.subheader(safe.label(row["task"]), anchor=False)
            if about.get(row["task"]):
                st.caption(safe.label(about[row["task"]]))
            for strategy, standing in row["strategies"].items():
                show_standing(strategy, standing)
    show_models(table)


def overview(row: dict[str, Any]) -> dict[str, str]:
    """One row of the table: a task, and its standing on each road."""
    cells = {words.road(strategy): "–" for strategy in ("prompt", "rag", "tuned")}
    for strategy, standing in row["strategies"].items():
        lock = ":material/check:" if standing["open"] else ":material/lock:"
        reached = "" if standing.get("score") is None else f" {standing['score']:.0%}"
        cells[words.road(strategy)] = lock + reached
    return {"Task": safe.label(row["task"]), **cells}


def show_standing(strategy: str, standing: dict[str, Any]) -> None:
    """One line: the road, open or closed, its score against the floor."""
    with st.container(horizontal=True, vertical_alignment="center"):
        road_badge(strategy)
        if standing["open"]:
            st.badge("open", icon=":material/check:", color="green")
        else:
            st.badge("closed", icon=":material/lock:", color="gray")
        st.caption(score(standing), width="content")
    if not standing["open"] and standing.get("why"):
        st.caption(safe.plain(standing["why"]))


def score(standing: dict[str, Any]) -> str:
    """Score, interval and floor in a line of Markdown."""
    floor = f"floor {standing['floor']:.0%}" if standing.get("floor") else ""
    golden = standing.get("golden")
    if golden:
        cases = words.many(golden["n"], "case")
        reached = f"**{golden['score']:.0%}** right ({golden['low']:.0%} to {golden['high']:.0%}, {cases})"
    elif standing.get("score") is not None:
        reached = f"**{standing['score']:.0%}** right"
    else:
        reached = "not measured"
    return ", ".join(part for part in (reached, floor) if part)


def show_models(table: dict[str, Any]) -> None:
    models = table.get("models") or {}
    leaves = table.get("leaves_machine") or {}
    if models:
        st.subheader("Models", anchor=False)
    for strategy, model in models.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            road_badge(strategy)
            where = "sends text to a server" if leaves.get(strategy) else "stays on this machine"
            st.caption(f"{safe.label(str(model or 'none'))}, {where}", width="content")
    if table.get("measured_at"):
        st.caption(f"Measured {safe.label(str(table['measured_at']))}")

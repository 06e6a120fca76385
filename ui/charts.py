"""The plots of the learning pages. Names in them are drawn as text, never read as Markdown."""

from __future__ import annotations

from typing import Any

import streamlit as st

GREEN, RED, GRAY = "#3a8f7b", "#c0533f", "#9aa19b"
HUES = [GREEN, "#c98a2b", "#5b6fb5", "#a3517b", "#6f7d77", "#8a6d3b"]


def curve(points: list[dict[str, Any]]) -> None:
    """Share of right answers by number of examples, a line per task. Points: task, examples, right (0 to 1)."""
    import altair as alt

    chart = (
        alt.Chart(alt.Data(values=points))
        .mark_line(point=True)
        .encode(
            x=alt.X("examples:Q", title="examples", axis=alt.Axis(tickCount=6), scale=alt.Scale(domainMin=0)),
            y=alt.Y("right:Q", title="right", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
            color=alt.Color(
                "task:N", scale=alt.Scale(range=HUES), legend=alt.Legend(orient="bottom", title=None, columns=2)
            ),
            tooltip=["task:N", "examples:Q", alt.Tooltip("right:Q", format=".0%")],
        )
    )
    st.altair_chart(chart.properties(height=260))


def losses(points: list[tuple[float, float]]) -> None:
    """The loss by step."""
    import altair as alt

    values = [{"step": step, "loss": loss} for step, loss in points]
    chart = (
        alt.Chart(alt.Data(values=values))
        .mark_line(color=GREEN)
        .encode(
            x=alt.X("step:Q", title="step", axis=alt.Axis(tickMinStep=1, tickCount=6, format="d")),
            y=alt.Y("loss:Q", title="loss", scale=alt.Scale(zero=False)),
            tooltip=["step:Q", alt.Tooltip("loss:Q", format=".4f")],
        )
    )
    st.altair_chart(chart.properties(height=170))


def differences(rows: list[dict[str, Any]]) -> None:
    """Per task the difference of the share right with its interval, beside the line of no difference."""
    import altair as alt

    values = [{**row, "color": color(row)} for row in rows]
    base = alt.Chart(alt.Data(values=values)).encode(y=alt.Y("task:N", title=None, axis=alt.Axis(labelLimit=140)))
    hue = alt.Color("color:N", scale=None)
    axis = alt.Axis(format="+.0%", tickCount=5)
    interval = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", title="candidate less incumbent, share right", axis=axis), x2="high:Q", color=hue
    )
    tips = ["task:N", *(alt.Tooltip(f"{name}:Q", format="+.1%") for name in ("difference", "low", "high"))]
    point = base.mark_point(filled=True, size=90, opacity=1).encode(x="difference:Q", color=hue, tooltip=tips)
    zero = alt.Chart(alt.Data(values=[{"x": 0}])).mark_rule(strokeDash=[4, 4], color=GRAY).encode(x="x:Q")
    st.altair_chart(alt.layer(zero, interval, point).properties(height=80 + 34 * len(rows)))


def color(row: dict[str, Any]) -> str:
    """Green or red only where the whole interval says so."""
    if row["low"] > 0:
        return GREEN
    return RED if row["high"] < 0 else GRAY

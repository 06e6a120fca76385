"""Dataset versions: build one from what is approved, see what is in it and what was dropped, compare two, take one along."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import streamlit as st

from ui import safe, words
from ui.client import ApiError, api
from ui.gate import flash, problem
from ui.learning import figures, open_training, said, value_of

BUILT, COMPARED = "dataset-built", "datasets-compared"
SAMPLES = 3
NOT_SHOWN = {"rows", "version", "created_at"}  # shown above, or too many


def show() -> None:
    with st.form("build", border=False):
        names = [task["name"] for task in api().domain().get("tasks", [])]
        st.multiselect("Tasks", names, key="build-tasks", placeholder="all tasks")
        st.form_submit_button("Build a version of what is approved now", type="primary", on_click=build)
    if built := st.session_state.pop(BUILT, None):
        st.success(f"Version `{safe.label(words.short(built))}` is there.", icon=":material/done:")
    versions = api().datasets()
    if not versions:
        st.info("There is no dataset yet. Approve examples, then build the first version.")
    for row in versions:
        one(row)
    if len(versions) > 1:
        compare([row["version"] for row in versions])


def build() -> None:
    try:
        st.session_state[BUILT] = api().build_dataset(st.session_state.get("build-tasks") or ())["version"]
    except ApiError as error:
        flash(error)


def one(row: dict[str, Any]) -> None:
    version, manifest = row["version"], row.get("manifest") or {}
    with st.container(border=True, gap="small"):
        st.markdown(
            f"**{safe.label(words.short(version))}**  \n"
            f":small[{words.many(int(row['rows']), 'row')} · built {safe.label(words.day(row))}]"
        )
        reasons = dropped(manifest.get("dropped"))
        with st.expander(f"What is in it{left_out(reasons)}", icon=":material/inventory_2:"):
            show_manifest(manifest, reasons)
        with st.container(horizontal=True, gap="small"):
            st.button("Train on it", key=f"train-{version}", on_click=open_training, args=(version,))
            st.download_button(
                "JSONL",
                data=lambda: api().dataset_rows(version),
                file_name=f"{words.short(version)}.jsonl",
                mime="application/jsonl",
                key=f"rows-{version}",
                icon=":material/download:",
                on_click="ignore",
            )


Reason = tuple[str, int, list[str]]


def left_out(reasons: Iterable[Reason]) -> str:
    total = sum(count for _, count, _ in reasons)
    return f", and {words.many(total, 'row')} that were dropped" if total else ""


def dropped(found: Any) -> list[Reason]:
    """Why rows were dropped, how many, and a few of them; from a list of rows with their reason, or counts by reason."""
    reasons: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    if isinstance(found, dict):
        for why, what in found.items():
            rows = what if isinstance(what, list) else []
            counts[str(why)] = len(rows) if isinstance(what, list) else int(what)
            reasons[str(why)] = [sample(row) for row in rows]
    for row in found if isinstance(found, list) else []:
        why = str(row.get("why") or row.get("reason") or "no reason given")
        counts[why] = counts.get(why, 0) + 1
        reasons.setdefault(why, []).append(sample(row))
    ordered = sorted(counts, key=lambda why: -counts[why])
    return [(why, counts[why], [text for text in reasons[why] if text][:SAMPLES]) for why in ordered if counts[why]]


def sample(row: Any) -> str:
    return str(row.get("query") or row.get("id") or "") if isinstance(row, dict) else str(row)


def show_manifest(manifest: dict[str, Any], reasons: list[Reason]) -> None:
    if lines := figures({name: value for name, value in manifest.items() if name not in NOT_SHOWN}):
        st.markdown("  \n".join(safe.label(line) for line in lines))
    if reasons:
        st.markdown("**Dropped, and why**")
        for why, count, samples in reasons:
            st.markdown(f"{count:,} · {safe.label(words.sentence(why))}")
            for text in samples:
                st.caption(safe.label(text, limit=140))
    for name, body in manifest.items():
        if isinstance(body, dict) and body and name != "dropped":
            st.markdown(f"**{safe.label(said(name))}**")
            st.table(rows_of(body), border="horizontal", hide_index=True)
        elif isinstance(body, list) and body and name not in NOT_SHOWN and name != "dropped":
            st.markdown(f"**{safe.label(said(name))}:** {words.many(len(body), 'row')}")
            for each in body[:SAMPLES]:
                st.caption(safe.label(sample(each), limit=140))


def rows_of(body: dict[str, Any]) -> list[dict[str, str]]:
    """A table of a dict: of plain values, or of dicts that share their keys."""
    rows = []
    for name, value in body.items():
        cells = value if isinstance(value, dict) else {"": value}
        rows.append({"": safe.label(str(name)), **{cell(key): safe.label(text(item)) for key, item in cells.items()}})
    return rows


def cell(key: Any) -> str:
    return safe.label(said(str(key))) or " "


def text(value: Any) -> str:
    if isinstance(value, list):
        return words.many(len(value), "row")
    return (
        ", ".join(f"{key} {value_of(item)}" for key, item in value.items())
        if isinstance(value, dict)
        else value_of(value)
    )


def compare(versions: list[str]) -> None:
    with st.expander("Compare two versions", icon=":material/compare:", expanded=COMPARED in st.session_state):
        first, second = st.columns(2)
        a = first.selectbox("One", versions, index=1, format_func=words.short, key="compare-a")
        b = second.selectbox("The other", versions, index=0, format_func=words.short, key="compare-b")
        if not st.button("Compare", key="compare") or not a or not b:
            return
        try:
            found = api().compare_datasets(a, b)
        except ApiError as error:
            problem(error)
            return
        for column, title, count in zip(
            st.columns(3),
            ("Only in the one", "In both", "Only in the other"),
            ("only_a", "both", "only_b"),
            strict=True,
        ):
            column.metric(title, f"{int(found.get(count) or 0):,}")
        if tasks := found.get("tasks"):
            st.table(rows_of(tasks), border="horizontal", hide_index=True)

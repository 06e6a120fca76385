"""Dataset versions: build one from what is approved, see what is in it and what was dropped, compare two, take one along."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui import manifests, safe, words
from ui.client import ApiError, api
from ui.gate import flash, problem
from ui.learning import open_training

BUILT, COMPARED = "dataset-built", "datasets-compared"


def show() -> None:
    with st.form("build", border=False):
        names = [task["name"] for task in api().domain().get("tasks", [])]
        st.multiselect("Tasks", names, key="build-tasks", placeholder="all tasks")
        st.number_input(
            "At most so many examples",
            1,
            None,
            None,
            key="build-rows",
            placeholder="all",
            help="What people reviewed is taken before seeds. On a CPU, 200 examples train in a few minutes.",
        )
        st.toggle(
            "Keep rows with personal data",
            key="build-personal",
            help="Rows with mail addresses, telephone numbers and the like are dropped, unless you looked at them.",
        )
        st.form_submit_button("Build a version of what is approved now", type="primary", on_click=build)
    told = st.empty()  # keeps its place, so that what is below stays open when the message goes
    if built := st.session_state.pop(BUILT, None):
        told.success(f"Version `{safe.label(words.short(built))}` is there.", icon=":material/done:")
    versions = api().datasets()
    if not versions:
        st.info("There is no dataset yet. Approve examples, then build the first version.")
    for row in versions:
        one(row)
    if len(versions) > 1:
        compare([row["version"] for row in versions])


def build() -> None:
    try:
        tasks, personal = st.session_state.get("build-tasks") or (), bool(st.session_state.get("build-personal"))
        rows = st.session_state.get("build-rows")
        st.session_state[BUILT] = api().build_dataset(tasks, personal, rows)["version"]
    except ApiError as error:
        flash(error)


def one(row: dict[str, Any]) -> None:
    version, manifest = row["version"], row.get("manifest") or {}
    with st.container(border=True, gap="small", key=f"version-{version}"):
        st.markdown(
            f"**{safe.label(words.short(version))}**  \n"
            f":small[{words.many(int(row['rows']), 'row')} · built {safe.label(words.day(row))}]"
        )
        if warnings := manifest.get("warnings"):
            said = "\n".join(words.sentence(str(warning)) for warning in warnings)
            st.warning(safe.plain(said), icon=":material/warning:")
        with st.expander(f"What is in it{left_out(manifest)}", icon=":material/inventory_2:"):
            manifests.show(version, manifest)
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


def left_out(manifest: dict[str, Any]) -> str:
    total = sum(manifests.counts(manifest.get("dropped")).values())
    return f", and {words.many(total, 'example')} dropped" if total else ""


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
        if found.get("template_changed"):
            st.caption(
                "The prompt template changed between the two: the same rows are shown to the model in another form."
            )
        if tasks := found.get("tasks"):
            st.table(manifests.table(tasks), border="horizontal", hide_index=True)

"""New examples: a file of them, drafts from a document, or one by hand. All enter as drafts."""

from __future__ import annotations

import streamlit as st

from core.types import Example
from ui import drafting, safe, words
from ui.client import ApiError, api
from ui.gate import flash

TYPES = ["csv", "jsonl", "json"]
RESULT, TURN = "import-result", "import-turn"
MOST_FAULTS = 20


def show() -> None:
    known = api().domain().get("tasks", [])
    tasks = [task["name"] for task in known]
    if result := st.session_state.pop(RESULT, None):
        show_result(result)
    st.subheader("A file", anchor=False)
    st.caption(
        "Chat logs or tickets: CSV with the columns query and answer, JSONL, ShareGPT, or OpenAI chat. "
        "They become drafts: nothing is trained on before you approve it."
    )
    key = f"import-{st.session_state.setdefault(TURN, 0)}"
    st.file_uploader("File of examples", type=TYPES, key=key)
    st.selectbox(
        "Task of the rows that name none", tasks, index=None, key="import-task", placeholder="every row names its own"
    )
    if st.session_state.get(key):
        st.button("Import", key="import", type="primary", icon=":material/upload:", on_click=send, args=(key,))
    drafting.show(known)
    st.subheader("One by hand", anchor=False)
    with st.form("by-hand", border=True):
        st.selectbox("Task", tasks, key="hand-task")
        st.text_area("Query", key="hand-query", height=80)
        st.text_area("Answer", key="hand-answer", height=110)
        st.form_submit_button("Add as a draft", on_click=add)


def send(key: str) -> None:
    file = st.session_state.get(key)
    if file is None:
        return
    try:
        result = api().import_examples(file.name, file.getvalue(), st.session_state.get("import-task") or "")
    except ApiError as error:
        flash(error)
        return
    st.session_state[RESULT] = result
    st.session_state[TURN] += 1


def show_result(result: dict) -> None:
    added, skipped = int(result.get("added") or 0), int(result.get("skipped") or 0)
    known = f", {skipped:,} skipped" if skipped else ""
    st.success(f"**{words.many(added, 'draft')}** added{known}. Approve them under Drafts.", icon=":material/done:")
    faults = [str(fault) for fault in result.get("faults") or ()]
    if faults:
        more = f"\n\nand {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        st.warning(safe.plain("\n".join(faults[:MOST_FAULTS])) + more, icon=":material/warning:")


def add() -> None:
    query = (st.session_state.get("hand-query") or "").strip()
    answer = (st.session_state.get("hand-answer") or "").strip()
    if not query or not answer:
        flash(ApiError("Not added", "An example needs a query and an answer."))
        return
    example = Example(
        task=st.session_state.get("hand-task") or "", query=query, answer=answer, origin="draft", state="draft"
    )
    try:
        api().add_example(example)
    except ApiError as error:
        flash(error)
        return
    st.session_state["hand-query"] = st.session_state["hand-answer"] = ""
    st.session_state[RESULT] = {"added": 1}

"""The examples that adapters learn from: how each task stands, drafts to approve, all of them, and new ones."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.types import Example
from ui import charts, examples_in, focus, safe, words
from ui.client import ApiError, api
from ui.gate import flash
from ui.loop_client import Shelf, Standing
from ui.parts import part
from ui.rating import NAME
from ui.review import who

BY_TASK, DRAFTS, ALL, ADD = "By task", "Drafts", "All", "Add"
STATES = ("approved", "draft", "rejected", "withdrawn")
ORIGINS = ("seed", "import", "draft", "review", "preference")
COLORS = {"approved": "green", "draft": "blue", "rejected": "red", "withdrawn": "gray"}
PAGE, FETCHED = 20, 20
SKIPPED, EDITING, TOLD = "drafts-skipped", "draft-editing", "draft-told"


def page() -> None:
    st.title("Examples")
    chosen = part("examples", (BY_TASK, DRAFTS, ALL, ADD))
    {BY_TASK: by_task, DRAFTS: drafts, ALL: everything, ADD: examples_in.show}[chosen]()


# By task


def by_task() -> None:
    tasks = api().examples(limit=1).tasks
    if not tasks:
        st.info("There are no examples yet. Add some, or correct answers in the review: both become examples.")
        return
    for row in tasks:
        if row.get("next"):
            name = safe.label(str(row["task"]))
            st.info(f"The next hundred examples help **{name}** most.", icon=":material/trending_up:")
    st.table([overview(row) for row in tasks], border="horizontal", hide_index=True)
    st.caption("Edge: rare or difficult forms. Refusals: queries whose right answer is “I don't know”.")
    points = [
        {"task": str(row["task"]), "examples": count, "right": score}
        for row in tasks
        for count, score in row.get("curve") or ()
    ]
    if points:
        st.subheader("Learning curve", anchor=False)
        charts.curve(points)
    else:
        st.caption("The learning curve shows once adapters were measured at several sizes of the dataset.")


def overview(row: dict[str, Any]) -> dict[str, str]:
    """One row of the table: a task, its examples and its score."""
    approved = int(row.get("approved") or 0)
    score = row.get("score")
    return {
        "Task": safe.label(str(row["task"])),
        "Approved": f"{approved:,}",
        "Edge": share(row.get("edge"), approved),
        "Refusals": share(row.get("refusal"), approved),
        "Drafts": f"{int(row.get('draft') or 0):,}",
        "Right": "–" if score is None else f"{score:.0%}",
    }


def share(count: float | None, of: int) -> str:
    """A share of the approved ones; the API gives a count, or the share itself as a fraction."""
    if not count or not of:
        return "–" if count is None or not of else "0%"
    return f"{count:.0%}" if isinstance(count, float) and count <= 1 else f"{count / of:.0%}"


# Drafts


def drafts() -> None:
    """Drafts and imports one by one, by keyboard."""
    found = api().examples(limit=FETCHED, state="draft", reviewer=reviewer())
    if found.quorum > 1 and not who():
        return
    skipped: list[str] = st.session_state.setdefault(SKIPPED, [])
    waiting = [example for example in found.examples if example.id not in skipped]
    several = f" · {found.quorum} reviewers other than the author must approve each" if found.quorum > 1 else ""
    st.caption(f"**{found.total:,} left** · Only what people approve is ever trained on.{several}")
    if told := st.session_state.pop(TOLD, None):
        st.caption(f":material/done: {safe.label(told)}")
    if not waiting:
        nothing_left(found)
        return
    draft = waiting[0]
    standing = found.standing(draft)
    field = f"answer-{draft.id}" if st.session_state.get(EDITING) == draft.id else ""
    with st.container(border=True):
        badges(draft)
        st.caption("Query")
        st.markdown(safe.plain(draft.query))
        st.caption("Answer")
        if field:
            edited(draft, standing, field, found.quorum)
        else:
            answers(draft, standing)
        approvals(standing, found.quorum)
    draft_buttons(draft, standing, found.quorum)
    focus.step(f"{draft.id} {field}", field)


def answers(example: Example, standing: Standing) -> None:
    """The answer that is being approved, and what it is to replace."""
    st.code(standing.answer, language=None, wrap_lines=True)
    if standing.answer.strip() != example.answer.strip():
        st.caption("A reviewer proposes this answer in place of")
        st.code(example.answer, language=None, wrap_lines=True)


def approvals(standing: Standing, quorum: int) -> None:
    """Who approved it, and how many are missing."""
    names = ", ".join(standing.approved_by)
    said = [f"approved by {names}"] if names else []
    if quorum > 1 and standing.waiting_for:
        said.append(f"{words.many(standing.waiting_for, 'more reviewer')} must approve it")
    if said:
        st.caption(safe.label(words.sentence("; ".join(said))))


def edited(draft: Example, standing: Standing, field: str, quorum: int) -> None:
    with st.form(f"edit-{draft.id}", border=False):
        st.text_area("Answer", value=standing.answer, key=field, height=180, label_visibility="collapsed")
        st.form_submit_button(
            "Propose this answer" if quorum > 1 else "Approve with this answer",
            type="primary",
            help="Ctrl+Enter in the text",
            on_click=judge,
            args=(draft, "approved", standing, quorum),
        )


def nothing_left(found: Shelf) -> None:
    if found.total:
        st.info("You have skipped what was fetched; it still waits.", icon=":material/done_all:")
        st.button("Look at what was skipped", key="again", on_click=lambda: st.session_state.pop(SKIPPED, None))
    else:
        st.info("No draft waits for you. Under Add you can import a file, or let a model draft from a document.")


def draft_buttons(draft: Example, standing: Standing, quorum: int) -> None:
    with st.bottom, st.container(horizontal=True, gap="xsmall", key="verdicts"):
        actions = [
            ("Approve", "A", judge, (draft, "approved", standing, quorum)),
            ("Edit", "E", edit, (draft.id,)),
            ("Reject", "X", judge, (draft, "rejected", standing, quorum)),
            ("Skip", "S", skip, (draft.id,)),
        ]
        for title, key, action, given in actions:
            approves = title == "Approve"
            st.button(
                title,
                key=f"{title.lower()}-{draft.id}",
                shortcut=key,
                type="primary" if approves else "secondary",
                width="stretch",
                disabled=approves and st.session_state.get(EDITING) == draft.id,  # what was written would be lost
                on_click=action,
                args=given,
            )


def reviewer() -> str:
    return (st.session_state.get(NAME) or st.query_params.get(NAME) or "").strip()


def judge(example: Example, state: str, standing: Standing, quorum: int) -> None:
    """Approve an example, with the answer as it was edited if it was, or take it out. Where several must approve it, the
    answer that was on the page goes along: nobody approves one that they have not seen."""
    editing = st.session_state.get(EDITING) == example.id
    written = (st.session_state.get(f"answer-{example.id}") or "").strip() if editing else ""
    answer = written or standing.answer.strip()
    sent = state == "approved" and (quorum > 1 or answer != example.answer.strip())
    try:
        then = api().set_example(example.id, state, answer if sent else None, reviewer())
    except ApiError as error:
        flash(error)
        return
    if state == "approved" and then.waiting_for:
        done = "Approved by you" if reviewer() in then.approved_by else "Your answer is proposed"
        st.session_state[TOLD] = f"{done}: {words.many(then.waiting_for, 'more reviewer')} must approve it."


def edit(id: str) -> None:
    st.session_state[EDITING] = "" if st.session_state.get(EDITING) == id else id


def skip(id: str) -> None:
    st.session_state.setdefault(SKIPPED, []).append(id)


# All


def everything() -> None:
    tasks = [task["name"] for task in api().domain().get("tasks", [])]
    wanted = {}
    for column, (name, options) in zip(
        st.columns(3), (("state", STATES), ("task", tasks), ("origin", ORIGINS)), strict=True
    ):
        with column:
            wanted[name] = st.selectbox(
                name.capitalize(), options, index=None, placeholder="any", key=f"examples-{name}", on_change=first_page
            )
    at = st.session_state.get("examples-at", 0)
    found = api().examples(limit=PAGE, offset=at, **{name: value or "" for name, value in wanted.items()})
    if found.quorum > 1:
        who()
    last = min(at + PAGE, found.total)
    st.caption(f"{at + 1:,} to {last:,} of {words.many(found.total, 'example')}" if found.total else "None like that.")
    for example in found.examples:
        one(example, found.standing(example), found.quorum)
    with st.container(horizontal=True):
        if at:
            st.button("Newer", key="newer", on_click=turn_page, args=(-PAGE,))
        if last < found.total:
            st.button("Older", key="older", on_click=turn_page, args=(PAGE,))


def first_page() -> None:
    st.session_state["examples-at"] = 0


def turn_page(by: int) -> None:
    st.session_state["examples-at"] = max(0, st.session_state.get("examples-at", 0) + by)


def one(example: Example, standing: Standing, quorum: int) -> None:
    with st.expander(f"{safe.label(example.query, limit=90)} :{COLORS[example.state]}-badge[{example.state}]"):
        badges(example)
        st.markdown(safe.plain(example.query))
        answers(example, standing)
        approvals(standing, quorum)
        if example.rejected:
            st.caption("The answer that people preferred it to")
            st.code(example.rejected, language=None, wrap_lines=True)
        if example.note:
            st.caption(safe.plain(example.note))
        with st.container(horizontal=True):
            titles = {"Withdraw": "withdrawn"} if example.state == "approved" else {"Approve": "approved"}
            titles |= {"Reject": "rejected"} if example.state == "draft" else {}
            for title, state in titles.items():
                st.button(title, key=f"{state}-{example.id}", on_click=judge, args=(example, state, standing, quorum))


def badges(example: Example) -> None:
    """Task, origin, tags, and who or what it came from."""
    with st.container(horizontal=True, gap="xsmall"):
        st.badge(safe.label(example.task) or "no task", color="violet")
        for tag in example.tags:
            st.badge(safe.label(tag), color="gray")
        origin = {"draft": "drafted", "seed": "seed", "import": "imported"}.get(example.origin, example.origin)
        by = f" by {example.author}" if example.author else ""
        of = f" from {example.document}" if example.document else ""
        st.caption(safe.label(f"{origin}{of}{by}"), width="content")

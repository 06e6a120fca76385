"""Where the page stands after a step by keyboard: at its top for a new item, or with the cursor in a field."""

from __future__ import annotations

import re

import streamlit as st

# Acts once for each mark, so that a run of the page for another reason moves nothing. No text of a model comes in here.
SCRIPT = """
export default ({ data }) => {
  if (globalThis.triviumMark === data.mark) return;
  globalThis.triviumMark = data.mark;
  const act = () => {
    if (!data.field) document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
    const field = data.field && document.querySelector(`.st-key-${data.field} :is(textarea, input)`);
    field?.focus({ preventScroll: true });
    field?.scrollIntoView({ block: "nearest" });
  };
  setTimeout(act, 120);
}
"""


def step(mark: str, field: str = "") -> None:
    """Go to the top of the page, or put the cursor into the widget of the key `field`, when `mark` is a new one."""
    shown_as = re.sub(r"[^\w-]", "-", field)  # as Streamlit writes a key into the class of its element
    _component()(data={"mark": mark, "field": shown_as}, key="focus")


@st.cache_resource(show_spinner=False)
def _component():
    from streamlit.components.v2 import component

    return component("trivium_focus", js=SCRIPT)

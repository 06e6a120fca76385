"""What stands before every page: is the API there, is it ready, and what to say when it is not."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui import safe
from ui.client import ApiError, Readiness, Unreachable, api, api_url

FLASH = "flash"
SHOWN = "flash-shown"


def guarded(page: Callable[[], None], needs_ready: bool = True) -> Callable[[], None]:
    """The page, behind a calm screen while the API is away or not ready."""

    def show() -> None:
        state = Readiness(True)
        try:
            state = api().readiness()
            if needs_ready and not state.ready:
                waiting(state)
            else:
                _show_flash()
                page()
                _drop_flash()
        except Unreachable as error:
            unreachable(error)
        except ApiError as error:
            if state.ready:
                problem(error)
            else:
                waiting(state)

    return show


def problem(error: ApiError) -> None:
    detail = f"  \n{safe.plain(error.detail)}" if error.detail else ""
    st.error(f"**{safe.label(error.title)}**{detail}", icon=":material/error:")


def flash(error: ApiError) -> None:
    """Keep what a callback could not do, for the run that follows it."""
    st.session_state[FLASH], st.session_state[SHOWN] = error, False


def attempt(action: Callable[..., object], *arguments: object) -> None:
    """Do what a button stands for; what the API refuses is said by the run that follows."""
    try:
        action(*arguments)
    except ApiError as error:
        flash(error)


def surface_flash() -> None:
    """Called in a fragment: what its callback could not do is shown by the whole page."""
    if FLASH in st.session_state and not st.session_state[SHOWN]:
        st.rerun()


def _show_flash() -> None:
    if error := st.session_state.get(FLASH):
        st.session_state[SHOWN] = True
        problem(error)


def _drop_flash() -> None:
    """Only a run that came to its end has shown the error for good."""
    if st.session_state.get(SHOWN):
        st.session_state.pop(FLASH)
        st.session_state.pop(SHOWN)


def waiting(state: Readiness) -> None:
    st.title("Getting ready")
    st.info(safe.plain(state.reason), icon=":material/hourglass_top:")
    st.caption("This page goes on by itself as soon as Trivium can answer.")
    link_to_documents("See how far the documents are")
    _retry(state)


def unreachable(error: ApiError) -> None:
    st.title("Trivium is not running")
    st.markdown(f"{safe.plain(error.title)} at `{api_url()}`. Start it in a terminal:")
    port = api_url().rpartition(":")[2]
    st.code(f".venv/bin/trivium serve --port {port if port.isdigit() else 8000}", language="bash", wrap_lines=True)
    st.caption("This page looks again every few seconds. If the API runs elsewhere, set TRIVIUM_API_URL.")
    _retry(None)


@st.fragment(run_every=2.0)
def _retry(shown: Readiness | None) -> None:
    """Go on as soon as the API says anything else than what is on the screen."""
    try:
        state = api().readiness()
    except ApiError:
        state = None
    if state != shown:
        st.rerun()


def link_to_documents(text: str) -> None:
    if page := st.session_state.get("documents_page"):
        st.page_link(page, label=text, icon=":material/upload_file:")

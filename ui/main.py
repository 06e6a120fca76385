"""The pages of Trivium: `streamlit run ui/main.py`."""

from __future__ import annotations

import streamlit as st

from ui import chat, compare, documents, examples, retrieval, review, router, training
from ui.gate import guarded


def main() -> None:
    pages = [
        st.Page(guarded(chat.page), title="Chat", icon=":material/forum:", url_path="chat", default=True),
        st.Page(guarded(compare.page), title="Compare", icon=":material/view_column:", url_path="compare"),
        st.Page(guarded(review.page, False), title="Review", icon=":material/rate_review:", url_path="review"),
        st.Page(guarded(examples.page, False), title="Examples", icon=":material/dataset:", url_path="examples"),
        st.Page(guarded(training.page, False), title="Learning", icon=":material/model_training:", url_path="learning"),
        st.Page(guarded(documents.page, False), title="Documents", icon=":material/menu_book:", url_path="documents"),
        st.Page(guarded(retrieval.page), title="Retrieval", icon=":material/travel_explore:", url_path="retrieval"),
        st.Page(guarded(router.page, False), title="Router", icon=":material/alt_route:", url_path="router"),
    ]
    here = st.navigation(pages)
    wide = here.title in ("Compare", "Review", "Retrieval")
    st.set_page_config(page_icon=":material/alt_route:", layout="wide" if wide else "centered")
    st.session_state["documents_page"] = next(page for page in pages if page.title == "Documents")
    here.run()


main()

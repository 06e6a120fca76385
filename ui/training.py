"""The learning page: dataset versions, training runs, adapters and their reports."""

from __future__ import annotations

import streamlit as st

from ui import adapters, dataset, report, runs
from ui.learning import ADAPTERS, DATASETS, PART, REPORT, TRAINING, arrived
from ui.parts import part


def page() -> None:
    arrived()
    st.title("Learning")
    chosen = part(PART, (DATASETS, TRAINING, ADAPTERS))
    if chosen == DATASETS:
        dataset.show()
    elif chosen == TRAINING:
        runs.show()
    elif wanted := st.query_params.get(REPORT):
        report.show(wanted)
    else:
        adapters.show()

"""A dataset version's manifest for a person: what is in it, what was dropped and why, and each dropped example on demand."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui import safe, words
from ui.client import ApiError, api
from ui.gate import problem
from ui.learning import figures, said, value_of

SHOWN_ABOVE = {"rows", "version", "created_at", "warnings", "dropped"}
MOST = 50  # dropped examples that are listed; the download of the API has all
LENGTHS = "lengths"


def show(version: str, manifest: dict[str, Any]) -> None:
    rest = {name: value for name, value in manifest.items() if name not in SHOWN_ABOVE}
    if lines := figures(rest):
        st.markdown("  \n".join(safe.label(line) for line in lines))
    if dropped := counts(manifest.get("dropped")):
        st.markdown("**Dropped, and why**")
        st.markdown("  \n".join(f"{count:,} · {safe.label(why)}" for why, count in dropped.items()))
    for name, body in rest.items():
        if isinstance(body, dict) and body:
            about = " (median, 95th percentile and longest, in characters)" if name == LENGTHS else ""
            if any(isinstance(value, dict) for value in body.values()):
                st.markdown(f"**{safe.label(said(name))}**{about}")
                st.table(table(body), border="horizontal", hide_index=True)
            else:
                st.markdown(f"**{safe.label(said(name))}:** {safe.label(cell(body))}")
    if st.toggle("Show each dropped example and the plots", key=f"whole-{version}"):
        try:
            whole(api().dataset(version))
        except ApiError as error:
            problem(error)


def whole(found: dict[str, Any]) -> None:
    """What grows with the rows: asked for only when somebody wants to see it."""
    for picture in (found.get("plots") or {}).values():
        if picture.lstrip().startswith("<"):  # a path or an address would be opened
            st.image(picture)
    rows = (found.get("manifest") or {}).get("dropped_rows") or []
    for row in rows[:MOST]:
        name = f"{row.get('example') or row.get('id') or ''} ({row.get('task') or 'no task'})"
        st.markdown(f"**{safe.label(name)}**  \n:small[{safe.label(words.sentence(str(row.get('why') or '')))}]")
    if len(rows) > MOST:
        st.caption(f"and {len(rows) - MOST:,} more")
    if not rows:
        st.caption("Nothing was dropped.")


def counts(found: Any) -> dict[str, int]:
    """Dropped rows by reason, the most frequent first; from counts, or from a list of rows with their reason."""
    totals: dict[str, int] = {}
    if isinstance(found, dict):
        totals = {str(why): len(rows) if isinstance(rows, list) else int(rows) for why, rows in found.items()}
    for row in found if isinstance(found, list) else []:
        why = str(row.get("reason") or row.get("why") or "no reason given")
        totals[why] = totals.get(why, 0) + 1
    return {why: totals[why] for why in sorted(totals, key=lambda why: -totals[why]) if totals[why]}


def table(body: dict[str, Any]) -> list[dict[str, str]]:
    """A dict as rows: of plain values, or of dicts that share their keys."""
    rows = []
    for name, value in body.items():
        cells = value if isinstance(value, dict) else {"": value}
        shown = {safe.label(said(str(key))) or " ": safe.label(cell(item)) for key, item in cells.items()}
        rows.append({"": safe.label(str(name)), **shown})
    return rows


def cell(value: Any) -> str:
    if isinstance(value, list):
        return " / ".join(value_of(item) for item in value)
    return (
        ", ".join(f"{key or 'no name'} {value_of(item)}" for key, item in value.items())
        if isinstance(value, dict)
        else value_of(value)
    )

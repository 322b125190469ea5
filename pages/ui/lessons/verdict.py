"""What a check found: item by item with its figures, and what is still missing."""

from __future__ import annotations

import streamlit as st

from pages.ui import session
from vqcore.lessons.checks import Verdict

DONE, MISSING = ":material/check_circle:", ":material/radio_button_unchecked:"


def show(verdict: Verdict) -> None:
    """A line an item, what is missing first."""
    missing = [item for item in verdict.items if not item.done]
    done = [item for item in verdict.items if item.done]
    if verdict.passed:
        st.success("Done. The lesson explains why.", icon=":material/task_alt:")
    else:
        st.markdown(f"**{len(done)} of {len(verdict.items)}** are there. Still missing:")
    for item in [*missing, *done]:
        st.markdown(f"{DONE if item.done else MISSING} {session.plain(item.text)}")

"""A run that is opened is seen from its top, though the card that started it stood far down the page."""

from __future__ import annotations

import streamlit as st

_JS = """
let shown = null; // of this window
export default function ({ data }) {
  if (shown !== null && shown !== data.token) document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
  shown = data.token;
}
"""

_component = st.components.v2.component("vq_scroll", js=_JS)


def to_top(token: str) -> None:
    """Scroll up once whenever the token changes, and not when the page is first loaded. It shows nothing: call it last."""
    _component(key="scroll", data={"token": token})

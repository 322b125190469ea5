"""What a press opens is seen from its top and has the focus, though the button that opened it stood far down the page."""

from __future__ import annotations

import streamlit as st

# the heading takes the focus: the button that was pressed is gone, and the keyboard would begin at the page's very start
_JS = """
let shown = null; // of this window
function heading() {
  const title = document.querySelector('[data-testid="stMain"] h1');
  if (!title || document.querySelector('[role="dialog"]')) return;
  title.tabIndex = -1;
  title.style.outline = "none";
  title.focus({ preventScroll: true });
}
export default function ({ data }) {
  if (shown !== null && shown !== data.token) {
    document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
    heading();
    // the page may still be drawn, and what is replaced loses the focus
    for (const wait of [150, 500]) setTimeout(() => document.activeElement === document.body && heading(), wait);
  }
  shown = data.token;
}
"""

_component = st.components.v2.component("vq_scroll", js=_JS)


def to_top(token: str) -> None:
    """Scroll up once whenever the token changes, and not when the page is first loaded. It shows nothing: call it last."""
    _component(key="scroll", data={"token": token})

"""Which parts of a screen are left out, because a link or the projector says so. Session keys owned here: `parts_hidden`."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from pages.ui import projector

_PROJECTED = frozenset({"customise"})  # forms are for those who sit near


def hide(names: Collection[str]) -> None:
    """From now on these are left out, and nothing else is: names of `vqcore.lessons.controls`."""
    st.session_state["parts_hidden"] = frozenset(names)


def hidden(name: str) -> bool:
    """Whether a part, or the setting of that dotted path, is to be left out."""
    return name in st.session_state.get("parts_hidden", ()) or (projector.on() and name in _PROJECTED)


def hint(text: str) -> None:
    """The line that says what to try, as markdown; nothing where hints are hidden."""
    if not hidden("hints"):
        st.markdown(f":material/touch_app: **Try this.** {text}")

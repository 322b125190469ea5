"""“Show me the code”: the lines of Python behind a screen, to be copied. Session keys owned here: `code_*`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from pages.ui import projector, session
from pages.ui.parts import hidden
from vqcore.errors import VQError
from vqcore.snippets.snippet import Snippet

MISSING = "There is nothing to reproduce yet: the code comes with the first result."


def show(key: str, snippets: Callable[[], Sequence[Snippet]], missing: str = MISSING) -> None:
    """A line that folds out to them; not for a room. `key` must be the caller's own. They are put together only while somebody looks.

    `missing`: what is said where there are none.
    """
    if projector.on():
        return
    shown = st.expander("Show me the code", icon=":material/code:", key=f"code_{key}", on_change="rerun")
    if not shown.open:
        return
    with shown:
        try:
            found = snippets()
        except VQError as error:  # the run went meanwhile
            st.info(session.plain(str(error)), icon=":material/info:")
            return
        if not found:
            st.info(missing, icon=":material/hourglass_empty:")
            return
        st.caption("Python, to be run from the folder of this program.")
        for place, one in enumerate(found):
            _one(one, first=place == 0)


def _one(one: Snippet, *, first: bool) -> None:
    if not first:
        st.divider()
    st.markdown(f"**{session.plain(one.title)}.** {session.plain(one.note)}")
    st.code(one.code.strip(), language="python", wrap_lines=True)
    if one.prints and not hidden("figures"):
        st.caption("It prints" if "\n" in one.prints else "It prints, as this screen shows")
        st.code(one.prints, language=None, wrap_lines=True)

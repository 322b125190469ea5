"""What the address asks for, counted once. A page that wrote a value there must not find it again as somebody's wish.

Every run of a script brings the browser's address along; one sent before the browser had heard of the last change is out of date.
Session keys owned here: `query_*`.
"""

from __future__ import annotations

import time

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

HEARD_S = 5.0  # so long after a change, an address as it was before may still be on its way from the browser


def carry(*names: str) -> None:
    """Put what goes along from screen to screen back into the address, which a change of page has cleared; before `st.navigation`.

    Written later, the browser would first enter the new page without it: a place of its own in the history, to which Back would lead.
    """
    if _is_back_or_forward():
        return
    for name in names:
        if (known := _kept(name)[0]) and name not in st.query_params:
            _write(name, known)


def asked(name: str) -> str | None:
    """A value that came by the address and was neither there at the last look nor written by a page; None when nothing has changed.

    "" when Back or Forward led to an address without it. Elsewhere its absence says nothing: a change of page clears the address.
    """
    known, before = _kept(name)
    value = str(st.query_params.get(name, ""))
    back = _is_back_or_forward()
    if value == known:
        return None
    if value == before and not back:  # the browser did not know yet
        _write(name, known)
        return None
    if not value and not back:
        return None
    _keep(name, value, None)
    return value


def put(name: str, value: str) -> None:
    """Write a value into the address; "" takes it out."""
    there = str(st.query_params.get(name, ""))
    if value != there:
        _keep(name, value, there)
        _write(name, value)
    elif value != _kept(name)[0]:
        _keep(name, value, None)


def arrive(page: str) -> None:
    """Once a script run, before the page of that path: note whether it is another page than before."""
    st.session_state["query_arrived"] = page != st.session_state.get("query_page")
    st.session_state["query_page"] = page


def place(name: str) -> str:
    """Where on its screen the address asks to be, "" when it asks nothing new; Back to the address without a place means the first."""
    value = asked(name)
    return str(st.session_state.get(f"query_{name}_first", "")) if value == "" else value or ""


def keep_place(name: str, value: str, default: str) -> None:
    """Write where one is on a screen. `default`, which a new visitor would see, is not written: Back would find the same screen twice."""
    bare = name not in st.query_params
    if bare and st.session_state.get("query_arrived"):
        st.session_state[f"query_{name}_first"] = default
    if not bare or value != st.session_state.get(f"query_{name}_first"):
        put(name, value)


def _kept(name: str) -> tuple[str, str | None]:
    """What the address should hold, and what it may still hold where the browser has not heard of that.

    A run of the script with the new address is no sign that it has: `st.rerun` gives the next run the address as it was written.
    """
    value, before, at = st.session_state.get(f"query_{name}", ("", None, 0.0))
    return value, before if time.monotonic() - at < HEARD_S else None


def _keep(name: str, value: str, before: str | None) -> None:
    st.session_state[f"query_{name}"] = (value, before, time.monotonic())


def _write(name: str, value: str) -> None:
    if value:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def _is_back_or_forward() -> bool:
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.is_history_navigation

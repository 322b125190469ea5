"""What can be done with ticked runs. Session keys owned here: `runs_open`, `runs_rename*`, `runs_delete*`, `runs_sure`."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import session
from pages.ui.screens import page_of
from vqcore.errors import RunError
from vqcore.runs.folder import NAME_LENGTH
from vqcore.runs.store import Summary


def bar(chosen: Sequence[Summary]) -> None:
    """Open, rename, delete, for one ticked run or more; what cannot be done says why."""
    one = chosen[0] if len(chosen) == 1 else None
    refused = [entry for entry in chosen if not session.may_control(entry)]
    single = None if one else "Tick one run only."
    with st.container(horizontal=True, vertical_alignment="center"):
        closed = one is None or bool(one.problem)
        if st.button("Open", icon=":material/folder_open:", type="primary", disabled=closed, help=single, key="runs_open") and one:
            session.open_run(one.id)
            st.switch_page(page_of("train"))
        if st.button("Rename", icon=":material/edit:", disabled=closed or bool(refused), help=single, key="runs_rename") and one:
            rename(one)
        if st.button("Delete", icon=":material/delete:", disabled=bool(refused), key="runs_delete"):
            delete(chosen)
    if one and one.problem:
        st.warning(session.plain(one.problem), icon=":material/error:")
    elif refused:
        st.caption(why_not(refused[0]))


def why_not(entry: Summary) -> str:
    """Why this browser may not rename or delete the run, as markdown."""
    name = session.plain(entry.name)
    if entry.read_only:
        return f"{name} comes with the program: it can be opened and compared, not renamed or deleted."
    whose = session.plain(entry.nickname) or ("someone else" if entry.owner else "the command line")
    return f"{name} belongs to {whose}: you may open and compare it. Its owner, or a teacher, may rename or delete it."


def _controlled(entry: Summary) -> Summary:
    """The run as it stands. Raises RunError unless this browser may change it; buttons that were drawn earlier do not decide."""
    now = next((other for other in session.store().list() if other.id == entry.id), None)
    if now is None:
        raise RunError(f"The run {entry.name} is no longer there.")
    if not session.may_control(now):
        raise RunError(f"The run {entry.name} is not yours to change: its owner may, or a teacher.")
    return now


@st.dialog("Rename", icon=":material/edit:")
def rename(entry: Summary) -> None:
    with st.form("runs_rename_form", border=False):
        name = st.text_input("Name", entry.name, max_chars=NAME_LENGTH, key="runs_rename_name")
        saved = st.form_submit_button("Save", type="primary")
    if saved:
        with session.errors_shown():
            session.store().get(_controlled(entry).id).rename(name)
            st.rerun()


@st.dialog("Delete", icon=":material/delete:")
def delete(chosen: Sequence[Summary]) -> None:
    many = len(chosen) > 1
    st.markdown(f"Delete {f'these {len(chosen)} runs' if many else 'this run'} for good, with curves, pictures and checkpoints?")
    st.markdown("\n".join(f"- {session.plain(entry.name)}, step {entry.step:,}, {entry.state}" for entry in chosen))
    sure = st.checkbox(f"Yes: nobody needs {'them' if many else 'it'} any more.", key="runs_sure")
    if st.button("Delete for good", type="primary", icon=":material/delete_forever:", disabled=not sure, key="runs_delete_sure"):
        with session.errors_shown():
            for entry in chosen:
                session.store().delete(_controlled(entry).id)
                if st.session_state.get("run_id") == entry.id:
                    session.close_run()
            st.rerun()

"""What can be done with ticked runs. Session keys owned here: `runs_open`, `runs_rename*`, `runs_delete*`, `runs_sure`."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import session
from pages.ui.screens import page_of
from vqcore.errors import RunError, VQError
from vqcore.runs.folder import NAME_LENGTH
from vqcore.runs.store import Summary

AT_WORK = ("starting", "running", "paused")  # a process holds the run


def bar(chosen: Sequence[Summary]) -> None:
    """Open, rename, delete, for one ticked run or more; what cannot be done says why."""
    one = chosen[0] if len(chosen) == 1 else None
    refused = [entry for entry in chosen if not session.may_control(entry)]
    free = [entry for entry in chosen if not why_kept(entry)]
    single = None if one else "Tick one run only."
    with st.container(horizontal=True, vertical_alignment="center"):
        closed = one is None or bool(one.problem)
        if st.button("Open", icon=":material/folder_open:", type="primary", disabled=closed, help=single, key="runs_open") and one:
            st.switch_page(page_of("train"), query_params={"run": one.id})  # written here it would be a step of its own for Back
        if st.button("Rename", icon=":material/edit:", disabled=closed or bool(refused), help=single, key="runs_rename") and one:
            rename(one)
        label = "Delete" if len(free) in (0, len(chosen)) else f"Delete {len(free)} of {len(chosen)}"
        if st.button(label, icon=":material/delete:", disabled=not free, key="runs_delete"):
            delete(chosen)
    if one and one.problem:
        st.warning(session.plain(one.problem), icon=":material/error:")
    elif one and refused:
        st.caption(why_not(one))
    elif not free:
        st.caption(f"None of these can be deleted. {session.plain(chosen[0].name)}: {why_kept(chosen[0])}.")


def why_not(entry: Summary) -> str:
    """Why this browser may not rename or delete the run, as markdown."""
    name = session.plain(entry.name)
    if entry.read_only:
        return f"{name} comes with the program: it can be opened and compared, not renamed or deleted."
    whose = session.plain(entry.nickname) or ("someone else" if entry.owner else "the command line")
    return f"{name} belongs to {whose}: you may open and compare it. Its owner, or a teacher, may rename or delete it."


def why_kept(entry: Summary) -> str:
    """Why this browser may not delete the run now, as markdown for the end of a sentence; "" when it may."""
    if entry.read_only:
        return "comes with the program"
    if not session.may_control(entry):
        return f"belongs to {session.plain(entry.nickname) or ('someone else' if entry.owner else 'the command line')}"
    return "is at work: stop it first" if entry.state in AT_WORK else ""


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


@st.dialog("Delete", icon=":material/delete:", on_dismiss="rerun")
def delete(chosen: Sequence[Summary]) -> None:
    """Delete what can be deleted, once that is confirmed. What stays is told, before and after."""
    kept = {entry.id: why for entry in chosen if (why := why_kept(entry))}
    going = [entry for entry in chosen if entry.id not in kept]
    staying = "\n".join(f"- {session.plain(entry.name)}: {kept[entry.id]}" for entry in chosen if entry.id in kept)
    many = len(going) > 1
    if going:
        st.markdown(f"Delete {f'these {len(going)} runs' if many else 'this run'} for good, with curves, pictures and checkpoints?")
        st.markdown("\n".join(f"- {session.plain(entry.name)}, step {entry.step:,}, {entry.state}" for entry in going))
    if staying:
        st.markdown(f"{'These stay' if going else 'None of these can be deleted'}:\n\n{staying}")
    sure = st.checkbox(f"Yes: nobody needs {'them' if many else 'it'} any more.", key="runs_sure")
    if st.button(
        "Delete for good", type="primary", icon=":material/delete_forever:", disabled=not (sure and going), key="runs_delete_sure"
    ):
        failed = [problem for entry in going if (problem := _deleted(entry))]
        if not failed:
            st.rerun()
        st.error(session.plain(f"Deleted {len(going) - len(failed)} of {len(going)}. " + " ".join(failed)), icon=":material/error:")


def _deleted(entry: Summary) -> str:
    """Delete one run; why that failed, or "": one that has begun to train meanwhile does not keep the others."""
    try:
        session.store().delete(_controlled(entry).id)
    except VQError as error:
        return f"{entry.name}: {error}"
    if st.session_state.get("run_id") == entry.id:
        session.close_run()
    return ""

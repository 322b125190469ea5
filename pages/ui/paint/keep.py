"""Grids to keep, to take home, and to send. Session keys owned here: `paint_keep_*`."""

from __future__ import annotations

import io
import json
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from pages.ui import models, session
from pages.ui.paint import state
from pages.ui.paint.source import Source
from pages.ui.paint.state import Picture
from vqcore.errors import GridError, VQError
from vqcore.runs.grids import MOST_BYTES, GridStore, SavedGrid, from_document, from_token, to_document, to_token
from vqcore.runs.names import NAME_LENGTH
from vqcore.runs.store import runs_folder

_PNG_SIDE = 512  # pixels that a saved picture has at least: enlarged by whole numbers
_UPLOAD_MB = 8


def from_link(source: Source) -> None:
    """Put the grid of `?grid=…` on the canvas, once; say why when it cannot be."""
    token = str(st.query_params.get("grid", ""))
    known = (source.of, token)
    if token and st.session_state.get("paint_keep_link") != known:
        st.session_state["paint_keep_link"] = known
        st.session_state["paint_keep_problem"] = st.session_state["paint_keep_note"] = ""
        try:
            codes, checkpoint = from_token(token, source.layout)
            _lay(source, "Link", codes)
            if not source.stamp.hash.startswith(checkpoint):
                st.session_state["paint_keep_note"] = _other_checkpoint("This link")
        except GridError as error:
            st.session_state["paint_keep_problem"] = str(error)
    if token and (problem := st.session_state.get("paint_keep_problem")):
        st.error(session.plain(problem), icon=":material/link_off:")
    if token and (note := st.session_state.get("paint_keep_note")):
        st.info(note, icon=":material/history:")


def _other_checkpoint(what: str) -> str:
    return f"{what} was made with an earlier or later checkpoint of this run: the codes are the same, what they draw may differ."


def _lay(source: Source, label: str, codes: NDArray[np.int64], title: str = "as loaded") -> None:
    name = f"{source.of}-{to_token(codes, source.stamp.hash)}"
    state.push(source.of, label, codes, Picture(name, title, codes, None))


def show(source: Source) -> None:
    """Save and load on the server; files; a link."""
    left, right = st.columns(2, gap="medium")
    with left:
        _save(source)
        _load(source)
    with right:
        _link(source)
        _files(source)
        _upload(source)


def _store() -> GridStore:
    return GridStore(runs_folder())


def _grid(source: Source, name: str = "") -> SavedGrid:
    who = session.owner()
    return SavedGrid(state.current(source), source.of, source.stamp.hash, name, who.hash, who.nickname)


def _save(source: Source) -> None:
    st.markdown("**Keep it here**")
    with st.form("paint_keep_form", border=False, clear_on_submit=True):
        name = st.text_input("Name", max_chars=NAME_LENGTH, placeholder="a bent A", key="paint_keep_name")
        saved = st.form_submit_button("Save", icon=":material/save:", type="primary")
    if saved and not name.strip():
        # Enter has saved it and emptied the field; whoever presses Save as well has done nothing wrong
        mine = _saved_by_me(source)
        told = f"Already saved: “{session.plain(mine.name)}”." if mine else "Type a name first: the grid is kept under it."
        st.info(told, icon=":material/info:")
    elif saved:
        kept = _store().save(_grid(source, name), source.layout)
        st.toast(f"Saved: {session.plain(kept.name)}", icon=":material/check:")


def _saved_by_me(source: Source) -> SavedGrid | None:
    """The grid on the canvas as this browser has saved it before; None when it has not."""
    codes, who = state.current(source), session.owner().hash
    saved = _store().list(source.of, source.layout)
    return next((grid for grid in saved if grid.owner == who and np.array_equal(grid.codes, codes)), None)


def _load(source: Source) -> None:
    saved = {grid.id: grid for grid in _store().list(source.of, source.layout)}
    if not saved:
        st.caption("No grid of this run has been saved yet.")
        return
    picked = st.selectbox(
        "Saved grids", list(saved), format_func=lambda key: _title(saved[key]) if key in saved else "", key="paint_keep_saved"
    )
    who = session.owner()
    grid = saved[picked]
    with st.container(horizontal=True, gap="small"):
        st.button("Load", icon=":material/folder_open:", key="paint_keep_load", on_click=_load_saved, args=(source, grid))
        mine = who.teacher or (bool(grid.owner) and grid.owner == who.hash)
        told = "Takes it away for everyone." if mine else "Only who saved it, or a teacher, may delete it."
        st.button(
            "Delete",
            icon=":material/delete:",
            key="paint_keep_delete",
            disabled=not mine,
            help=told,
            on_click=_delete,
            args=(source, grid.id),
        )
    if grid.checkpoint != source.stamp.hash:
        st.caption(_other_checkpoint("This grid"))


def _title(grid: SavedGrid) -> str:
    return " · ".join(part for part in (grid.name, grid.nickname, grid.created[:16].replace("T", " "), grid.id[-4:]) if part)


def _load_saved(source: Source, grid: SavedGrid) -> None:
    _lay(source, "Load", grid.codes, f"“{grid.name}”")


def _delete(source: Source, name: str) -> None:
    try:
        _store().delete(source.of, name)
    except VQError as error:
        st.toast(session.plain(str(error)), icon=":material/error:")


def _link(source: Source) -> None:
    st.markdown("**A link to this very grid**")
    if st.button("Make a link", icon=":material/link:", key="paint_keep_make"):
        st.session_state["paint_keep_made"] = link(source)
    if made := st.session_state.get("paint_keep_made"):
        st.code(made, language=None, wrap_lines=True)
        st.caption("It holds the grid itself, and opens wherever this run is.")


def link(source: Source) -> str:
    """The address of this screen with the run and the grid that is on the canvas."""
    place = urlsplit(str(st.context.url or "paint"))
    query = f"run={source.of}&grid={to_token(state.current(source), source.stamp.hash)}"
    return urlunsplit((place.scheme, place.netloc, place.path, query, ""))


def _files(source: Source) -> None:
    st.markdown("**Files**")
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Grid (.json)",
            lambda: to_document(_grid(source), source.layout).encode(),
            f"grid-{source.of}.json",
            "application/json",
            icon=":material/data_object:",
            key="paint_keep_json",
            on_click="ignore",
        )
        st.download_button(
            "Picture (.png)",
            lambda: png(source),
            f"painted-{source.of}.png",
            "image/png",
            icon=":material/image:",
            key="paint_keep_png",
            on_click="ignore",
            disabled=not models.ready(),
            help="As the decoder draws it, enlarged with sharp pixels. Its text field “vqlab-grid” holds the grid.",
        )


def png(source: Source) -> bytes:
    """The decoded picture, enlarged, with the grid's document in its metadata. Raises VQError."""
    pixels = models.painter(source.run).decode(state.current(source))
    by = max(1, -(-_PNG_SIDE // max(pixels.shape[:2])))
    large = pixels.repeat(by, axis=0).repeat(by, axis=1)
    info = PngImagePlugin.PngInfo()
    info.add_itxt("vqlab-grid", json.dumps(json.loads(to_document(_grid(source), source.layout)), separators=(",", ":")))
    buffer = io.BytesIO()
    Image.fromarray(large[..., 0] if large.shape[2] == 1 else large).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def _upload(source: Source) -> None:
    number = st.session_state.setdefault("paint_keep_number", 0)
    given = st.file_uploader(
        "Load a grid from a file",
        type="json",
        key=f"paint_keep_upload_{number}",
        max_upload_size=_UPLOAD_MB,
        help="A file that “Grid (.json)” saved.",
    )
    if given is None or st.session_state.get("paint_keep_seen") == given.file_id:
        if given is not None and (problem := st.session_state.get("paint_keep_refused")):
            st.error(session.plain(problem), icon=":material/error:")
        return
    st.session_state["paint_keep_seen"] = given.file_id
    st.session_state["paint_keep_refused"] = ""
    try:
        grid = from_document(given.read(MOST_BYTES + 1), source.of, source.layout)
    except GridError as error:
        st.session_state["paint_keep_refused"] = str(error)
        st.error(session.plain(str(error)), icon=":material/error:")
        return
    _lay(source, "File", grid.codes, f"“{grid.name}”" if grid.name else "from a file")

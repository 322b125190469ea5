"""Edits of the whole grid: exchange codes, noise, blend. Session keys owned here: `paint_whole_*`."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui import models, number, session
from pages.ui.paint import canvas, state
from pages.ui.paint.source import Source
from pages.ui.terms import help_text
from vqcore import edits
from vqcore.errors import VQError
from vqcore.layout import Grid

Codes = NDArray[np.int64]


def show(source: Source) -> None:
    """The hands. Each is one entry of the canvas's history: Undo takes it back."""
    book = _book(source)
    grid = source.layout.grids[book]
    if grid.cells < 2:
        st.info("A single code stands for the whole image: there is nothing to arrange. Exchange it above.", icon=":material/info:")
    _swap(source, book, grid)
    if grid.cells > 1:
        left, right = st.columns(2, gap="medium")
        with left:
            _noise(source, book, grid)
        with right:
            _blend(source, book)


def _book(source: Source) -> int:
    names = [grid.name for grid in source.layout.grids]
    if len(names) == 1:
        return 0
    return int(
        st.segmented_control("Codebook", range(len(names)), format_func=names.__getitem__, default=0, required=True, key="paint_whole_book")
    )


def _swap(source: Source, book: int, grid: Grid) -> None:
    codes = _part(source, book)
    common, rare = _two(codes, grid.K)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        typed = [
            number.number(
                label,
                number.Range(0, grid.K - 1),
                min(default, grid.K - 1),
                key=f"paint_whole_{name}",
                width=130,
                help=help_text("index"),
                keep=False,
            )
            for name, label, default in (("old", "Code", common), ("new", "by code", rare))
        ]
        wrong = None in typed
        st.button(
            "Replace everywhere",
            icon=":material/find_replace:",
            key="paint_whole_replace",
            disabled=wrong,
            on_click=_apply,
            args=(source, book, "Replace", lambda codes: edits.replaced(codes, *_typed())),
        )
        st.button(
            "Exchange both",
            icon=":material/swap_horiz:",
            key="paint_whole_exchange",
            disabled=wrong,
            on_click=_apply,
            args=(source, book, "Exchange", lambda codes: edits.exchanged(codes, *_typed())),
        )


def _noise(source: Source, book: int, grid: Grid) -> None:
    st.slider("Share of cells to noise", 0, 100, 20, 5, format="%d %%", key="paint_whole_share")
    st.button(
        "Noise",
        icon=":material/grain:",
        key="paint_whole_noise",
        disabled=grid.K < 2,
        on_click=_apply,
        args=(source, book, "Noise", lambda codes: edits.noised(codes, _share("share"), grid.K, secrets.randbits(32))),
        help="That share of the cells gets another code, any other as likely.",
    )


def _blend(source: Source, book: int) -> None:
    st.markdown("**Blend with another image**")
    count = len(source.pictures)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        number.number(f"Image, 1 to {count}", number.Range(1, count), min(2, count), key="paint_whole_other", width=150, keep=False)
        if chosen := number.whole("paint_whole_other"):
            st.image(_enlarged(source.pictures[chosen - 1]), width=56, alt=f"Image {chosen}")
    st.slider("Share of cells from it", 0, 100, 50, 5, format="%d %%", key="paint_whole_blend_share")
    st.segmented_control(
        "Which cells",
        edits.PATTERNS,
        default="left and right",
        format_func=str.capitalize,
        required=True,
        key="paint_whole_pattern",
        wrap=True,
    )

    def blended(codes: Codes) -> Codes:
        easel = models.painter(source.run) if models.ready() else None
        other = _number("other") - 1
        second = source.layout.split(canvas.picture_of(source, easel, other).codes[None])[book][0]
        return edits.blended(codes, second, _share("blend_share"), st.session_state["paint_whole_pattern"])

    st.button("Blend", icon=":material/join_inner:", key="paint_whole_blend", on_click=_apply, args=(source, book, "Blend", blended))


def _apply(source: Source, book: int, label: str, edit: Callable[[Any], Codes]) -> None:
    """A callback: change one book of what is on the canvas. What fails is said; the grid stays."""
    try:
        row = state.current(source)
        parts = [part[0] for part in source.layout.split(row[None])]
        parts[book] = edit(parts[book])
        state.push(source.of, label, source.layout.join([part[None] for part in parts])[0])
    except VQError as error:
        st.session_state["paint_whole_problem"] = str(error)
        st.toast(session.plain(str(error)), icon=":material/error:")


def _part(source: Source, book: int) -> Codes:
    part: Codes = source.layout.split(state.current(source)[None])[book][0]
    return part


def _share(name: str) -> float:
    return int(st.session_state[f"paint_whole_{name}"]) / 100


def _typed() -> tuple[int, int]:
    return _number("old"), _number("new")


def _number(name: str) -> int:
    """What stands in a field. Raises VQError where that is no number that the field takes."""
    typed = number.whole(f"paint_whole_{name}")
    if typed is None:
        raise VQError(number.problem(f"paint_whole_{name}"))
    return typed


def _two(codes: Codes, K: int) -> tuple[int, int]:
    """The code that stands most often in the grid, and the next; where there is no other, the next by index."""
    found, counts = np.unique(codes, return_counts=True)
    order = found[np.argsort(-counts, kind="stable")]
    return int(order[0]), int(order[1]) if len(order) > 1 else (int(order[0]) + 1) % K


def _enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """With sharp pixels: at least 56 of them high."""
    by = max(1, -(-112 // picture.shape[0]))
    large = picture.repeat(by, axis=0).repeat(by, axis=1)
    return large[..., 0] if large.shape[2] == 1 else large

"""The codebooks of a case as films, in step, with each side's plain figures above it.

Session keys owned here: `collapse_code`, `collapse_axes_*`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from pages.ui import state
from pages.ui.codemap import Scene, codemap, selected_code
from pages.ui.collapse.case import CaseView, CaseWatch
from pages.ui.live import View
from pages.ui.terms import help_text

ALIKE = 6  # times as far may the codes of one map reach as those of the other on common axes
HEIGHT = 300  # pixels of a map
WAIT = 480  # and of its place before there is one
_STYLE = """<style>
[class*="st-key-collapse_side_"] { border-top: 5px solid var(--collapse-side, transparent); padding-top: 0.4rem; }
[class*="st-key-collapse_side_"] > :first-child p { font-size: 0.9rem; }
%s
</style>"""


def panel(seen: CaseWatch, view: CaseView) -> None:
    """One film a side. A code that is chosen in one is chosen in all: codes of one number started as one."""
    scenes = seen.scenes(view)
    code = st.session_state.get("collapse_code", {}).get(view.case.key)
    st.html(_STYLE % "\n".join(f".st-key-collapse_side_{i} {{ --collapse-side: {colour}; }}" for i, colour in enumerate(view.case.colours)))
    maps, foot = st.container(), st.container(horizontal=True, vertical_alignment="center")
    with foot:
        shared = _shared(scenes, view)
        if note := seen.note(view):
            st.caption(note, width="stretch")
    for i, (column, scene) in enumerate(zip(maps.columns(len(scenes)), scenes, strict=True)):
        with column, st.container(key=f"collapse_side_{i}", gap="xsmall"):
            figures(view.titles[i], view.views[i], view.book)
            key = f"collapse_map_{i}"
            if scene is None:
                with st.container(height=WAIT, border=False):
                    _coming(view.views[i])
                continue
            codemap(
                replace(scene, selected=code),
                key,
                HEIGHT,
                of=view.views[i].folder.id,
                group=view.case.key,
                share_view=shared,
                on_select=lambda key=key: _selected(view.case.key, key),  # type: ignore[misc]
            )


def _coming(view: View) -> None:
    if state.starting(view) and view.step is not None:
        st.caption(f"Nothing is quantised until step {view.config.codes_start:,}: there are no codes to show yet.")
    else:
        state.coming(view)


def _shared(scenes: Sequence[Scene | None], view: CaseView) -> bool:
    """Whether both maps have the same axes, by choice; at first unless one of them would be a dot on those of the other."""
    drawn = [_extent(scene) for scene in scenes if scene is not None]
    if len(drawn) < 2:
        return True
    alike = max(drawn) <= ALIKE * min(drawn)
    return st.toggle(
        "Same axes for both maps" if len(drawn) == 2 else "Same axes for all maps",
        value=alike,
        key=f"collapse_axes_{view.case.key}_{alike}",  # asked anew when what is right has changed
        help="Off: each map shows its own codes as large as they fit; compare the numbers at the axes.",
    )


def _extent(scene: Scene) -> float:
    """How far from the middle the codes and encoder outputs of the last moment lie; 0 without any that is finite."""
    places = [part[-1].astype(float) for part in (scene.points, scene.cloud) if part is not None]
    finite = np.concatenate([place[np.isfinite(place).all(axis=-1)] for place in places])
    return float(np.abs(finite - np.median(finite, axis=0)).max()) if len(finite) else 0.0


def _selected(case: str, key: str) -> None:
    st.session_state["collapse_code"] = {case: selected_code(key)}


def figures(title: str, view: View, place: int) -> None:
    """How many codes of the book at `place` are in use, and how good the reconstructions are, in one line above the map."""
    book = view.step.books[place] if view.step and place < len(view.step.books) else None
    K = view.config.books()[place].K if book else 0
    error = f"{view.evaluation.nmse:.3f}" if view.evaluation else state.NONE
    start = state.starting(view)
    used = f"{book.used_epoch:,} of {K:,}" if book else f"codes {start}" if start else state.NONE
    st.markdown(f"**{title}** {used} · error {error}", help=help_text("used_epoch", "dead", "nmse"))

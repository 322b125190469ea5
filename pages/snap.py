"""Snap: one step of training, phase by phase, on a model whose codes live in a plane. Needs no run and no engine."""

from __future__ import annotations

import streamlit as st

from pages.ui import models, session, showcode
from pages.ui.parts import hint
from pages.ui.screens import header
from pages.ui.snap import bench, component, controls

POLL = 0.4  # seconds between looks while the model is loaded


def screen(polling: bool) -> None:
    with session.errors_shown():
        if polling:
            _load()
        now = bench.current()
        if polling == (now.live or bool(models.problem())):
            st.rerun()  # polling ends, or begins anew
        with st.container(gap="xxsmall"):
            controls.phases()
            controls.steps(now)
        told = now.told, bench.phase(), bench.quantizer(now)
        component.show(*told, "snap", of=f"{now.setup} {now.number}", note=controls.note(now))
        controls.problem()
        controls.rest(now)
        hint(
            "In phase 5, drag the ringed z_e across a border: did the loss do what the slope promised? "
            "Then freeze the encoder and press Ten steps: where do the codes go?"
        )
        controls.settings(now)
        showcode.show("snap", lambda: [bench.code(now)])


def _load() -> None:
    """The first look draws the stored step alone: loading begins with the second, when the picture is on its way."""
    looks = st.session_state["snap_looks"] = st.session_state.get("snap_looks", 0) + 1
    if looks == 2:
        models.warm()


header("snap")
waiting = not models.ready() and not models.problem()
st.fragment(screen, run_every=POLL if waiting else None)(waiting)

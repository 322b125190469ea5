"""Inside: one real image on its way through the model."""

from __future__ import annotations

import random

import numpy as np
import streamlit as st

from pages.ui import book, bystage, example, needed, session, showcode, terms
from pages.ui.chart import chart
from pages.ui.empty import no_run
from pages.ui.parts import hint
from pages.ui.pipeline import pipeline, stages_of
from pages.ui.screens import header
from vqcore.layout import Layout
from vqcore.plots.codebook import plane
from vqcore.records import Gallery
from vqcore.runs.folder import RunFolder
from vqcore.runs.status import ENDED, judged
from vqcore.snippets import looking

POLL = 2.0  # seconds between looks for a new evaluation while the run trains

header("inside")


def _turn(by: int) -> None:
    st.session_state["inside_image"] = st.session_state.get("inside_image", 0) + by


def _jump(count: int) -> None:
    # never the one that is shown already
    _turn(random.randrange(1, max(2, count)))


def _chosen_step(steps: list[int]) -> int:
    """The evaluation to show: the chosen one, or the latest for who has not chosen an earlier one."""
    chosen = st.session_state.get("inside_step")
    if chosen not in steps or chosen == st.session_state.get("inside_latest"):
        chosen = steps[-1]
    st.session_state["inside_latest"] = steps[-1]
    st.session_state["inside_step"] = chosen
    return int(chosen)


def _look(run: RunFolder, was_training: bool) -> None:
    with session.errors_shown():
        if was_training and judged(run.status()) in ENDED:
            st.rerun()  # polling ends
        _show(run)


def _show(run: RunFolder) -> None:
    steps = run.galleries()
    if not steps:
        st.info("This run has no pictures yet. The first ones come as soon as it starts training.", icon=":material/hourglass_empty:")
        return
    step = _chosen_step(steps)
    gallery = run.gallery(step)
    if gallery is None or not len(gallery.inputs):
        st.info("These pictures are gone: the run was restarted. Choose another evaluation.", icon=":material/image_not_supported:")
        return
    if gallery.inputs.ndim != 4:
        _points(gallery)
        _evaluation(steps)
    elif not gallery.indices:
        st.info("The codes of this run had not started at this step, so there is no index to follow.", icon=":material/info:")
        _evaluation(steps)
    else:
        _image(run, gallery, steps)


def _image(run: RunFolder, gallery: Gallery, steps: list[int]) -> None:
    config = run.config()
    count = len(gallery.inputs)
    image = st.session_state.get("inside_image", 0) % count
    snapshot = run.snapshot(gallery.step) if gallery.step in run.snapshots() else None
    cell = config.model.downsampling
    place = book.chosen(run)
    shown = snapshot.books[place] if snapshot and place < len(snapshot.books) else None
    pipeline(stages_of(gallery, image, cell=None if cell == "vector" else cell, book=shown, place=place), key="inside_pipeline")
    with st.container(horizontal=True, vertical_alignment="center", key="inside_controls"):
        st.button("Previous", icon=":material/arrow_back:", on_click=_turn, args=(-1,), key="inside_previous")
        st.button("Next", icon=":material/arrow_forward:", on_click=_turn, args=(1,), key="inside_next")
        st.button("Random", icon=":material/shuffle:", on_click=_jump, args=(count,), key="inside_random")
        st.markdown(f"Image {image + 1} of {count}", width="content")
    _evaluation(steps)
    grids = [indices[image] for indices in gallery.indices]
    codes = Layout.of(config.levels())
    error = np.mean((gallery.inputs[image].astype(float) - gallery.reconstructions[image]) ** 2) / 255**2
    with st.container(horizontal=True):
        bits = f"{np.log2(codes.sizes()).sum():,.0f}"
        st.metric("Bits of this image", bits, help=terms.help_text("capacity"), border=True)
        st.metric("Bits of its pixels", f"{gallery.inputs[image].size * 8:,}", help="Pixels × channels × 8 bits.", border=True)
        st.metric(
            "Different codes in it",
            f"{sum(len(np.unique(index)) for index in grids)} of {codes.length}",
            help=terms.help_text("index", "M"),
            border=True,
        )
        st.metric("Its squared error", f"{error:.4f}", help=terms.help_text("mse"), border=True)
    if len(gallery.indices) > 1:
        bystage.show(run, image)
    hint(
        "Mark a tile of plain background, then one on an edge. Where else does each code stand?"
        if grids[0].size > 1
        else "Press **Random** some times: whenever the same code is chosen, the same picture comes out."
    )
    terms.words("z_e", "index", "z_q", "codebook", "latent_grid", "capacity", "colour", "neighbours", key="inside")
    showcode.show("inside", lambda: [looking.inside(run, gallery, image)])


def _evaluation(steps: list[int]) -> None:
    if len(steps) > 1:
        told = terms.help_text("gallery")
        st.select_slider("Evaluation at training step", steps, format_func=lambda step: f"{step:,}", key="inside_step", help=told)


def _points(gallery: Gallery) -> None:
    st.info(
        "This run's data are points, not pictures: each becomes one code, and is put back where that code decodes to.",
        icon=":material/info:",
    )
    colours = gallery.z_q.reshape(len(gallery.inputs), 3)
    chart(plane(gallery.inputs, gallery.reconstructions, colours), key="inside_points", height=480)
    terms.words("single_vector", "z_e", "index", "z_q", "colour", key="inside_points")


opened = example.model_shown()
if opened is None:
    no_run("Here one image goes through a model, step by step: the encoder's output, the codes that are chosen, what the decoder draws.")
elif needed.served("inside", opened):
    training = judged(opened.status()) not in ENDED
    st.fragment(_look, run_every=POLL if training else None)(opened, training)

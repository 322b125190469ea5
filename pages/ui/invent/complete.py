"""The upper part of a real image, and several ways to go on. Session keys owned here: `invent_kept`."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from pages.ui.asked import Answer
from pages.ui.invent import ladder
from pages.ui.invent.drawing import Pixels, once
from pages.ui.invent.family import Family
from pages.ui.invent.fill import waiting
from pages.ui.invent.guess import against
from pages.ui.invent.wanted import Answers, Question, Wanted
from pages.ui.pictures import data_uri
from pages.ui.terms import help_text
from vqcore.runs.invented import Completions, Redrawn

IMAGES = "invent_complete_images"
STYLE = """<style>
.vq-completions { display: flex; flex-wrap: wrap; gap: 0.75rem; }
.vq-completions figure { margin: 0; width: clamp(84px, calc((100% - 4.5rem) / 7), 150px); font-variant-numeric: tabular-nums; }
.vq-completions img { width: 100%; height: auto; display: block; image-rendering: pixelated; border-radius: 3px;
  outline: 1px solid color-mix(in srgb, currentColor 22%, transparent); }
.vq-completions figcaption { font-size: 0.875rem; line-height: 1.4; }
</style>"""


def show(family: Family, answers: Answers, question: Question | None, want: Wanted) -> None:
    """The tab."""
    st.markdown(
        "The upper rows are a real image's own codes; the prior draws the others. Does it go on as a human would?",
        help=help_text("resampling", "raster_order"),
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        against(family, want)
        if st.session_state.get("invent_kept") is None:
            st.session_state["invent_kept"] = 50
        st.select_slider(
            "Rows that stay",
            [15, 25, 35, 50, 65, 75, 85],
            format_func=lambda share: f"{share} %",
            key="invent_kept",
            persist_state="session",
            width=230,
        )
    if answers.below is not None and question is not None:
        if answers.below.data is None:
            waiting(answers.below, question, "invent_complete_wait")
        else:
            _draw(answers.below, family, want)
    if answers.redrawn.data is not None:
        st.markdown("**Another image**")
        ladder.images(Redrawn.of(answers.redrawn.data), want.image, IMAGES)


def _draw(answer: Answer, family: Family, want: Wanted) -> None:
    assert answer.data is not None
    arrays = answer.data
    found = Completions.of(arrays)
    if not found.given.any():
        st.info(
            "This model gives an image a single code or a single row, so that no part of it can stay: every completion is a new sample.",
            icon=":material/info:",
        )
    st.html(STYLE + once(arrays["codes"], "completions", lambda: drawn(found)))
    title = ladder.titles(family, [want.by]).get(want.by, "")
    exact = (
        "Every cell after the first free one is free, so this draws exactly from what the prior says of them given the rows that stay."
        if found.exact
        else "Some cells that stay come after free ones in the prior's order and were not taken into account there: a first approximation."
    )
    free = int((~found.given).sum())
    st.caption(
        f"{title}, temperature {want.temperature:g}, seed {want.seed}. Bits: of the {free} drawn cells, under the prior as it was learnt; "
        f"the real image's own cells take {found.real_bits:.0f}. {exact}"
    )


def drawn(found: Completions) -> str:
    """HTML: the real image, what stays of it, and the completions with their bits."""
    shape = found.ground.layout.grids[0].shape
    H = found.real.shape[0]
    rows = shape[0] if shape else 1
    stay = int(found.given[: found.ground.layout.grids[0].cells].reshape(rows, -1).all(axis=1).sum())
    cut = min(H, round(stay * H / rows))
    figures = [_figure(found.real, "The real one, redrawn", cut), _figure(_veiled(found.real, cut), "What stays", cut)]
    figures += [_figure(picture, f"{bits:.0f} bits", cut) for picture, bits in zip(found.pictures, found.bits, strict=True)]
    return f'<div class="vq-completions">{"".join(figures)}</div>'


def _figure(picture: Pixels, caption: str, cut: int) -> str:
    height, width = picture.shape[:2]
    alt = html.escape(f"{caption}; the upper {cut} of {height} pixel rows are given")
    image = f'<img src="{data_uri(picture)}" width="{width}" height="{height}" alt="{alt}">'
    return f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _veiled(picture: Pixels, cut: int) -> Pixels:
    """With transparency where nothing is given, (H, W, 4)."""
    out = np.zeros((*picture.shape[:2], 4), dtype=np.uint8)
    out[..., :3] = picture
    out[:cut, :, 3] = 255
    return out

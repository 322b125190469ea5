"""Does a sample copy a training image? Session keys owned here: none."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from pages.ui.asked import Answer
from pages.ui.chart import chart
from pages.ui.invent.complete import STYLE
from pages.ui.invent.drawing import Pixels
from pages.ui.invent.fill import waiting
from pages.ui.invent.wanted import Question, Wanted
from pages.ui.pictures import data_uri
from pages.ui.terms import help_text
from vqcore.plots.invent import closeness
from vqcore.runs.invented import Nearest, Sheet

TALL = 260  # pixels


def show(answer: Answer | None, question: Question | None, sheet: Answer | None, want: Wanted, title: str) -> None:
    """The tab."""
    st.markdown(
        f"**{title}**, and the training images nearest to it. A prior that copies comes nearer than real new images do.",
        help=help_text("nearest_training"),
    )
    if answer is None or question is None or sheet is None or sheet.data is None:
        st.info("It can be compared once the samples are drawn.", icon=":material/hourglass_top:")
        return
    if answer.data is None:
        waiting(answer, question, "invent_copy_wait")
        return
    found, drawn = Nearest.of(answer.data), Sheet.of(sheet.data)
    i = min(want.index, len(found.agreement) - 1)
    M = drawn.ground.layout.length
    figures = [_figure(drawn.pictures[i], "The sample")]
    for share, picture in zip(found.agreement[i], found.by_codes_pictures[i], strict=True):
        figures.append(_figure(picture, f"{round(float(share) * M)} of {M} codes equal"))
    for distance, picture in zip(found.distance[i], found.by_pixels_pictures[i], strict=True):
        figures.append(_figure(picture, f"{100 * float(distance):.1f} % apart"))
    st.html(f'{STYLE}<div class="vq-completions">{"".join(figures)}</div>')
    st.markdown(verdict(found, i, M))
    left, right = st.columns(2)
    of = f"{question.run.id} {sorted(question.settings.items())}"
    with left:
        st.markdown("**Codes shared with the nearest training image**")
        mine = 100 * found.agreement[:, 0]
        chart(closeness(100 * found.real_agreement, mine, i, "Equal codes (%)"), "invent_copy_codes", TALL, of=of)
    with right:
        st.markdown("**Distance of the pictures**")
        chart(
            closeness(100 * found.real_distance, 100 * found.distance[:, 0], i, "Difference (% of white)"),
            "invent_copy_pixels",
            TALL,
            of=of,
        )
    some = f", pictures with {found.drawn:,} of them" if found.drawn < found.searched else ""
    st.caption(
        f"Codes were compared with all {found.searched:,} training images{some}. Pictures are compared as the model redraws them: the root "
        f"of the mean squared difference. The reference is {len(found.real_agreement)} real validation images."
    )


def verdict(found: Nearest, i: int, M: int) -> str:
    """One sample's nearness in words, against that of real validation images."""
    share = float(found.agreement[i, 0])
    usual = np.quantile(found.real_agreement, [0.05, 0.95])
    equal = round(share * M)
    if equal == M:
        return f"All {M} codes are those of a training image: **a copy**, to the last code."
    between = f"{100 * usual[0]:.0f} to {100 * usual[1]:.0f} %"
    if share > usual[1]:
        how = "**nearer than is usual**: it may be a copy with small changes"
    elif share < usual[0]:
        how = "**farther than is usual**: it is no copy, and perhaps no good drawing either"
    else:
        how = "**as near as is usual** for a new image"
    return (
        f"Its nearest training image shares {equal} of {M} codes ({100 * share:.0f} %), {how}. Nine in ten real validation images share "
        f"{between}."
    )


def _figure(picture: Pixels, caption: str) -> str:
    height, width = picture.shape[:2]
    image = f'<img src="{data_uri(picture)}" width="{width}" height="{height}" alt="{html.escape(caption)}">'
    return f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"

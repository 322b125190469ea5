"""How many bits samples and real images take under their prior. Session keys owned here: none."""

from __future__ import annotations

import streamlit as st

from pages.ui.asked import Answer
from pages.ui.chart import chart
from pages.ui.invent.family import Family
from pages.ui.invent.wanted import Answers, Wanted
from pages.ui.terms import help_text
from vqcore.plots.invent import ladder_bits, sample_bits
from vqcore.runs.invented import Sheet

TALL = 300  # pixels


def show(family: Family, answers: Answers, want: Wanted) -> None:
    """The tab."""
    st.markdown("What a whole grid of codes takes when this prior asks the questions.", help=help_text("bits_per_image", "bits_per_code"))
    drawn = [(member.rung, _sheet(answers.sheets.get(member.rung.key))) for member in family.members]
    ready = [(rung, sheet) for rung, sheet in drawn if sheet is not None]
    if not ready:
        st.info("They are counted once samples are drawn.", icon=":material/hourglass_top:")
        return
    left, right = st.columns(2)
    of = f"{family.source.id} {want.label}"
    with left:
        st.markdown("**A real image, under each prior**")
        chart(
            ladder_bits([_named(rung.title, sheet) for rung, sheet in ready], [sheet.real for _, sheet in ready]),
            "invent_bits_ladder",
            TALL,
            of=of,
        )
    chosen = next(((rung, sheet) for rung, sheet in ready if rung.key == want.rung), ready[-1])
    with right:
        st.markdown(f"**Samples and real images under {chosen[0].title}**")
        index = want.index if chosen[0].key == want.rung else None
        chart(sample_bits(chosen[1].real_bits, chosen[1].bits, index), "invent_bits_samples", TALL, of=f"{of} {chosen[0].key}")
    count = len(chosen[1].real_bits)
    given = ", given their class" if chosen[1].conditional else ""
    st.caption(
        f"Bits are −log2 p of the grid under the prior as it was learnt, at temperature 1 with all codes. Real images: {count} validation "
        f"images{given}. A sample with fewer bits is more expected, not better: at a low temperature samples often take fewer bits than "
        "real images do. Priors are compared on the same codes; where the class is known, the bits that it takes itself are not counted. "
        "Bits under another codebook are another matter."
    )


def _named(title: str, sheet: Sheet) -> str:
    return f"{title}, class known" if sheet.conditional else title


def _sheet(answer: Answer | None) -> Sheet | None:
    return None if answer is None or answer.data is None else Sheet.of(answer.data)

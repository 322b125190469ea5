"""Bits: how long an image's message is, what more of it buys, and what the codebook costs."""

from __future__ import annotations

import streamlit as st

from pages.ui import needed, session, showcode, terms
from pages.ui.bits import counter, measured, stopwatch
from pages.ui.bits.code import code
from pages.ui.chart import chart
from pages.ui.parts import hint
from pages.ui.screens import SCREENS, header
from vqcore.plots.bits import codebook_size

header("bits")
if (opened := session.current_model()) is not None:
    needed.met(
        "Bits", SCREENS["bits"].needs, opened.config(), key="bits", instead="The pictures here are of models that come with the program."
    )
choice, model = counter.counter()
hint("Double K, then double the grid's side: which of them adds more bits, and which buys more of the picture?")

st.subheader("What more bits buy", anchor=False)
sweep = measured.chosen()
measured.charts(sweep, choice)

st.subheader("What more codes cost", anchor=False)
counter.figures(choice, measured.share_used(sweep, choice))
st.markdown("**Numbers in the codebook**", help=terms.help_text("codebook_size"))
chart(codebook_size(choice.D, choice.K, choice.network), key="bits_size", height=270, of="size")
stopwatch.stopwatch(choice.D, choice.K)
terms.words(
    "capacity",
    "fixed_bits",
    "histogram_bits",
    "rate",
    "distortion",
    "rate_distortion",
    "codebook_size",
    "share_used",
    "lookup_cost",
    key="bits",
)
showcode.show("bits", lambda: code(choice, model, sweep))
